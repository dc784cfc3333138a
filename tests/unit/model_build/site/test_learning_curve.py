"""Stage `learning-curve`: sizes, shares won back, cache, report section."""

import json
from pathlib import Path
from typing import Any

import pytest

from model_build.__main__ import main
from model_build.config import LearningCurve
from model_build.data.cohort import Cohort
from model_build.judge.figures import Figures
from model_build.report import learning_curve_report
from model_build.site import learning_curve_crossing
from model_build.site.learning_curve import FIGURES, PLOT, learning_curve
from tests.unit.model_build.site.small_site import LAST_VALUES
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

SETTINGS = LearningCurve(members=1, stays=((10, 2), (40, 2), (120, 1), (500, 1)), draws=20)
SIZES = (2, 4)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """170 stays in each of two hospitals."""
    return synthetic_cohort(340, seed=9)


def run(cohort: Cohort, folder: Path, out: str) -> Figures:
    return learning_curve(
        cohort, LAST_VALUES, LAST_VALUES, SETTINGS, out=folder / out, work=folder / "work"
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, cohort: Cohort) -> tuple[Figures, Path]:
    folder = tmp_path_factory.mktemp("curve")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning_curve_crossing, "LOCAL_SIZES", SIZES)
        return run(cohort, folder, "first"), folder


def rows_of(found: Figures, source: str) -> dict[str, Any]:
    return {row["label"]: row for row in found["rows"] if row["source"] == source}


def test_both_directions_have_every_size_that_leaves_stays_to_judge(
    measured: tuple[Figures, Path],
) -> None:
    found, folder = measured
    for source in ("A", "B"):
        assert list(rows_of(found, source)) == [
            *("0", "10", "40", "120"),
            *("all", "native", "native, every variable"),
        ]
    assert json.loads((folder / "first" / FIGURES).read_text("utf-8")) == found
    assert (folder / "first" / PLOT).read_bytes().startswith(b"<?xml")


def test_few_septic_stays_are_refused_or_recalibrated(measured: tuple[Figures, Path]) -> None:
    for source in ("A", "B"):
        rows = rows_of(measured[0], source)
        assert rows["10"]["refused"] == 2
        assert rows["10"]["won_back"]["auroc"]["value"] == 0
        assert rows["40"]["refused"] == 0
        assert rows["40"]["calibration_only"] == 2
        assert rows["120"]["refused"] == rows["120"]["calibration_only"] == 0
        assert rows["120"]["weight"] is not None


def test_nothing_and_everything_are_won_back_at_the_ends(measured: tuple[Figures, Path]) -> None:
    for source in ("A", "B"):
        rows = rows_of(measured[0], source)
        for name in ("auroc", "utility"):
            assert rows["0"]["won_back"][name]["value"] == 0
            assert rows["native"]["won_back"][name]["value"] == 1
            more = rows["native, every variable"]["won_back_of_every_variable"]
            assert more[name]["value"] == 1
            assert rows["all"]["won_back"][name]["value"] == pytest.approx(
                (rows["all"][name]["value"] - rows["0"][name]["value"])
                / (rows["native"][name]["value"] - rows["0"][name]["value"]),
                abs=0.01,
            )


def test_a_second_run_takes_everything_from_the_cache(
    measured: tuple[Figures, Path], cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, folder = measured
    monkeypatch.setattr(learning_curve_crossing, "LOCAL_SIZES", SIZES)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.pickle")}
    assert run(cohort, folder, "second") == found
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.pickle")} == before
    for name in (FIGURES, PLOT):
        assert (folder / "second" / name).read_bytes() == (folder / "first" / name).read_bytes()


def test_an_interrupted_run_goes_on_where_it_stopped(
    measured: tuple[Figures, Path], cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, folder = measured
    monkeypatch.setattr(learning_curve_crossing, "LOCAL_SIZES", SIZES)
    lost = sorted(folder.rglob("120-0-*.pickle"))
    assert lost
    for path in lost:
        path.unlink()
    assert run(cohort, folder, "third") == found


def test_the_section_of_the_report_has_a_line_a_size(measured: tuple[Figures, Path]) -> None:
    text = learning_curve_report.section(measured[0])
    assert "](learning_curve.svg)" in text
    lines = [line for line in text.splitlines() if line.startswith("| A to B, ")]
    assert len(lines) == 7
    assert "None" not in text
    assert "learning-curve` does it" in learning_curve_report.section(None)


def test_samples_of_one_size_do_not_overlap_and_do_not_depend_on_the_order(
    cohort: Cohort,
) -> None:
    found = [learning_curve_crossing.sample(cohort, 40, number) for number in range(3)]
    assert all(used.sum() == 40 for used in found)
    assert not (found[0] & found[1]).any()
    assert not (found[1] & found[2]).any()
    nested = learning_curve_crossing.sample(cohort, 120, 0)
    assert (nested | found[0]).sum() == 120


def test_the_command_says_what_is_wrong_with_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["learning-curve", "--data", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert "neither set*.parquet nor .psv" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
