"""The command `adapt`: files written, the report, and every refusal in one sentence."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from model_build.__main__ import main
from model_build.data.cohort import Cohort
from model_build.report import adaptation_report
from model_build.report.adaptation_report import FIGURES, OUTPUT_FILES, REPORT
from model_build.site import adapt_command
from sepsis_detect.prediction.model import Model
from tests.artifacts import NOW, a_model
from tests.unit.batch_scoring.stay_tables import Table, a_table, save
from tests.unit.model_build.site.small_site import SETTINGS


@pytest.fixture(autouse=True)
def small_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small trees and few draws: the command knows no option for either."""
    monkeypatch.setattr(adapt_command, "settings", lambda: SETTINGS)


@pytest.fixture(scope="module")
def table(stays: Cohort) -> Table:
    return a_table(stays)


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, given_file: Path, table: Table
) -> tuple[int, Path]:
    folder = tmp_path_factory.mktemp("adapted")
    data = save(table, folder / "stays.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapt_command, "settings", lambda: SETTINGS)
        options = ["--model", str(given_file), "--data", str(data), "--site", " St  Elsewhere "]
        options += ["--operating-point", "alerts_per_day=4", "-o", str(folder / "adapted.onnx")]
        code = main(["adapt", *options])
    return code, folder


def test_it_writes_the_artifact_and_its_report_and_nothing_else(
    written: tuple[int, Path], given_file: Path
) -> None:
    code, folder = written
    assert code == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {"stays.parquet", "adapted.onnx", "adapted-report"}
    assert {path.name for path in (folder / "adapted-report").iterdir()} == set(OUTPUT_FILES)
    model = Model.load(folder / "adapted.onnx", loaded_at=NOW)
    assert model.metadata.site is not None
    assert model.metadata.site.name == "St Elsewhere"
    points = model.metadata.operating_points
    assert points is not None
    assert points[0].alerts_per_patient_day < 4.5
    assert given_file.read_bytes() != (folder / "adapted.onnx").read_bytes()


def test_the_report_says_whether_it_is_better_and_shows_every_plot(
    written: tuple[int, Path],
) -> None:
    folder = written[1] / "adapted-report"
    text = (folder / REPORT).read_text("utf-8")
    figures = json.loads((folder / FIGURES).read_text("utf-8"))
    assert text == adaptation_report.text(figures)
    assert adaptation_report.VERDICTS[figures["verdict"]] in text
    assert "at most 4 flagged hours per patient and day" in text
    assert "Utility is not compared" in text
    shown = set(re.findall(r"\]\((\w+\.svg)\)", text))
    assert shown == {name for name in OUTPUT_FILES if name.endswith(".svg")}
    assert not re.search(r"\bnan\b|\binf\b|None\b|[{}]", text)


def test_every_figure_has_its_interval(written: tuple[int, Path]) -> None:
    figures = json.loads((written[1] / "adapted-report" / FIGURES).read_text("utf-8"))
    for group in figures["models"].values():
        for name in adaptation_report.ROWS:
            of = group[name]
            assert of["low"] <= of["value"] <= of["high"]
    for name, of in figures["adapted_minus_given"].items():
        assert of["low"] <= of["high"], name


def test_the_verdict_names_each_result() -> None:
    for verdict, words in adaptation_report.VERDICTS.items():
        less = {name: {"value": 0.1, "low": 0.05, "high": 0.2} for name in ("auroc", "utility")}
        found = {"verdict": verdict, "decisive": list(less), "adapted_minus_given": less}
        told = adaptation_report.verdict(found)
        assert (
            told == f"{words}: AUROC +0.100 (+0.050 to +0.200), utility +0.100 (+0.050 to +0.200)."
        )


# --- Input that cannot be used ------------------------------------------------------------------


def without_label(table: Table) -> Table:
    return {name: column for name, column in table.items() if name != "SepsisLabel"}


def labelled(table: Table, value: Any) -> Table:
    return table | {"SepsisLabel": [value] * len(table["SepsisLabel"])}


def shuffled_ids(table: Table) -> Table:
    ids = np.array(table["patient_id"])
    return table | {"patient_id": np.random.default_rng(1).permutation(ids).tolist()}


def fahrenheit(table: Table) -> Table:
    celsius = table["Temp"].to_numpy(zero_copy_only=False)
    return table | {"Temp": pa.array(celsius * 9 / 5 + 32, from_pandas=True)}


def in_text(table: Table) -> Table:
    return table | {"HR": ["fast"] * len(table["SepsisLabel"])}


BAD = {
    "no labels": (without_label, "has no column SepsisLabel"),
    "only other stays": (lambda t: labelled(t, 0), "0 of 150 stays are septic"),
    "only septic stays": (lambda t: labelled(t, 1), "every stay is septic"),
    "labels of another kind": (lambda t: labelled(t, 2), "SepsisLabel must be 0 or 1"),
    "labels in words": (lambda t: labelled(t, "yes"), "SepsisLabel"),
    "text": (in_text, "HR"),
    "shuffled ids": (shuffled_ids, "do not stand together"),
    "another unit": (fahrenheit, "such as --unit temperature=[degF]"),
}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("kind", BAD)
def test_data_that_cannot_be_used_are_one_sentence_and_nothing_is_written(
    tmp_path: Path,
    given_file: Path,
    table: Table,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    suffix: str,
) -> None:
    spoil, sentence = BAD[kind]
    data = save(spoil(table), tmp_path / f"stays{suffix}")
    refused(tmp_path, ["--model", str(given_file), "--data", str(data)], sentence, capsys)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_half_a_file_is_one_sentence(
    tmp_path: Path,
    given_file: Path,
    table: Table,
    capsys: pytest.CaptureFixture[str],
    suffix: str,
) -> None:
    data = save(table, tmp_path / f"stays{suffix}")
    content = data.read_bytes()
    data.write_bytes(content[: int(len(content) * 0.55) - 3])
    refused(tmp_path, ["--model", str(given_file), "--data", str(data)], "stays", capsys)


def test_the_right_unit_makes_the_same_stays_usable(
    tmp_path: Path, given_file: Path, table: Table
) -> None:
    data = save(fahrenheit(table), tmp_path / "stays.parquet")
    options = ["--data", str(data), "--unit", "temperature=[degF]", "-o", str(tmp_path / "o.onnx")]
    assert main(["adapt", "--model", str(given_file), *options]) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--operating-point", "best"], "utility, alerts_per_day=X or sensitivity=Y"),
        (["--site", "  "], "a name has 1 to 100 printable characters"),
        (["--site", "x" * 101], "a name has 1 to 100 printable characters"),
        (["--unit", "age=m"], "the units of age are"),
        (["--model", "none.onnx"], "cannot read none.onnx"),
        (["--data", "none.csv"], "there is no file none.csv"),
    ],
)
def test_options_that_cannot_be_used_are_one_sentence(
    tmp_path: Path,
    given_file: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
) -> None:
    usual = ["--model", str(given_file), "--data", "none.csv"]
    refused(tmp_path, [*usual, *options], sentence, capsys)


def test_a_model_of_another_program_cannot_be_adapted(
    tmp_path: Path, table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.onnx").write_bytes(a_model("1"))
    data = save(table, tmp_path / "stays.parquet")
    options = ["--model", str(tmp_path / "other.onnx"), "--data", str(data)]
    refused(tmp_path, options, "model_build did not write it", capsys)


def test_too_few_septic_stays_are_one_sentence(
    tmp_path: Path, given_file: Path, stays: Cohort, capsys: pytest.CaptureFixture[str]
) -> None:
    few = stays.take(np.arange(12))
    data = save(a_table(few), tmp_path / "stays.parquet")
    options = ["--model", str(given_file), "--data", str(data)]
    refused(tmp_path, options, "at least 10 are needed to adapt a model", capsys)


@pytest.mark.parametrize("blocked", ["adapted.onnx", "adapted-report"])
def test_a_place_that_cannot_be_written_is_found_before_the_fits(
    tmp_path: Path, given_file: Path, capsys: pytest.CaptureFixture[str], blocked: str
) -> None:
    place = tmp_path / blocked
    place.write_text("") if blocked.endswith("report") else place.mkdir()
    refused(tmp_path, ["--model", str(given_file), "--data", "none.csv"], "folder", capsys)


def refused(
    folder: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run the command; it ends with one sentence and leaves the folder as it was."""
    before = sorted(folder.iterdir())
    capsys.readouterr()
    assert main(["adapt", *options, "-o", str(folder / "adapted.onnx")]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    (line,) = [each for each in told.splitlines() if each.startswith("model_build: ")]
    assert "Traceback" not in told
    assert len(line) < 400
    assert sorted(folder.iterdir()) == before


def test_several_files_are_read_as_one(tmp_path: Path, given_file: Path, stays: Cohort) -> None:
    halves = [stays.take(np.arange(75)), stays.take(np.arange(75, 150))]
    files = [str(save(a_table(h), tmp_path / f"{k}.parquet")) for k, h in enumerate(halves)]
    out = tmp_path / "adapted.onnx"
    assert main(["adapt", "--model", str(given_file), "--data", *files, "-o", str(out)]) == 0
    assert Model.load(out, loaded_at=NOW).metadata.training["patients"] == 150
