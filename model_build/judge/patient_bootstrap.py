"""Patient bootstrap: confidence intervals by resampling patients, whose hours are dependent.

Most figures are ratios of sums over hours. They are computed for all draws at once, as the product
of the draws' patient counts with sums by patient.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from sepsis_detect.clinical.stay import FloatArray

DRAWS = 500
LEVEL = 0.95
SEED = 2019


class Interval(NamedTuple):
    """A 95 % confidence interval; NaN if no draw has the figure."""

    low: float
    high: float


@dataclass(frozen=True)
class Resampling:
    """Draws of patients.

    Attributes:
        counts: Shape (n_draws, n_patients): how often a draw holds a patient.
    """

    counts: FloatArray

    @classmethod
    def of(cls, n_patients: int, *, draws: int = DRAWS, seed: int = SEED) -> Self:
        """Draw as many patients as there are, `draws` times."""
        random = np.random.default_rng(seed)
        drawn = (random.integers(n_patients, size=n_patients) for _ in range(draws))
        return cls(np.array([np.bincount(d, minlength=n_patients) for d in drawn], np.float64))

    def sums(self, by_patient: FloatArray) -> FloatArray:
        """Shape (n_draws, ...): the sum over each draw of something known by patient."""
        return self.counts @ by_patient

    def ratio(self, above: FloatArray, below: FloatArray) -> Interval:
        """Interval of sum(above) / sum(below), both by patient."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return interval(self.sums(above) / self.sums(below))


def interval(draws: FloatArray) -> Interval:
    """The percentile interval of the draws; draws without the figure are left out."""
    known = draws[np.isfinite(draws)]
    if not len(known):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(low), float(high))
