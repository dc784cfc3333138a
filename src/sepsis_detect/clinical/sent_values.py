"""Values as their sender wrote them: number and stated unit, for hints about units."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sepsis_detect.clinical import units
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES

ARTERIAL_PRESSURES = tuple(BY_CHALLENGE[name].column for name in ("SBP", "MAP", "DBP"))
"""They come from one device: one unit explains those of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentValue:
    """A value as it was sent.

    Attributes:
        value: In the unit sent.
        stated: The conversion from the stated unit; None: no unit was stated.
        beside: Other arterial pressures of the hour that are unusual too, by column, as sent in
            the same unit.
    """

    value: float
    stated: Conversion | None = None
    beside: Mapping[int, float] = field(default_factory=dict)


class Sender(Protocol):
    """What the sender of a stay wrote."""

    def value_sent(self, row: int, column: int) -> float | None:
        """A number as it was sent; None if it is not one number."""

    def unit_sent(self, column: int) -> str | None:
        """The unit that was stated for a variable; None if none was."""


def stated_conversion(sender: Sender, column: int) -> Conversion | None:
    """The conversion from the unit that was stated for a variable; None if none was."""
    unit = sender.unit_sent(column)
    return units.conversion(VARIABLES[column], unit) if unit else None


@dataclass(frozen=True, slots=True)
class SentStay:
    """A stay, and what its sender wrote; without `sender`, all was sent in canonical units."""

    stay: Stay
    sender: Sender | None = None

    def value(self, row: int, column: int) -> SentValue:
        """One value, with the unusual pressures of its hour if it is a pressure."""
        value, stated = self._as_sent(row, column)
        beside = {}
        if column in ARTERIAL_PRESSURES:
            for other in self._unusual_pressures(row):
                value_beside, stated_beside = self._as_sent(row, other)
                if other != column and stated_beside == stated:
                    beside[other] = value_beside
        return SentValue(value=value, stated=stated, beside=beside)

    def _as_sent(self, row: int, column: int) -> tuple[float, Conversion | None]:
        in_canonical = self.stay.values.item(row, column)
        stated = stated_conversion(self.sender, column) if self.sender else None
        if self.sender is None or stated is None:
            return in_canonical, None
        value = self.sender.value_sent(row, column)
        return stated.from_canonical(in_canonical) if value is None else value, stated

    def _unusual_pressures(self, row: int) -> Iterator[int]:
        for column in ARTERIAL_PRESSURES:
            value, variable = self.stay.values.item(row, column), VARIABLES[column]
            if value < variable.usual_low or value > variable.usual_high:
                yield column
