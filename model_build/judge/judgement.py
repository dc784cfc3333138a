"""Choice of the threshold, and the figures at it by group of hours, from out-of-fold scores."""

from typing import Any, NamedTuple

import numpy as np

from model_build.data.dataset import Dataset
from model_build.judge.figures import Figure, rounded
from model_build.judge.group_figures import Hours, figures
from model_build.judge.metrics import (
    HOURS_IN_A_DAY,
    best_threshold,
    normalised_utility,
    summary,
)
from model_build.judge.patient_bootstrap import DRAWS, LEVEL, Resampling
from model_build.learn.out_of_fold import OutOfFold
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray

MAX_ALERTS_PER_PATIENT_DAY = 2.5  # flagged hours, on the first 36 hours: what a ward can answer
DIGITS = 6
HEADLINE = "first_36_hours"


class Judgement(NamedTuple):
    """The chosen threshold, exact in float32, and the figures at it, ready for JSON."""

    threshold: float
    metrics: dict[str, Any]


def judge(scores: OutOfFold, data: Dataset) -> Judgement:
    """Choose the threshold and compute the figures at it.

    The threshold is the one of highest utility on the first 36 hours of stays, where no record
    is cut, among those that flag at most `MAX_ALERTS_PER_PATIENT_DAY` in each hospital: a ward
    responds to the alerts of its own hospital.
    """
    threshold = chosen_threshold(data, scores.probabilities, data.is_uncut)
    metrics: dict[str, Any] = {}
    for name, (hours, weights) in groups(data).items():
        found = summary(
            scores.probabilities[hours],
            data.labels[hours],
            data.utilities.of(hours),
            threshold,
            weights[hours],
        )
        metrics[name] = {key: rounded(value, DIGITS) for key, value in found.items()}
    metrics["intervals"] = _intervals(scores, data, threshold)
    metrics["protocol"] = {
        "split": "by patient",
        "folds": int(scores.fold.max()) + 1,
        "headline": HEADLINE,
        "utility_by_fold": [rounded(u, DIGITS) for u in cross_fitted_utilities(scores, data)],
        "onnx_parity": scores.parity,
    }
    return Judgement(threshold, metrics)


def chosen_threshold(data: Dataset, probabilities: Float32Array, rows: BoolArray) -> float:
    """The threshold of highest utility within the alert bound of each hospital, exact in float32.

    Args:
        data: All hours.
        probabilities: Shape (n_hours,).
        rows: Shape (n_hours,), the hours to choose it on.
    """
    hospitals = data.hospitals[rows]
    chosen = probabilities[rows]
    above = max(_last_refused(chosen[hospitals == each]) for each in np.unique(hospitals))
    return best_threshold(data.utilities.of(rows), chosen, above).threshold


def _last_refused(probabilities: Float32Array) -> float:
    """The largest probability that is not flagged at the maximum number of alerts."""
    n_flagged = int(MAX_ALERTS_PER_PATIENT_DAY / HOURS_IN_A_DAY * len(probabilities))
    return float(np.sort(probabilities)[::-1][n_flagged])


def _intervals(scores: OutOfFold, data: Dataset, threshold: float) -> dict[str, Any]:
    """Of the headline figures, by drawing patients."""
    headline = data.of(data.is_uncut)
    hours = Hours.scored(headline, scores.probabilities[data.is_uncut], threshold)
    found = figures(hours, Resampling.of(hours.n_patients))
    return {
        "level": LEVEL,
        "draws_of_patients": DRAWS,
        HEADLINE: {
            name: [rounded(figure.low, DIGITS), rounded(figure.high, DIGITS)]
            for name, figure in found.items()
            if isinstance(figure, Figure)
        },
    }


def groups(data: Dataset) -> dict[str, tuple[BoolArray, FloatArray]]:
    """Groups of hours with figures of their own, and their weights: shape (n_hours,) each."""
    uncut, ones = data.is_uncut, np.ones(len(data.X))
    everything = np.ones(len(data.X), dtype=np.bool_)
    parts = {HEADLINE: (uncut, ones)}
    for hospital in np.unique(data.cohort.hospitals).tolist():
        parts[f"hospital_{hospital}"] = (uncut & (data.hospitals == hospital), ones)
    # Whole stays as they were recorded are what publications report: they reward the cut.
    return parts | {
        "all_hours_weighted": (everything, data.cut_weights),
        "whole_stays": (everything, ones),
    }


def cross_fitted_utilities(scores: OutOfFold, data: Dataset) -> list[float]:
    """Headline utility of each fold at the threshold that the other folds choose."""
    found = []
    for k in range(int(scores.fold.max()) + 1):
        own, others = data.is_uncut & (scores.fold == k), data.is_uncut & (scores.fold != k)
        chosen = chosen_threshold(data, scores.probabilities, others)
        flags = scores.probabilities[own] >= np.float32(chosen)
        found.append(normalised_utility(data.utilities.of(own), flags))
    return found


COLUMNS = {
    "utility": "utility",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "calibration_slope": "slope",
    "predicted_over_observed": "pred/obs",
    "alerts_per_patient_day": "alerts/day",
    "ppv": "PPV",
    "sensitivity": "sens.",
}


def table(judgement: Judgement) -> str:
    """The figures as a table for the log."""
    metrics = judgement.metrics
    lines = [" " * 20 + "".join(f"{title:>11}" for title in COLUMNS.values())]
    for name, group in metrics.items():
        if "utility" in group:
            lines.append(f"{name:20}" + "".join(f"{group[key] or 0:11.4f}" for key in COLUMNS))
    by_fold = metrics["protocol"]["utility_by_fold"]
    lines.append(
        f"threshold {judgement.threshold:.6f}; utility of each fold at the others' threshold "
        f"{np.mean(by_fold):.4f} +- {np.std(by_fold, ddof=1):.4f}"
    )
    return "\n".join(lines)
