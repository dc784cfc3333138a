"""Keys of the JSON patient format, and where each is allowed."""

from sepsis_detect.clinical import rules
from sepsis_detect.clinical.variables import (
    BY_CHALLENGE,
    MEDICAL_UNIT,
    SEX,
    SURGICAL_UNIT,
    VARIABLES,
)
from sepsis_detect.patient_json import timestamps

MAX_HOURS = 2_000
EXACT_BELOW = 2**53  # a larger integer is not exact as a float, or too large for one

HOURS, UNITS, ICU_UNIT, TIMESTAMP = "hours", "units", "icu_unit", timestamps.KEY
COLUMNS = {variable.challenge: variable.column for variable in VARIABLES} | {
    variable.name: variable.column for variable in VARIABLES if variable.name != ICU_UNIT
}
CONSTANTS = {
    BY_CHALLENGE[name].column: tolerance for name, tolerance in rules.STAY_CONSTANTS.items()
}
ONCE = {HOURS, UNITS}
BESIDE_HOURS = {key for key, column in COLUMNS.items() if column in CONSTANTS} | {ICU_UNIT} | ONCE
IN_AN_HOUR = {*COLUMNS, ICU_UNIT, TIMESTAMP}
IN_A_FLAT_HOUR = IN_AN_HOUR | ONCE
SEX_WORDS = {"female": 0.0, "male": 1.0, "f": 0.0, "m": 1.0}
ICU_UNIT_FLAGS = {
    "medical": ((MEDICAL_UNIT, 1.0), (SURGICAL_UNIT, 0.0)),
    "surgical": ((MEDICAL_UNIT, 0.0), (SURGICAL_UNIT, 1.0)),
}


def numbers_of(name: str, word: str) -> tuple[tuple[int, float], ...]:
    """Columns and numbers of a word; empty where the key does not take this word."""
    normalised = word.strip().lower()
    if name == ICU_UNIT:
        return ICU_UNIT_FLAGS.get(normalised, ())
    if COLUMNS.get(name) == SEX and normalised in SEX_WORDS:
        return ((SEX, SEX_WORDS[normalised]),)
    return ()
