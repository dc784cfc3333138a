"""A fitted ensemble for the tests of the learner and of its export."""

import numpy as np
import pytest

from model_build.data.dataset import Dataset
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.out_of_fold import fit
from tests.unit.model_build.small_recipe import RECIPE


@pytest.fixture(scope="session")
def fitted(data: Dataset) -> AveragedGradientBoosting:
    model = fit(data, RECIPE, np.arange(len(data.X)))
    return model.calibrate(model.decision_function(data.X), data.labels)
