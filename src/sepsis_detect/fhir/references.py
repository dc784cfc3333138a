"""Resolves references between the resources of a request.

A reference is relative (`Patient/p1`), an absolute URL, a `urn:uuid`, any of them with a version
(`/_history/3`), or names a contained resource (`#p1`). Nothing is fetched.

Source: https://hl7.org/fhir/R4/bundle.html#references
"""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.resource_reader import Reader

# A resource cannot be part of itself. Other references may be circular: an Encounter may name as
# its reason an Observation that was made in it.
HIERARCHIES = ("partOf", "hasMember", "derivedFrom")


class References:
    """Resolves references to the resources of a request."""

    def __init__(self, entries: Iterable[Entry]):
        """Index the resources by id and by full URL."""
        self._by_name: dict[str, Entry] = {}
        for entry in entries:
            for name in (entry.key, entry.full_url):
                if name:
                    self._by_name.setdefault(name, entry)

    def key(self, reference: str) -> str:
        """The key of a reference: `Patient/p1` for its URL, its version and its urn:uuid."""
        if entry := self._by_name.get(reference):
            return entry.key
        parts = reference.split("/_history/")[0].split("/")
        return "/".join(parts[-2:]) if len(parts) > 1 else reference

    def resolve(self, reference: Any, holder: Entry | None = None) -> Entry | None:
        """The resource that a `Reference` points to; None if it is not in the request.

        Args:
            reference: As sent.
            holder: The resource that holds it: `#l1` is contained in that one.
        """
        text = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(text, str):
            return None
        if text.startswith("#"):
            return None if holder is None else contained(text[1:], holder)
        return self._by_name.get(text) or self._by_name.get(self.key(text))

    def find_circle(self, entries: Iterable[Entry], reader: Reader) -> None:
        """Refuse resources that are part of themselves."""
        parts = {
            entry.path: [part.path for part in found]
            for entry in entries
            if (found := self._parts(entry))
        }
        try:
            TopologicalSorter(parts).prepare()
        except CycleError as error:
            reader.problem(
                "fhir.circular",
                error.args[1][0],
                "The references go in a circle: this resource is part of itself.",
                "Les références tournent en rond : cette ressource fait partie d'elle-même.",
                kind="incoherent",
            )

    def _parts(self, entry: Entry) -> list[Entry]:
        found = []
        for key in HIERARCHIES:
            if key not in entry.resource:
                continue
            value = entry.resource[key]
            listed = value if isinstance(value, list) else [value]
            found += [part for each in listed if (part := self.resolve(each)) is not None]
        return found


def contained(id_: str, holder: Entry) -> Entry | None:
    """The resource with an id inside another one, or beside it if that is contained itself."""
    container = holder.container or holder
    listed = container.resource.get("contained")
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        kind = each.get("resourceType") if isinstance(each, dict) else None
        if isinstance(kind, str) and each.get("id") == id_:
            path = f"{container.path}.contained[{index}]"
            return Entry(each, path, "", kind, "", container)
    return None
