"""Which places of an Encounter are intensive care, by codes and names.

A Location says it by `type` or `physicalType`, by its name, or by what it is `partOf`: bed, room,
unit. An Encounter says it of itself by `serviceType`, `type` or `class`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sepsis_detect.fhir import location_codes, location_words
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.location_words import Care, Level
from sepsis_detect.fhir.modifiers import is_modified
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import Reader, Resource, quoted

MAX_LEVELS = 8  # bed, room, unit, floor, building ...


@dataclass(frozen=True, slots=True)
class CareLocation:
    """Where a patient was, as far as codes and names say.

    Attributes:
        care: Level of care and kind of unit.
        path: FHIRPath of the element that says so.
        is_named: Whether the location itself has a name.
        is_ward: Whether it is certainly no intensive care, but a place where patients stay.
        is_procedure_room: Whether patients come here for some hours and return.
    """

    care: Care
    path: str
    is_named: bool = False
    is_ward: bool = False
    is_procedure_room: bool = False


class Locations:
    """Reads the places of the Encounters of one request."""

    def __init__(self, references: References, reader: Reader):
        """Report to `reader`."""
        self._references = references
        self._reader = reader
        self._known: dict[str, Care] = {}  # many beds are of one unit

    def of_location(self, holder: Resource, path: str, encounter: Entry) -> CareLocation:
        """The place of one element of `Encounter.location`; the most specific level decides."""
        reference: Any = self._reader.element(holder, "location", path)
        at, owner = f"{path}.location", encounter
        care, _ = self._care(_objects(holder.get("physicalType")), f"{path}.physicalType")
        found, names = CareLocation(care, path if care.level else at), None
        for _ in range(MAX_LEVELS):
            entry = self._location(reference, owner)
            care, where, here = self._level(reference, at, entry)
            names = here if names is None else names
            found = _refined(found, care, where)
            if entry is None:
                break
            reference, at, owner = entry.resource.get("partOf"), f"{entry.path}.partOf", entry
        names = names or ()
        return CareLocation(
            found.care,
            found.path,
            is_named=bool(names),
            is_ward=found.care.level == "lower" or any(map(location_words.is_ward, names)),
            is_procedure_room=any(map(location_words.is_procedure_room, names)),
        )

    def of_encounter(self, encounter: Entry) -> CareLocation | None:
        """What an Encounter says of itself, if that is intensive care."""
        for key in ("serviceType", "type", "class"):
            care, _ = self._care(_objects(encounter.resource.get(key)), f"{encounter.path}.{key}")
            if care.is_icu:
                return CareLocation(care, f"{encounter.path}.{key}")
        return None

    def _location(self, reference: Any, owner: Entry) -> Entry | None:
        found = self._references.resolve(reference, owner)
        if found is None or found.kind != "Location":
            return None
        is_unread = found.container and is_modified(found.resource, found.path, self._reader)
        return None if is_unread else found

    def _level(
        self, reference: Any, at: str, entry: Entry | None
    ) -> tuple[Care, str, tuple[str, ...]]:
        """What one Location says, and the reference to it; the element that says so; its names."""
        display = reference.get("display") if isinstance(reference, dict) else None
        names = _texts([display])
        if entry is None:
            return self._read(names), f"{at}.display", names
        resource = entry.resource
        concepts = [*_objects(resource.get("type")), *_objects(resource.get("physicalType"))]
        if any(_is_larger_than_a_unit(each) for each in _codings(concepts)):
            return Care(), at, names
        alias = resource.get("alias")
        own = _texts([resource.get("name"), *(alias if isinstance(alias, list) else ())])
        coded, is_said = self._care(concepts, f"{entry.path}.type")
        named = self._read(names + own)
        if not (is_said or named.level):
            named = self._read(_texts([resource.get("description")]))
        care = Care(coded.level, coded.kinds or named.kinds) if is_said else named
        return care, entry.path if is_said or own else f"{at}.display", names + own

    def _care(self, concepts: list[Resource], path: str) -> tuple[Care, bool]:
        """What codes say, else the texts of the concepts; whether they say anything."""
        for coding in _codings(concepts):
            if name := self._name(coding, path):
                care = self._read((name,))
                if care.level:
                    return care, True
        texts = [coding.get("display") for coding in _codings(concepts)]
        care = self._read(_texts([*texts, *(each.get("text") for each in concepts)]))
        return care, bool(care.level)

    def _name(self, coding: Resource, path: str) -> str:
        """The published name of a code; a code of a local system is itself a name."""
        system, code = coding.get("system"), coding.get("code")
        if not isinstance(code, str):
            return ""
        if isinstance(system, str):
            known = location_codes.NAMES.get(system)
            return code if known is None else known.get(code, "")
        name = location_codes.ROLES.get(code, code)
        if self._read((name,)).level:
            self._reader.note(
                "code.no_system",
                path,
                f"This coding has no `system`: it is read by its words ({quoted(name)}).",
                f"Ce codage n'a pas de `system` : il est lu par ses mots ({quoted(name)}).",
            )
        return name

    def _read(self, names: tuple[str, ...]) -> Care:
        """What names say together: the first that names a level decides it."""
        found = [self._known.get(name) or self._remember(name) for name in names]
        level: Level = next((each.level for each in found if each.level), "")
        return Care(level, frozenset().union(*(each.kinds for each in found)))

    def _remember(self, name: str) -> Care:
        care = self._known[name] = location_words.read(name)
        return care


def _refined(found: CareLocation, care: Care, path: str) -> CareLocation:
    """What a larger place adds: the level if none is known yet, else the kind of the unit."""
    if not found.care.level:
        return CareLocation(care, path) if care.level else found
    if found.care.is_icu and not found.care.kinds and care.is_icu and care.kinds:
        return CareLocation(Care(found.care.level, care.kinds), path)
    return found


def _objects(value: Any) -> list[Resource]:
    listed = value if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, dict)]


def _codings(concepts: list[Resource]) -> Iterable[Resource]:
    """Codings of concepts; `Encounter.class` is a coding itself."""
    for concept in concepts:
        yield from _objects(concept.get("coding"))
        if "code" in concept:
            yield concept


def _is_larger_than_a_unit(coding: Resource) -> bool:
    code = coding.get("code")
    return isinstance(code, str) and code in location_codes.LARGER_THAN_A_UNIT


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(each for each in values if isinstance(each, str) and each.strip())
