"""Variables whose values look like another unit than the one they were read in.

A variable is *impossible* if the median of its values is out of its hard range in most stays, and
*suspicious* if its median over all stays is unusual and would be usual in another accepted unit.
Usual is the range of most training hours, if the model knows it, else that of no warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical import units
from sepsis_detect.clinical.coherence import USUAL_HIGH, USUAL_LOW
from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import ICU_HOUR, VARIABLES, Variable, number
from sepsis_detect.prediction.model import ModelMetadata

MIN_STAYS = 5  # with a value: fewer say nothing about a unit
MOST_STAYS = 0.5


class UsualRange(NamedTuple):
    """The range of most values, and a value in its middle."""

    low: float
    middle: float
    high: float


Ranges = Mapping[int, UsualRange]
"""By column, the lowest decile, the median and the highest decile of training hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSuspicion:
    """A variable whose unit is doubtful.

    Attributes:
        column: Of `VARIABLES`.
        is_impossible: Whether the values cannot be in the unit they were read in.
        share_outside: Share of stays whose median is out of the hard range.
        likely_units: UCUM codes in which the values would be usual, the likeliest first.
    """

    column: int
    is_impossible: bool
    share_outside: float
    likely_units: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, without any value of a patient."""
        variable = VARIABLES[self.column]
        if not self.is_impossible:
            return (
                f"{variable.name} is unlike the values of training and would be like them in "
                f"{' or '.join(self.likely_units)}: {self._advice}"
            )
        low, high = number(variable.hard_low), number(variable.hard_high)
        unit = variable.unit_label_en or variable.unit
        return (
            f"{variable.name} cannot be what it claims: in {self.share_outside:.0%} of the stays "
            f"most values are outside {low} to {high} {unit}{self._advice_after_colon}"
        )

    @property
    def _advice(self) -> str:
        return (
            f"state its unit, such as --unit {VARIABLES[self.column].name}={self.likely_units[0]}"
        )

    @property
    def _advice_after_colon(self) -> str:
        if not self.likely_units:
            return ""
        return f"; they would be usual in {' or '.join(self.likely_units)}: {self._advice}"


def suspicions(
    stay: Stay, conversions: Mapping[int, Conversion], training: Ranges
) -> list[UnitSuspicion]:
    """Find the variables whose unit is doubtful.

    Args:
        stay: All stays, canonical units, before incoherent values are dropped.
        conversions: By column, how the values came into the canonical unit, where they were not.
        training: The range of most training hours, where it is known.
    """
    found = []
    for variable in VARIABLES:
        medians = _medians_of_stays(stay, variable.column)
        if variable.column == ICU_HOUR or len(medians) < MIN_STAYS:
            continue
        outside = _share_outside(medians, variable)
        is_impossible = outside > MOST_STAYS
        median = float(np.median(medians))
        usual = _usual(variable, training)
        if not is_impossible and usual.low <= median <= usual.high:
            continue
        likely = _likely_units(variable, median, conversions.get(variable.column), usual)
        if is_impossible or likely:
            found.append(
                UnitSuspicion(
                    column=variable.column,
                    is_impossible=is_impossible,
                    share_outside=outside,
                    likely_units=likely,
                )
            )
    return found


def training_ranges(metadata: ModelMetadata) -> Ranges:
    """The distribution of each variable's last values in training, as far as known."""
    if metadata.drift is None:
        return {}
    edges = dict(zip(metadata.features, metadata.drift.edges, strict=True))
    return {
        variable.column: UsualRange(found[0], found[len(found) // 2], found[-1])
        for variable in VARIABLES
        if variable.is_clinical and len(found := edges.get(f"{variable.name}_last", [])) > 1
    }


def _medians_of_stays(stay: Stay, column: int) -> FloatArray:
    """The median of a variable in each stay that has a value of it."""
    values = stay.values[:, column]
    rows = np.flatnonzero(~np.isnan(values))
    if not len(rows):
        return np.empty(0)
    order = rows[np.lexsort((values[rows], stay.first_rows[rows]))]
    edges = np.flatnonzero(np.append(True, np.diff(stay.first_rows[order]) > 0))
    lengths = np.diff(edges, append=len(order))
    middle: FloatArray = values[order[edges + (lengths - 1) // 2]]
    return middle


def _share_outside(medians: FloatArray, variable: Variable) -> float:
    return float(np.mean((medians < variable.hard_low) | (medians > variable.hard_high)))


def _usual(variable: Variable, training: Ranges) -> UsualRange:
    middle = (variable.reference_low + variable.reference_high) / 2
    low, high = float(USUAL_LOW[variable.column]), float(USUAL_HIGH[variable.column])
    return training.get(variable.column, UsualRange(low, middle, high))


def _likely_units(
    variable: Variable, median: float, read_as: Conversion | None, usual: UsualRange
) -> tuple[str, ...]:
    """The units that make the median usual, the one that brings it nearest to the middle first.

    Of units with the same factor only the first is named.
    """
    sent = _as_sent(median, read_as)
    if sent is None or not variable.is_clinical:
        return ()
    found: dict[float, tuple[float, str]] = {}
    for unit in units.accepted(variable):
        conversion = units.conversion(variable, unit)
        if conversion is None:
            continue
        converted = round(float(conversion.to_canonical(np.array([sent]))[0]), 6)
        if usual.low <= converted <= usual.high and not np.isclose(converted, median, rtol=1e-3):
            found.setdefault(converted, (abs(converted - usual.middle), unit))
    return tuple(unit for _, unit in sorted(found.values()))


def _as_sent(median: float, read_as: Conversion | None) -> float | None:
    """The median as the file has it; None where the conversion has no plain inverse."""
    if read_as is None:
        return median
    return None if read_as.is_logarithmic else (median - read_as.offset) / read_as.factor
