"""Where the values of an Observation were measured: by code, site, method, specimen, profile.

A panel may hold its values as components, or name other Observations as its members: what it says
of the place counts for both.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sepsis_detect.fhir import codes, places
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.concepts import Coding, codings_of, display_of, profile_words, words_of
from sepsis_detect.fhir.observation_codes import Coded
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import Reader


class _Place(NamedTuple):
    """What an Observation and its panels say about all its values."""

    codings: tuple[Coding, ...]
    words: str


Panels = dict[str, list[Entry]]


def panels_of(entries: Iterable[Entry], references: References) -> Panels:
    """The panels that name an Observation as a member, by the path of that one."""
    found: Panels = {}
    for entry in entries:
        members = entry.resource.get("hasMember") if entry.kind == "Observation" else None
        for each in members if isinstance(members, list) else ():
            if member := references.resolve(each, entry):
                found.setdefault(member.path, []).append(entry)
    return found


class ObservationPlaces:
    """Keeps the values that were measured where their code says, and notes the others."""

    def __init__(self, reader: Reader, references: References, panels: Panels):
        """Report to `reader`; `references` resolves specimens."""
        self._reader = reader
        self._references = references
        self._panels = panels

    def kept(self, found: list[Coded], entry: Entry) -> list[Coded]:
        """The variables whose values are what their codes say."""
        place = self._place(entry)
        kept = []
        for each in found:
            code = each.holder.get("code")
            is_part = each.holder is not entry.resource
            codings = (*place.codings, *codings_of(code)) if is_part else place.codings
            words = f"{place.words} {words_of(code)}" if is_part else place.words
            names = places.other_measurement(each.meaning, codings, words)
            if names is not None:
                self._note(each, names)
            elif places.is_venous_ph(each.meaning, words):
                kept.append(each._replace(meaning=codes.VENOUS_PH))
            else:
                kept.append(each)
        return kept

    def _place(self, entry: Entry) -> _Place:
        observation = entry.resource
        panels = self._panels.get(entry.path, [])
        aside = [concept for each in (entry, *panels) for concept in self._aside(each) if concept]
        # A panel of many signs may have any code: only a place that is known by it counts.
        aside += [each.resource.get("code") for each in panels]
        code, categories = observation.get("code"), observation.get("category")
        listed = categories if isinstance(categories, list) else []
        return _Place(
            codings=(
                *codings_of(code),
                *(
                    coding
                    for each in (*aside, *listed)
                    for coding in codings_of(each, is_code=False)
                ),
            ),
            words=" ".join(
                [
                    *map(words_of, (code, *aside)),
                    *(profile_words(each.resource) for each in (entry, *panels)),
                    display_of(observation.get("specimen")),
                    display_of(observation.get("device")),
                ]
            ),
        )

    def _aside(self, entry: Entry) -> list[Any]:
        """Site, method and kind of specimen."""
        specimen = self._references.resolve(entry.resource.get("specimen"), entry)
        kind = specimen.resource.get("type") if specimen is not None else None
        return [entry.resource.get("bodySite"), entry.resource.get("method"), kind]

    def _note(self, each: Coded, names: places.Names) -> None:
        self._reader.note(
            "code.other_place",
            f"{each.path}.code",
            f"The value is {names.en}: not used.",
            f"La valeur est {names.fr} : non utilisée.",
        )
