"""The comparison is fair: nobody is judged by a fit, or a threshold, that saw them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from model_build import compare as comparison
from model_build.__main__ import main
from model_build.config import Comparison, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import Utilities
from model_build.data.record_cut import UNCUT_HOURS
from model_build.data.split import folds
from model_build.judge.metrics import best_threshold, normalised_utility
from model_build.judge.transfer import BEFORE, SERVED, across_hospitals, recipes
from model_build.judge.trial import Trial
from model_build.learn.candidates import (
    BEDSIDE,
    TIME,
    Boosting,
    Learner,
    bedside_scores,
    draw,
    learners,
)
from model_build.learn.onnx_inference import served_scores
from model_build.learn.out_of_fold import fit
from model_build.learn.results_cache import Store
from model_build.report.comparison_report import markdown
from sepsis_detect.bedside_scores import scores
from tests.unit.model_build.made_up_cohort import a_cohort

RECIPE = Recipe(
    folds=2,
    members=2,
    iterations=4,
    learning_rate=0.3,
    leaves=6,
    min_samples_leaf=5,
    l2=10.0,
    keep_negatives=0.5,
    max_features=0.5,
)
SETTINGS = Comparison(
    rbf_svm_hours=200,
    forest_trees=4,
    forest_leaf_hours=5,
    keep_negatives=0.5,
    draws=40,
    parity_hours=50,
    single_calls=3,
)
LEARNERS = learners(RECIPE, SETTINGS)
FEWER = replace(RECIPE, left_out=("heart_rate", "icu_unit"))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Fits this small only lose time to a second thread."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(a_cohort())


@pytest.fixture(scope="module")
def fold(data: Dataset) -> Any:
    by_patient = folds(data.cohort.patient_ids.tolist(), n_folds=RECIPE.folds, seed=RECIPE.seed)
    return by_patient[data.cohort.stay_of_hour]


def kept_fits(folder: Path, data: Dataset, fold: Any) -> Store:
    """What `train` keeps: the served fit of each fold."""
    store = Store(folder)
    for k in range(RECIPE.folds):
        store.keep(f"fold-{k}", partial(fit, data, RECIPE, np.flatnonzero(fold != k)))
    return store


# --- Nobody is judged by what saw them ----------------------------------------------------------


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_nobody_is_scored_by_a_fit_that_saw_their_fold(
    learner: Learner, data: Dataset, fold: Any, tmp_path: Path
) -> None:
    """One patient keeps the hours; the others of the fold change and must make no difference."""
    patient = data.cohort.stay_of_hour
    mine = patient == patient[np.flatnonzero(fold == 0)[0]]
    others = (fold == 0) & ~mine
    X, flagged = data.X.copy(), data.utilities.flagged.copy()
    X[others] = 40 - X[others]
    flagged[others] *= -1
    changed = replace(data, X=X, utilities=Utilities(flagged, data.utilities.quiet))
    own = mine[(fold == 0) & data.is_uncut]
    before, after = (
        Trial(learner, these, fold, 0, SETTINGS, kept_fits(tmp_path / name, these, fold))().scores
        for name, these in (("before", data), ("after", changed))
    )
    np.testing.assert_allclose(after[own], before[own], rtol=1e-5)
    assert not np.allclose(after[~own], before[~own])


Transferred = tuple[list[dict[str, Any]], Store]


@pytest.fixture(scope="module")
def transferred(data: Dataset, fold: Any, tmp_path_factory: pytest.TempPathFactory) -> Transferred:
    store = Store(tmp_path_factory.mktemp("transfer"))
    return across_hospitals(data, fold, FEWER, SETTINGS, store), store


def scores_of(store: Store, beginning: str) -> Any:
    (path,) = store.folder.glob(f"{beginning}-*.pickle")
    return store.get(path.stem)


def test_held_out_patients_of_the_source_choose_the_threshold_carried_over(
    data: Dataset, fold: Any, transferred: Transferred
) -> None:
    rows, store = transferred
    to_b = next(row for row in rows if row["source"] == "A" and row["name"] == SERVED)
    at_home, away = scores_of(store, "A-to-B-served")
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
    told = across_hospitals(replace(data, X=X), fold, FEWER, SETTINGS, Store(tmp_path))
    for row, before in zip(told, transferred[0], strict=True):
        assert (row["auroc"] == before["auroc"]) == (row["name"] != BEFORE)


def test_only_the_served_recipe_undoes_the_cut() -> None:
    assert {name: undo for name, (_, undo) in recipes(FEWER).items()} == {
        SERVED: True,
        BEFORE: False,
    }


# --- Candidates ---------------------------------------------------------------------------------


def test_bedside_scores_are_those_the_service_shows() -> None:
    cohort = a_cohort(5)
    found = bedside_scores(cohort)
    expected = scores.by_hour(cohort.stay)
    assert set(found) == {*BEDSIDE, TIME}
    for name in BEDSIDE:
        minimum = np.nan_to_num(expected[name].minimum).astype(np.float32)
        np.testing.assert_array_equal(found[name], minimum)
    np.testing.assert_array_equal(found[TIME], cohort.stay.icu_hours)


def test_drawn_hours_weigh_for_those_left_out() -> None:
    gain = np.concatenate([np.full(900, -0.05), np.zeros(50), np.full(100, 1.0)])
    rows = np.arange(len(gain))
    drawn, weight = draw(gain, rows, keep_negatives=0.1, hours_at_most=None, seed=1)
    positive = gain[drawn] > 0
    assert [positive.sum(), (~positive).sum()] == [100, 90]
    assert weight[positive].sum() / weight[~positive].sum() == pytest.approx(100 / 45)
    fewer, weight = draw(gain, rows, keep_negatives=0.1, hours_at_most=60, seed=1)
    positive = gain[fewer] > 0
    assert [positive.sum(), (~positive).sum()] == [30, 30]
    assert weight[positive].sum() / weight[~positive].sum() == pytest.approx(100 / 45)
    assert len(np.unique(fewer)) == 60


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_onnx_answers_as_scikit_learn(learner: Learner, data: Dataset) -> None:
    model = learner.fit(data.X, data.utilities.gain, np.arange(0, len(data.X), 2))
    X = np.concatenate([data.X, np.full_like(data.X[:1], np.nan)])
    served = served_scores(learner.to_onnx(model).SerializeToString(), X)
    assert served.dtype == np.float32
    np.testing.assert_allclose(served, learner.scores(model, X), rtol=0, atol=2e-5)


# --- From end to end ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cohort, dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("compare")
    cohort = a_cohort()
    found = comparison.compare(cohort, FEWER, SETTINGS, out=folder / "report", work=folder / "work")
    return cohort, found, folder


def test_table_and_plot_are_written(compared: tuple[Cohort, dict[str, Any], Path]) -> None:
    _, found, folder = compared
    report = folder / "report"
    kept = json.loads((report / "compare.json").read_text("utf-8"))
    assert kept == found
    table = (report / "compare.md").read_text("utf-8")
    assert table == markdown(kept)
    uncut = compared[0].stay.icu_hours <= UNCUT_HOURS
    assert kept["protocol"]["judged_hours"] == uncut.sum() < len(uncut)
    assert kept["protocol"]["features"] == len(FEWER.features)
    assert all(f"| {row['label']} |" in table for row in kept["across_hospitals"])
    names = [row["name"] for row in kept["candidates"]]
    assert names == [*BEDSIDE, TIME, *(learner.name for learner in LEARNERS)]
    for row in kept["candidates"]:
        assert f"| {row['label']} |" in table
        assert row["auroc"]["low"] <= row["auroc"]["value"] <= row["auroc"]["high"]
    plot = (report / "compare.svg").read_bytes()
    assert plot.startswith(b"<?xml")
    assert len(plot) < 100_000


def test_a_second_run_goes_on_from_the_first_and_writes_the_same(
    compared: tuple[Cohort, dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, found, folder = compared
    before = {path.name: path.read_bytes() for path in (folder / "report").iterdir()}

    def not_again(_: Trial) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(Trial, "__call__", not_again)
    again = comparison.compare(cohort, FEWER, SETTINGS, out=folder / "2", work=folder / "work")
    assert again == found
    assert {path.name: path.read_bytes() for path in (folder / "2").iterdir()} == before


def test_the_fits_of_the_training_are_used_for_the_boostings(
    data: Dataset, fold: Any, tmp_path: Path
) -> None:
    *_, single, served = LEARNERS
    kept = kept_fits(tmp_path, data, fold)
    others = np.flatnonzero(fold != 0)
    for learner in (single, served):
        assert isinstance(learner, Boosting)
        found = Trial(learner, data, fold, 0, SETTINGS, kept)()
        anew = fit(data, learner.recipe, others)
        X = data.X[(fold == 0) & data.is_uncut]
        np.testing.assert_allclose(found.scores, learner.scores(anew, X), atol=1e-6)
        assert found.fit_seconds is None


def test_other_settings_are_other_results(tmp_path: Path) -> None:
    trained = Store(tmp_path)
    other = replace(SETTINGS, forest_trees=5)
    names = {comparison.own_store(trained, s).folder.name for s in (SETTINGS, SETTINGS, other)}
    assert len(names) == 2


def test_no_data_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--quick", "--data", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert "neither set*.parquet nor .psv" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
