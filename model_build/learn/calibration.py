"""Logistic calibration: probabilities from margins by a fitted sigmoid (Platt scaling).

Source: Platt, Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods, Advances in Large Margin Classifiers, 1999.
"""

import numpy as np

from model_build.data.labels import Labels
from sepsis_detect.clinical.stay import FloatArray

MAX_NEWTON_STEPS = 50
CONVERGED = 1e-10
ROUNDING = 1e-12  # of a likelihood, relative


def log_odds(probabilities: FloatArray) -> FloatArray:
    """log(p / (1 - p)), finite at 0 and 1 too."""
    inside = np.clip(probabilities, np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).eps)
    logits: FloatArray = np.log(inside) - np.log1p(-inside)
    return logits


def sigmoid_fit(
    margins: FloatArray, labels: Labels, weights: FloatArray | None = None
) -> tuple[float, float]:
    """Slope and intercept of the sigmoid that turns margins into probabilities."""
    nothing = np.zeros(len(margins))
    slope, intercept = logistic_fit(margins[:, None], labels, offset=nothing, weights=weights)
    return float(slope), float(intercept)


def sigmoid(margins: FloatArray) -> FloatArray:
    """1 / (1 + exp(-margin)), without overflow."""
    small = np.exp(-np.abs(margins))
    return np.where(margins >= 0, 1.0, small) / (1.0 + small)


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
    for _ in range(MAX_NEWTON_STEPS):
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
