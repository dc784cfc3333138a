"""From resources to a `Stay`, with the FHIRPath of the elements behind each value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import numpy as np

from sepsis_detect.clinical import variables
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.fhir import admission, measurements
from sepsis_detect.fhir.admission import Admission
from sepsis_detect.fhir.bundle import Entry, References
from sepsis_detect.fhir.measurements import NO_CELLS, Cells, Measurement
from sepsis_detect.fhir.observations import Observations
from sepsis_detect.fhir.resource_reader import EPOCH, Reader, day_of, quoted
from sepsis_detect.patient_json.fields import ICU_UNIT_FLAGS
from sepsis_detect.problems import Location, Problem

KINDS_READ = ("Patient", "Encounter", "Observation")
UNSTATED = ("other", "unknown")  # gender
MAX_PATHS = 10  # of one value: the Observations of one hour
MAX_KINDS_NOTED = 10

SECONDS = attrgetter("seconds")

Unpack = Callable[[Reader], list[Entry]]


@dataclass(slots=True)
class FhirPatient:
    """One patient as read from resources.

    Attributes:
        base: FHIRPath of the whole request.
        stay: The hours that could be read; None: the resources could not be unpacked.
        problems: Refuse the request.
        notes: Accompany the answer as warnings.
        violations: Always empty: each constant has one source.
        last: Time of the last measurement used.
        subject: Reference to the patient, such as `Patient/p1`; empty when there is none.
        encounter: The Encounter of the stay in intensive care.
        used: The Observations used.
        n_observations: How many Observations there were, used or not.
        cells: The measurements of each value.
        constants: FHIRPath of each constant, by column.
    """

    base: Location
    stay: Stay | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    violations: list[RuleViolation] = field(default_factory=list)
    last: datetime | None = None
    subject: str = ""
    encounter: Entry | None = None
    used: list[Entry] = field(default_factory=list)
    n_observations: int = 0
    cells: Cells = NO_CELLS
    constants: dict[int, str] = field(default_factory=dict)

    def locate(self, row: int, column: int | None = None) -> Location:
        """FHIRPaths of the elements behind a value."""
        if column is None:
            return self.base
        if found := self.cells.at(row, column):
            return tuple(each.path for each in found[:MAX_PATHS])
        return (self.constants.get(column, str(self.base[0])),)

    def value_sent(self, row: int, column: int) -> float | None:
        """A number as sent; None where the value is a median."""
        found = self.cells.at(row, column)
        return found[0].value if len(found) == 1 else None

    def unit_sent(self, column: int) -> str | None:
        """The unit of a variable, where it is not the canonical one."""
        sent = {each.conversion.unit for each in self.cells.of(column)}
        return sent.pop() if len(sent) == 1 else None


def read(unpack: Unpack, *, base: str, now: datetime) -> FhirPatient:
    """Read one patient; nothing is raised, every problem is in `problems`.

    Args:
        unpack: Gives the resources of the request.
        base: FHIRPath of the whole request.
        now: A time after it lies in the future.
    """
    reader = Reader(now)
    patient = FhirPatient((base,), problems=reader.problems, notes=reader.notes)
    entries = unpack(reader)
    if not reader.problems:
        _read_entries(entries, patient, reader)
    reader.finish(base)
    return patient


def _read_entries(entries: list[Entry], patient: FhirPatient, reader: Reader) -> None:
    entries = _distinct(entries, reader)
    references = References(entries)
    references.find_circle(entries, reader)
    person = _find_patient(entries, reader)
    of_patient = [each for each in entries if each.kind in KINDS_READ[1:]]
    patient.subject = _check_subjects(person, of_patient, references, reader)
    _note_others(entries, reader)
    found = Observations(reader)
    for entry in of_patient:
        if entry.kind == "Observation":
            found.read(entry)
    found.finish()
    patient.n_observations = found.n_read
    measured = found.measurements
    last = max((each.moment for each in measured), key=SECONDS, default=None)
    encounters = [each for each in of_patient if each.kind == "Encounter"]
    admitted = admission.find(encounters, last.at if last else None, references, reader)
    patient.encounter = admitted.encounter
    _lay_out(patient, _since(admitted, measured, reader), admitted)
    if person is not None:
        _describe(patient, person, reader)


def _lay_out(patient: FhirPatient, measured: list[Measurement], admitted: Admission) -> None:
    if not measured:
        patient.stay = Stay(np.full((1, variables.N_COLUMNS), np.nan))
        return
    start = None if admitted.started_at is None else _seconds(admitted.started_at)
    values, patient.cells = measurements.hours_of(measured, start)
    patient.last = max(measured, key=lambda each: each.moment.seconds).moment.at
    patient.used = measurements.used(measured)
    patient.constants[variables.ICU_HOUR] = admitted.path or str(patient.base[0])
    if admitted.hospital_hour is not None:
        values[:, variables.HOSPITAL_ADMISSION_HOUR] = admitted.hospital_hour
        patient.constants[variables.HOSPITAL_ADMISSION_HOUR] = admitted.hospital_path
    if admitted.icu_unit is not None:
        for column, flag in ICU_UNIT_FLAGS[admitted.icu_unit]:
            values[:, column] = flag
        patient.constants |= dict.fromkeys(
            (variables.MEDICAL_UNIT, variables.SURGICAL_UNIT), admitted.icu_unit_path
        )
    patient.stay = Stay(values)


def _since(admitted: Admission, measured: list[Measurement], reader: Reader) -> list[Measurement]:
    """The measurements since admission to intensive care; earlier ones are counted in a note."""
    if admitted.started_at is None:
        return measured
    start = _seconds(admitted.started_at)
    kept = [each for each in measured if each.moment.seconds >= start]
    if n_before := len(measured) - len(kept):
        first = next(each for each in measured if each.moment.seconds < start)
        reader.note(
            "time.before_icu",
            first.path,
            f"{n_before} values were measured before admission to intensive care: not used.",
            f"{n_before} valeurs mesurées avant l'admission en réanimation : non utilisées.",
            ctx={"count": n_before},
        )
    return kept


def _describe(patient: FhirPatient, person: Entry, reader: Reader) -> None:
    sex = _sex_code(person, reader)
    on = (patient.last or reader.now).date()
    age = _age_years(person, on, reader)
    if patient.stay is None:
        return
    for column, value, key in ((variables.SEX, sex, "gender"), (variables.AGE, age, "birthDate")):
        if value is not None:
            patient.stay.values[:, column] = value
            patient.constants[column] = f"{person.path}.{key}"


def _seconds(moment: datetime) -> float:
    return (moment - EPOCH).total_seconds()


def _distinct(entries: list[Entry], reader: Reader) -> list[Entry]:
    """Each resource once: two searchsets may share some; different ones with one id are refused."""
    by_key: dict[str, Entry] = {}
    kept = []
    for entry in entries:
        key = entry.key
        earlier = by_key.setdefault(key, entry) if key else entry
        if earlier is entry:
            kept.append(entry)
        elif earlier.resource != entry.resource and entry.kind != "Patient":
            reader.problem(
                "bundle.duplicate",
                f"{entry.path}.id",
                "Two different resources have this id.",
                "Deux ressources différentes portent cet identifiant.",
                hint="Which one is true?",
                hint_fr="Laquelle est juste ?",
            )
        elif entry.kind == "Patient":
            kept.append(entry)
    return kept


def _note_others(entries: list[Entry], reader: Reader) -> None:
    others = [entry for entry in entries if entry.kind not in KINDS_READ]
    kinds: dict[str, list[Entry]] = {}
    for entry in others:
        if entry.kind == "OperationOutcome":
            reader.note(
                "bundle.outcome",
                entry.path,
                "The sender reports a problem with its own data (OperationOutcome).",
                "L'émetteur signale un problème dans ses propres données (OperationOutcome).",
            )
        elif entry.kind != "Location":
            kinds.setdefault(quoted(entry.kind), []).append(entry)
    for kind, found in list(kinds.items())[:MAX_KINDS_NOTED]:
        reader.note(
            "resource.unused",
            found[0].path,
            f"Resources of type `{kind}` are not read ({len(found)}).",
            f"Les ressources de type `{kind}` ne sont pas lues ({len(found)}).",
        )


# --- Subject, sex and age ---


def _find_patient(entries: list[Entry], reader: Reader) -> Entry | None:
    """The Patient, if sent; two different ones are a problem, the same one twice is not."""
    patients = [entry for entry in entries if entry.kind == "Patient"]
    others = [each for each in patients if each.resource != patients[0].resource]
    if others:
        _two_patients(others[0].path, reader)
    return patients[0] if patients else None


def _check_subjects(
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


def _sex_code(patient: Entry, reader: Reader) -> float | None:
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


def _age_years(patient: Entry, on: date, reader: Reader) -> float | None:
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
