"""Ages above 89 of de-identified data: how they are written, and the age that is used instead.

US law (HIPAA, 45 CFR 164.514) hides ages above 89: eICU writes `> 89`, MIMIC-III 300, MIMIC-IV 91.

Source: https://eicu-crd.mit.edu/eicutables/patient/ (age) and
https://mimic.mit.edu/docs/iii/tables/patients/ (dob).
"""

import re
import unicodedata

CODES = range(299, 321)  # years; stand for any age above 89
TAKEN_AS = 90.0  # years; the model takes all ages from 90 on as one

HINT = (
    "In de-identified data this stands for any age above 89: send 90.",
    "Dans des données désidentifiées, ceci désigne tout âge au-delà de 89 ans : envoyez 90.",
)

_YEARS = r"(?:a|y|yr|yrs|years?|years? old|ans?|jahre?)?"
_BEFORE = r"(?P<before>>=?|=>|≥|over|above|more than|older than|plus de|uber|alter als)?"
_OR_MORE = "(?:and|or) (?:over|above|older|more)|(?:et|ou) plus|(?:und|oder) (?:alter|mehr)"
_AFTER = rf"(?P<after>\+|{_OR_MORE})?"
_WRITTEN = re.compile(rf"{_BEFORE} ?(?:89|90)(?:[.,]0+)? ?{_YEARS} ?{_AFTER} ?{_YEARS}")


def is_code(years: float) -> bool:
    """Whether a number stands for any age above 89."""
    return CODES.start <= years < CODES.stop


def is_above_89(text: str) -> bool:
    """Whether a text is an age that is only known to be above 89: `> 89`, `90+`, `89 et plus`."""
    plain = unicodedata.normalize("NFKD", " ".join(text.lower().split()))
    found = _WRITTEN.fullmatch("".join(each for each in plain if not unicodedata.combining(each)))
    return found is not None and bool(found["before"] or found["after"])


def sentences(written: str) -> tuple[str, str]:
    """What is said of such an age, in English and French.

    Args:
        written: The age as it was sent, in years.
    """
    return (
        f"Age {written}: in de-identified data any age above 89. Taken as 90 or more.",
        f"Âge {written} ans : dans des données désidentifiées, tout âge au-delà de 89 ans. "
        "Pris pour 90 ans ou plus.",
    )
