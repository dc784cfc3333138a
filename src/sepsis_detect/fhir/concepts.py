"""Codings and words of CodeableConcepts and profiles, whatever their other elements are.

What is of another type than FHIR says has no coding and no word here; where it matters, `Reader`
reports it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sepsis_detect.fhir.codes import system_of
from sepsis_detect.fhir.resource_reader import Resource

MAX_LENGTH = 200  # characters of a display or a text that are read


class Coding(NamedTuple):
    """One coding.

    Attributes:
        system: Its code system as `codes.system_of` names it.
        code: The code.
        display: Its words.
        is_code: Whether it is a coding of `code`, not of a site, a method or a category.
    """

    system: str
    code: str
    display: str = ""
    is_code: bool = True


def codings_of(concept: Any, *, is_code: bool = True) -> Iterator[Coding]:
    """The codings of a CodeableConcept that have a system and a code."""
    for coding in _listed(concept, "coding"):
        system, code = coding.get("system"), coding.get("code")
        if isinstance(system, str) and isinstance(code, str):
            yield Coding(system_of(system), code, display_of(coding), is_code)


def words_of(concept: Any) -> str:
    """Text and displays of a CodeableConcept."""
    if not isinstance(concept, dict):
        return ""
    displays = [display_of(coding) for coding in _listed(concept, "coding")]
    return " ".join([_plain(concept.get("text")), *displays])


def display_of(element: Any) -> str:
    """The `display` of a Coding or a Reference; empty: none."""
    return _plain(element.get("display")) if isinstance(element, dict) else ""


def profile_words(resource: Resource) -> str:
    """The last parts of the URLs of a resource's profiles, as words."""
    urls = _listed(resource.get("meta"), "profile", str)
    return " ".join(_plain(url.rpartition("/")[2].replace("-", " ")) for url in urls)


def _plain(text: Any) -> str:
    return text[:MAX_LENGTH].replace("_", " ") if isinstance(text, str) else ""


def _listed(holder: Any, key: str, kind: type = dict) -> list[Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    return [each for each in found if isinstance(each, kind)] if isinstance(found, list) else []
