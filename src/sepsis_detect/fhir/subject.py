"""The patient of the resources: that there is only one, and age and sex."""

from datetime import date
from typing import Any

from sepsis_detect.clinical.variables import SEX_CODES
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import Reader, day_of, quoted

UNSTATED = ("other", "unknown")


def find_patient(entries: list[Entry], reader: Reader) -> Entry | None:
    """The Patient, if sent; two different ones are a problem, the same one twice is not."""
    patients = [entry for entry in entries if entry.kind == "Patient"]
    others = [each for each in patients if each.resource != patients[0].resource]
    if others:
        _two_patients(others[0].path, reader)
    return patients[0] if patients else None


def check_subjects(
    patient: Entry | None, entries: list[Entry], references: References, reader: Reader
) -> str:
    """Check that all resources have the same subject.

    Returns:
        Reference to the patient: `Patient/p1`; empty when there is none.
    """
    name = patient.key if patient is not None else ""
    known: dict[str, str] = {}
    is_reported = False
    for entry in entries:
        reference = _subject(entry, reader)
        if not reference:
            continue
        if reference not in known:
            known[reference] = references.key(reference)
        name = name or known[reference]
        if known[reference] != name and not is_reported:
            is_reported = True
            _two_patients(f"{entry.path}.subject.reference", reader)
    return name


def _subject(entry: Entry, reader: Reader) -> str:
    sent = entry.resource.get("subject")
    if isinstance(sent, dict) and isinstance(reference := sent.get("reference"), str):
        return reference
    subject = reader.element(entry.resource, "subject", entry.path)
    return reader.text(subject, "reference", f"{entry.path}.subject") or ""


def _two_patients(path: str, reader: Reader) -> None:
    reader.problem(
        "bundle.two_patients",
        path,
        "Resources of more than one patient were sent.",
        "Des ressources de plusieurs patients ont été envoyées.",
        kind="incoherent",
        hint="Send one patient at a time.",
        hint_fr="Envoyez un seul patient à la fois.",
    )


def sex_code(patient: Entry, reader: Reader) -> float | None:
    """Sex: 0 female, 1 male, None when not stated."""
    gender: Any = patient.resource.get("gender")
    path = f"{patient.path}.gender"
    if gender is None:
        return None
    if isinstance(gender, str) and gender in SEX_CODES:
        return SEX_CODES[gender]
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


def age_years(patient: Entry, on: date, reader: Reader) -> float | None:
    """Age in completed years on a day; None when the birth date is not stated."""
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
    return float(on.year - born.year - ((on.month, on.day) < (born.month, born.day)))
