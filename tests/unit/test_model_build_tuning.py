"""Variations of the recipe, judged on folds of their own."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from model_build import report_tables
from model_build.config import RECIPE
from model_build.dataset import Dataset, dataset
from model_build.tuning import periods, tune, variations, with_long_differences, without
from sepsis_detect import features
from sepsis_detect.variables import ICU_HOUR
from tests.unit.made_up_cohort import a_cohort

SMALL = replace(RECIPE, folds=2, members=2, iterations=2, leaves=6, min_samples_leaf=5)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Fits this small only lose time to a second thread."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def data() -> Dataset:
    cohort = a_cohort(60)
    cohort.stay.values[:, ICU_HOUR] += 30  # so that some hours lie beyond the look-back
    return dataset(cohort)


def test_every_variation_is_judged_and_found_again(tmp_path: Path, data: Dataset) -> None:
    found = tune(data.cohort, SMALL, out=tmp_path, work=tmp_path / "work")
    tried = variations(SMALL)
    assert [row["name"] for row in found["variations"]] == [one.name for one in tried]
    for row in found["variations"]:
        for period in periods(data):
            assert 0 <= row[period]["auroc"] <= 1
    assert json.loads((tmp_path / "tuning.json").read_text("utf-8")) == found
    assert tune(data.cohort, SMALL, out=tmp_path, work=tmp_path / "work") == found
    text = report_tables.variations(found["variations"])
    assert all(one.label in text for one in tried)


def test_only_the_first_variation_is_the_recipe() -> None:
    chosen, *others = variations(RECIPE)
    assert chosen.recipe == RECIPE
    assert len({one.name for one in others}) == len(others)
    changed = [one for one in others if one.recipe != RECIPE]
    assert {one.name for one in others} - {one.name for one in changed} == {
        "no_trends",
        "long_differences",
    }


def test_without_a_family_nothing_tells_two_hours_apart_by_it(data: Dataset) -> None:
    changed = without("_trend_48h")(data)
    is_gone = np.asarray(np.isnan(changed.X).all(axis=0))
    trends = np.array([name.endswith("_trend_48h") for name in features.NAMES])
    assert trends.any()
    assert is_gone[trends].all()
    np.testing.assert_array_equal(changed.X[:, ~trends], data.X[:, ~trends])


def test_a_long_difference_compares_within_a_stay_with_47_hours_before() -> None:
    lasts, trends = (
        [features.NAMES.index(f"lactate_{name}") for name in ("last", "trend_48h")][at : at + 1]
        for at in (0, 1)
    )
    cohort = a_cohort(4)
    whole = dataset(cohort)
    X = np.full((len(whole.X), len(features.NAMES)), np.nan, dtype=np.float32)
    X[:, lasts] = np.arange(len(X))[:, None]
    stay = replace(cohort.stay, starts=np.array([0, 20]))
    changed = with_long_differences(replace(whole, X=X, cohort=replace(cohort, stay=stay)))
    difference = changed.X[:, trends][:, 0]
    assert np.isnan(difference[: 20 + 47]).all()
    assert (difference[20 + 47 :] == 47).all()
