"""Where a patient was and when: periods in intensive care, and in other places.

The period of a location is optional: without it the Encounter's own period holds.
"""

from datetime import datetime

from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.locations import CareLocation, Locations
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import Reader, Resource, time_of
from sepsis_detect.fhir.stays import LocationPeriod

MAX_LOCATIONS = 1_000  # of all Encounters
MAX_PARENTS = 8  # of one Encounter
LOCATION_STATUS_IGNORED = ("planned", "reserved")  # a tuple: what is compared may be of any type
Period = tuple[datetime | None, datetime | None]


class LocationHistory:
    """The places of the Encounters of one patient.

    Attributes:
        icu: Periods in intensive care.
        elsewhere: Periods in other places, of which only the start is read.
        undated: A place in intensive care whose time is not known.
    """

    def __init__(self, references: References, reader: Reader):
        """Report to `reader`."""
        self._references = references
        self._reader = reader
        self._locations = Locations(references, reader)
        self._periods: dict[str, Period] = {}
        self._n_locations = 0
        self._is_other_noted = False
        self.icu: list[LocationPeriod] = []
        self.elsewhere: list[LocationPeriod] = []
        self.undated: tuple[CareLocation, Entry] | None = None

    def read(self, encounter: Entry) -> None:
        """Read the places of one Encounter."""
        found = self._located(encounter)
        elsewhere = [
            period
            for location, path, place in found
            if not place.care.is_icu
            and (period := self._elsewhere(location, path, place, encounter))
        ]
        self.elsewhere += elsewhere
        in_icu = [each for each in found if each[2].care.is_icu]
        for location, path, place in in_icu:
            self._add(location, path, place, encounter, elsewhere)
        is_said = any(place.care.level for _, _, place in found)
        if not is_said and (of_all := self._locations.of_encounter(encounter)):
            self._add(encounter.resource, encounter.path, of_all, encounter, [])
        elif any("start" not in _period_of(each[0]) for each in in_icu):
            self._note_undated(in_icu, encounter)

    def period(self, holder: Resource, path: str) -> Period:
        """Start and end of `period`; a period that ends before it starts is a problem."""
        if path not in self._periods:
            self._periods[path] = self._read_period(holder, path)
        return self._periods[path]

    def outermost(self, encounter: Entry) -> list[Entry]:
        """An Encounter, then those that it is part of."""
        found = [encounter]
        for _ in range(MAX_PARENTS):
            parent = self._references.resolve(found[-1].resource.get("partOf"), found[-1])
            if parent is None or parent.kind != "Encounter":
                break
            found.append(parent)
        return found

    def _located(self, encounter: Entry) -> list[tuple[Resource, str, CareLocation]]:
        listed = self._reader.elements(encounter.resource, "location", encounter.path)
        self._n_locations += len(listed)
        if self._n_locations > MAX_LOCATIONS:
            self._reader.problem(
                "json.size",
                f"{encounter.path}.location",
                f"At most {MAX_LOCATIONS} locations are accepted.",
                f"{MAX_LOCATIONS} lieux au plus sont acceptés.",
            )
            return []
        return [
            (location, path, self._locations.of_location(location, path, encounter))
            for location, path in listed
            if location.get("status") not in LOCATION_STATUS_IGNORED
        ]

    def _elsewhere(
        self, location: Resource, path: str, place: CareLocation, encounter: Entry
    ) -> LocationPeriod | None:
        if place.care.level == "other" and not self._is_other_noted:
            self._is_other_noted = True
            self._reader.note(
                "icu.not_adult",
                place.path,
                "Paediatric, neonatal or psychiatric intensive care: not that of adults.",
                "Soins intensifs pédiatriques, néonatals ou psychiatriques : pas ceux d'adultes.",
            )
        # Not with `period`: a time that is wrong here changes no hour of the stay.
        started_at = time_of(_period_of(location).get("start"))
        if started_at is None or started_at.tzinfo is None:
            return None
        at, end = f"{path}.period.start", f"{path}.period.end"
        return LocationPeriod(started_at, None, at, end, place, encounter, encounter)

    def _add(
        self,
        location: Resource,
        path: str,
        place: CareLocation,
        encounter: Entry,
        elsewhere: list[LocationPeriod],
    ) -> None:
        """Add a period in intensive care; what it lacks is that of its Encounter."""
        started_at, ended_at = self.period(location, path)
        first, last = self.period(encounter.resource, encounter.path)
        at, end = f"{path}.period.start", f"{path}.period.end"
        if started_at is None:
            started_at, at = first, f"{encounter.path}.period.start"
        if started_at is None:
            self.undated = place, encounter
            return
        left = [each for each in elsewhere if _ends(each, started_at, location.get("status"))]
        if ended_at is None and left:
            ward = min(left, key=lambda each: each.started_at)
            ended_at, end = ward.started_at, ward.path
        elif last is not None and last >= started_at and (ended_at is None or last < ended_at):
            ended_at, end = last, f"{encounter.path}.period.end"
        else:
            self._note_later_place(elsewhere, started_at, ended_at)
        stay = self.outermost(encounter)[-1]
        self.icu.append(LocationPeriod(started_at, ended_at, at, end, place, encounter, stay))

    def _note_later_place(
        self, elsewhere: list[LocationPeriod], started_at: datetime, ended_at: datetime | None
    ) -> None:
        later = [
            each.path
            for each in elsewhere
            if each.started_at > started_at
            and each.place.is_named
            and not each.place.is_procedure_room
        ]
        if ended_at is None and later:
            self._reader.note(
                "icu.later_place",
                later[0],
                "This place is not known, and the location of intensive care before it has no end: "
                "taken as still in intensive care.",
                "Ce lieu est inconnu, et celui de réanimation qui le précède n'a pas de fin : le "
                "patient est considéré comme encore en réanimation.",
            )

    def _note_undated(
        self, in_icu: list[tuple[Resource, str, CareLocation]], encounter: Entry
    ) -> None:
        path = next(path for location, path, _ in in_icu if "start" not in _period_of(location))
        self._reader.note(
            "icu.location_without_period",
            path,
            "This location of intensive care has no period: that of the encounter is used.",
            "Ce lieu de réanimation n'a pas de période : celle du séjour est utilisée.",
        )

    def _read_period(self, holder: Resource, path: str) -> Period:
        period = self._reader.element(holder, "period", path)
        start = end = None
        if "start" in period:
            start = self._reader.moment(period["start"], f"{path}.period.start")
        if "end" in period:
            end = self._reader.moment(period["end"], f"{path}.period.end", may_lie_ahead=True)
        if start is not None and end is not None and end < start:
            self._reader.problem(
                "time.period",
                f"{path}.period",
                "This period ends before it starts.",
                "Cette période se termine avant de commencer.",
                kind="incoherent",
            )
        return start, end


def _period_of(location: Resource) -> Resource:
    period = location.get("period")
    return period if isinstance(period, dict) else {}


def _ends(later: LocationPeriod, started_at: datetime, status: object) -> bool:
    """Whether a later place shows that a period in intensive care without an end is over."""
    is_over = status == "completed" or later.place.is_ward
    return later.started_at > started_at and is_over
