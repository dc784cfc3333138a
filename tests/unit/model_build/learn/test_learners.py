"""Learners of the comparison: sampled hours, parity of their graphs."""

import numpy as np
import pytest

from model_build.data.dataset import Dataset
from model_build.learn.learners import Learner, sample
from model_build.learn.onnx_inference import served_scores, session
from tests.unit.model_build.small_comparison import LEARNERS


def test_sampled_hours_are_weighted_for_those_left_out() -> None:
    gain = np.concatenate([np.full(900, -0.05), np.zeros(50), np.full(100, 1.0)])
    rows = np.arange(len(gain))
    drawn, weight = sample(gain, rows, keep_negatives=0.1, max_hours=None, seed=1)
    positive = gain[drawn] > 0
    assert [positive.sum(), (~positive).sum()] == [100, 90]
    assert weight[positive].sum() / weight[~positive].sum() == pytest.approx(100 / 45)
    fewer, weight = sample(gain, rows, keep_negatives=0.1, max_hours=60, seed=1)
    positive = gain[fewer] > 0
    assert [positive.sum(), (~positive).sum()] == [30, 30]
    assert weight[positive].sum() / weight[~positive].sum() == pytest.approx(100 / 45)
    assert len(np.unique(fewer)) == 60


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_onnx_answers_as_scikit_learn(learner: Learner, data: Dataset) -> None:
    model = learner.fit(data.X, data.utilities.gain, np.arange(0, len(data.X), 2))
    X = np.concatenate([data.X, np.full_like(data.X[:1], np.nan)])
    served = served_scores(session(learner.to_onnx(model)), X)
    assert served.dtype == np.float32
    np.testing.assert_allclose(served, learner.scores(model, X), rtol=0, atol=2e-5)
