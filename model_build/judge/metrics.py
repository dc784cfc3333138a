"""Performance metrics of scored hours: utility, ranking, calibration and alerts.

Pure functions of arrays. Hours weigh equally unless weights are given.

Sources:
    Utility: as `labels`.
    Calibration: Van Calster et al., BMC Med 2019;17:230, doi:10.1186/s12916-019-1466-7.
"""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from model_build.data.labels import Labels, Utilities
from model_build.learn.calibration import log_odds, logistic_fit, sigmoid_fit
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray

HOURS_IN_A_DAY = 24.0


def summary(
    probabilities: Float32Array,
    labels: Labels,
    utilities: Utilities,
    threshold: float | Float32Array,
    weights: FloatArray | None = None,
) -> dict[str, float]:
    """The figures of one group of hours at one threshold.

    Args:
        probabilities: Shape (n_hours,), as served.
        labels: Shape (n_hours,), both 0 and 1 among them.
        utilities: Of the same hours.
        threshold: Flagged is `probability >= threshold`; shape (n_hours,) where it differs.
        weights: Shape (n_hours,), of the hours; None: all weigh 1.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    flags = probabilities >= np.float32(threshold)
    fit = calibration(probabilities.astype(np.float64), labels, weights)
    true_positives = float(weights[flags & (labels == 1)].sum())
    n_hours = float(weights.sum())
    n_flags = float(weights[flags].sum())
    n_positive = float(weights[labels == 1].sum())
    return {
        "hours": n_hours,
        "observed_rate": n_positive / n_hours,
        "utility": normalised_utility(utilities.weighted(weights), flags),
        "auroc": float(roc_auc_score(labels, probabilities, sample_weight=weights)),
        "auprc": float(average_precision_score(labels, probabilities, sample_weight=weights)),
        "calibration_slope": fit.slope,
        "calibration_in_the_large": fit.in_the_large,
        "predicted_over_observed": fit.predicted_over_observed,
        "alerts_per_patient_day": n_flags / n_hours * HOURS_IN_A_DAY,
        "ppv": true_positives / n_flags if n_flags else float("nan"),
        "sensitivity": true_positives / n_positive,
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
    """The threshold of highest utility, exact in float32.

    It lies halfway between two scores that occur, so that a last-bit difference between
    two machines changes no answer of these hours.

    Args:
        utilities: Of the hours.
        probabilities: Shape (n_hours,), of the same hours.
        above: Lower bound: a probability up to it is never flagged.
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
    threshold = threshold_below(scores, scores[cut])
    return OperatingPoint(threshold, float(gains[cut] / (best - never)))


def threshold_below(scores: Float32Array, lowest_flagged: np.float32) -> float:
    """The threshold halfway between a score and the next lower one, exact in float32.

    Args:
        scores: Shape (n_hours,).
        lowest_flagged: One of them; it and all above are flagged.
    """
    lower = scores[scores < lowest_flagged]
    if not len(lower):
        return float(lowest_flagged)
    next_lower = lower.max()
    between = np.float32((np.float64(lowest_flagged) + np.float64(next_lower)) / 2)
    return float(between if between > next_lower else lowest_flagged)


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
