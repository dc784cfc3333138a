"""How good the answers are: the challenge's utility, ranking, calibration and alarms.

Functions of arrays; nothing here knows of models or files. Hours weigh equally.

Sources:
    Utility: as `labels`.
    Calibration: Van Calster et al., BMC Med 2019;17:230, doi:10.1186/s12916-019-1466-7.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from model_build.labels import Labels, Utilities
from sepsis_detect.stay import BoolArray, FloatArray

HOURS_IN_A_DAY = 24.0
Float32Array = NDArray[np.float32]
Scores = FloatArray | Float32Array


def summary(
    probabilities: Float32Array, labels: Labels, utilities: Utilities, threshold: float
) -> dict[str, float]:
    """The figures of one group of hours at one threshold.

    Args:
        probabilities: Shape (n_hours,), as served.
        labels: Shape (n_hours,), both 0 and 1 among them.
        utilities: Of the same hours.
        threshold: Flagged is `probability >= threshold`.
    """
    flags = probabilities >= np.float32(threshold)
    fit = calibration(probabilities.astype(np.float64), labels)
    hits = float(np.count_nonzero(flags & (labels == 1)))
    n_flags = float(np.count_nonzero(flags))
    n_positive = float(np.count_nonzero(labels))
    return {
        "hours": float(len(labels)),
        "observed_rate": n_positive / len(labels),
        "utility": normalised_utility(utilities, flags),
        "auroc": float(roc_auc_score(labels, probabilities)),
        "auprc": float(average_precision_score(labels, probabilities)),
        "calibration_slope": fit.slope,
        "calibration_in_the_large": fit.in_the_large,
        "predicted_over_observed": fit.predicted_over_observed,
        "alerts_per_patient_day": n_flags / len(labels) * HOURS_IN_A_DAY,
        "ppv": hits / n_flags if n_flags else float("nan"),
        "sensitivity": hits / n_positive,
    }


def normalised_utility(utilities: Utilities, flags: BoolArray) -> float:
    """Utility between that of never flagging (0) and that of the best answers (1).

    Raises:
        ValueError: No hour could gain anything: there is no septic stay.
    """
    reached = np.where(flags, utilities.flagged, utilities.quiet).sum()
    best, never = best_and_never(utilities)
    return float((reached - never) / (best - never))


def total_utility(utilities: Utilities, flags: BoolArray) -> float:
    """Utility not normalised, as the challenge gives it for one stay."""
    return float(np.where(flags, utilities.flagged, utilities.quiet).sum())


class OperatingPoint(NamedTuple):
    """A threshold and the normalised utility it reaches."""

    threshold: float
    utility: float


def best_threshold(utilities: Utilities, probabilities: Float32Array) -> OperatingPoint:
    """Sweep every threshold and return the one of highest utility, exact in float32.

    It lies halfway between two scores that occur, so that a last-bit difference between
    two machines changes no answer of these hours.
    """
    order = np.argsort(-probabilities, kind="stable")
    scores = probabilities[order]
    gains = np.cumsum(utilities.gain[order])
    # Equal scores are flagged together: only the last of each tie can be a cut.
    cuts = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    best, never = best_and_never(utilities)
    cut = cuts[np.argmax(gains[cuts])]
    if gains[cut] <= 0:
        return OperatingPoint(float(np.nextafter(scores[0], np.float32(np.inf))), 0.0)
    return OperatingPoint(_threshold_below(scores, int(cut)), float(gains[cut] / (best - never)))


def _threshold_below(scores: Float32Array, cut: int) -> float:
    lowest_flagged = scores[cut]
    if cut + 1 == len(scores):
        return float(lowest_flagged)
    between = np.float32((np.float64(lowest_flagged) + np.float64(scores[cut + 1])) / 2)
    return float(between if between > scores[cut + 1] else lowest_flagged)


def best_and_never(utilities: Utilities) -> tuple[float, float]:
    """Total utility of the best answers and of never flagging.

    Raises:
        ValueError: No hour could gain anything: there is no septic stay.
    """
    best = float(np.maximum(utilities.flagged, utilities.quiet).sum())
    never = float(utilities.quiet.sum())
    if not best > never:
        raise ValueError("no septic stay: the utility cannot be normalised")
    return best, never


class Calibration(NamedTuple):
    """Agreement of probabilities with what happened; ideal: 1, 0 and 1."""

    slope: float
    in_the_large: float
    predicted_over_observed: float


def calibration(probabilities: FloatArray, labels: Labels) -> Calibration:
    """Logistic recalibration of the probabilities.

    Returns:
        The slope of the logit; the intercept with the slope held at 1; mean predicted
        probability over observed rate.
    """
    logits = log_odds(probabilities)
    slope, _ = sigmoid_fit(logits, labels)
    nothing = np.zeros((len(logits), 0))
    in_the_large = logistic_fit(nothing, labels, offset=logits)[-1]
    return Calibration(slope, float(in_the_large), float(probabilities.mean() / labels.mean()))


def log_odds(probabilities: FloatArray) -> FloatArray:
    """log(p / (1 - p)), finite at 0 and 1 too."""
    inside = np.clip(probabilities, np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).eps)
    logits: FloatArray = np.log(inside) - np.log1p(-inside)
    return logits


def sigmoid_fit(margins: FloatArray, labels: Labels) -> tuple[float, float]:
    """Slope and intercept of the sigmoid that turns margins into probabilities (Platt)."""
    slope, intercept = logistic_fit(margins[:, None], labels, offset=np.zeros(len(margins)))
    return float(slope), float(intercept)


def sigmoid(margins: FloatArray) -> FloatArray:
    """1 / (1 + exp(-margin)), without overflow."""
    small = np.exp(-np.abs(margins))
    return np.where(margins >= 0, 1.0, small) / (1.0 + small)


NEWTON_STEPS = 50
CONVERGED = 1e-10
ROUNDING = 1e-12  # of a likelihood, relative


def logistic_fit(columns: FloatArray, labels: Labels, offset: FloatArray) -> FloatArray:
    """Unpenalised logistic regression by Newton's method, halving steps that overshoot.

    Args:
        columns: Shape (n_hours, n_columns).
        labels: Shape (n_hours,).
        offset: Shape (n_hours,), added to the logit as it is.

    Returns:
        Shape (n_columns + 1,): the coefficients; the intercept comes last.
    """
    design = np.column_stack([columns, np.ones(len(labels))])
    coefficients = np.zeros(design.shape[1])
    coefficients[-1] = _logit(float(labels.mean())) - float(offset.mean())

    def likelihood(tried: FloatArray) -> float:
        margins = design @ tried + offset
        return float(labels @ margins - np.logaddexp(0.0, margins).sum())

    reached = likelihood(coefficients)
    for _ in range(NEWTON_STEPS):
        expected = sigmoid(design @ coefficients + offset)
        gradient = design.T @ (labels - expected)
        hessian = (design * (expected * (1.0 - expected))[:, None]).T @ design
        step = np.linalg.solve(hessian, gradient)
        least = reached - ROUNDING * abs(reached)
        while np.abs(step).max() > CONVERGED and likelihood(coefficients + step) < least:
            step /= 2
        coefficients += step
        reached = likelihood(coefficients)
        if np.abs(step).max() < CONVERGED:
            return coefficients
    raise ValueError("the logistic fit did not converge: the labels may be separable")


def _logit(rate: float) -> float:
    return float(np.log(rate) - np.log1p(-rate))
