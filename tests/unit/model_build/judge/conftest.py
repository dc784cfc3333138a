"""Scored hours for the tests of the figures."""

import numpy as np
import pytest

from model_build.data.labels import Utilities
from model_build.judge.group_figures import Hours
from model_build.learn.calibration import sigmoid


@pytest.fixture(scope="session")
def hours() -> Hours:
    """900 scored hours of forty patients, with ties among the scores."""
    random = np.random.default_rng(3)
    patient = np.sort(random.integers(40, size=900))
    lean = random.normal(size=40)[patient]
    scores = np.round(sigmoid(lean - 2 + random.normal(size=900)), 2).astype(np.float32)
    scores = np.clip(scores, 0.01, 0.99).astype(np.float32)
    labels = (random.random(900) < sigmoid(lean - 2)).astype(np.int8)
    gains = Utilities(np.where(labels == 1, 1.0, -0.05), np.zeros(900))
    return Hours(scores, labels, gains, patient, 0.25, 40, np.ones(len(scores)))
