"""Reads Observations of the usual form at once: final, with LOINC codes, UCUM units and a time.

Nearly all Observations are of this form, and a stay has thousands with the same few codes and
units: what these mean is kept in a cache. `observations` reads all others element by element, and
those that need a note or a problem; both give the same measurements.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sepsis_detect.clinical.units import Conversion
from sepsis_detect.fhir import codes, places
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.codes import LOINC, MEANINGS, NOT_INTERCHANGEABLE, UCUM, Meaning, system_of
from sepsis_detect.fhir.concepts import codings_of, profile_words, words_of
from sepsis_detect.fhir.measurements import Measurement, Moment
from sepsis_detect.fhir.modifiers import MODIFIER, RULES
from sepsis_detect.fhir.quantities import VALUE, agrees, conversion_of
from sepsis_detect.fhir.resource_reader import EPOCH, Resource, finite, time_of

# An Observation or component with one of these is read element by element.
NOT_USUAL = frozenset(
    {MODIFIER, RULES, "dataAbsentReason", "device", "focus", "method", "specimen"}
)


class Concept(NamedTuple):
    """A CodeableConcept that can be a key of a cache.

    Attributes:
        codings: System, code and display of each.
        text: Its words.
    """

    codings: tuple[tuple[str, str, str | None], ...] = ()
    text: str | None = None

    def as_sent(self) -> Resource:
        """The JSON object."""
        keys = ("system", "code", "display")
        return {
            "coding": [dict(zip(keys, each, strict=True)) for each in self.codings],
            "text": self.text,
        }


class Surroundings(NamedTuple):
    """What stands beside a code and tells the place: panel, site, URLs of the profiles."""

    panel: Concept
    site: Concept
    profiles: tuple[str, ...]


NO_CONCEPT = Concept()


class UsualObservations:
    """Reads Observations of the usual form."""

    def __init__(self, latest: datetime):
        """A time after `latest` lies in the future."""
        self._latest = latest
        self._moments: dict[str, Moment] = {}  # many Observations have the same time

    def read(self, entry: Entry) -> list[Measurement]:
        """The measurements of an Observation; empty: it is to be read element by element."""
        observation = entry.resource
        if observation.get("status") != "final" or not NOT_USUAL.isdisjoint(observation):
            return []
        if any(MODIFIER in part for part in observation.values() if type(part) is dict):
            return []
        try:
            return self._read(entry, observation)
        except (KeyError, TypeError, ValueError, AttributeError):  # absent, or of another type
            return []

    def _read(self, entry: Entry, observation: Resource) -> list[Measurement]:
        text = observation["effectiveDateTime"]
        moment = self._moments.get(text) or self._new_moment(text)
        if moment is None or _is_outside(observation.get("category", ())):
            return []
        code = _concept(observation["code"])
        site = _concept(observation["bodySite"]) if "bodySite" in observation else NO_CONCEPT
        has_profiles = "meta" in observation and "profile" in observation["meta"]
        profiles = tuple(observation["meta"]["profile"]) if has_profiles else ()
        if "component" not in observation:
            beside = Surroundings(NO_CONCEPT, site, profiles)
            measured = _measurement(observation, code, beside, moment, entry.path, entry)
            return [] if measured is None else [measured]
        if VALUE in observation or not _is_mere_panel(code):
            return []
        beside = Surroundings(code, site, profiles)
        found = []
        for index, part in enumerate(observation["component"]):
            path = f"{entry.path}.component[{index}]"
            measured = _measurement(part, _concept(part["code"]), beside, moment, path, entry)
            if measured is None or not NOT_USUAL.isdisjoint(part):
                return []
            found.append(measured)
        return found

    def _new_moment(self, text: Any) -> Moment | None:
        """A time that was not sent before; None if it needs a note or a problem."""
        found = time_of(text)
        if found is None or found.tzinfo is None or found > self._latest:
            return None
        moment = self._moments[text] = Moment(found, (found - EPOCH).total_seconds())
        return moment


def _concept(sent: Resource) -> Concept:
    """A CodeableConcept without modifiers.

    Raises:
        ValueError: It has a modifier.
    """
    listed = sent.get("coding", ())
    if MODIFIER in sent or any(MODIFIER in each for each in listed):
        raise ValueError(MODIFIER)
    codings = [(each["system"], each["code"], each.get("display")) for each in listed]
    return Concept(tuple(codings), sent.get("text"))


def _measurement(
    holder: Resource, code: Concept, beside: Surroundings, moment: Moment, path: str, entry: Entry
) -> Measurement | None:
    """The measurement of an Observation or component; None if it is not of the usual form."""
    quantity = holder[VALUE]
    unit = (quantity["system"], quantity["code"], quantity.get("unit", ""))
    known, number = _known(code, beside, unit), finite(quantity["value"])
    if known is None or number is None or "comparator" in quantity or MODIFIER in quantity:
        return None
    return Measurement(known[0], number, known[1], moment, f"{path}.{VALUE}", entry)


@lru_cache(maxsize=4_096)
def _known(
    code: Concept, beside: Surroundings, unit: tuple[str, str, str]
) -> tuple[Meaning, Conversion] | None:
    """Meaning and conversion of a code in a unit; None if they need a note or a problem.

    Args:
        code: Of the Observation or component.
        beside: What tells the place.
        unit: System, code and text.
    """
    unit_system, unit_code, unit_text = unit
    loinc = _loinc(code)
    meanings = {MEANINGS.get(each) for each in loinc}
    meaning = meanings.pop() if len(meanings) == 1 else None
    if meaning is None or meaning.caution_en or codes.SATURATION in loinc:
        return None
    if system_of(unit_system) != UCUM or _is_elsewhere(meaning, code, beside):
        return None
    conversion = conversion_of(meaning, unit_code)
    if conversion is None or not agrees(meaning, unit_code, unit_text):
        return None
    return meaning, conversion


def _is_elsewhere(meaning: Meaning, code: Concept, beside: Surroundings) -> bool:
    """Whether the place needs a note, as `observation_places` finds it."""
    own, panel, site = code.as_sent(), beside.panel.as_sent(), beside.site.as_sent()
    codings = (*codings_of(panel), *codings_of(own), *codings_of(site, is_code=False))
    profiles = profile_words({"meta": {"profile": list(beside.profiles)}})
    words = " ".join([words_of(panel), words_of(site), profiles, words_of(own)])
    names = places.other_measurement(meaning, codings, words)
    return names is not None or places.is_venous_ph(meaning, words)


@lru_cache(maxsize=1_024)
def _is_mere_panel(code: Concept) -> bool:
    """Whether a code measures nothing itself."""
    return not any(
        each in MEANINGS or each in NOT_INTERCHANGEABLE or each == codes.SATURATION
        for each in _loinc(code)
    )


def _loinc(code: Concept) -> set[str]:
    return {each for system, each, _ in code.codings if system_of(system) == LOINC}


def _is_outside(categories: Any) -> bool:
    """Whether a category is that of an extracorporeal circuit."""
    return any(
        coding["code"] == places.EXTRACORPOREAL[1]
        for concept in categories
        for coding in concept["coding"]
    )
