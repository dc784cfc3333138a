"""A cohort as a dataset for learners: features, labels and utilities of every hour.

Incoherent values are dropped by the service's own rules, then `sepsis_detect.prediction.features`
computes the features: the same code, in the same order, as for a request.
"""

import hashlib
from collections.abc import Iterator
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

STAYS_PER_BATCH = 500


@dataclass(frozen=True)
class Dataset:
    """Features, labels and utilities of the hours of a cohort.

    Attributes:
        cohort: The stays.
        names: Of the features, in their order.
        X: Shape (n_hours, n_features), NaN where missing.
        utilities: Of either answer at each hour.
        since_onset: Shape (n_hours,), hours since sepsis began, -inf where it never does;
            computed from whole stays, also where this dataset holds only some of their hours.
        undo_cut: Whether fits are weighted to undo the cut of the records (`record_cut`); False
            only in ablations.
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

    def signed_weights(self, objective: Objective, rows: IntArray) -> FloatArray:
        """Class and sample weight of each hour as one number.

        Args:
            objective: See `Recipe`.
            rows: Hours to fit on; the weights of the cut are estimated from these alone.

        Returns:
            Shape (n_hours,): the sign is the class, positive for an hour to flag; the size is the
            sample weight.
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
        """Shape (n_hours,): weights that undo the cut of the records (`record_cut`)."""
        return cut_weights(self.cohort)

    @property
    def is_uncut(self) -> BoolArray:
        """Shape (n_hours,): hours before the first cut of a record; models are judged on these."""
        is_uncut: BoolArray = self.cohort.stay.icu_hours <= UNCUT_HOURS
        return is_uncut

    def of(self, hours: BoolArray) -> "Dataset":
        """The dataset of some of the hours; stays with none of them are left out.

        Utilities and onset are still those of the whole stays.
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
        """The same with one feature replaced, shape (n_hours,); all NaN removes it."""
        X = self.X.copy()
        X[:, self.names.index(name)] = column
        return replace(self, X=X)

    def select(self, names: tuple[str, ...]) -> "Dataset":
        """The same with some of the features."""
        columns = [self.names.index(name) for name in names]
        return replace(self, names=names, X=self.X[:, columns])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of cohort and features; changes with the data and with the feature code."""
        sha256 = hashlib.sha256(self.cohort.digest.encode())
        sha256.update("\n".join((*self.names, str(self.undo_cut))).encode())
        sha256.update(np.ascontiguousarray(self.X).data)
        return sha256.hexdigest()


def dataset(
    cohort: Cohort, names: tuple[str, ...] = features.NAMES, *, progress: bool = False
) -> Dataset:
    """Drop incoherent values and compute the named features, in batches of stays."""
    stay = cohort.stay
    columns = [features.NAMES.index(name) for name in names]
    X = np.empty((stay.n_hours, len(names)), dtype=np.float32)
    for rows, part in stay_batches(stay, progress=progress):
        X[rows] = features.compute(drop_incoherent(part))[:, columns]
    since_onset = hours_since_onset(cohort.labels, stay.starts)
    return Dataset(cohort, names, X, utilities(cohort.labels, stay.starts), since_onset)


def stay_batches(stay: Stay, *, progress: bool = False) -> Iterator[tuple[slice, Stay]]:
    """Batches of whole stays, each with its rows in the original."""
    firsts = range(0, stay.n_stays, STAYS_PER_BATCH)
    for first in tqdm(firsts, desc="features", disable=not progress):
        starts = stay.starts[first : first + STAYS_PER_BATCH]
        begin, end = starts[0], stay.last_rows[first + len(starts) - 1] + 1
        yield slice(begin, end), Stay(stay.values[begin:end], starts - begin)
