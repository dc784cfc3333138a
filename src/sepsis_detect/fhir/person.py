"""Sex and age of a Patient."""

from datetime import date
from typing import Any

from sepsis_detect.clinical import variables
from sepsis_detect.fhir import deidentified
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.resource_reader import Reader, day_of, quoted

UNSTATED = ("other", "unknown")  # gender


def sex_code(patient: Entry, reader: Reader) -> float | None:
    """Sex: 0 female, 1 male, None when not stated."""
    gender: Any = patient.resource.get("gender")
    path = f"{patient.path}.gender"
    if gender is None:
        return None
    if isinstance(gender, str) and gender in variables.SEX_CODES:
        return variables.SEX_CODES[gender]
    if isinstance(gender, str) and gender in UNSTATED:
        reader.note(
            "code.gender",
            path,
            f"Gender {gender}: the model is not told a sex.",
            f"Genre {gender} : le modèle ne reçoit pas de sexe.",
        )
        return None
    reader.problem(
        "code.gender",
        path,
        f"`{quoted(gender)}` is not a gender: use male, female, other or unknown.",
        f"`{quoted(gender)}` n'est pas un genre : male, female, other ou unknown.",
        kind="incoherent",
    )
    return None


def age_years(
    patient: Entry, on: date, reader: Reader, *, is_shifted: bool = False
) -> float | None:
    """Age in completed years on a day; None when the birth date is not stated.

    Args:
        patient: The Patient.
        on: The day.
        reader: Receives problems and notes.
        is_shifted: Whether the dates are those of de-identified data.
    """
    text = patient.resource.get("birthDate")
    if text is None:
        return None
    path = f"{patient.path}.birthDate"
    found = day_of(text) if isinstance(text, str) else None
    if found is None:
        reader.problem(
            "time.format",
            path,
            "A birth date must be written as 1958-07-02.",
            "Une date de naissance s'écrit 1958-07-02.",
        )
        return None
    born, is_exact = found
    if not is_exact:
        reader.note(
            "age.approximate",
            path,
            "The birth date is not known to the day: the age may be off by one.",
            "Date de naissance incomplète : l'âge peut être faux d'un an.",
        )
    age = float(on.year - born.year - ((on.month, on.day) < (born.month, born.day)))
    return deidentified.age_of(age, path, reader, is_shifted=is_shifted)
