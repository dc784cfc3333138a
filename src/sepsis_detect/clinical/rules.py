"""The coherence rules as data: id, severity, tolerance and sentences of each rule.

`coherence` applies them. Tolerances were measured on 20,000 real stays; docs/coherence.md gives
the reasons.

Placeholders of the sentences: `{label}`, `{value}`, `{low}`, `{high}` for a range; `{a}`, `{b}`,
`{c}` for the values a rule compares, with their units.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from sepsis_detect.clinical.variables import BY_CHALLENGE, N_CLINICAL, VARIABLES


class Severity(Enum):
    """The consequence of a violation: a refused request, or a warning beside the answer."""

    REFUSED = "refused"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule: public id, severity, sentence and hint in two languages; compared by identity."""

    id: str
    severity: Severity
    en: str
    fr: str
    hint_en: str = ""
    hint_fr: str = ""


def refused(id_: str, en: str, fr: str, hint_en: str = "", hint_fr: str = "") -> Rule:
    """A rule that refuses."""
    return Rule(id_, Severity.REFUSED, en, fr, hint_en, hint_fr)


def warning(id_: str, en: str, fr: str, hint_en: str = "", hint_fr: str = "") -> Rule:
    """A rule that warns."""
    return Rule(id_, Severity.WARNING, en, fr, hint_en, hint_fr)


# --- Ranges -------------------------------------------------------------------------------------

OUT_OF_RANGE = {
    variable.column: refused(
        f"range:{variable.challenge}",
        "{label} {value} is outside the possible range, {low} to {high}.",
        "{label} : {value}, hors des limites possibles ({low} à {high}).",
    )
    for variable in VARIABLES
}
NOT_WHOLE = (
    "{label} {value} must be a whole number, {low} to {high}.",
    "{label} : {value}, un nombre entier est attendu ({low} à {high}).",
)
WHOLE_NUMBERS = tuple(BY_CHALLENGE[name].column for name in ("Gender", "Unit1", "Unit2", "ICULOS"))

UNUSUAL_EN = "{label} {value} is unusual (expected {low} to {high})."
UNUSUAL_FR = "{label} : {value}, valeur inhabituelle (attendu : {low} à {high})."
# Warnings with an id other than `range_w:<name>`, by variable and side of the expected range.
NAMED_UNUSUAL = {
    ("Age", "low"): "age.adult",
    ("Calcium", "low"): "calcium.unit",
    ("Creatinine", "high"): "creatinine.unit",
    ("EtCO2", "low"): "etco2.unit",
    ("FiO2", "low"): "sat.fio2_low",
    ("Glucose", "low"): "glucose.unit",
    ("HospAdmTime", "high"): "stay.admtime_w",
    ("ICULOS", "high"): "stay.beyond",
    ("Lactate", "high"): "lactate.unit",
    ("Magnesium", "low"): "magnesium.unit",
    ("MAP", "high"): "bp.map_flush",
    ("PaCO2", "low"): "paco2.unit",
    ("Phosphate", "low"): "phosphate.unit",
    ("TroponinI", "high"): "troponin.unit",
}
NAMED_SENTENCES = {
    "bp.map_flush": (
        "Mean arterial pressure {value}: the arterial line may have been flushed.",
        "Pression artérielle moyenne {value} : la ligne artérielle a peut-être été purgée.",
    ),
    "age.adult": (
        "Age {value}: the model was trained on adults.",
        "Âge {value} : le modèle a été entraîné sur des adultes.",
    ),
    "stay.admtime_w": (
        "Hospital admission {value} after intensive care admission; it normally comes before.",
        "Admission à l'hôpital {value} après celle en réanimation ; elle la précède d'ordinaire.",
    ),
    "stay.beyond": (
        "ICU hour {value} is beyond the longest stay of the training data ({high}).",
        "Heure de réanimation {value} : au-delà du plus long séjour d'entraînement ({high}).",
    ),
}


def _unusual(challenge: str, side: str) -> Rule:
    rule_id = NAMED_UNUSUAL.get((challenge, side), f"range_w:{challenge}")
    return warning(rule_id, *NAMED_SENTENCES.get(rule_id, (UNUSUAL_EN, UNUSUAL_FR)))


UNUSUALLY_LOW = {v.column: _unusual(v.challenge, "low") for v in VARIABLES}
UNUSUALLY_HIGH = {v.column: _unusual(v.challenge, "high") for v in VARIABLES}
IMPLAUSIBLE = frozenset(
    rule.id
    for unusual in (UNUSUALLY_LOW, UNUSUALLY_HIGH)
    for column, rule in unusual.items()
    if column < N_CLINICAL or rule.id.startswith("range_w:")
)
"""Warnings about values that are possible and hardly ever right, not about who the patient is."""


# --- Two values of one hour ---------------------------------------------------------------------

ROUNDING = 1e-6  # tolerance for decimal fractions in binary: a refusal must be certain


@dataclass(frozen=True, slots=True)
class PairRule:
    """A rule about two values of one hour.

    It is violated where `more_than < factor_a * a + factor_b * b < less_than`.
    """

    rule: Rule
    a: str
    b: str
    factor_a: float
    factor_b: float
    more_than: float
    less_than: float = np.inf


DBP_GE_SBP = refused(
    "bp.dbp_ge_sbp",
    "Diastolic pressure {a} must be lower than systolic pressure {b}.",
    "La pression diastolique ({a}) doit être inférieure à la pression systolique ({b}).",
    "Are the two values swapped? With a balloon pump, do not send the augmented pressure as "
    "diastolic.",
    "Les deux valeurs sont-elles inversées ? Sous ballon de contre-pulsion, n'envoyez pas la "
    "pression augmentée comme diastolique.",
)
NO_PULSE = warning(
    "bp.no_pulse",
    "Systolic, mean and diastolic pressure are equal ({a}): there is no pulse pressure.",
    "Les pressions systolique, moyenne et diastolique sont égales ({a}) : pression pulsée nulle.",
    "Venoarterial ECMO looks like this, and so does a disconnected or occluded line.",
    "Une ECMO veino-artérielle donne cela, comme un cathéter débranché ou bouché.",
)
MAP_FORM = refused(
    "bp.map_form",
    "Mean arterial pressure {b} is within a tenth of the pulse pressure from systolic pressure {a} "
    "(diastolic {c}): no pulse has such a mean.",
    "La pression artérielle moyenne ({b}) est à moins d'un dixième de la pression pulsée sous la "
    "systolique ({a}, diastolique {c}) : aucun pouls n'a une telle moyenne.",
    "Do the three come from the same device at the same time?",
    "Viennent-elles du même appareil, au même moment ?",
)
MAP_FORM_W = warning(
    "bp.map_form_w",
    "Mean arterial pressure {b} fits poorly between diastolic {c} and systolic pressure {a}.",
    "La pression moyenne ({b}) s'accorde mal avec la diastolique ({c}) et la systolique ({a}).",
    "Do the three come from the same device at the same time?",
    "Viennent-elles du même appareil, au même moment ?",
)
# The mean pressure, as a part of the way from diastolic to systolic, in wide pulse pressures.
MAP_FORM_USUAL = (0.05, 0.9)
MAP_FORM_WARNS_FROM, MAP_FORM_REFUSED_FROM = 60.0, 100.0  # pulse pressure, mm[Hg]
MAP_GT_SBP = refused(
    "bp.map_gt_sbp",
    "Mean arterial pressure {a} is more than 5 mmHg above systolic pressure {b}.",
    "La pression artérielle moyenne ({a}) dépasse la systolique ({b}) de plus de 5 mmHg.",
    "Do the two come from the same device at the same time?",
    "Viennent-elles du même appareil, au même moment ?",
)
MAP_LT_DBP = refused(
    "bp.map_lt_dbp",
    "Mean arterial pressure {b} is more than 5 mmHg below diastolic pressure {a}.",
    "La pression artérielle moyenne ({b}) est inférieure à la diastolique ({a}) de plus de 5 mmHg.",
    "Do the two come from the same device at the same time?",
    "Viennent-elles du même appareil, au même moment ?",
)
MAP_EDGE = warning(
    "bp.map_edge",
    "Mean arterial pressure lies outside diastolic to systolic by up to 5 mmHg ({a}, {b}).",
    "La pression moyenne sort de l'intervalle diastolique-systolique d'au plus 5 mmHg ({a}, {b}).",
)
PP_NARROW = warning(
    "bp.pp_narrow",
    "Pulse pressure is below 10 mmHg (systolic {a}, diastolic {b}).",
    "Pression pulsée inférieure à 10 mmHg (systolique {a}, diastolique {b}).",
    "A damped arterial line looks like this.",
    "Un cathéter artériel amorti donne ce tracé.",
)
PP_WIDE = warning(
    "bp.pp_wide",
    "Pulse pressure is above 150 mmHg (systolic {a}, diastolic {b}).",
    "Pression pulsée supérieure à 150 mmHg (systolique {a}, diastolique {b}).",
)
BILI_DIRECT = refused(
    "bili.direct_gt_total",
    "Direct bilirubin {a} exceeds total bilirubin {b}.",
    "La bilirubine directe ({a}) dépasse la bilirubine totale ({b}).",
    "Are the two in the same unit, or swapped?",
    "Même unité pour les deux ? Valeurs inversées ?",
)
BILI_DIRECT_W = warning(
    "bili.direct_gt_total_w",
    "Direct bilirubin {a} is slightly above total bilirubin {b}.",
    "La bilirubine directe ({a}) dépasse légèrement la bilirubine totale ({b}).",
)
HEME_RATIO = refused(
    "heme.ratio",
    "Haematocrit {a} and haemoglobin {b} cannot belong to one sample (ratio outside 1.5 to 5).",
    "Hématocrite {a} et hémoglobine {b} incompatibles (rapport hors de 1,5 à 5).",
    "Haematocrit in % is about three times haemoglobin in g/dL: check both units.",
    "L'hématocrite en % vaut environ trois fois l'hémoglobine en g/dL : vérifiez les unités.",
)
HEME_RATIO_W = warning(
    "heme.ratio_w",
    "Haematocrit {a} and haemoglobin {b} fit poorly (ratio outside 2.4 to 3.7).",
    "Hématocrite {a} et hémoglobine {b} s'accordent mal (rapport hors de 2,4 à 3,7).",
)
ETCO2_GT_PACO2 = warning(
    "gas.etco2_gt_paco2",
    "End-tidal CO2 {a} exceeds arterial PaCO2 {b} by more than 10 mmHg.",
    "L'EtCO2 ({a}) dépasse la PaCO2 ({b}) de plus de 10 mmHg.",
)
SPO2_SAO2 = warning(
    "sat.spo2_sao2",
    "Pulse oximetry and arterial saturation differ by more than 15 points ({a}, {b}).",
    "SpO2 et SaO2 diffèrent de plus de 15 points ({a}, {b}).",
    "Is the sample venous?",
    "L'échantillon est-il veineux ?",
)
RENAL_RATIO = warning(
    "renal.ratio",
    "Urea nitrogen {a} and creatinine {b} fit poorly (ratio outside 1.5 to 100).",
    "Azote uréique {a} et créatinine {b} s'accordent mal (rapport hors de 1,5 à 100).",
    "Is urea in mmol/L, or creatinine in µmol/L? Say so in `units`.",
    "Urée en mmol/L ou créatinine en µmol/L ? Indiquez-le dans `units`.",
)
UNIT_BOTH = refused(
    "unit.both",
    "Unit1 and Unit2 are both 1: a patient lies in one unit.",
    "Unit1 et Unit2 valent 1 toutes les deux : un patient est dans une seule unité.",
)
UNIT_NONE = refused(
    "unit.none",
    "Unit1 and Unit2 are both 0: send null for both when the unit is unknown.",
    "Unit1 et Unit2 valent 0 toutes les deux : envoyez null pour les deux si l'unité est inconnue.",
)

PAIR_RULES = (
    PairRule(DBP_GE_SBP, "DBP", "SBP", 1, -1, -ROUNDING),
    PairRule(MAP_GT_SBP, "MAP", "SBP", 1, -1, 5 + ROUNDING),
    PairRule(MAP_LT_DBP, "DBP", "MAP", 1, -1, 5 + ROUNDING),
    PairRule(MAP_EDGE, "MAP", "SBP", 1, -1, ROUNDING, 5 + ROUNDING),
    PairRule(MAP_EDGE, "DBP", "MAP", 1, -1, ROUNDING, 5 + ROUNDING),
    PairRule(PP_NARROW, "SBP", "DBP", 1, -1, ROUNDING, 10 - ROUNDING),
    PairRule(PP_WIDE, "SBP", "DBP", 1, -1, 150 + ROUNDING),
    PairRule(BILI_DIRECT, "Bilirubin_direct", "Bilirubin_total", 1, -1.1, 0.3 + ROUNDING),
    PairRule(BILI_DIRECT_W, "Bilirubin_direct", "Bilirubin_total", 1, -1, 0.05 + ROUNDING),
    PairRule(HEME_RATIO, "Hct", "Hgb", 1, -5.0, ROUNDING),
    PairRule(HEME_RATIO, "Hct", "Hgb", -1, 1.5, ROUNDING),
    PairRule(HEME_RATIO_W, "Hct", "Hgb", 1, -3.7, ROUNDING),
    PairRule(HEME_RATIO_W, "Hct", "Hgb", -1, 2.4, ROUNDING),
    PairRule(ETCO2_GT_PACO2, "EtCO2", "PaCO2", 1, -1, 10 + ROUNDING),
    PairRule(SPO2_SAO2, "O2Sat", "SaO2", 1, -1, 15 + ROUNDING),
    PairRule(SPO2_SAO2, "SaO2", "O2Sat", 1, -1, 15 + ROUNDING),
    PairRule(RENAL_RATIO, "BUN", "Creatinine", 1, -100, ROUNDING),
    PairRule(RENAL_RATIO, "BUN", "Creatinine", -1, 1.5, ROUNDING),
    PairRule(UNIT_BOTH, "Unit1", "Unit2", 1, 1, 2 - ROUNDING),
    PairRule(UNIT_NONE, "Unit1", "Unit2", -1, -1, -ROUNDING),
)

# --- Across hours -------------------------------------------------------------------------------

HOUR_MISSING = refused(
    "time.iculos_missing",
    "Hour {position} of the stay has no icu_hour: the order of the hours is unknown.",
    "L'heure n° {position} du séjour n'a pas d'icu_hour : l'ordre des heures est inconnu.",
)
HOUR_DUPLICATE = refused(
    "time.duplicate",
    "ICU hour {value} is sent twice.",
    "L'heure de réanimation {value} est envoyée deux fois.",
    "Which one is true? Send one row per hour.",
    "Laquelle est juste ? Envoyez une ligne par heure.",
)
HOUR_ORDER = refused(
    "time.iculos_order",
    "ICU hour {value} comes after hour {b}: hours must increase.",
    "L'heure de réanimation {value} suit l'heure {b} : les heures doivent croître.",
    "Sort the hours before sending.",
    "Triez les heures avant l'envoi.",
)
HOUR_GAP = warning(
    "time.gap",
    "No row between ICU hours {b} and {value}: taken as hours without measurement.",
    "Aucune ligne entre les heures {b} et {value} : considérées comme sans mesure.",
)
CONSTANT = refused(
    "stay.const",
    "{label} changes within the stay ({a}, {b}): are two patients mixed?",
    "{label} change au cours du séjour ({a}, {b}) : deux patients mélangés ?",
)
ALL_MISSING = refused(
    "stay.all_missing",
    "No vital sign and no laboratory value was sent: there is nothing to predict from.",
    "Aucun signe vital ni résultat de laboratoire : rien ne permet de prédire.",
)
NO_VITALS = warning(
    "stay.no_vitals_24h",
    "No vital sign in the last 24 h: the prediction rests on the other data.",
    "Aucun signe vital transmis pour les dernières 24 h : la prédiction repose sur les autres "
    "données.",
)
TOO_SHORT = warning(
    "stay.too_short",
    "{value} h of history sent; the model learnt from stays of at least 8 h.",
    "{value} h d'historique ; le modèle a appris sur des séjours d'au moins 8 h.",
    "Send the earlier hours of the stay as well.",
    "Envoyez aussi les heures précédentes du séjour.",
)
NO_VITALS_FOR_HOURS = 24
SHORT_STAY_HOURS = 8
STAY_CONSTANTS = {"Age": 1.0, "Gender": 0.0, "Unit1": 0.0, "Unit2": 0.0, "HospAdmTime": 0.0}
JUMP_LIMITS = {"Temp": 4.0, "HR": 100.0, "SBP": 120.0, "Hgb": 6.0, "Creatinine": 5.0}
JUMPS = {
    name: warning(
        f"jump.{name}",
        "{label} changed from {b} to {a} within one hour.",
        "{label} : passage de {b} à {a} en une heure.",
        "Another patient, or another unit, for one hour?",
        "Un autre patient, ou une autre unité, pendant une heure ?",
    )
    for name in JUMP_LIMITS
}
FROZEN_COLUMNS = ("HR", "SBP", "Resp")
FROZEN_HOURS = 12
FROZEN = warning(
    "frozen.vitals",
    "Heart rate, systolic pressure and respiratory rate did not change for 12 hours.",
    "Fréquence cardiaque, pression systolique et fréquence respiratoire figées depuis 12 heures.",
    "Is the interface of the monitor stuck?",
    "L'interface du moniteur est-elle bloquée ?",
)
UNIT_HALF = warning(
    "unit.half",
    "Only one of Unit1 and Unit2 is known; the other was completed.",
    "Une seule des valeurs Unit1 et Unit2 est connue ; l'autre a été complétée.",
)

# Warnings, and the refusals about the same values that replace them.
SUPERSEDED_BY = {
    "bili.direct_gt_total_w": "bili.direct_gt_total",
    "heme.ratio_w": "heme.ratio",
    "abg.hh_w": "abg.hh",
    "abg.be_w": "abg.be",
    "abg.be_sign": "abg.be",
}
