"""Measurements with their clock times, grouped into the hours of a stay.

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

from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import ICU_HOUR, N_COLUMNS
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.codes import Meaning

HOUR_SECONDS = 3_600


class Moment(NamedTuple):
    """A point in time: as sent, and in seconds since 1970."""

    at: datetime
    seconds: float


class Measurement(NamedTuple):
    """One value as sent.

    Attributes:
        meaning: The variable.
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


class Cells:
    """Index from a value of the stay to the measurements it was computed from."""

    def __init__(self, measurements: list[Measurement], rows: IntArray, columns: IntArray):
        """Keep row and column of each measurement."""
        self._measurements = measurements
        self._rows = rows
        self._columns = columns

    def at(self, row: int, column: int) -> list[Measurement]:
        """Measurements of one value, in the order sent."""
        return self._chosen((self._rows == row) & (self._columns == column))

    def of(self, column: int) -> list[Measurement]:
        """Measurements of one variable."""
        return self._chosen(self._columns == column)

    def _chosen(self, is_chosen: BoolArray) -> list[Measurement]:
        return [self._measurements[at] for at in np.flatnonzero(is_chosen).tolist()]


NO_CELLS = Cells([], np.array([], dtype=np.intp), np.array([], dtype=np.intp))


def canonical(measurements: list[Measurement]) -> FloatArray:
    """Shape (n_measurements,): values in canonical units, one array operation per conversion."""
    values = np.array([each.value for each in measurements])
    groups: dict[int, list[int]] = {}  # by identity: conversions are made once
    for index, each in enumerate(measurements):
        groups.setdefault(id(each.conversion), []).append(index)
    for indices in groups.values():
        conversion = measurements[indices[0]].conversion
        values[indices] = conversion.to_canonical(values[indices])
    signs = np.array([each.meaning.sign for each in measurements])
    found: FloatArray = values * signs
    return found


def hours_of(
    measurements: list[Measurement], icu_start_seconds: float | None
) -> tuple[FloatArray, Cells]:
    """Shape (n_hours, 40): the hours with measurements, and the measurements of each value.

    Args:
        measurements: At least one, none before admission.
        icu_start_seconds: Admission to intensive care; None: hour 1 begins with the first value.
    """
    seconds = np.array([each.moment.seconds for each in measurements])
    columns = np.array([each.meaning.column for each in measurements])
    start = seconds.min() if icu_start_seconds is None else icu_start_seconds
    hours, rows = np.unique((seconds - start) // HOUR_SECONDS + 1, return_inverse=True)
    values = np.full((len(hours), N_COLUMNS), nan)
    values[:, ICU_HOUR] = hours
    numbers = canonical(measurements)
    cell_of = rows * N_COLUMNS + columns
    order = np.argsort(cell_of, kind="stable")
    cells, begins, counts = np.unique(cell_of[order], return_index=True, return_counts=True)
    ordered = numbers[order].tolist()
    values.flat[cells] = [
        median(ordered[begin : begin + count]) if count > 1 else ordered[begin]
        for begin, count in zip(begins.tolist(), counts.tolist(), strict=True)
    ]
    return values, Cells(measurements, rows, columns)


def used(measurements: Iterable[Measurement]) -> list[Entry]:
    """The Observations of the measurements, each once, in order."""
    return list({id(each.entry): each.entry for each in measurements}.values())
