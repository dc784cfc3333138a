"""Calibration curve: observed rate against predicted probability, in bins and smoothed.

Sources:
    Van Calster et al., BMC Med 2019;17:230, doi:10.1186/s12916-019-1466-7.
    Restricted cubic splines: Harrell, Regression Modeling Strategies, 2nd ed., 2.4.5.
"""

from typing import NamedTuple

import numpy as np

from model_build.data.labels import Labels
from model_build.learn.calibration import log_odds, logistic_fit, sigmoid
from sepsis_detect.clinical.stay import FloatArray, IntArray

BINS = 10
KNOTS_AT = (0.05, 0.35, 0.65, 0.95, 0.99)  # quantiles: dense where the alerts are
DRAWN_WITHIN = (0.001, 0.999)  # quantiles: the curve is not drawn where hours are few
DRAWN_POINTS = 60


def bins_of(probabilities: FloatArray, n_bins: int = BINS) -> IntArray:
    """Shape (n_hours,): bins of as equal a size as ties allow, the least probable first."""
    inner = np.quantile(probabilities, np.arange(1, n_bins) / n_bins)
    bins = np.searchsorted(inner, probabilities, side="right")
    return np.unique(bins, return_inverse=True)[1]  # without numbers that no hour has


class Curve(NamedTuple):
    """Shape (n,) each: predicted probability, rising, and what was observed there."""

    predicted: FloatArray
    observed: FloatArray


def smooth(probabilities: FloatArray, labels: Labels) -> Curve:
    """A logistic regression on a restricted cubic spline of the logit."""
    logits = log_odds(probabilities)
    knots = np.unique(np.quantile(logits, KNOTS_AT))
    coefficients = logistic_fit(_spline(logits, knots), labels, offset=logits)
    low, high = np.quantile(logits, DRAWN_WITHIN).tolist()
    at = np.linspace(low, high, DRAWN_POINTS)
    fitted = at + _spline(at, knots) @ coefficients[:-1] + coefficients[-1]
    return Curve(sigmoid(at), sigmoid(fitted))


def _spline(x: FloatArray, knots: FloatArray) -> FloatArray:
    """Shape (n, n_knots - 1): straight beyond the first and the last knot."""
    if len(knots) < 3:
        return x[:, None]
    *inner, before_last, last = knots.tolist()
    scale = (last - knots[0]) ** 2

    def cubed(knot: float) -> FloatArray:
        above: FloatArray = np.maximum(x - knot, 0.0) ** 3
        return above

    curved = [
        cubed(knot)
        - cubed(before_last) * (last - knot) / (last - before_last)
        + cubed(last) * (before_last - knot) / (last - before_last)
        for knot in inner
    ]
    return np.column_stack([x, *(column / scale for column in curved)])
