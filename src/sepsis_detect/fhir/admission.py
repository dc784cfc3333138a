"""Admission to intensive care, from Encounters and their locations.

Intensive care is recognised by the type of a Location resource (HL7 role code `ICU`) or by words in
the name of a location, in English or French.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from sepsis_detect.fhir.bundle import Entry, References
from sepsis_detect.fhir.modifiers import is_modified
from sepsis_detect.fhir.resource_reader import HOUR, Reader, Resource

INTENSIVE_CARE = re.compile(
    r"\b(m|s|n|b|cv|ct|ts|cc)?icu\b|\bcsru\b|intensive|critical care"
    r"|r[ée]animation|\br[ée]a\b|soins intensifs|\busi\b",
    re.IGNORECASE,
)
MEDICAL = re.compile(r"\bmicu\b|\bm[ée]dical(e|es)?\b|\bm[ée]dico-?", re.IGNORECASE)
SURGICAL = re.compile(
    r"\b(s|ts|cv|ct)icu\b|\bcsru\b|surgical|surgery|chirurgical|chirurgie", re.IGNORECASE
)
ICU_ROLE = "ICU"
T = TypeVar("T")
# Tuples, not sets: the value compared may be of any type.
ENCOUNTER_STATUS_IGNORED = ("cancelled", "entered-in-error", "planned")
LOCATION_STATUS_IGNORED = ("planned", "reserved")


@dataclass(frozen=True, slots=True)
class Admission:
    """An admission to intensive care; unknown parts are None or empty.

    Attributes:
        started_at: When intensive care began; `path` is its FHIRPath.
        hospital_at: When the hospital stay began; `hospital_path` is its FHIRPath.
        icu_unit: `medical` or `surgical`; `icu_unit_path` is its FHIRPath.
        encounter: The Encounter.
    """

    started_at: datetime | None = None
    path: str = ""
    hospital_at: datetime | None = None
    hospital_path: str = ""
    icu_unit: str | None = None
    icu_unit_path: str = ""
    encounter: Entry | None = None

    @property
    def hospital_hour(self) -> float | None:
        """Hours from ICU admission to hospital admission, usually negative."""
        if self.started_at is None or self.hospital_at is None:
            return None
        return (self.hospital_at - self.started_at) / HOUR


@dataclass(frozen=True, slots=True)
class _Place:
    started_at: datetime
    ended_at: datetime | None
    path: str
    text: str
    encounter: Entry


def find(
    encounters: list[Entry], last: datetime | None, references: References, reader: Reader
) -> Admission:
    """The admission to which the last measurement belongs.

    Args:
        encounters: Encounters of the patient.
        last: Time of the last measurement.
        references: Resolves Locations and parent Encounters.
        reader: Receives problems and notes.
    """
    present = [
        each for each in encounters if each.resource.get("status") not in ENCOUNTER_STATUS_IGNORED
    ]
    places = [place for each in present for place in _places(each, references, reader)]
    if places:
        chosen = _last_before(last, places, key=attrgetter("started_at"))
        first = _first_of(chosen, places)
        hospital_at, hospital_path = _hospital(chosen.encounter, references, reader)
        icu_unit = _icu_unit(chosen.text)
        return Admission(
            started_at=first.started_at,
            path=f"{first.path}.period.start",
            hospital_at=hospital_at,
            hospital_path=hospital_path,
            icu_unit=icu_unit,
            icu_unit_path=f"{chosen.path}.location.display" if icu_unit else "",
            encounter=chosen.encounter,
        )
    return _by_encounter(present, last, reader)


def _by_encounter(present: list[Entry], last: datetime | None, reader: Reader) -> Admission:
    begun = [
        (moment, path, each)
        for each in present
        for moment, path in [_start(each.resource, each.path, reader)]
        if moment is not None
    ]
    if not begun:
        reader.note(
            "icu.start_unknown",
            present[0].path if present else "Bundle",
            "Admission to intensive care is not known: hours count from the first measurement.",
            "Admission en réanimation inconnue : heures comptées depuis la première mesure.",
        )
        return Admission(encounter=present[0] if present else None)
    moment, path, encounter = _last_before(last, begun, key=itemgetter(0))
    reader.note(
        "icu.start_assumed",
        path,
        "No location of this encounter is known as intensive care: its own start is used.",
        "Aucun lieu de ce séjour n'est reconnu comme réanimation : le début du séjour est utilisé.",
    )
    return Admission(started_at=moment, path=path, encounter=encounter)


def _places(encounter: Entry, references: References, reader: Reader) -> Iterable[_Place]:
    for location, path in reader.elements(encounter.resource, "location", encounter.path):
        if location.get("status") in LOCATION_STATUS_IGNORED:
            continue
        if is_modified(location, path, reader):
            continue
        reference = reader.element(location, "location", path)
        found = references.resolve(reference)
        resource = found.resource if found is not None and found.kind == "Location" else {}
        text = " ".join(_words(reference, resource, encounter.resource))
        if not (_is_icu(resource) or INTENSIVE_CARE.search(text)):
            continue
        period = reader.element(location, "period", path)
        if "start" not in period:
            continue
        started_at = reader.moment(period["start"], f"{path}.period.start")
        ended_at = None
        if "end" in period:
            ended_at = reader.moment(period["end"], f"{path}.period.end", may_lie_ahead=True)
        if started_at is not None:
            yield _Place(started_at, ended_at, path, text, encounter)


def _words(reference: Resource, location: Resource, encounter: Resource) -> Iterable[str]:
    service = encounter.get("serviceType")
    words = [reference.get("display"), location.get("name"), location.get("description")]
    words += [service.get("text")] if isinstance(service, dict) else []
    return [word[:200] for word in words if isinstance(word, str)]


def _is_icu(location: Resource) -> bool:
    return any(
        coding.get("code") == ICU_ROLE
        for concept in _objects(location.get("type"))
        for coding in _objects(concept.get("coding"))
    )


def _objects(value: Any) -> list[Resource]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _last_before(last: datetime | None, found: list[T], key: Callable[[T], datetime]) -> T:
    """The last one that began by the time of the last measurement, else the first."""
    before = [each for each in found if last is None or key(each) <= last]
    return max(before, key=key) if before else min(found, key=key)


def _first_of(chosen: _Place, places: list[_Place]) -> _Place:
    """The first place of an unbroken sequence of places that ends with the chosen one."""
    first = chosen
    for place in sorted(places, key=lambda each: each.started_at, reverse=True):
        is_before = place.started_at < first.started_at
        if is_before and place.ended_at and place.ended_at >= first.started_at - HOUR:
            first = place
    return first


def _icu_unit(text: str) -> str | None:
    is_medical, is_surgical = bool(MEDICAL.search(text)), bool(SURGICAL.search(text))
    if is_medical == is_surgical:  # a mixed unit is neither
        return None
    return "medical" if is_medical else "surgical"


def _hospital(
    encounter: Entry, references: References, reader: Reader
) -> tuple[datetime | None, str]:
    """Start of the outermost Encounter that this one is part of, with its FHIRPath."""
    seen = {id(encounter)}
    start = _start(encounter.resource, encounter.path, reader)
    while (
        (parent := references.resolve(encounter.resource.get("partOf"))) is not None
        and parent.kind == "Encounter"
        and id(parent) not in seen
    ):
        seen.add(id(parent))
        encounter = parent
        of_parent = _start(parent.resource, parent.path, reader)
        start = of_parent if of_parent[0] is not None else start
    return start


def _start(encounter: Resource, path: str, reader: Reader) -> tuple[datetime | None, str]:
    period = reader.element(encounter, "period", path)
    at = f"{path}.period.start"
    return (reader.moment(period["start"], at) if "start" in period else None), at
