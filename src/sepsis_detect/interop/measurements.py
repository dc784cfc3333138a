"""Measurements with their clock times, gathered into the hours of a stay.

Hour *n* holds what was measured from *n - 1* up to, not including, *n* hours after admission to
intensive care; several values of one variable in one hour become their median, as in the
training data. See docs/adr/0013-fhir-and-cds-hooks.md.
"""

from collections.abc import Iterable
from datetime import datetime
from math import nan
from statistics import median
from typing import NamedTuple

import numpy as np

from sepsis_detect.interop.bundle import Entry
from sepsis_detect.interop.codes import Meaning
from sepsis_detect.stay import FloatArray
from sepsis_detect.units import Conversion
from sepsis_detect.variables import ICU_HOUR, N_COLUMNS

HOUR_SECONDS = 3_600


class Moment(NamedTuple):
    """A point in time: as sent, and in seconds since 1970."""

    at: datetime
    seconds: float


class Measurement(NamedTuple):
    """One value as sent.

    Attributes:
        meaning: What it is.
        value: As sent, in the unit of `conversion`.
        conversion: To the canonical unit.
        moment: When it was measured.
        path: FHIRPath of the quantity.
        entry: The Observation.
    """

    meaning: Meaning
    value: float
    conversion: Conversion
    moment: Moment
    path: str
    entry: Entry


Cells = dict[tuple[int, int], list[Measurement]]
"""The measurements behind each value, by row and column."""


def canonical(measurements: list[Measurement]) -> list[float]:
    """Values in canonical units; one conversion at a time, for all its values at once."""
    values = np.array([each.value for each in measurements])
    groups: dict[int, list[int]] = {}  # by identity: conversions are made once
    for index, each in enumerate(measurements):
        groups.setdefault(id(each.conversion), []).append(index)
    for indices in groups.values():
        conversion = measurements[indices[0]].conversion
        values[indices] = conversion.to_canonical(values[indices])
    signs = np.array([each.meaning.sign for each in measurements])
    found: list[float] = (values * signs).tolist()
    return found


def hours_of(
    measurements: list[Measurement], icu_start_seconds: float | None
) -> tuple[FloatArray, Cells]:
    """Shape (n_hours, 40): the hours in which something was measured, and what lies behind them.

    Args:
        measurements: At least one, none before admission.
        icu_start_seconds: Admission to intensive care; None: the first measurement opens hour 1.
    """
    if icu_start_seconds is None:
        icu_start_seconds = min(each.moment.seconds for each in measurements)
    hours = [
        int((each.moment.seconds - icu_start_seconds) // HOUR_SECONDS) + 1 for each in measurements
    ]
    rows = {hour: row for row, hour in enumerate(sorted(set(hours)))}
    values = np.full((len(rows), N_COLUMNS), nan)
    values[:, ICU_HOUR] = list(rows)
    numbers = canonical(measurements)
    found: dict[tuple[int, int], list[int]] = {}
    for index, (each, hour) in enumerate(zip(measurements, hours, strict=True)):
        found.setdefault((rows[hour], each.meaning.column), []).append(index)
    for cell, (first, *others) in found.items():
        more = [numbers[index] for index in others]
        values[cell] = median([numbers[first], *more]) if more else numbers[first]
    return values, {cell: [measurements[at] for at in several] for cell, several in found.items()}


def used(measurements: Iterable[Measurement]) -> list[Entry]:
    """The Observations behind measurements, each once, in order."""
    return list({id(each.entry): each.entry for each in measurements}.values())
