"""Reads Observations as measurements: variable, status, time, value and unit of each.

An Observation that is not used for a known reason (another analyte or place, an unknown code, no
value, a modifier) is noted. One of our variables that cannot be read (an unknown unit, a time
without offset) refuses the request, or is left out and noted where the policy is `drop`.
"""

from functools import lru_cache
from typing import Any

from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.fhir import codes, places
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.codes import LOINC, MEANINGS, UCUM, Meaning, system_of
from sepsis_detect.fhir.concepts import codings_of, profile_words, words_of
from sepsis_detect.fhir.measurements import Measurement, Moment
from sepsis_detect.fhir.modifiers import MODIFIER, RULES, is_modified
from sepsis_detect.fhir.observation_codes import Coded, ObservationCodes
from sepsis_detect.fhir.observation_places import ObservationPlaces, Panels
from sepsis_detect.fhir.quantities import VALUE, Quantities, agrees, conversion_of
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import EPOCH, Reader, Resource, finite, quoted, time_of

STATUS_USED = frozenset({"final", "amended", "corrected", "preliminary"})
STATUS_WITHDRAWN = frozenset({"entered-in-error", "cancelled"})
STATUS_WITHOUT_RESULT = frozenset({"registered", "unknown"})
TIMES = ("effectiveDateTime", "effectiveInstant", "effectivePeriod")

# An Observation with one of these is read element by element.
NOT_SIMPLE = frozenset(
    {
        MODIFIER,
        RULES,
        "bodySite",
        "component",
        "dataAbsentReason",
        "focus",
        "method",
        "specimen",
    }
)


class Observations:
    """Reads the Observations of one patient.

    Attributes:
        measurements: The values that could be read, in the order sent.
    """

    def __init__(self, reader: Reader, references: References, subject: str, panels: Panels):
        """Report to `reader`; `subject` is the reference to the patient, empty if not known."""
        self._reader = reader
        self._references = references
        self._subject = subject
        self._codes = ObservationCodes(reader)
        self._places = ObservationPlaces(reader, references, panels)
        self._panels = panels
        self._quantities = Quantities(reader)
        self._moments: dict[str, Moment] = {}  # many Observations have the same time
        self.measurements: list[Measurement] = []

    def read(self, entry: Entry) -> None:
        """Read one Observation."""
        if measurement := self._simple(entry, entry.resource):
            self.measurements.append(measurement)
            return
        status = entry.resource.get("status")
        if not (isinstance(status, str) and status in STATUS_WITHDRAWN):
            with self._reader.droppable():
                self._read(entry, entry.resource, status)

    def finish(self) -> None:
        """Note the unknown codes."""
        self._codes.finish()

    def _read(self, entry: Entry, observation: Resource, status: Any) -> None:
        path = entry.path
        found = self._codes.coded(observation, path)
        n_found = self._reader.n_found
        with self._reader.about(*_labels(found)):
            if not found or not self._is_usable(status, path):
                return
            if self._is_altered(observation, path):
                return
            found = self._places.kept(found, entry)
            moment = self._moment(observation, path) if found else None
        if moment is None or self._reader.n_found > n_found:
            return
        for coded in found:
            if coded.holder is not observation and is_modified(
                coded.holder, coded.path, self._reader
            ):
                continue
            with self._reader.about(*_labels([coded])):
                quantity = self._quantities.read(coded)
            if quantity is not None:
                at = f"{coded.path}.{VALUE}"
                self.measurements.append(Measurement(coded.meaning, *quantity, moment, at, entry))

    def _simple(self, entry: Entry, observation: Resource) -> Measurement | None:
        """The measurement of an Observation with one known code, one value and a UCUM unit.

        Nearly all are of this form. None for any other, which is then read element by element.
        """
        if observation.get("status") != "final" or not NOT_SIMPLE.isdisjoint(observation):
            return None
        if entry.path in self._panels:
            return None
        try:
            concept, quantity = observation["code"], observation[VALUE]
            (coding,) = concept["coding"]
            if MODIFIER in concept or MODIFIER in coding or MODIFIER in quantity:
                return None
            value, text = quantity["value"], observation["effectiveDateTime"]
            moment = self._moments.get(text) or self._new_moment(text)
            known = _simple(
                (coding["system"], coding["code"], coding.get("display"), concept.get("text")),
                (quantity["system"], quantity["code"], quantity.get("unit", "")),
                tuple(observation["meta"]["profile"]) if _has_profiles(observation) else (),
            )
            is_outside = _is_outside(observation.get("category", ()))
        except (KeyError, TypeError, ValueError, AttributeError):  # absent, or of another type
            return None
        number = finite(value)
        if known is None or moment is None or number is None or "comparator" in quantity:
            return None
        if is_outside:
            return None
        return Measurement(known[0], number, known[1], moment, f"{entry.path}.{VALUE}", entry)

    def _new_moment(self, text: Any) -> Moment | None:
        """A time that was not sent before; None if it needs a note or a problem."""
        found = time_of(text)
        if found is None or found.tzinfo is None or found > self._reader.latest:
            return None
        moment = self._moments[text] = Moment(found, (found - EPOCH).total_seconds())
        return moment

    # --- What changes the meaning ---

    def _is_altered(self, observation: Resource, path: str) -> bool:
        """Whether an Observation means something else than its code says; then it is noted."""
        if is_modified(observation, path, self._reader):
            return True
        for reference, at in self._reader.elements(observation, "focus", path):
            stated = reference.get("reference")
            key = self._references.key(stated) if isinstance(stated, str) else ""
            if not key or key != self._subject:
                self._reader.note(
                    "focus.other",
                    at,
                    "The Observation is about somebody or something else (`focus`): not used.",
                    "L'Observation porte sur autre chose que le patient (`focus`) : non utilisée.",
                )
                return True
        return False

    # --- Status and time ---

    def _is_usable(self, status: Any, path: str) -> bool:
        if status == "final":
            return True
        if status == "preliminary":
            self._reader.note(
                "status.preliminary",
                f"{path}.status",
                "A preliminary result is used.",
                "Un résultat provisoire est utilisé.",
            )
        elif not isinstance(status, str):
            self._reader.missing(f"{path}.status", "A `status`", "Un `status`")
        elif status in STATUS_WITHOUT_RESULT:
            self._reader.note(
                "status.unused",
                f"{path}.status",
                f"Status {status}: not used.",
                f"Statut {status} : non utilisé.",
            )
        elif status not in STATUS_USED:
            self._reader.problem(
                "code.status",
                f"{path}.status",
                f"`{quoted(status)}` is not a status of an Observation.",
                f"`{quoted(status)}` n'est pas un statut d'Observation.",
            )
        return isinstance(status, str) and status in STATUS_USED

    def _moment(self, observation: Resource, path: str) -> Moment | None:
        key = next((key for key in TIMES if key in observation), None)
        if key is None:
            self._no_time(observation, path)
            return None
        text, at = observation[key], f"{path}.{key}"
        if key == "effectivePeriod":
            period, at = self._reader.element(observation, key, path), f"{at}.start"
            if "start" not in period:
                self._reader.missing(
                    at, "The `start` of `effectivePeriod`", "Le `start` de `effectivePeriod`"
                )
                return None
            text = period["start"]
        found = self._reader.moment(text, at)
        return None if found is None else Moment(found, (found - EPOCH).total_seconds())

    def _no_time(self, observation: Resource, path: str) -> None:
        if "effectiveTiming" not in observation:
            self._reader.missing(
                f"{path}.effectiveDateTime",
                "The time of the measurement (`effectiveDateTime`)",
                "L'heure de la mesure (`effectiveDateTime`)",
            )
            return
        self._reader.problem(
            "time.timing",
            f"{path}.effectiveTiming",
            "A schedule (`effectiveTiming`) is not read: send the time of each value, as "
            "`effectiveDateTime`.",
            "Un calendrier (`effectiveTiming`) n'est pas lu : envoyez l'heure de chaque valeur, en "
            "`effectiveDateTime`.",
            kind="incoherent",
        )


def _labels(found: list[Coded]) -> tuple[str, str]:
    """The names of the variables of an Observation, in English and French."""
    measured = [
        VARIABLES[column] for column in dict.fromkeys(each.meaning.column for each in found)
    ]
    return (
        ", ".join(each.label_en for each in measured),
        ", ".join(each.label_fr for each in measured),
    )


def _has_profiles(observation: Resource) -> bool:
    return "meta" in observation and "profile" in observation["meta"]


@lru_cache(maxsize=2_048)
def _simple(
    coded: tuple[str, str, str | None, str | None],
    unit: tuple[str, str, str],
    profiles: tuple[str, ...],
) -> tuple[Meaning, Conversion] | None:
    """Meaning and conversion of a code in a unit; None if they need a note or a problem.

    Args:
        coded: System, code and display of the coding; text of the code.
        unit: System, code and text.
        profiles: URLs.
    """
    system, code, display, text = coded
    unit_system, unit_code, unit_text = unit
    meaning = MEANINGS.get(code)
    if system_of(system) != LOINC or system_of(unit_system) != UCUM:
        return None
    if meaning is None or meaning.caution_en or code == codes.SATURATION:
        return None
    concept = {"coding": [{"system": system, "code": code, "display": display}], "text": text}
    words = f"{words_of(concept)} {profile_words({'meta': {'profile': list(profiles)}})}"
    if places.other_measurement(meaning, tuple(codings_of(concept)), words):
        return None
    if places.is_venous_ph(meaning, words):
        return None
    conversion = conversion_of(meaning, unit_code)
    if conversion is None or not agrees(meaning, unit_code, unit_text):
        return None
    return meaning, conversion


def _is_outside(categories: Any) -> bool:
    """Whether a category is that of an extracorporeal circuit."""
    return any(
        coding["code"] == places.EXTRACORPOREAL[1]
        for concept in categories
        for coding in concept["coding"]
    )
