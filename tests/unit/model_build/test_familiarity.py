"""Stage `familiarity`: settings, files, cache and report section."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model_build.__main__ import main
from model_build.config import QUICK_COMPARISON
from model_build.data.cohort import Cohort
from model_build.evaluate import write as write_report
from model_build.familiarity import FIGURES, PLOT, familiarity
from model_build.judge.figures import Figures
from model_build.report import familiarity_report
from tests.unit.model_build.small_recipe import RECIPE
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

SETTINGS = replace(QUICK_COMPARISON, draws=20, transfer_members=1)


@pytest.fixture(scope="module")
def enough() -> Cohort:
    """180 stays in each of two hospitals."""
    return synthetic_cohort(360, seed=4)


def run(cohort: Cohort, folder: Path, out: str) -> Figures:
    return familiarity(cohort, RECIPE, SETTINGS, out=folder / out, work=folder / "work")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, enough: Cohort) -> tuple[Figures, Path]:
    folder = tmp_path_factory.mktemp("familiarity")
    return run(enough, folder, "first"), folder


def test_it_is_measured_inside_and_in_both_directions(found: tuple[Figures, Path]) -> None:
    figures, folder = found
    inside, to_b, to_a = figures["settings"]
    assert [each["name"] for each in (inside, to_b, to_a)] == ["inside", "A to B", "B to A"]
    assert inside["patients"] == to_b["patients"] + to_a["patients"] == 360
    assert inside["hours"] == to_b["hours"] + to_a["hours"]
    for setting in (inside, to_b, to_a):
        for measured in setting["definitions"].values():
            assert sum(fifth["hours"] for fifth in measured["fifths"]) == setting["hours"]
    assert json.loads((folder / "first" / FIGURES).read_text("utf-8")) == figures
    assert (folder / "first" / PLOT).read_bytes().startswith(b"<?xml")


def test_a_second_run_takes_the_fits_from_the_cache_and_writes_the_same_bytes(
    found: tuple[Figures, Path], enough: Cohort
) -> None:
    figures, folder = found
    before = {path: path.stat().st_mtime_ns for path in (folder / "work").rglob("*.pickle")}
    assert run(enough, folder, "second") == figures
    assert before == {p: p.stat().st_mtime_ns for p in (folder / "work").rglob("*.pickle")}
    for name in (FIGURES, PLOT):
        assert (folder / "first" / name).read_bytes() == (folder / "second" / name).read_bytes()


def test_the_section_says_what_the_figures_say(found: tuple[Figures, Path]) -> None:
    figures = found[0]
    none, one = (
        familiarity_report.section(figures | {"qualifies": {"values": met, "pattern": False}})
        for met in (False, True)
    )
    assert "Familiar values: " in none
    assert "no answer carries a familiarity" in none
    assert "It is met by: familiar values." in one
    for text in (none, one):
        assert "A to B, familiar pattern, fifth 5" in text
        assert "None" not in text
        assert "nan" not in text
    assert familiarity_report.section(None) == familiarity_report.NOT_MEASURED


def test_the_section_names_where_the_criterion_is_missed(found: tuple[Figures, Path]) -> None:
    lower = {"value": -0.2, "low": -0.3, "high": -0.1}
    unclear = lower | {"high": 0.1}

    def setting(name: str, at_same_risk: Figures) -> Figures:
        measured = {
            "fifths": [],
            "auroc_less_than_others": lower,
            "auroc_less_than_others_of_same_risk": at_same_risk,
        }
        return {"name": name, "definitions": {"values": measured, "pattern": measured}}

    settings = [setting("inside", unclear), setting("A to B", lower), setting("B to A", lower)]
    text = familiarity_report.section(
        found[0] | {"settings": settings, "qualifies": {"values": False, "pattern": False}}
    )
    assert (
        "Familiar pattern: lower than that of the others everywhere; not lower than that of others "
        "of the same predicted risk: inside." in text
    )


def test_the_section_is_part_of_the_report_beside_its_figures(
    found: tuple[Figures, Path], measured: Figures, tmp_path: Path
) -> None:
    docs = tmp_path / "docs/model"
    docs.mkdir(parents=True)
    write_report(measured, tmp_path)
    assert familiarity_report.NOT_MEASURED in (docs / "report.md").read_text("utf-8")
    (docs / FIGURES).write_text(json.dumps(found[0]), encoding="utf-8")
    write_report(measured, tmp_path)
    assert familiarity_report.section(found[0]) in (docs / "report.md").read_text("utf-8")


def test_the_command_says_what_is_wrong_with_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["familiarity", "--data", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert "neither set*.parquet nor .psv" in capsys.readouterr().err
