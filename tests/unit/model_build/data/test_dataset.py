"""Sample weights, selected features and parts of a dataset."""

from dataclasses import replace

import numpy as np
import pytest

from model_build.config import Recipe
from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import septic_stays
from model_build.data.record_cut import UNCUT_HOURS
from sepsis_detect.prediction import features


@pytest.fixture
def data(large_data: Dataset) -> Dataset:
    return large_data


@pytest.fixture
def rows(data: Dataset) -> np.ndarray:
    return np.arange(len(data.X))


def test_on_the_label_every_hour_before_the_cut_weighs_the_same(
    data: Dataset, rows: np.ndarray
) -> None:
    signed_weights = data.signed_weights("label", rows)
    np.testing.assert_array_equal(signed_weights > 0, data.labels == 1)
    assert set(np.abs(signed_weights[data.is_uncut])) == {1.0}


def test_after_the_cut_only_hours_of_septic_stays_weigh_less(
    data: Dataset, rows: np.ndarray
) -> None:
    weights = np.abs(data.signed_weights("label", rows))
    cohort = data.cohort
    of_septic = septic_stays(cohort.labels, cohort.stay.starts)[cohort.stay_of_hour]
    lighter = weights < 1
    assert lighter.any()
    assert not (lighter & ~(of_septic & ~data.is_uncut)).any()
    assert (weights > 0).all()


def test_on_utility_an_hour_weighs_what_a_flag_is_worth(data: Dataset, rows: np.ndarray) -> None:
    uncut, gain = data.is_uncut, data.utilities.gain
    np.testing.assert_array_equal(data.signed_weights("utility", rows)[uncut], gain[uncut])


def test_where_the_cut_is_not_undone_every_hour_weighs_the_same(
    data: Dataset, rows: np.ndarray
) -> None:
    as_recorded = replace(data, undo_cut=False)
    assert set(np.abs(as_recorded.signed_weights("label", rows))) == {1.0}
    assert as_recorded.digest != data.digest


def test_models_are_evaluated_on_the_first_36_hours(data: Dataset) -> None:
    headline = data.of(data.is_uncut)
    assert headline.cohort.stay.icu_hours.max() == UNCUT_HOURS == 36
    assert len(headline.X) == data.is_uncut.sum() < len(data.X)


def test_hours_of_a_part_keep_their_features_labels_and_onset(data: Dataset) -> None:
    hours = data.cohort.stay_of_hour % 2 == 1
    part = data.of(hours)
    assert part.cohort.stay.n_stays == data.cohort.stay.n_stays // 2
    np.testing.assert_array_equal(part.X, data.X[hours])
    np.testing.assert_array_equal(part.labels, data.labels[hours])
    np.testing.assert_array_equal(part.since_onset, data.since_onset[hours])
    np.testing.assert_array_equal(part.hospitals, data.hospitals[hours])
    np.testing.assert_array_equal(part.utilities.gain, data.utilities.gain[hours])


def test_features_selected_are_those_computed_alone(data: Dataset) -> None:
    seen = Recipe(left_out=("lactate", "icu_unit")).features
    selected, alone = data.select(seen), dataset(data.cohort, seen)
    assert len(seen) < len(features.NAMES)
    assert selected.digest == alone.digest
    np.testing.assert_array_equal(selected.X, alone.X)


def test_a_feature_that_is_left_out_is_made_of_a_variable_left_out() -> None:
    seen = Recipe(left_out=("lactate",)).features
    hidden = set(features.NAMES) - set(seen)
    assert hidden == {name for name, of in features.SOURCES.items() if "Lactate" in of}
