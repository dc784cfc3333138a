"""A cohort as what learners need: features, what a flag gains, and who belongs together.

Incoherent values are dropped by the service's own rules, then
`sepsis_detect.prediction.features` makes the features: the same code, in the same order, as for
a request.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model_build.config import Objective
from model_build.data.cohort import Cohort
from model_build.data.labels import Labels, Utilities, hours_since_onset, utilities
from model_build.data.record_cut import UNCUT_HOURS, cut_weights
from sepsis_detect.clinical.coherence import drop_incoherent
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.prediction import features

STAYS_AT_A_TIME = 500


@dataclass(frozen=True)
class Dataset:
    """Hours of a cohort, ready to fit.

    Attributes:
        cohort: Where they come from.
        names: Of the features, in their order.
        X: Shape (n_hours, n_features), NaN where missing.
        utilities: Of either answer at each hour.
        since_onset: Shape (n_hours,), hours since sepsis began, -inf where it never does; it
            knows the whole stay, also where only part of it is here.
        undo_cut: Whether a fit undoes the cut of quiet records; only ever not, to show its worth.
    """

    cohort: Cohort
    names: tuple[str, ...]
    X: NDArray[np.float32]
    utilities: Utilities
    since_onset: FloatArray
    undo_cut: bool = True

    @property
    def labels(self) -> Labels:
        """Shape (n_hours,): sepsis begins within six hours or has begun."""
        return self.cohort.labels

    def stakes(self, objective: Objective, rows: IntArray) -> FloatArray:
        """What is learnt: positive for an hour to flag, negative for one not to; its weight.

        Args:
            objective: See `Recipe`.
            rows: Hours to fit on; the weights of the cut are estimated from these alone.

        Returns:
            Shape (n_hours,).
        """
        weights = cut_weights(self.cohort, rows) if self.undo_cut else np.ones(len(self.X))
        if objective == "utility":
            return self.utilities.gain * weights
        return np.where(self.labels == 1, weights, -weights)

    @property
    def hospitals(self) -> NDArray[np.str_]:
        """Shape (n_hours,)."""
        return self.cohort.hospitals[self.cohort.stay_of_hour]

    @cached_property
    def cut_weights(self) -> FloatArray:
        """Shape (n_hours,): weights that undo the cut of quiet records (`record_cut`)."""
        return cut_weights(self.cohort)

    @property
    def is_uncut(self) -> BoolArray:
        """Shape (n_hours,): before the first cut of a record, the hours that judge a model."""
        is_uncut: BoolArray = self.cohort.stay.icu_hours <= UNCUT_HOURS
        return is_uncut

    def of(self, hours: BoolArray) -> "Dataset":
        """Some of the hours; stays with none of them are left out.

        Utilities and onset are those of the whole stays.
        """
        cohort = self.cohort
        stays, counts = np.unique(cohort.stay_of_hour[hours], return_counts=True)
        part = replace(
            cohort,
            stay=Stay(cohort.stay.values[hours], np.cumsum(counts) - counts),
            labels=cohort.labels[hours],
            patient_ids=cohort.patient_ids[stays],
            hospitals=cohort.hospitals[stays],
        )
        return replace(
            self,
            cohort=part,
            X=self.X[hours],
            utilities=self.utilities.of(hours),
            since_onset=self.since_onset[hours],
        )

    def with_feature(self, name: str, column: FloatArray) -> "Dataset":
        """One feature replaced, shape (n_hours,); NaN throughout: nothing can split on it."""
        X = self.X.copy()
        X[:, self.names.index(name)] = column
        return replace(self, X=X)

    def select(self, names: tuple[str, ...]) -> "Dataset":
        """Some of the features."""
        columns = [self.names.index(name) for name in names]
        return replace(self, names=names, X=self.X[:, columns])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of cohort and features: it changes when data or feature code do."""
        sha256 = hashlib.sha256(self.cohort.digest.encode())
        sha256.update("\n".join((*self.names, str(self.undo_cut))).encode())
        sha256.update(np.ascontiguousarray(self.X).data)
        return sha256.hexdigest()


def dataset(
    cohort: Cohort, names: tuple[str, ...] = features.NAMES, *, progress: bool = False
) -> Dataset:
    """Drop what is incoherent and compute the named features, a few stays at a time."""
    stay = cohort.stay
    columns = [features.NAMES.index(name) for name in names]
    X = np.empty((stay.n_hours, len(names)), dtype=np.float32)
    firsts = range(0, stay.n_stays, STAYS_AT_A_TIME)
    for first in tqdm(firsts, desc="features", disable=not progress):
        starts = stay.starts[first : first + STAYS_AT_A_TIME]
        begin, end = starts[0], stay.last_rows[first + len(starts) - 1] + 1
        part = Stay(stay.values[begin:end], starts - begin)
        X[begin:end] = features.compute(drop_incoherent(part))[:, columns]
    since_onset = hours_since_onset(cohort.labels, stay.starts)
    return Dataset(cohort, names, X, utilities(cohort.labels, stay.starts), since_onset)
