"""Whose the resources are: all must be of one patient.

A subject is a reference to a Patient, a contained Patient, an identifier, or absent. What says that
it is of another person is refused; what cannot be compared has a sentence of its own.
"""

from typing import Any

from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.references import References, contained
from sepsis_detect.fhir.resource_reader import Reader, Resource

Identifiers = dict[str, set[str]]  # values by system


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

    def check(self, entry: Entry) -> None:
        """Compare the subject of one resource with the patient."""
        sent = entry.resource.get("subject")
        subject = (
            sent
            if isinstance(sent, dict)
            else self._reader.element(entry.resource, "subject", entry.path)
        )
        path = f"{entry.path}.subject"
        reference = self._reader.text(subject, "reference", path)
        if reference:
            self._check_reference(reference, f"{path}.reference", entry)
        if "identifier" in subject and self.person is not None:
            logical = {"identifier": [subject["identifier"]]}
            if is_other(logical, self.person.resource):
                self._report("bundle.two_patients", f"{path}.identifier")

    def _check_reference(self, reference: str, path: str, entry: Entry) -> None:
        if reference.startswith("#"):
            self._check_contained(reference[1:], path, entry)
            return
        if "?" in reference:
            if not self._matches(reference):
                self._report("subject.conditional", path)
            return
        if reference not in self._known:
            self._known[reference] = self._references.key(reference)
        name = self._known[reference]
        self.name = self.name or name
        if name != self.name:
            is_nowhere = name.startswith("urn:") and self.person is not None
            self._report("subject.unknown" if is_nowhere else "bundle.two_patients", path)

    def _check_contained(self, id_: str, path: str, entry: Entry) -> None:
        found = contained(id_, entry)
        if found is None:
            self._report("subject.not_contained", path)
        elif found.kind != "Patient":
            self._report("bundle.two_patients", path)
        elif self.person is None:
            self.person = found
        elif is_other(found.resource, self.person.resource):
            self._report("bundle.two_patients", path)
        elif not is_same(found.resource, self.person.resource):
            self._report("subject.contained", path)

    def _matches(self, conditional: str) -> bool:
        """Whether `Patient?identifier=system|value` is an identifier of the patient."""
        kind, _, query = conditional.partition("?")
        key, _, token = query.partition("=")
        system, _, value = token.partition("|")
        known = _identifiers(self.person.resource) if self.person is not None else {}
        return kind == "Patient" and key == "identifier" and value in known.get(system, ())

    def _report(self, rule: str, path: str) -> None:
        """Each rule once: what follows is usually the same."""
        if rule in self._reported:
            return
        self._reported.add(rule)
        if rule == "bundle.two_patients":
            _two_patients(path, self._reader)
        elif rule == "subject.contained":
            self._reader.note(rule, path, *SENTENCES[rule])
        else:
            self._reader.problem(rule, path, *SENTENCES[rule], kind="incoherent")


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
        "bundle.two_patients",
        path,
        "Resources of more than one patient were sent.",
        "Des ressources de plusieurs patients ont été envoyées.",
        kind="incoherent",
        hint="Send one patient at a time.",
        hint_fr="Envoyez un seul patient à la fois.",
    )
