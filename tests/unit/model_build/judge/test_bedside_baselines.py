"""Bedside scores as baselines of the comparison."""

import numpy as np

from model_build.judge.bedside_baselines import BEDSIDE, TIME, bedside_scores
from sepsis_detect.bedside_scores import scores
from tests.unit.model_build.synthetic_cohort import synthetic_cohort


def test_bedside_scores_are_those_the_service_shows() -> None:
    cohort = synthetic_cohort(5)
    found = bedside_scores(cohort)
    expected = scores.by_hour(cohort.stay)
    assert set(found) == {*BEDSIDE, TIME}
    for name in BEDSIDE:
        minimum = np.nan_to_num(expected[name].minimum).astype(np.float32)
        np.testing.assert_array_equal(found[name], minimum)
    np.testing.assert_array_equal(found[TIME], cohort.stay.icu_hours)
