"""From resources to a `Stay`, with the FHIRPath of the elements behind each value."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

import numpy as np

from sepsis_detect.assessment import wording
from sepsis_detect.assessment.policy import Judgement, OnIncoherence
from sepsis_detect.clinical import coherence, variables
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.fhir import (
    admission,
    deidentified,
    hours,
    measured_sets,
    measurements,
    person,
    stay_window,
)
from sepsis_detect.fhir.admission import Admission
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.measured_sets import MeasuredSets
from sepsis_detect.fhir.measurements import NO_CELLS, Cells, Measurement
from sepsis_detect.fhir.modifiers import is_modified
from sepsis_detect.fhir.observation_places import panels_of
from sepsis_detect.fhir.observations import Observations
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import EPOCH, Reader, quoted
from sepsis_detect.fhir.subjects import Subjects, find_patient
from sepsis_detect.patient_json.fields import ICU_UNIT_FLAGS
from sepsis_detect.problems import Location, Problem

KINDS_READ = ("Patient", "Encounter", "Observation")
MAX_PATHS = 10  # of one value: the Observations of one hour
MAX_KINDS_NOTED = 10
CLINICAL_COLUMNS = frozenset(range(variables.N_CLINICAL))

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


def read(
    unpack: Unpack,
    *,
    base: str,
    now: datetime,
    on_incoherence: OnIncoherence = OnIncoherence.REJECT,
) -> FhirPatient:
    """Read one patient; nothing is raised, every problem is in `problems`.

    Args:
        unpack: Gives the resources of the request.
        base: FHIRPath of the whole request.
        now: A time after it lies in the future.
        on_incoherence: Policy for values that cannot be read, and for incoherent ones.
    """
    reader = Reader(now, on_incoherence)
    patient = FhirPatient((base,), problems=reader.problems, notes=reader.notes)
    entries = unpack(reader)
    if not reader.problems:
        _read_entries(entries, patient, reader)
    reader.finish(base)
    return patient


def _read_entries(entries: list[Entry], patient: FhirPatient, reader: Reader) -> None:
    patient.n_observations = sum(entry.kind == "Observation" for entry in entries)
    entries = _distinct(entries, reader)
    entries = [each for each in entries if _is_plain(each, reader)]
    references = References(entries)
    references.find_circle(entries, reader)
    of_patient = [each for each in entries if each.kind in KINDS_READ[1:]]
    subjects = Subjects(find_patient(entries, reader), references, reader)
    of_patient = subjects.own(of_patient)
    is_shifted = deidentified.are_dates_shifted(of_patient, reader)
    patient.subject = subjects.name
    _note_others(entries, reader)
    panels = panels_of(of_patient, references)
    found = Observations(reader, references, patient.subject, panels)
    for entry in of_patient:
        if entry.kind == "Observation":
            found.read(entry)
    found.finish()
    measured = found.measurements
    last = max((each.moment for each in measured), key=SECONDS, default=None)
    encounters = [each for each in of_patient if each.kind == "Encounter"]
    admitted = admission.find(encounters, last.at if last else None, references, reader)
    patient.encounter = admitted.encounter
    _lay_out(patient, stay_window.of_stay(admitted, measured, reader), admitted, reader)
    found_person = subjects.person
    if found_person is not None and not is_modified(
        found_person.resource, found_person.path, reader
    ):
        _describe(patient, found_person, reader, is_shifted=is_shifted)


def _is_plain(entry: Entry, reader: Reader) -> bool:
    """Whether a resource is what its elements say; an Encounter or Location that is not is noted.

    A Patient still says whose the resources are; an Observation tells first whether it is read.
    """
    is_place = entry.kind in ("Encounter", "Location")
    return not (is_place and is_modified(entry.resource, entry.path, reader))


def _lay_out(
    patient: FhirPatient, measured: list[Measurement], admitted: Admission, reader: Reader
) -> None:
    if not measured:
        patient.stay = Stay(np.full((1, variables.N_COLUMNS), np.nan))
        return
    start = None if admitted.started_at is None else _seconds(admitted.started_at)
    sets = measured_sets.sets_of(measured, start)
    values, patient.cells, unused = hours.hours_of(sets, _judged(sets, patient, reader))
    _note_unused(unused, reader)
    patient.last = max(measured, key=lambda each: each.moment.seconds).moment.at
    patient.used = measurements.used(patient.cells.kept())
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


def _judged(sets: MeasuredSets, patient: FhirPatient, reader: Reader) -> Stay:
    """The sets without the values that the rules refuse, which are reported.

    Each value is judged before an hour is made of several, which could hide it.
    """
    judged, indices = measured_sets.beside_others(sets)
    refused = [
        each
        for each in coherence.scan_hours(judged.stay)
        if each.is_refusal and set(each.columns) <= CLINICAL_COLUMNS
    ]
    if not refused:
        return sets.stay
    cells = Cells(judged.measurements, judged.set_of, judged.columns)
    sent = FhirPatient(patient.base, stay=judged.stay, cells=cells)
    if reader.is_dropping:
        reader.extend(wording.warnings_of(Judgement(sent, judged.stay, refused, (), ())))
    else:
        reader.extend(wording.refusals_of(Judgement(sent, judged.stay, (), refused, ())))
    kept = coherence.drop(judged.stay, refused).values[judged.set_of, judged.columns]
    is_refused = np.zeros(len(sets.measurements), dtype=np.bool_)
    is_refused[indices[np.isnan(kept)]] = True
    return sets.without(is_refused)


def _note_unused(unused: list[Measurement], reader: Reader) -> None:
    for each in unused:
        reader.note(
            "value.other_moment",
            each.path,
            "Values of several moments of one hour contradict each other: those of one are used, "
            "not this one.",
            "Des valeurs de plusieurs moments d'une heure se contredisent : celles d'un seul sont "
            "utilisées, pas celle-ci.",
        )


def _describe(patient: FhirPatient, resource: Entry, reader: Reader, *, is_shifted: bool) -> None:
    on = (patient.last or reader.now).date()
    with reader.droppable():
        sex = person.sex_code(resource, reader)
        age = person.age_years(resource, on, reader, is_shifted=is_shifted)
    if patient.stay is None:
        return
    for column, value, key in ((variables.SEX, sex, "gender"), (variables.AGE, age, "birthDate")):
        if value is not None:
            patient.stay.values[:, column] = value
            patient.constants[column] = f"{resource.path}.{key}"


def _seconds(moment: datetime) -> float:
    return (moment - EPOCH).total_seconds()


def _distinct(entries: list[Entry], reader: Reader) -> list[Entry]:
    """Each resource once: two searchsets may share some; different ones with one id are refused.

    Of Observations, all of one id may be dropped.
    """
    by_key: dict[str, Entry] = {}
    kept = []
    contradictory: set[str] = set()
    for entry in entries:
        key = entry.key
        earlier = by_key.setdefault(key, entry) if key else entry
        if earlier is entry or entry.kind == "Patient":
            kept.append(entry)
        elif earlier.resource != entry.resource:
            contradictory.add(key)
            _two_of_one_id(entry, reader)
    if not reader.is_dropping:
        return kept
    return [each for each in kept if each.kind != "Observation" or each.key not in contradictory]


def _two_of_one_id(entry: Entry, reader: Reader) -> None:
    with reader.droppable() if entry.kind == "Observation" else nullcontext():
        reader.problem(
            "bundle.duplicate",
            f"{entry.path}.id",
            "Two different resources have this id.",
            "Deux ressources différentes portent cet identifiant.",
            hint="Which one is true?",
            hint_fr="Laquelle est juste ?",
        )


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
