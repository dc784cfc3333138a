"""Stays in intensive care: periods of intensive care that follow each other.

A patient who goes to theatre or to imaging and returns is in the same stay; one who was discharged
to a ward, or from hospital, and returns begins a new one.
See docs/adr/0021-where-the-patient-was.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.locations import CareLocation
from sepsis_detect.fhir.resource_reader import HOUR

MAX_ABSENCE = timedelta(hours=12)
"""The longest absence from intensive care that may be theatre; docs/adr/0021."""
MAX_MOVE = HOUR  # between two locations that follow each other: clocks and clerks differ


@dataclass(frozen=True, slots=True)
class LocationPeriod:
    """A time in one place.

    Attributes:
        started_at: Its beginning; `path` is its FHIRPath.
        ended_at: None: not known, or not yet; `end_path` is its FHIRPath.
        place: Where.
        encounter: Of which it is a part.
        hospital_stay: The outermost Encounter.
    """

    started_at: datetime
    ended_at: datetime | None
    path: str
    end_path: str
    place: CareLocation
    encounter: Entry
    hospital_stay: Entry


@dataclass(slots=True)
class IcuStay:
    """One stay in intensive care: its periods, in order of their beginning."""

    periods: list[LocationPeriod] = field(default_factory=list)

    @property
    def started_at(self) -> datetime:
        """When the first period began."""
        return self.periods[0].started_at

    @property
    def last_ended(self) -> LocationPeriod | None:
        """The period that ended last; None while one has no known end."""
        if any(each.ended_at is None for each in self.periods):
            return None
        return max(self.periods, key=lambda each: each.ended_at or each.started_at)

    @property
    def ended_at(self) -> datetime | None:
        """When the last period ended; None: not known, or not yet."""
        last = self.last_ended
        return None if last is None else last.ended_at

    def at(self, moment: datetime | None) -> list[LocationPeriod]:
        """The periods begun by a moment (None: all), the latest first."""
        begun = [each for each in self.periods if moment is None or each.started_at <= moment]
        return (begun or self.periods[:1])[::-1]


def of_periods(icu: Iterable[LocationPeriod], elsewhere: list[LocationPeriod]) -> list[IcuStay]:
    """The stays that periods in intensive care make.

    Args:
        icu: Periods in intensive care.
        elsewhere: Periods in other places.
    """
    stays: list[IcuStay] = []
    for period in sorted(icu, key=lambda each: each.started_at):
        if not (stays and _continues(stays[-1], period, elsewhere)):
            stays.append(IcuStay())
        stays[-1].periods.append(period)
    return stays


def _continues(stay: IcuStay, period: LocationPeriod, elsewhere: list[LocationPeriod]) -> bool:
    is_same = stay.periods[-1].hospital_stay is period.hospital_stay
    if stay.ended_at is None:
        return is_same
    absence = period.started_at - stay.ended_at
    if absence <= MAX_MOVE:
        return True
    return is_same and absence <= MAX_ABSENCE and not _was_on_a_ward(stay, period, elsewhere)


def _was_on_a_ward(stay: IcuStay, period: LocationPeriod, elsewhere: list[LocationPeriod]) -> bool:
    """Whether between two periods the patient was in a named place that is no procedure room."""
    left_at = stay.ended_at or stay.started_at
    return any(
        left_at - MAX_MOVE <= each.started_at < period.started_at
        for each in elsewhere
        if each.place.is_named and not each.place.is_procedure_room
    )
