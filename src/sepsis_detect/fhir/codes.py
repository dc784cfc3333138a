"""LOINC codes and the variable of each, derived from the table of variables.

Listed here are only the codes that the table cannot describe: values of opposite sign, codes with
two meanings, and codes of similar but different analytes. Any other code is unknown: it is
reported, never guessed.

Source: LOINC, https://loinc.org; FHIR R4 vital signs profiles, https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from functools import lru_cache
from typing import NamedTuple

from sepsis_detect.clinical.variables import BY_CHALLENGE, CLINICAL

LOINC, SNOMED, MDC, UCUM = "LOINC", "SNOMED CT", "ISO/IEEE 11073-10101", "UCUM"
# As senders write them, without scheme, final slash, and difference of case.
_SYSTEMS = {
    "loinc.org": LOINC,
    "www.loinc.org": LOINC,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "2.16.840.1.113883.6.1": LOINC,
    "loinc": LOINC,
    "ln": LOINC,  # HL7 version 2, table 0396
    # LOINC as the French national terminology server publishes it
    "mos.esante.gouv.fr/nos/tre_a04-loinc/fhir/tre-a04-loinc": LOINC,
    "snomed.info/sct": SNOMED,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:iso:std:iso:11073:10101": MDC,
    "urn:oid:2.16.840.1.113883.6.24": MDC,
    "unitsofmeasure.org": UCUM,
    "urn:oid:2.16.840.1.113883.6.8": UCUM,
}
VITAL_SIGNS, LABORATORY = "vital-signs", "laboratory"


@lru_cache(maxsize=1_024)
def system_of(uri: str) -> str:
    """The code system of a URI: `LOINC`, `SNOMED`, `MDC`, `UCUM`; empty for any other."""
    text = uri.partition("|")[0].strip().lower().rstrip("/")  # without its version
    return _SYSTEMS.get(text.removeprefix("https://").removeprefix("http://"), "")


class Meaning(NamedTuple):
    """What a code measures.

    Attributes:
        column: The variable.
        sign: -1 where the code measures the opposite (a base deficit).
        is_urea: A mass is of urea, not of its nitrogen.
        is_moles_only: Only molar units are accepted: a mass could be of urea or of its nitrogen.
        caution_en, caution_fr: How the value differs slightly from the variable; empty: not at all.
    """

    column: int
    sign: float = 1.0
    is_urea: bool = False
    is_moles_only: bool = False
    caution_en: str = ""
    caution_fr: str = ""

    def without_caution(self) -> "Meaning":
        """What is measured, whatever the difference."""
        return self._replace(caution_en="", caution_fr="")


def _of(challenge: str) -> Meaning:
    return Meaning(BY_CHALLENGE[challenge].column)


MEANINGS = {
    code: _of(variable.challenge)
    for variable in CLINICAL
    for code in (variable.loinc, *variable.loinc_also)
}
VENOUS_PH = _of("pH")._replace(
    caution_en="Venous pH is read as arterial: it is lower by about 0.03.",
    caution_fr="Le pH veineux est lu comme artériel : il est plus bas d'environ 0,03.",
)
MEANINGS |= {
    "1922-4": _of("BaseExcess")._replace(sign=-1.0),  # base *deficit*
    "2746-6": VENOUS_PH,
    "77136-0": _of("BUN")._replace(is_moles_only=True),
}
# Of blood that may be venous; bicarbonate and base excess of veins hardly differ.
MEANINGS |= {
    code: _of(challenge)._replace(
        caution_en=f"{code} does not say of which blood: read as arterial.",
        caution_fr=f"{code} ne dit pas de quel sang : lu comme artériel.",
    )
    for code, challenge in (("11558-4", "pH"), ("11557-6", "PaCO2"), ("20564-1", "SaO2"))
}
# In serum, plasma and blood, arterial and venous, measured and calculated.
TOTAL_CO2 = ("2028-9", "20565-8", "77143-6", "2026-3", "2027-1", "41647-9", "48391-7", "57922-7")
MEANINGS |= {
    code: _of("HCO3")._replace(
        caution_en="Total CO2 is read as bicarbonate: it is higher by about 1 mmol/L.",
        caution_fr="Le CO2 total est lu comme bicarbonate : il est plus haut d'environ 1 mmol/L.",
    )
    for code in TOTAL_CO2
}
MEANINGS |= {code: _of("BUN")._replace(is_urea=True) for code in ("22664-7", "3091-6", "72903-8")}

# The vital signs profile fixes this code for pulse oximetry, though LOINC names it SaO2: the
# category decides.
SATURATION = "2708-6"
SATURATION_BY_CATEGORY = {VITAL_SIGNS: _of("O2Sat"), LABORATORY: _of("SaO2")}
SATURATIONS = frozenset(SATURATION_BY_CATEGORY.values())

_IONISED = ("ionised calcium", "le calcium ionisé")
_STANDARD_BICARBONATE = (
    "standard bicarbonate, not the actual one",
    "le bicarbonate standard, et non le bicarbonate réel",
)
_CO2_FRACTION = (
    "a volume fraction of CO2, not a pressure",
    "une fraction de CO2, pas une pression",
)
_TROPONIN_T = ("troponin T", "la troponine T")
NOT_INTERCHANGEABLE = {
    "1994-3": _IONISED,
    "1995-0": _IONISED,
    "12180-6": _IONISED,
    "17863-2": _IONISED,
    "34581-9": _IONISED,
    "19230-2": _STANDARD_BICARBONATE,
    "19231-0": _STANDARD_BICARBONATE,
    "19232-8": _STANDARD_BICARBONATE,
    "19233-6": _STANDARD_BICARBONATE,
    "69964-5": _STANDARD_BICARBONATE,
    "97544-1": _STANDARD_BICARBONATE,
    "63561-5": ("an aPTT ratio, not seconds", "un rapport de TCA, pas des secondes"),
    "39106-0": ("skin temperature", "la température cutanée"),
    "19834-1": ("a ventilator setting", "un réglage du respirateur"),
    "19888-7": _CO2_FRACTION,
    "19889-5": _CO2_FRACTION,
    "2021-4": ("a venous PCO2", "une PCO2 veineuse"),
    "2020-6": ("a capillary PCO2", "une PCO2 capillaire"),
    "6598-7": _TROPONIN_T,
    "67151-1": _TROPONIN_T,
    "3256-5": ("fibrinogen antigen", "le fibrinogène antigénique"),
}
"""Codes of analytes that are similar to a variable and must not replace it; their names."""

# A panel has no value of its own: its components or members are read.
PANELS = frozenset({"85354-9", "55284-4", "85353-1", "8716-3", "24336-0", "24338-6"})
