"""Familiarity of an hour: how much its features look like those of training, and accuracy by it.

The question is whether a service could say "this patient is unlike those I was fitted on, trust me
less". Two definitions, both computed from the artifact's drift reference alone, are measured; they
were fixed before any result was seen, and so was the criterion:

    A definition qualifies if, among the fifth of the hours with the least of it, AUROC is lower
    than among the others, and also lower than among others weighted to the same predicted risk,
    with 95 % intervals of both differences below 0: inside the two hospitals and in each
    direction between them.

Without the weights the criterion could be met by a narrower range of risk in that fifth: AUROC
falls where patients are more alike, without any loss of accuracy.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from model_build.judge.calibration_curve import bins_of as quantile_bins
from model_build.judge.figures import Figure, Figures
from model_build.judge.group_figures import Hours, figures, is_enough, ranking
from model_build.judge.patient_bootstrap import Resampling, interval
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray, IntArray
from sepsis_detect.prediction.drift import bins_of

VALUES, PATTERN = "values", "pattern"
FIFTHS = 5
RISK_BINS = 20  # of predicted risk, within which hours count as of the same risk
SHOWN = ("observed_rate", "auroc", "predicted_over_observed", "utility")
AUROC_LESS = "auroc_less_than_others"
AUROC_LESS_AT_SAME_RISK = "auroc_less_than_others_of_same_risk"
AUROC_DIFFERENCES = (AUROC_LESS, AUROC_LESS_AT_SAME_RISK)


def familiarities(reference: dict[str, Any], X: Float32Array) -> dict[str, FloatArray]:
    """Familiarity of each hour by each definition; higher is more familiar.

    Args:
        reference: As `drift_reference` returns it.
        X: Shape (n_hours, n_features), NaN where missing.

    Returns:
        Shape (n_hours,) each, from 0 to 1. `VALUES`: the mean over the known features of the
        two-sided tail probability of the value; a value counts as in the middle of its bin.
        `PATTERN`: the mean over all features of the share of training hours in which the feature
        is known, where it is known, or missing, where it is missing.
    """
    tails, n_known, alike = (np.zeros(len(X)) for _ in range(3))
    columns = zip(X.T, reference["missing"], reference["edges"], reference["shares"], strict=True)
    for column, missing, edges, shares in columns:
        is_known = ~np.isnan(column)
        alike += np.where(is_known, 1.0 - missing, missing)
        n_known += is_known
        if shares:  # else never known in training: any value is unfamiliar
            of_bin = _tail_probabilities(np.array(shares))
            tails[is_known] += of_bin[bins_of(column[is_known], np.array(edges, dtype=np.float32))]
    return {VALUES: tails / np.maximum(n_known, 1), PATTERN: alike / X.shape[1]}


def _tail_probabilities(shares: FloatArray) -> FloatArray:
    """Shape (n_bins,): twice the smaller share on either side of the middle of each bin."""
    below = np.cumsum(shares) - shares / 2
    tails: FloatArray = 2 * np.clip(np.minimum(below, shares.sum() - below), 0.0, None)
    return tails


@dataclass(frozen=True)
class Accuracy:
    """Accuracy by familiarity: fifths of the hours, and the least familiar against the others.

    Attributes:
        hours: Scored by models that never saw their patients, unweighted.
        familiarity: Shape (n_hours,).
        resampling: Draws of the patients.
    """

    hours: Hours
    familiarity: FloatArray
    resampling: Resampling

    def measured(self) -> Figures:
        """Figures of every fifth, the least familiar first, and the differences in AUROC."""
        fifth = quantile_bins(self.familiarity, FIFTHS)
        return {
            "fifths": [self._fifth(fifth == k) for k in range(fifth.max() + 1)],
            **dict(zip(AUROC_DIFFERENCES, self._differences(fifth == 0), strict=True)),
        }

    def _fifth(self, rows: BoolArray) -> Figures:
        hours = self.hours.of(rows)
        found: Figures = {
            "familiarity": float(self.familiarity[rows].mean()),
            "hours": int(rows.sum()),
        }
        if is_enough(hours):
            of_group = figures(hours, self.resampling)
            found |= {name: of_group[name] for name in SHOWN}
            found["brier_skill"] = brier_skill(hours, self.resampling)
        return found

    def _differences(self, is_least: BoolArray) -> Iterator[Figure | None]:
        """AUROC of the least familiar less that of the others, as they are and at equal risk."""
        least, others = self.hours.of(is_least), self.hours.of(~is_least)
        if not (is_enough(least) and is_enough(others)):
            yield from (None, None)
            return
        weights = same_risk_weights(least.probabilities, others.probabilities)
        counts = np.concatenate([np.ones((1, least.n_patients)), self.resampling.counts])
        of_least = ranking(least, counts)[0]
        for compared in (others, replace(others, weights=weights)):
            drawn = of_least - ranking(compared, counts)[0]
            yield Figure(float(drawn[0]), *interval(drawn[1:]))


def same_risk_weights(risk: Float32Array, others: Float32Array) -> FloatArray:
    """Weights that give `others` the distribution of predicted risk of `risk`.

    Returns:
        Shape (n_others,), by bins of risk that hold as many of both together.
    """
    bins = quantile_bins(np.concatenate([risk, others]).astype(np.float64), RISK_BINS)
    n_bins = int(bins.max()) + 1
    wanted, there = (
        np.bincount(of, minlength=n_bins).astype(np.float64)
        for of in (bins[: len(risk)], bins[len(risk) :])
    )
    weights: FloatArray = (wanted / np.maximum(there, 1.0))[bins[len(risk) :]]
    return weights


def brier_skill(hours: Hours, resampling: Resampling) -> Figure:
    """1 less the Brier score over that of the hours' own rate, which has skill 0."""
    squares = (hours.probabilities.astype(np.float64) - hours.labels) ** 2
    by_patient = np.column_stack(
        [hours.by_patient(of) for of in (squares, hours.labels, np.ones(len(squares)))]
    )
    sums = np.concatenate([by_patient.sum(axis=0)[None], resampling.sums(by_patient)])
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = sums[:, 1] / sums[:, 2]
        skill = 1.0 - sums[:, 0] / (sums[:, 2] * rate * (1.0 - rate))
    return Figure(float(skill[0]), *interval(skill[1:]))


def qualifies(settings: list[Figures], definition: str) -> bool:
    """Whether a definition meets the criterion in every setting.

    Args:
        settings: Of `familiarity.json`: inside, and each direction between the hospitals.
        definition: `VALUES` or `PATTERN`.
    """
    differences = [
        setting["definitions"][definition][name]
        for setting in settings
        for name in AUROC_DIFFERENCES
    ]
    return all(is_lower(difference) for difference in differences)


def is_lower(difference: Figures | None) -> bool:
    """Whether a difference in AUROC is below 0 with its whole interval; None: not measured."""
    return difference is not None and difference["high"] is not None and difference["high"] < 0


def numbered(patients: IntArray) -> tuple[IntArray, int]:
    """Patients' numbers made consecutive from 0, and how many there are."""
    there, number = np.unique(patients, return_inverse=True)
    return number, len(there)
