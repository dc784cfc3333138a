"""Figures of one learner or bedside score: cross-fitted thresholds, intervals by patient.

All are evaluated on the same hours and the same bootstrap draws of patients, so that a difference
between two of them has an interval too.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from model_build.data.dataset import Dataset
from model_build.data.labels import Labels, Utilities
from model_build.judge.figures import Figure, Figures, rounded
from model_build.judge.group_figures import Hours, ranking
from model_build.judge.metrics import best_threshold
from model_build.judge.patient_bootstrap import Resampling, interval
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray, IntArray

DIGITS = 4
FIGURES = ("utility", "auroc", "auprc")


@dataclass(frozen=True)
class LearnerFigures:
    """Figures of one learner, with their bootstrap draws.

    Attributes:
        values: Of `FIGURES`, on all hours.
        draws: Of the same, shape (n_draws,) each.
    """

    values: dict[str, float]
    draws: dict[str, FloatArray]

    def with_intervals(self) -> dict[str, Figure]:
        """Values with their intervals."""
        return {name: Figure(self.values[name], *interval(self.draws[name])) for name in FIGURES}

    def minus(self, other: "LearnerFigures") -> dict[str, Figure]:
        """Differences from another learner, draw by draw, with their intervals."""
        return {
            name: Figure(
                self.values[name] - other.values[name],
                *interval(self.draws[name] - other.draws[name]),
            )
            for name in FIGURES
        }


@dataclass(frozen=True)
class EvaluationSet:
    """Hours on which learners are compared: shape (n_hours,) each.

    Attributes:
        hours: Their rows in the dataset.
        labels: Sepsis begins within six hours or has begun.
        utilities: Of either answer.
        fold: Of the hour's patient.
        patient: Number of the patient, from 0.
        resampling: Draws of these patients.
    """

    hours: IntArray
    labels: Labels
    utilities: Utilities
    fold: IntArray
    patient: IntArray
    resampling: Resampling

    @classmethod
    def of(cls, data: Dataset, fold: IntArray, hours: IntArray, *, draws: int, seed: int) -> Self:
        """Some of the hours of a dataset."""
        patients, patient = np.unique(data.cohort.stay_of_hour[hours], return_inverse=True)
        return cls(
            hours,
            data.labels[hours],
            data.utilities.of(hours),
            fold[hours],
            patient,
            Resampling.of(len(patients), draws=draws, seed=seed),
        )

    def figures(self, scores: Float32Array) -> LearnerFigures:
        """Figures of scores, each fold at the threshold that the other folds choose."""
        flags = cross_fitted_flags(scores, self.utilities, self.fold)
        found = {"utility": self._utilities(flags)}
        hours = Hours(
            scores,
            self.labels,
            self.utilities,
            self.patient,
            float("nan"),
            self._n_patients,
            np.ones(len(scores)),
        )
        found |= dict(zip(("auroc", "auprc"), ranking(hours, self._counts), strict=True))
        return LearnerFigures(
            {name: float(figures[0]) for name, figures in found.items()},
            {name: figures[1:] for name, figures in found.items()},
        )

    def utility(self, flags: BoolArray) -> Figure:
        """Normalised utility of given flags."""
        value, *draws = self._utilities(flags)
        return Figure(float(value), *interval(np.array(draws)))

    def _utilities(self, flags: BoolArray) -> FloatArray:
        """Shape (1 + n_draws,): of all hours, then of each draw; NaN where no patient is septic."""
        gain = self.utilities.gain
        reached, best = (
            np.bincount(self.patient, of_hour, minlength=self._n_patients)
            for of_hour in (np.where(flags, gain, 0.0), np.maximum(gain, 0.0))
        )
        drawn_best = self._counts @ best
        drawn_best[drawn_best == 0] = np.nan
        found: FloatArray = (self._counts @ reached) / drawn_best
        return found

    @property
    def _n_patients(self) -> int:
        return int(self.resampling.counts.shape[1])

    @property
    def _counts(self) -> FloatArray:
        """Shape (1 + n_draws, n_patients): every patient once, then the draws."""
        return np.concatenate([np.ones((1, self._n_patients)), self.resampling.counts])


def cross_fitted_flags(scores: Float32Array, utilities: Utilities, fold: IntArray) -> BoolArray:
    """Shape (n_hours,): flags of each fold at the threshold that is best on the others.

    Args:
        scores: Shape (n_hours,), by models that never saw the hour's patient.
        utilities: Of the same hours.
        fold: Shape (n_hours,).
    """
    flags = np.zeros(len(scores), dtype=np.bool_)
    for k in np.unique(fold):
        own = fold == k
        threshold = best_threshold(utilities.of(~own), scores[~own]).threshold
        flags[own] = scores[own] >= np.float32(threshold)
    return flags


def to_json(figures: dict[str, Figure]) -> Figures:
    """Value and interval of each figure, rounded for `compare.json`."""
    return {
        name: {key: rounded(number, DIGITS) for key, number in figure._asdict().items()}
        for name, figure in figures.items()
    }
