"""Measurements: values with their variable, unit, clock time and place in the request."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.codes import Meaning


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
        """Keep row and column of each measurement; row -1: it is in no value."""
        self._measurements = measurements
        self._rows = rows
        self._columns = columns

    def at(self, row: int, column: int) -> list[Measurement]:
        """Measurements of one value, in the order sent."""
        return self._chosen((self._rows == row) & (self._columns == column))

    def of(self, column: int) -> list[Measurement]:
        """Measurements of one variable."""
        return self._chosen((self._rows >= 0) & (self._columns == column))

    def kept(self) -> list[Measurement]:
        """Measurements that are in a value."""
        return self._chosen(self._rows >= 0)

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


def used(measurements: Iterable[Measurement]) -> list[Entry]:
    """The Observations of the measurements, each once, in order."""
    return list({id(each.entry): each.entry for each in measurements}.values())
