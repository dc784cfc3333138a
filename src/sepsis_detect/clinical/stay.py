"""`Stay`: the hours of a patient as one matrix in canonical units.

One row is an hour, one column a variable, NaN means "not measured". Several stays may lie end to
end in the same matrix, so that the same code answers one hour of one patient and scores a million
hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from sepsis_detect.clinical.variables import ICU_HOUR, N_COLUMNS

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

ONE_STAY = np.zeros(1, dtype=np.intp)


@dataclass(frozen=True)
class Stay:
    """Hours of one stay, or of several end to end.

    Attributes:
        values: Shape (n_hours, 40), columns in the order of `variables.VARIABLES`, canonical
            units, NaN where nothing was measured. `Unit1` and `Unit2` flag the kind of
            intensive care unit; sex is 0 female, 1 male.
        starts: Shape (n_stays,), the first row of each stay, increasing from 0.

    Raises:
        ValueError: The shapes do not fit.
    """

    values: FloatArray
    starts: IntArray = field(default_factory=lambda: ONE_STAY)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != N_COLUMNS or not len(self.values):
            raise ValueError(f"expected shape (n_hours > 0, {N_COLUMNS}), got {self.values.shape}")

    @property
    def n_hours(self) -> int:
        """Number of rows, over all stays."""
        return len(self.values)

    @property
    def n_stays(self) -> int:
        """Number of stays in the matrix."""
        return len(self.starts)

    @property
    def icu_hours(self) -> FloatArray:
        """Shape (n_hours,): hour since admission to intensive care, 1, 2, ..."""
        return self.values[:, ICU_HOUR]

    @cached_property
    def first_rows(self) -> IntArray:
        """Shape (n_hours,): the first row of the stay of each row."""
        if self.n_stays == self.n_hours:
            return self.starts
        if self.n_stays == 1:
            return np.zeros(self.n_hours, dtype=np.intp)
        return np.repeat(self.starts, np.diff(self.starts, append=self.n_hours))

    @cached_property
    def last_rows(self) -> IntArray:
        """Shape (n_stays,): the last row of each stay."""
        if self.n_stays == self.n_hours:
            return self.starts
        if self.n_stays == 1:
            return np.array([self.n_hours - 1])
        return np.append(self.starts[1:], self.n_hours) - 1

    @classmethod
    def end_to_end(cls, stays: Sequence["Stay"]) -> "Stay":
        """Concatenate stays."""
        if len(stays) == 1:
            return stays[0]
        values = [stay.values for stay in stays]
        offsets = np.array([0, *accumulate(map(len, values[:-1]))])
        if any(stay.starts is not ONE_STAY for stay in stays):
            starts = [stay.starts + at for stay, at in zip(stays, offsets, strict=True)]
            offsets = np.concatenate(starts)
        return cls(np.concatenate(values), offsets)
