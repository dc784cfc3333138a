"""Transfer between hospitals: thresholds from the source, features by recipe."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_build.data.dataset import Dataset
from model_build.judge.metrics import best_threshold, normalised_utility
from model_build.judge.transfer import BEFORE, SERVED, across_hospitals, recipes
from model_build.learn.results_cache import ResultsCache
from tests.unit.model_build.small_comparison import FEWER, SETTINGS

Transferred = tuple[list[dict[str, Any]], ResultsCache]


@pytest.fixture(scope="module")
def transferred(data: Dataset, fold: Any, tmp_path_factory: pytest.TempPathFactory) -> Transferred:
    cache = ResultsCache(tmp_path_factory.mktemp("transfer"))
    return across_hospitals(data, fold, FEWER, SETTINGS, cache), cache


def scores_of(cache: ResultsCache, beginning: str) -> Any:
    (path,) = cache.folder.glob(f"{beginning}-*.pickle")
    return cache.get(path.stem)


def test_held_out_patients_of_the_source_choose_the_transferred_threshold(
    data: Dataset, fold: Any, transferred: Transferred
) -> None:
    rows, cache = transferred
    to_b = next(row for row in rows if row["source"] == "A" and row["name"] == SERVED)
    at_home, away = scores_of(cache, "A-to-B-served")
    home, there = (data.is_uncut & (data.hospitals == name) for name in ("A", "B"))
    threshold = best_threshold(data.utilities.of(home & (fold == 0)), at_home).threshold
    expected = normalised_utility(data.utilities.of(there), away >= np.float32(threshold))
    assert to_b["utility_at_source_threshold"]["value"] == pytest.approx(expected, abs=1e-4)
    assert len(away) == np.count_nonzero(there)


def test_each_direction_has_the_served_recipe_the_one_before_and_a_simple_model(
    transferred: Transferred,
) -> None:
    rows, _ = transferred
    names = [(row["source"], row["target"], row["name"]) for row in rows]
    models = (SERVED, BEFORE, "logistic_regression")
    assert names == [(*way, model) for way in (("A", "B"), ("B", "A")) for model in models]
    for row in rows:
        less = row["less_than_served"]
        assert (less is None) == (row["name"] == SERVED)
        if less is not None:
            assert less["auroc"]["low"] <= less["auroc"]["value"] <= less["auroc"]["high"]


def test_the_served_recipe_does_not_see_what_it_leaves_out_and_the_one_before_does(
    data: Dataset, fold: Any, transferred: Transferred, tmp_path: Path
) -> None:
    hidden = [name for name in data.names if name not in FEWER.features]
    assert hidden
    X = data.X.copy()
    X[:, [data.names.index(name) for name in hidden]] = data.labels[:, None]
    told = across_hospitals(replace(data, X=X), fold, FEWER, SETTINGS, ResultsCache(tmp_path))
    for row, before in zip(told, transferred[0], strict=True):
        assert (row["auroc"] == before["auroc"]) == (row["name"] != BEFORE)


def test_only_the_served_recipe_undoes_the_cut() -> None:
    assert {name: undo for name, (_, undo) in recipes(FEWER).items()} == {
        SERVED: True,
        BEFORE: False,
    }
