"""The person: whose resources they are, and sex and age of the Patient."""

from contextlib import nullcontext
from datetime import date
from typing import Any

from sepsis_detect.clinical import variables
from sepsis_detect.fhir.bundle import Entry, References
from sepsis_detect.fhir.resource_reader import Reader, day_of, quoted

UNSTATED = ("other", "unknown")  # gender


def find_patient(entries: list[Entry], reader: Reader) -> Entry | None:
    """The Patient, if sent; two different ones are a problem, the same one twice is not."""
    patients = [entry for entry in entries if entry.kind == "Patient"]
    others = [each for each in patients if each.resource != patients[0].resource]
    if others:
        _two_patients(others[0].path, reader)
    return patients[0] if patients else None


def of_person(
    patient: Entry | None, entries: list[Entry], references: References, reader: Reader
) -> tuple[str, list[Entry]]:
    """The resources of one person; those of others are a problem.

    Where a Patient says whose they are, and some Observations are, the others may be dropped.
    Without one, it is not known which of them are the patient's.

    Returns:
        Reference to the patient, `Patient/p1`, empty when there is none; and the resources.
    """
    name = patient.key if patient is not None else ""
    is_known = bool(name)
    known: dict[str, str] = {}
    others: list[Entry] = []
    kept: list[Entry] = []
    for entry in entries:
        reference = _subject(entry, reader)
        if reference is None:
            continue
        if reference and reference not in known:
            known[reference] = references.key(reference)
        name = name or known.get(reference, "")
        is_other = bool(reference) and known[reference] != name
        (others if is_other else kept).append(entry)
    has_own = any(entry.kind == "Observation" for entry in kept)
    if is_known and has_own and reader.is_dropping:
        for entry in others:
            _drop_other(entry, reader)
    elif others:
        _two_patients(f"{others[0].path}.subject.reference", reader)
    return name, kept


def _drop_other(entry: Entry, reader: Reader) -> None:
    with reader.droppable():
        reader.problem(
            "bundle.other_patient",
            f"{entry.path}.subject.reference",
            f"This {entry.kind} is of another patient: not used.",
            f"{entry.kind} d'un autre patient : non utilisée.",
        )


def _subject(entry: Entry, reader: Reader) -> str | None:
    """The reference to the subject, empty if there is none; None if it cannot be read."""
    sent = entry.resource.get("subject")
    if isinstance(sent, dict) and isinstance(reference := sent.get("reference"), str):
        return reference
    n_found = reader.n_found
    with reader.droppable() if entry.kind == "Observation" else nullcontext():
        subject = reader.element(entry.resource, "subject", entry.path)
        reader.text(subject, "reference", f"{entry.path}.subject")
    return "" if reader.n_found == n_found else None


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
