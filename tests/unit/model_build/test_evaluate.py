"""Stage `evaluate`: files written, the same bytes in a second run."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from model_build.__main__ import main
from model_build.config import QUICK, Recipe
from model_build.data.dataset import Dataset
from model_build.evaluate import evaluate
from model_build.judge.permutation_importance import variable_groups
from tests.unit.model_build.small_recipe import RECIPE

FILES = ("report.md", "metrics.json", "discrimination.svg", "utility.svg", "calibration.svg")


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_report_shows_every_plot_that_is_written_and_no_other(evaluated: Path) -> None:
    docs = evaluated / "first" / "docs" / "model"
    text = (docs / "report.md").read_text("utf-8")
    links = set(re.findall(r"\]\(([^)#]+)", text))
    assert {path.name for path in docs.glob("*.svg")} == {x for x in links if x.endswith(".svg")}
    assert all((docs / link).exists() for link in links)
    assert {*FILES} <= {path.name for path in docs.iterdir()}
    assert sum(path.stat().st_size for path in docs.iterdir()) < 1_500_000


def test_each_plot_has_a_sentence_above_it_and_an_alternative_text(
    evaluated: Path,
) -> None:
    paragraphs = (evaluated / "first/docs/model/report.md").read_text("utf-8").split("\n\n")
    for before, plot in pairwise(paragraphs):
        if plot.startswith("!["):
            assert before.rstrip().endswith((".", ":"))
            assert len(plot[2 : plot.index("]")]) > 20


def test_the_model_card_stands_beside_and_links_to_the_report(evaluated: Path) -> None:
    card = (evaluated / "first/MODEL_CARD.md").read_text("utf-8")
    assert "docs/model/report.md" in card
    for heading in ("Intended use", "Data", "Validation", "Alerts", "Limits", "Ethics"):
        assert f"## {heading}\n" in card
    assert "not a medical device" in card


def test_no_missing_number_is_in_the_text(evaluated: Path) -> None:
    for path in (evaluated / "first").rglob("*.md"):
        assert not re.search(r"\bnan\b|\binf\b|None|[{}]", path.read_text("utf-8"))


def test_a_second_run_writes_the_same_bytes(evaluated: Path, large_data: Dataset) -> None:
    evaluate(large_data.cohort, RECIPE, out=evaluated / "second", work=evaluated / "work", draws=20)
    assert contents(evaluated / "second") == contents(evaluated / "first")


def test_the_figures_are_those_of_the_judgement(evaluated: Path) -> None:
    found = json.loads((evaluated / "first/docs/model/metrics.json").read_text("utf-8"))
    assert found["data"]["patients"] == 150
    assert found["operating_points"][0]["utility"] == pytest.approx(
        found["overall"]["utility"]["value"], abs=1e-5
    )
    assert found["ablation"]["members"] == 1
    left_out = tuple(found["model"]["recipe"]["left_out"])
    seen = variable_groups(Recipe(left_out=left_out).features)
    assert found["importance"]["variables"].keys() == seen.keys()
    by_hospital = found["subgroups"]["hospital"].values()
    assert sum(group["hours"] for group in by_hospital) == found["overall"]["hours"]


def test_the_command_says_what_is_wrong_with_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--data", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert "neither" in capsys.readouterr().err
    assert QUICK.max_patients is not None
