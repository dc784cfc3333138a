"""Groups of features and hours of the permutation importance."""

import numpy as np

from model_build.data.dataset import Dataset
from model_build.judge.permutation_importance import MEASUREMENT_COUNTS, sample, variable_groups
from sepsis_detect.prediction import features


def test_every_feature_is_permuted_with_each_of_its_variables() -> None:
    groups = variable_groups(features.NAMES)
    assert set(np.concatenate(list(groups.values()))) == set(range(len(features.NAMES)))
    of_lactate = {features.NAMES[column] for column in groups["lactate"]}
    assert {name for name, of in features.SOURCES.items() if of == ("Lactate",)} <= of_lactate
    assert "shock_index" in {features.NAMES[column] for column in groups["heart_rate"]}
    counted = {features.NAMES[column] for column in groups[MEASUREMENT_COUNTS]}
    assert "labs_count_24h" in counted
    assert not counted & of_lactate


def test_importance_uses_only_hours_before_the_cut(data: Dataset) -> None:
    assert not (sample(data) & ~data.is_uncut).any()
