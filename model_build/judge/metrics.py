"""How good the answers are: the challenge's utility, ranking, calibration and alarms.

Functions of arrays; nothing here knows of models or files. Hours weigh equally unless weights are
given.

Sources:
    Utility: as `labels`.
    Calibration: Van Calster et al., BMC Med 2019;17:230, doi:10.1186/s12916-019-1466-7.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from model_build.data.labels import Labels, Utilities
from sepsis_detect.clinical.stay import BoolArray, FloatArray

HOURS_IN_A_DAY = 24.0
Float32Array = NDArray[np.float32]
Scores = FloatArray | Float32Array


def summary(
    probabilities: Float32Array,
    labels: Labels,
    utilities: Utilities,
    threshold: float,
    weights: FloatArray | None = None,
) -> dict[str, float]:
    """The figures of one group of hours at one threshold.

    Args:
        probabilities: Shape (n_hours,), as served.
        labels: Shape (n_hours,), both 0 and 1 among them.
        utilities: Of the same hours.
        threshold: Flagged is `probability >= threshold`.
        weights: Shape (n_hours,), of the hours; None: all weigh 1.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    flags = probabilities >= np.float32(threshold)
    fit = calibration(probabilities.astype(np.float64), labels, weights)
    violations = float(weights[flags & (labels == 1)].sum())
    n_hours = float(weights.sum())
    n_flags = float(weights[flags].sum())
    n_positive = float(weights[labels == 1].sum())
    return {
        "hours": n_hours,
        "observed_rate": n_positive / n_hours,
        "utility": normalised_utility(utilities.weighed(weights), flags),
        "auroc": float(roc_auc_score(labels, probabilities, sample_weight=weights)),
        "auprc": float(average_precision_score(labels, probabilities, sample_weight=weights)),
        "calibration_slope": fit.slope,
        "calibration_in_the_large": fit.in_the_large,
        "predicted_over_observed": fit.predicted_over_observed,
        "alerts_per_patient_day": n_flags / n_hours * HOURS_IN_A_DAY,
        "ppv": violations / n_flags if n_flags else float("nan"),
        "sensitivity": violations / n_positive,
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


def best_threshold(
    utilities: Utilities, probabilities: Float32Array, above: float = -np.inf
) -> OperatingPoint:
    """Sweep every threshold and return the one of highest utility, exact in float32.

    Probabilities up to `above` are never flagged.

    It lies halfway between two scores that occur, so that a last-bit difference between
    two machines changes no answer of these hours.
    """
    order = np.argsort(-probabilities, kind="stable")
    scores = probabilities[order]
    gains = np.cumsum(utilities.gain[order])
    # Equal scores are flagged together: only the last of each tie can be a cut.
    cuts = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    best, never = best_and_never(utilities)
    allowed = cuts[scores[cuts] > above]
    cut = allowed[np.argmax(gains[allowed])] if len(allowed) else cuts[0]
    if gains[cut] <= 0 or not len(allowed):
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


def calibration(
    probabilities: FloatArray, labels: Labels, weights: FloatArray | None = None
) -> Calibration:
    """Logistic recalibration of the probabilities.

    Args:
        probabilities: Shape (n_hours,).
        labels: Shape (n_hours,).
        weights: Shape (n_hours,); None: all weigh 1.

    Returns:
        The slope of the logit; the intercept with the slope held at 1; mean predicted
        probability over observed rate.
    """
    logits = log_odds(probabilities)
    slope, _ = sigmoid_fit(logits, labels, weights)
    nothing = np.zeros((len(logits), 0))
    in_the_large = logistic_fit(nothing, labels, offset=logits, weights=weights)[-1]
    ratio = np.average(probabilities, weights=weights) / np.average(labels, weights=weights)
    return Calibration(slope, float(in_the_large), float(ratio))


def log_odds(probabilities: FloatArray) -> FloatArray:
    """log(p / (1 - p)), finite at 0 and 1 too."""
    inside = np.clip(probabilities, np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).eps)
    logits: FloatArray = np.log(inside) - np.log1p(-inside)
    return logits


def sigmoid_fit(
    margins: FloatArray, labels: Labels, weights: FloatArray | None = None
) -> tuple[float, float]:
    """Slope and intercept of the sigmoid that turns margins into probabilities (Platt)."""
    nothing = np.zeros(len(margins))
    slope, intercept = logistic_fit(margins[:, None], labels, offset=nothing, weights=weights)
    return float(slope), float(intercept)


def sigmoid(margins: FloatArray) -> FloatArray:
    """1 / (1 + exp(-margin)), without overflow."""
    small = np.exp(-np.abs(margins))
    return np.where(margins >= 0, 1.0, small) / (1.0 + small)


NEWTON_STEPS = 50
CONVERGED = 1e-10
ROUNDING = 1e-12  # of a likelihood, relative


def logistic_fit(
    columns: FloatArray, labels: Labels, offset: FloatArray, weights: FloatArray | None = None
) -> FloatArray:
    """Unpenalised logistic regression by Newton's method, halving steps that overshoot.

    Args:
        columns: Shape (n_hours, n_columns).
        labels: Shape (n_hours,).
        offset: Shape (n_hours,), added to the logit as it is.
        weights: Shape (n_hours,); None: all weigh 1.

    Returns:
        Shape (n_columns + 1,): the coefficients; the intercept comes last.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    design = np.column_stack([columns, np.ones(len(labels))])
    coefficients = np.zeros(design.shape[1])
    rate, mean_offset = (float(np.average(of, weights=weights)) for of in (labels, offset))
    coefficients[-1] = _logit(rate) - mean_offset

    def likelihood(tried: FloatArray) -> float:
        margins = design @ tried + offset
        return float((weights * labels) @ margins - weights @ np.logaddexp(0.0, margins))

    reached = likelihood(coefficients)
    for _ in range(NEWTON_STEPS):
        expected = sigmoid(design @ coefficients + offset)
        gradient = design.T @ (weights * (labels - expected))
        hessian = (design * (weights * expected * (1.0 - expected))[:, None]).T @ design
        step = np.linalg.solve(hessian, gradient)
        least = reached - ROUNDING * abs(reached)
        while np.abs(step).max() > CONVERGED and likelihood(coefficients + step) < least:
            step /= 2
        coefficients += step
        # Beside columns that are nearly alike a step never gets small, but gains nothing.
        gains_nothing = gradient @ step < ROUNDING * abs(reached)
        reached = likelihood(coefficients)
        if np.abs(step).max() < CONVERGED or gains_nothing:
            return coefficients
    raise ValueError("the logistic fit did not converge: the labels may be separable")


def _logit(rate: float) -> float:
    return float(np.log(rate) - np.log1p(-rate))
