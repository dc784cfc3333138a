"""Stage `compare`: table, plot and cache."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model_build import compare as comparison
from model_build.__main__ import main
from model_build.data.cohort import Cohort
from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.bedside_baselines import BEDSIDE, TIME
from model_build.learn.results_cache import ResultsCache
from model_build.report.comparison_report import markdown
from tests.unit.model_build.small_comparison import FEWER, LEARNERS, SETTINGS
from tests.unit.model_build.synthetic_cohort import synthetic_cohort


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cohort, dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("compare")
    cohort = synthetic_cohort()
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


def test_a_second_run_uses_the_cache_and_writes_the_same(
    compared: tuple[Cohort, dict[str, Any], Path],
) -> None:
    cohort, found, folder = compared
    before = {path.name: path.read_bytes() for path in (folder / "report").iterdir()}
    cached = written_at(folder / "work")
    again = comparison.compare(cohort, FEWER, SETTINGS, out=folder / "2", work=folder / "work")
    assert again == found
    assert {path.name: path.read_bytes() for path in (folder / "2").iterdir()} == before
    assert written_at(folder / "work") == cached


def written_at(folder: Path) -> dict[Path, int]:
    """Modification time of every cached result."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.pickle")}


def test_other_settings_are_other_results(tmp_path: Path) -> None:
    trained = ResultsCache(tmp_path)
    other = replace(SETTINGS, forest_trees=5)
    names = {
        comparison.comparison_cache(trained, s).folder.name for s in (SETTINGS, SETTINGS, other)
    }
    assert len(names) == 2


def test_no_data_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--quick", "--data", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert "neither set*.parquet nor .psv" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
