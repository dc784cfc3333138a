"""From resources to a `Stay`, with the FHIRPath of the elements behind each value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

import numpy as np

from sepsis_detect.clinical import variables
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.fhir import admission, deidentified, demographics, measurements, stay_window
from sepsis_detect.fhir.admission import Admission
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.measurements import NO_CELLS, Cells, Measurement
from sepsis_detect.fhir.observations import Observations
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import EPOCH, Reader, quoted
from sepsis_detect.fhir.subjects import Subjects, find_patient
from sepsis_detect.patient_json.fields import ICU_UNIT_FLAGS
from sepsis_detect.problems import Location, Problem

KINDS_READ = ("Patient", "Encounter", "Observation")
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
    of_patient = [each for each in entries if each.kind in KINDS_READ[1:]]
    is_shifted = deidentified.are_dates_shifted(of_patient, reader)
    subjects = Subjects(find_patient(entries, reader), references, reader)
    for entry in of_patient:
        subjects.check(entry)
    patient.subject = subjects.name
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
    _lay_out(patient, stay_window.of_stay(admitted, measured, reader), admitted)
    if subjects.person is not None:
        _describe(patient, subjects.person, reader, is_shifted=is_shifted)


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


def _describe(patient: FhirPatient, person: Entry, reader: Reader, *, is_shifted: bool) -> None:
    sex = demographics.sex_code(person, reader)
    on = (patient.last or reader.now).date()
    age = demographics.age_years(person, on, reader, is_shifted=is_shifted)
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
