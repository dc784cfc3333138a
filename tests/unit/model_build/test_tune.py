"""Stage `tune`: variations of the recipe, out of fold and between hospitals."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from model_build import tune as tuning
from model_build.config import RECIPE
from model_build.data.cohort import Cohort
from model_build.data.dataset import dataset
from model_build.learn.out_of_fold import fit
from model_build.report import report_tables
from model_build.tune import VARIATIONS, tune, variations
from sepsis_detect.clinical.variables import ICU_HOUR
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

SMALL = replace(
    RECIPE,
    folds=2,
    members=1,
    iterations=2,
    leaves=6,
    min_samples_leaf=5,
    keep_negatives=0.05,
    left_out=("lactate",),
)
TRIED = (
    ("every_variable", "every variable seen", {"left_out": ()}),
    ("same", "what it is already", {"leaves": 6}),
)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    cohort = synthetic_cohort(60)
    cohort.stay.values[:, ICU_HOUR] += 10  # so that some hours lie beyond hour 36
    return cohort


@pytest.fixture
def short_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "VARIATIONS", TRIED)


@pytest.mark.usefixtures("short_list")
def test_every_variation_is_evaluated_inside_and_across_and_cached(
    tmp_path: Path, cohort: Cohort
) -> None:
    found = tune(cohort, SMALL, out=tmp_path, work=tmp_path / "work")
    assert [row["name"] for row in found["variations"]] == ["served", "every_variable"]
    for row in found["variations"]:
        assert row["across_hospitals"].keys() == {"A to B", "B to A"}
        for figures in (row["inside"], *row["across_hospitals"].values()):
            assert 0 <= figures["auroc"] <= 1
    assert json.loads((tmp_path / "tuning.json").read_text("utf-8")) == found
    text = report_tables.variations(found["variations"])
    assert all(row["label"] in text for row in found["variations"])
    cached = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pickle")}
    assert tune(cohort, SMALL, out=tmp_path, work=tmp_path / "work") == found
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pickle")} == cached


@pytest.mark.usefixtures("short_list")
def test_transfer_is_evaluated_on_the_first_36_hours_of_the_other_hospital(
    tmp_path: Path, cohort: Cohort
) -> None:
    served, _ = tune(cohort, SMALL, out=tmp_path, work=tmp_path / "work")["variations"]
    data = dataset(cohort, SMALL.features)
    away = (data.hospitals == "B") & data.is_uncut
    assert away.sum() < np.count_nonzero(data.hospitals == "B")
    margins = fit(data, SMALL, np.flatnonzero(data.hospitals == "A")).decision_function(data.X)
    expected = roc_auc_score(data.labels[away], margins[away])
    assert served["across_hospitals"]["A to B"]["auroc"] == pytest.approx(expected, abs=1e-4)


def test_only_the_first_variation_is_the_recipe() -> None:
    first, *others = variations(SMALL)
    assert first.recipe == SMALL
    assert all(one.recipe != SMALL for one in others)


def test_variations_have_names_of_their_own() -> None:
    for column in (0, 1):
        assert len({variation[column] for variation in VARIATIONS}) == len(VARIATIONS)
