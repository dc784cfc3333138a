"""Spellings of units as senders write them, by variable; used for the service and for the page."""

UCUM = {
    "HR": "/min|1/min|{beats}/min|{beat}/min|min-1|/min{beats}|Hz|/s",
    "Resp": "{breaths}/min|1/min|/min|{resp}/min",
    "O2Sat": "%|%{saturation}|1|{fraction}",
    "Temp": "Cel|[degF]|K",
    "SBP": "mm[Hg]|cm[Hg]|kPa|mm[Hg]{systolic}",
    "AST": "U/L|U/l|mU/mL|ukat/L|nkat/mL|ukat/l|U.L-1",
    "WBC": "10*3/uL|10^3/uL|10*9/L|10^9/L|10*9/l|10*3/mm3|10*6/mL|/nL|/uL|1/uL|{cells}/uL|"
    "10*3{cells}/uL|/mm3|10*9.L-1|10*3.mm-3|10*6/L",
    "Platelets": "10*3/ul|10*9{plt}/L|1/nL",
    "Potassium": "mmol/L|mmol/l|meq/L|meq/l|umol/mL|mol/m3|ueq/mL",
    "Creatinine": "mg/dL|mg/dl|umol/L|umol/l|mg/L|ug/mL|g/m3|nmol/mL|mg.dL-1|mmol/m3",
    "Glucose": "g/L|mg/mL|kg/m3|mmol/l|mg{glucose}/dL",
    "TroponinI": "ng/mL|ng/ml|ug/L|ng/L|pg/mL|ug/m3|mg/m3",
    "Hct": "L/L|l/l|%|1",
    "Hgb": "g/dL|g{hemoglobin}/dL|g/L|mg/mL|mmol/l",
    "BUN": "mmol/l|mg/dl|mmol/L (urea)|g/l (urea)",
    "PTT": "s|s{control}",
    "Age": "a|a_j|mo|d",
    "ICULOS": "h|d|min",
}
"""Valid UCUM, equal to an accepted unit of the variable."""

PRINTED = {
    ("WBC", "10*3/uL"): "K/uL|K/µL|K/mcL|k/ul|10^3/ul|x10^3/uL|x10E3/uL|10E3/uL|X10(3)/uL|10x3/uL|"
    "10**3/uL|10³/µL|10³/mm³|Thousand/uL|thou/mm3|THOU/uL|1000/uL|Tsd./µl|K/cumm|10^3/mm^3|×10³/µL|"
    "K/UL|K/CUMM|X10(3)/MCL|x1000/mm3|x10.e3/µL|10^3 cells/uL|10\\S\\3/uL|THOUS/MCL",
    (
        "Platelets",
        "10*9/L",
    ): "G/L|G/l|giga/L|Giga/l|Gpt/l|10⁹/L|x10^9/l|10e9/L|10⁹·L⁻¹|x 10^9/L|Mrd/l|"
    "x10E+09/L|*10^9/L|1E9/L",
    ("WBC", "/uL"): "cells/uL|/µl|1/μL|#/uL",
    ("WBC", "/mm3"): "/mm³|cells/cu mm|/cmm|cells/mm3|elts/mm3|éléments/mm3|/MM3",
    (
        "HR",
        "/min",
    ): "/MIN|1/Min|per minute|bats/min|pulsations/min|"
    "bpm|BPM|beats/min|beats per minute|batt/min|b/min|/mn|Schläge/min|"
    "Schlaege pro Minute|Herzschläge pro Minute",
    ("Resp", "/min"): "insp/min|breaths/min|rpm|c/min|cycles/min|resp/min|Atemzüge/min|AZ/min",
    ("Temp", "Cel"): "°C|ºC|° C|℃|C|degC|Deg. C|deg C|Celsius|°c|Grad Celsius|"
    "CEL|oC|deg_C|Centigrade",
    ("Temp", "[degF]"): "°F|F|degF|Deg. F|Fahrenheit|℉|[DEGF]|oF",
    ("SBP", "mm[Hg]"): "mmHg|mm Hg|mm_Hg|mm/Hg|mmHg.|mm of Hg|MMHG|mmHG|Torr|mm[hg]|mm(Hg)|"
    "millimeter of mercury|Millimeter Quecksilbersäule|millimètres de mercure",
    ("SBP", "cm[Hg]"): "cmHg|cm Hg",
    ("PaCO2", "kPa"): "kpa|KPA|Kpa",
    ("AST", "[IU]/L"): "IU/L|IU/l|UI/L|UI/l|[iU]/L|[IU]/l|iu/L|U.I./L",
    ("AST", "U/L"): "Units/L|unit/L|unités/L|units per liter",
    ("AST", "ukat/L"): "µkat/L|µkat/l",
    ("Potassium", "meq/L"): "mEq/L|mEq/l|mval/l|MEQ/L",
    ("Potassium", "mmol/L"): "MMOL/L|mMol/L|mmoles/L",
    ("Lactate", "meq/L"): "mEq/L|MEQ/L",
    ("TroponinI", "ng/mL"): "NG/ML",
    ("TroponinI", "pg/mL"): "PG/ML",
    ("Hgb", "g/dL"): "G/DL|GM/DL|gm/dL|Gm/dL|gms/dl|g/100mL|g/100 ml",
    ("Creatinine", "umol/L"): "µmol/L|μmol/l|mcmol/L|micromol/L|UMOL/L|MCMOL/L|µMol/L",
    ("Creatinine", "mg/dL"): "mg/100mL|mgm/dL|MG/DL|mg per dL",
    ("TroponinI", "ug/L"): "mcg/L|µg/l",
    ("FiO2", "%"): "percent|Vol%|Vol-%|% O2|%{oxygen}",
    ("FiO2", "1"): "fraction",
    ("pH", "[pH]"): "pH|units|pH units|unité pH",
    ("PTT", "s"): "sec|secs|Sec|sec.|seconds|secondes|Sek.",
    ("Age", "a"): "years|ans|yr|y",
    ("Age", "mo"): "months|mois",
    ("ICULOS", "h"): "hours|heures|hr",
    ("BUN", "g/L (urea)"): "g/L (urée)|g/l(urea)",
}
"""What laboratories, monitors and data sets print, by variable and the unit that it means."""

UNCLEAR = {
    "WBC": "M/uL|u|u/L|10*6/uL|T/L|103/uL|109/L|g/L|{10*3}/uL",
    "AST": "u/L|E/L",
    "Fibrinogen": "G/L",  # a count
    "BUN": "g/L|g/l",  # of urea, or of its nitrogen
    "PTT": "%|ratio|S",
    "Hgb": "gr/dL|g%",
    "Creatinine": "Umol/L|Mg/dL|mg%|mol/L|mmol/L",
    "Lactate": "M|mM",
    "EtCO2": "%",
    "Age": "m",
    "FiO2": "{%}",
    "Temp": " ",
}
"""Two meanings, or none: they are refused."""


def each(listed: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of variable and spelling."""
    return [(name, spelling) for name, text in listed.items() for spelling in text.split("|")]


def each_printed() -> list[tuple[str, str, str]]:
    """Variable, the unit that is meant, and the spelling."""
    return [(*meant, spelling) for meant, text in PRINTED.items() for spelling in text.split("|")]
