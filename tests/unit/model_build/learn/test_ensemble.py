"""The ensemble of gradient boostings: what it learns, seeds, missing features."""

from dataclasses import replace

import numpy as np
import pytest

from model_build.data.dataset import Dataset
from model_build.learn.ensemble import AveragedGradientBoosting, first_members
from model_build.learn.out_of_fold import fit
from tests.unit.model_build.small_recipe import RECIPE


def test_septic_hours_get_higher_probabilities(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    probabilities = fitted.predict_proba(data.X)[:, 1]
    assert probabilities[data.labels == 1].mean() > 2 * probabilities[data.labels == 0].mean()
    assert probabilities.mean() == pytest.approx(data.labels.mean(), rel=1e-6)


def test_the_same_seed_gives_the_same_margins(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    again = fit(data, RECIPE, np.arange(len(data.X)))
    np.testing.assert_array_equal(again.decision_function(data.X), fitted.decision_function(data.X))


def test_members_draw_different_hours(fitted: AveragedGradientBoosting, data: Dataset) -> None:
    first, second = (
        member.decision_function(fitted.bins_.encode(data.X)) for member in fitted.members_
    )
    assert not np.array_equal(first, second)


def test_a_feature_that_is_never_measured_is_no_obstacle(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    never = np.isnan(data.X).all(axis=0)
    assert never.any()
    X = data.X.copy()
    X[:, never] = 12.0
    np.testing.assert_array_equal(fitted.decision_function(X), fitted.decision_function(data.X))


def test_float64_features_are_refused(data: Dataset) -> None:
    learner = AveragedGradientBoosting.of(RECIPE)
    gain = data.utilities.gain
    with pytest.raises(ValueError, match="float32"):
        learner.fit(data.X.astype(np.float64), gain > 0, np.abs(gain))


def test_the_first_members_are_the_model_of_fewer_members(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    alone = fit(data, replace(RECIPE, members=1), np.arange(len(data.X)))
    first = first_members(fitted, 1)
    np.testing.assert_array_equal(first.decision_function(data.X), alone.decision_function(data.X))
