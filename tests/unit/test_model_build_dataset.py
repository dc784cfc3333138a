"""What a learner is asked to tell apart."""

import numpy as np

from model_build.dataset import dataset
from tests.unit.made_up_cohort import a_cohort


def test_on_the_label_every_hour_weighs_the_same() -> None:
    data = dataset(a_cohort(20))
    stakes = data.stakes("label")
    np.testing.assert_array_equal(stakes > 0, data.labels == 1)
    assert set(np.abs(stakes)) == {1.0}


def test_on_utility_an_hour_weighs_what_a_flag_is_worth() -> None:
    data = dataset(a_cohort(20))
    np.testing.assert_array_equal(data.stakes("utility"), data.utilities.gain)
