"""The command `describe`: text, figures and plots of a hospital's own stays."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_build.__main__ import main
from model_build.data.cohort import Cohort
from model_build.site import data_report
from tests.unit.batch_scoring.stay_tables import a_table, save


def describe(folder: Path, data: Path, *options: str) -> int:
    return main(["describe", "--data", str(data), "--out", str(folder / "out"), *options])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, cohort: Cohort) -> Path:
    folder = tmp_path_factory.mktemp("describe")
    table = a_table(cohort) | {"ward": ["north"] * cohort.stay.n_hours}
    data = save(table, folder / "stays.csv")
    assert describe(folder, data, "--about", "Made-up stays") == 0
    return folder / "out"


@pytest.fixture(scope="module")
def found(written: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((written / data_report.FIGURES).read_text("utf-8"))
    return figures


def test_all_files_are_written(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == set(data_report.FILES)


def test_stays_are_counted(found: dict[str, Any], cohort: Cohort) -> None:
    stays = found["stays"]
    assert stays["stays"] == 100
    assert stays["hours"] == cohort.stay.n_hours
    assert stays["septic_hours"] == cohort.labels.sum()
    assert stays["never_answered"] == 0
    assert stays["hospitals"] == 2


def test_variables_are_compared_with_training(found: dict[str, Any], cohort: Cohort) -> None:
    heart_rate = found["variables"]["heart_rate"]
    known = ~np.isnan(cohort.stay.values[:, 0])
    assert heart_rate["hours"] == pytest.approx(known.mean(), rel=1e-5)
    assert heart_rate["stays"] == 1
    assert heart_rate["deciles"][1] == pytest.approx(86, abs=3)
    assert heart_rate["training"]["deciles"][1] == pytest.approx(83, abs=3)
    assert heart_rate["distance"] > 0
    assert found["variables"]["platelets"]["deciles"] is None
    assert found["variables"]["fibrinogen"]["training"] is None


def test_the_text_names_what_is_not_read_and_every_variable(written: Path) -> None:
    text = (written / data_report.REPORT).read_text("utf-8")
    assert "Made-up stays" in text
    assert "Columns that are not read: ward." in text
    assert "Nothing: units, columns and stays look like what they claim." in text
    assert len(re.findall(r"^\| .* \|$", text, re.MULTILINE)) > 34
    assert "{" not in text
    assert "None" not in text


def test_no_identifier_is_written(written: Path, cohort: Cohort) -> None:
    for path in written.iterdir():
        text = path.read_text("utf-8")
        assert not any(patient_id in text for patient_id in cohort.patient_ids)


def test_equal_stays_give_equal_files(tmp_path: Path, written: Path, cohort: Cohort) -> None:
    table = a_table(cohort) | {"ward": ["north"] * cohort.stay.n_hours}
    assert (
        describe(tmp_path, save(table, tmp_path / "stays.parquet"), "--about", "Made-up stays") == 0
    )
    for name in data_report.FILES:
        assert (tmp_path / "out" / name).read_bytes() == (written / name).read_bytes()


def test_stays_without_labels_are_described_too(tmp_path: Path, cohort: Cohort) -> None:
    table = a_table(cohort)
    del table["SepsisLabel"]
    assert describe(tmp_path, save(table, tmp_path / "stays.csv")) == 0
    text = (tmp_path / "out" / data_report.REPORT).read_text("utf-8")
    assert "septic" not in text


def test_few_stays_show_no_deciles(tmp_path: Path, cohort: Cohort) -> None:
    table = a_table(cohort.take(np.arange(9)))
    del table["SepsisLabel"]
    assert describe(tmp_path, save(table, tmp_path / "stays.csv")) == 0
    figures = json.loads((tmp_path / "out" / data_report.FIGURES).read_text("utf-8"))
    assert all(of["deciles"] is None for of in figures["variables"].values())


def test_what_rules_would_drop_is_counted(tmp_path: Path, cohort: Cohort) -> None:
    table = a_table(cohort)
    heart_rate = cohort.stay.values[:, 0].copy()
    heart_rate[cohort.stay.starts[:7]] = 900
    table["HR"] = heart_rate
    assert describe(tmp_path, save(table, tmp_path / "stays.parquet")) == 0
    figures = json.loads((tmp_path / "out" / data_report.FIGURES).read_text("utf-8"))
    rules = {of["rule"]: of for of in figures["rules"]}
    assert rules["range:HR"] == {"rule": "range:HR", "is_refusal": True, "hours": 7, "stays": 7}
    assert figures["variables"]["heart_rate"]["dropped"] > 0


def test_a_wrong_unit_writes_nothing(
    tmp_path: Path, cohort: Cohort, capsys: pytest.CaptureFixture[str]
) -> None:
    table = a_table(cohort)
    table["Temp"] = cohort.stay.values[:, 2] * 1.8 + 32
    assert describe(tmp_path, save(table, tmp_path / "stays.parquet")) == 2
    told = capsys.readouterr().err
    assert "--unit temperature=[degF]" in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
