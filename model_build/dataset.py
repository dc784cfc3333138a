"""A cohort as what learners need: features, what a flag gains, and who belongs together.

Incoherent values are dropped by the service's own rules, then `sepsis_detect.features` makes the
features: the same code, in the same order, as for a request.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model_build.cohort import Cohort
from model_build.config import Objective
from model_build.labels import Labels, Utilities, utilities
from sepsis_detect import features
from sepsis_detect.coherence import drop_incoherent
from sepsis_detect.stay import FloatArray, Stay

STAYS_AT_A_TIME = 500


@dataclass(frozen=True)
class Dataset:
    """Hours of a cohort, ready to fit.

    Attributes:
        cohort: Where they come from.
        X: Shape (n_hours, n_features), NaN where missing.
        utilities: Of either answer at each hour.
    """

    cohort: Cohort
    X: NDArray[np.float32]
    utilities: Utilities

    @property
    def labels(self) -> Labels:
        """Shape (n_hours,): sepsis begins within six hours or has begun."""
        return self.cohort.labels

    def stakes(self, objective: Objective) -> FloatArray:
        """Shape (n_hours,): positive for an hour to flag, negative for one not to; its weight."""
        if objective == "utility":
            return self.utilities.gain
        return np.where(self.labels == 1, 1.0, -1.0)

    @property
    def hospitals(self) -> NDArray[np.str_]:
        """Shape (n_hours,)."""
        return self.cohort.hospitals[self.cohort.stay_of_hour]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of cohort and features: it changes when data or feature code do."""
        sha256 = hashlib.sha256(self.cohort.digest.encode())
        sha256.update("\n".join(features.NAMES).encode())
        sha256.update(np.ascontiguousarray(self.X).data)
        return sha256.hexdigest()


def dataset(cohort: Cohort, *, progress: bool = False) -> Dataset:
    """Drop what is incoherent and compute the features, a few stays at a time."""
    stay = cohort.stay
    X = np.empty((stay.n_hours, len(features.NAMES)), dtype=np.float32)
    firsts = range(0, stay.n_stays, STAYS_AT_A_TIME)
    for first in tqdm(firsts, desc="features", disable=not progress):
        starts = stay.starts[first : first + STAYS_AT_A_TIME]
        begin, end = starts[0], stay.last_rows[first + len(starts) - 1] + 1
        part = Stay(stay.values[begin:end], starts - begin)
        X[begin:end] = features.compute(drop_incoherent(part))
    return Dataset(cohort, X, utilities(cohort.labels, stay.starts))
