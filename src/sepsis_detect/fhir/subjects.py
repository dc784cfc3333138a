"""Whose the resources are: all must be of one patient.

A subject is a reference to a Patient, a contained Patient, an identifier, or absent. What says that
it is of another person is refused; what cannot be compared has a sentence of its own.
"""

from contextlib import nullcontext
from typing import Any, NamedTuple
from urllib.parse import unquote

from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.references import References, contained
from sepsis_detect.fhir.resource_reader import Reader, Resource

Identifiers = dict[str, set[str]]  # values by system
OTHER_PATIENT = "bundle.two_patients"
NO_PATIENTS = frozenset({"Group", "Device", "Location"})  # what else a subject may be in FHIR R4


class Fault(NamedTuple):
    """Why a resource is not used: a rule, empty if it is reported already; and its FHIRPath."""

    rule: str
    path: str


def find_patient(entries: list[Entry], reader: Reader) -> Entry | None:
    """The Patient, if sent; two different ones are a problem, the same one twice is not."""
    patients = [entry for entry in entries if entry.kind == "Patient"]
    others = [each for each in patients if each.resource != patients[0].resource]
    if others:
        _two_patients(others[0].path, reader)
    return patients[0] if patients else None


class Subjects:
    """Compares the subjects of the resources of one request.

    Attributes:
        person: The Patient: sent, or contained in another resource.
        name: Reference to the patient: `Patient/p1`; empty when there is none.
    """

    def __init__(self, person: Entry | None, references: References, reader: Reader):
        """Compare with `person`, if that was sent."""
        self.person = person
        self.name = person.key if person is not None else ""
        self._references = references
        self._reader = reader
        self._known: dict[str, str] = {}
        self._reported: set[str] = set()

    def own(self, entries: list[Entry]) -> list[Entry]:
        """The resources of the patient; the others are a problem.

        Where a Patient says whose they are, and some Observations are, the others may be dropped.
        Without one, it is not known which of them are the patient's.
        """
        is_known = self.person is not None
        found = [(entry, self._fault(entry)) for entry in entries]
        kept = [entry for entry, fault in found if fault is None]
        has_own = any(entry.kind == "Observation" for entry in kept)
        is_dropping = is_known and has_own and self._reader.is_dropping
        for entry, fault in found:
            if fault is not None and fault.rule:
                self._report(fault, entry, is_dropping=is_dropping)
        return kept

    def _fault(self, entry: Entry) -> Fault | None:
        """Why a resource is not known to be of the patient; None: it is."""
        subject = entry.resource.get("subject")
        path = f"{entry.path}.subject"
        reference = subject.get("reference") if isinstance(subject, dict) else None
        if not isinstance(reference, str):
            if not self._is_readable(entry, path):
                return Fault("", path)
            reference = ""
        fault = self._fault_of(reference, f"{path}.reference", entry) if reference else None
        return fault or self._fault_of_identifier(subject, path)

    def _is_readable(self, entry: Entry, path: str) -> bool:
        n_found = self._reader.n_found
        with self._reader.droppable() if entry.kind == "Observation" else nullcontext():
            subject = self._reader.element(entry.resource, "subject", entry.path)
            self._reader.text(subject, "reference", path)
        return self._reader.n_found == n_found

    def _fault_of_identifier(self, subject: Any, path: str) -> Fault | None:
        if self.person is None or not isinstance(subject, dict) or "identifier" not in subject:
            return None
        is_contradicted = is_other({"identifier": [subject["identifier"]]}, self.person.resource)
        return Fault(OTHER_PATIENT, f"{path}.identifier") if is_contradicted else None

    def _fault_of(self, reference: str, path: str, entry: Entry) -> Fault | None:
        if reference.startswith("#"):
            return self._fault_of_contained(reference[1:], path, entry)
        if "?" in reference:
            return None if self._matches(reference) else Fault("subject.conditional", path)
        if reference not in self._known:
            self._known[reference] = self._references.key(reference)
        name = self._known[reference]
        kind, is_of_kind, _ = name.partition("/")
        if is_of_kind and kind in NO_PATIENTS:
            return Fault("subject.no_patient", path)
        self.name = self.name or name
        if name == self.name:
            return None
        is_nowhere = name.startswith("urn:") and self.person is not None
        return Fault("subject.unknown" if is_nowhere else OTHER_PATIENT, path)

    def _fault_of_contained(self, id_: str, path: str, entry: Entry) -> Fault | None:
        found = contained(id_, entry)
        if found is None:
            return Fault("subject.not_contained", path)
        if found.kind != "Patient":
            return Fault("subject.no_patient", path)
        self.person = self.person or found
        if is_other(found.resource, self.person.resource):
            return Fault(OTHER_PATIENT, path)
        if not is_same(found.resource, self.person.resource):
            self._reader.note("subject.contained", path, *SENTENCES["subject.contained"])
        return None

    def _matches(self, conditional: str) -> bool:
        """Whether `Patient?identifier=system|value` is an identifier of the patient."""
        kind, _, query = conditional.partition("?")
        key, _, token = query.partition("=")
        system, _, value = unquote(token).partition("|")
        known = _identifiers(self.person.resource) if self.person is not None else {}
        return kind == "Patient" and key == "identifier" and value in known.get(system, ())

    def _report(self, fault: Fault, entry: Entry, *, is_dropping: bool) -> None:
        """Drop a resource, or refuse the request: each rule once, as what follows is the same."""
        if is_dropping:
            self._drop(fault, entry)
        elif fault.rule not in self._reported:
            self._reported.add(fault.rule)
            if fault.rule == OTHER_PATIENT:
                _two_patients(fault.path, self._reader)
            else:
                sentences = SENTENCES[fault.rule]
                self._reader.problem(fault.rule, fault.path, *sentences, kind="incoherent")

    def _drop(self, fault: Fault, entry: Entry) -> None:
        rule, sentences = fault.rule, SENTENCES.get(fault.rule)
        if sentences is None:
            rule = "bundle.other_patient"
            sentences = (
                f"This {entry.kind} is of another patient.",
                f"{entry.kind} d'un autre patient.",
            )
        with self._reader.droppable():
            self._reader.problem(rule, fault.path, *sentences)


SENTENCES = {
    "subject.contained": (
        "The subject is a contained Patient without identifier in common with the Patient sent; "
        "nothing contradicts it: taken as the same person.",
        "Le sujet est un Patient contenu, sans identifiant commun avec le Patient envoyé ; rien ne "
        "le contredit : considéré comme la même personne.",
    ),
    "subject.not_contained": (
        "The subject refers to a contained resource that was not sent.",
        "Le sujet désigne une ressource contenue qui n'a pas été envoyée.",
    ),
    "subject.conditional": (
        "A conditional reference is not resolved here: name the Patient of the request by its id.",
        "Une référence conditionnelle n'est pas résolue ici : désignez le Patient par son id.",
    ),
    "subject.no_patient": (
        "The subject is no patient, but a group, a device or a place.",
        "Le sujet n'est pas un patient, mais un groupe, un appareil ou un lieu.",
    ),
    "subject.unknown": (
        "The subject refers to a resource that was not sent.",
        "Le sujet désigne une ressource qui n'a pas été envoyée.",
    ),
}


def is_other(one: Resource, other: Resource) -> bool:
    """Whether two Patients contradict each other: identifier, sex, birth date or family name."""
    first, second = _identifiers(one), _identifiers(other)
    if any(not values & second[system] for system, values in first.items() if system in second):
        return True
    names = _family_names(one), _family_names(other)
    if all(names) and not names[0] & names[1]:
        return True
    return any(_differ(one.get(key), other.get(key)) for key in ("gender", "birthDate"))


def is_same(one: Resource, other: Resource) -> bool:
    """Whether two Patients that do not contradict each other are certainly one person."""
    first, second = _identifiers(one), _identifiers(other)
    has_common = any(values & second.get(system, set()) for system, values in first.items())
    contents = [
        {key: each[key] for key in each if key not in ("id", "meta")} for each in (one, other)
    ]
    return has_common or contents[0] == contents[1]


def _differ(one: Any, other: Any) -> bool:
    """Whether two texts contradict each other; a year does not contradict a day of it."""
    if not (isinstance(one, str) and isinstance(other, str)) or "unknown" in (one, other):
        return False
    return not (one.startswith(other) or other.startswith(one))


def _identifiers(person: Resource) -> Identifiers:
    found: Identifiers = {}
    listed = person.get("identifier")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            system, value = each.get("system"), each.get("value")
            if isinstance(system, str) and isinstance(value, str):
                found.setdefault(system, set()).add(value)
    return found


def _family_names(person: Resource) -> set[str]:
    listed = person.get("name")
    names = (
        [each.get("family") for each in listed if isinstance(each, dict)]
        if isinstance(listed, list)
        else []
    )
    return {each.casefold().strip() for each in names if isinstance(each, str)}


def _two_patients(path: str, reader: Reader) -> None:
    reader.problem(
        OTHER_PATIENT,
        path,
        "Resources of more than one patient were sent.",
        "Des ressources de plusieurs patients ont été envoyées.",
        kind="incoherent",
        hint="Send one patient at a time.",
        hint_fr="Envoyez un seul patient à la fois.",
    )
