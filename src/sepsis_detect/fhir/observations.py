"""Reads Observations as measurements: variable, status, time, value and unit of each.

An Observation that is not used for a known reason (another analyte or place, an unknown code, no
value, a modifier) is noted. One of our variables that cannot be read (an unknown unit, a time
without offset) refuses the request, or is left out and noted where the policy is `drop`.
"""

from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any

from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.measurements import Measurement, Moment
from sepsis_detect.fhir.modifiers import is_modified
from sepsis_detect.fhir.observation_codes import Coded, ObservationCodes
from sepsis_detect.fhir.observation_places import ObservationPlaces, Panels
from sepsis_detect.fhir.quantities import VALUE, Quantities
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import EPOCH, Reader, Resource, day_of, quoted, time_of
from sepsis_detect.fhir.usual_observations import UsualObservations

STATUS_USED = frozenset({"final", "amended", "corrected", "preliminary"})
STATUS_WITHDRAWN = frozenset({"entered-in-error", "cancelled"})
STATUS_WITHOUT_RESULT = frozenset({"registered", "unknown"})
DAY = timedelta(days=1)
TIMES = ("effectiveDateTime", "effectiveInstant", "effectivePeriod")


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
        self._usual = UsualObservations(reader.latest)
        self.measurements: list[Measurement] = []

    def read(self, entry: Entry) -> None:
        """Read one Observation."""
        is_member = entry.path in self._panels  # the panel may tell another place
        if not is_member and (measured := self._usual.read(entry)):
            self.measurements += measured
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
        period: Resource = {}
        if key == "effectivePeriod":
            period, at = self._reader.element(observation, key, path), f"{at}.start"
            if "start" not in period:
                self._reader.missing(
                    at, "The `start` of `effectivePeriod`", "Le `start` de `effectivePeriod`"
                )
                return None
            text = period["start"]
        found = self._reader.moment(text, at)
        if found is None or self._is_too_long(found, period, path):
            return None
        return Moment(found, (found - EPOCH).total_seconds())

    def _is_too_long(self, start: datetime, period: Resource, path: str) -> bool:
        """Whether a value is of so long a period that it is no value of an hour; then it is noted.

        An `end` that cannot be read does not matter: the value is of its start.
        """
        end = time_of(period.get("end")) or _start_of_day(period.get("end"))
        if end is None or (end if end.tzinfo else end.replace(tzinfo=start.tzinfo)) - start <= DAY:
            return False
        self._reader.note(
            "time.long_period",
            f"{path}.effectivePeriod",
            "The value is of more than 24 hours (`effectivePeriod`), not of one hour: not used.",
            "La valeur porte sur plus de 24 heures (`effectivePeriod`), pas sur une heure : non "
            "utilisée.",
        )
        return True

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


def _start_of_day(text: Any) -> datetime | None:
    day = day_of(text) if isinstance(text, str) else None
    return datetime.combine(day[0], time.min) if day is not None and day[1] else None


def _labels(found: list[Coded]) -> tuple[str, str]:
    """The names of the variables of an Observation, in English and French."""
    return _labels_of(tuple(each.meaning.column for each in found))


@lru_cache(maxsize=1_024)
def _labels_of(columns: tuple[int, ...]) -> tuple[str, str]:
    measured = [VARIABLES[column] for column in dict.fromkeys(columns)]
    return (
        ", ".join(each.label_en for each in measured),
        ", ".join(each.label_fr for each in measured),
    )
