"""Choice of the threshold: the alert bound holds in each hospital."""

import numpy as np
import pytest

from model_build.data.dataset import Dataset, dataset
from model_build.judge.judgement import MAX_ALERTS_PER_PATIENT_DAY, chosen_threshold
from tests.unit.model_build.synthetic_cohort import synthetic_cohort


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(synthetic_cohort(200))


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_on_alerts_holds_in_each_hospital(data: Dataset, seed: int) -> None:
    random = np.random.default_rng(seed)
    is_septic = data.labels == 1
    # One hospital's patients look worse throughout: it alone would fill a common bound.
    shift = np.where(data.hospitals == "A", 0.3, 0.0)
    probabilities = (random.random(len(data.X)) * 0.5 + 0.2 * is_septic + shift).astype(np.float32)
    threshold = chosen_threshold(data, probabilities, data.is_uncut)
    for hospital in np.unique(data.hospitals):
        hours = data.is_uncut & (data.hospitals == hospital)
        flagged = (probabilities[hours] >= np.float32(threshold)).mean()
        assert 24 * flagged <= MAX_ALERTS_PER_PATIENT_DAY
