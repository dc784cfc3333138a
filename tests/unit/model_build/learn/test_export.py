"""Parity of the exported graph with scikit-learn, also beside every threshold; the self-check."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_build.data.dataset import Dataset
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.export import ParityError, require_parity, to_onnx
from model_build.learn.onnx_inference import served_scores, session
from model_build.learn.selfcheck import decimal, synthetic_rows
from sepsis_detect.prediction import features


def test_onnx_equals_scikit_learn_on_every_hour(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    served = served_scores(session(to_onnx(fitted)), data.X)
    assert served.dtype == np.float32
    assert served.shape == (len(data.X),)
    assert require_parity(served, fitted.predict_proba(data.X)[:, 1]) < 1e-6


def test_onnx_equals_scikit_learn_beside_every_threshold(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    random = np.random.default_rng(5)
    rows = []
    for feature, cuts in enumerate(fitted.bins_.cuts):
        below, above = (np.nextafter(cuts, np.float32(side)) for side in (-np.inf, np.inf))
        for value in np.concatenate([below, cuts, above]):
            row = data.X[random.integers(len(data.X))].copy()
            row[feature] = value
            rows.append(row)
    X = np.array(rows)
    served = served_scores(session(to_onnx(fitted)), X)
    require_parity(served, fitted.predict_proba(X)[:, 1])


def test_onnx_equals_scikit_learn_with_each_feature_missing(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    X = np.repeat(data.X[100:101], len(features.NAMES) + 1, axis=0)
    np.fill_diagonal(X, np.nan)
    X[-1] = np.nan
    served = served_scores(session(to_onnx(fitted)), X)
    require_parity(served, fitted.predict_proba(X)[:, 1])


def test_a_disagreement_is_refused() -> None:
    with pytest.raises(ParityError, match="differ by 1e-05"):
        require_parity(np.array([0.5], dtype=np.float32), np.array([0.50001]))
    with pytest.raises(ParityError):
        require_parity(np.array([np.nan], dtype=np.float32), np.array([0.5]))


def test_synthetic_rows_detect_the_wrong_side_of_a_threshold(
    fitted: AveragedGradientBoosting,
) -> None:
    rows = synthetic_rows(fitted, seed=1)
    assert len(rows) == 40
    assert np.isnan(rows[0]).all()
    answers = fitted.predict_proba(rows)[:, 1]
    left, right = answers[-24:-12], answers[-12:]
    assert (np.abs(left - right) > 1e-3).any()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_in_the_artifact_reads_back_to_the_same_float32(value: float) -> None:
    written = json.dumps(decimal(np.float32(value)))
    assert np.float32(json.loads(written)) == np.float32(value)
