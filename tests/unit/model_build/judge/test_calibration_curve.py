"""The calibration curve and its bins, against known probabilities."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from model_build.judge import calibration_curve
from model_build.judge.metrics import calibration
from model_build.learn.calibration import sigmoid


def test_the_calibration_slope_and_intercept_are_those_of_a_logistic_regression() -> None:
    random = np.random.default_rng(5)
    logits = random.normal(-2, 1, 4000)
    labels = (random.random(4000) < sigmoid(0.5 + 0.7 * logits)).astype(np.int8)
    slope = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, None], labels).coef_[0, 0]
    fitted = calibration(sigmoid(logits), labels)
    assert fitted.slope == pytest.approx(slope, abs=1e-4)
    # The intercept in the large makes the mean right, with the slope left as it is.
    assert sigmoid(logits + fitted.in_the_large).mean() == pytest.approx(labels.mean(), abs=1e-9)


def test_bins_of_the_calibration_plot_hold_every_hour_and_rise() -> None:
    scores = np.random.default_rng(0).random(1000)
    bins = calibration_curve.bins_of(scores)
    assert np.bincount(bins).tolist() == [100] * 10
    assert all(scores[bins == k].max() <= scores[bins == k + 1].min() for k in range(9))
    assert np.bincount(calibration_curve.bins_of(np.repeat([0.1, 0.2], 50))).tolist() == [50, 50]


def test_the_smooth_curve_of_true_probabilities_is_the_diagonal() -> None:
    random = np.random.default_rng(1)
    truth = sigmoid(random.normal(-2, 1, 60_000))
    curve = calibration_curve.smooth(truth, (random.random(60_000) < truth).astype(np.int8))
    assert np.abs(curve.observed - curve.predicted).max() < 0.04
    assert (np.diff(curve.predicted) > 0).all()
