"""`python -m sepsis_detect.batch_scoring.spark`, as `spark-submit` runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pytest
from pyspark.sql import SparkSession

from sepsis_detect.batch_scoring.spark.__main__ import main
from tests.unit.batch_scoring.hour_files import stay_of, write
from tests.unit.batch_scoring.score_command import scored

ORDER = [("patient_id", "ascending"), ("icu_hour", "ascending")]
ROWS = [*stay_of("a", 5), *stay_of("b", 3, 2)]


def test_a_process_of_its_own_makes_a_folder_of_scores(java: None, tmp_path: Path) -> None:
    path = write(tmp_path / "stays.parquet", ROWS)
    out = tmp_path / "scores"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sepsis_detect.batch_scoring.spark"),
            *("--input", path, "--output", out),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYSPARK_SUBMIT_ARGS": "--master local[1] pyspark-shell"},
    )
    assert done.returncode == 0, done.stderr
    assert f"8 hours of 2 stays scored into {out}: " in done.stderr
    expected = scored(path, "-o", tmp_path / "expected.parquet").sort_by(ORDER)
    found = pa.dataset.dataset(out).to_table().sort_by(ORDER)
    assert found.to_pylist() == expected.to_pylist()


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("suffix", [".csv", ".psv"])
def test_files_of_text_are_read_as_score_reads_them(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"stays{suffix}", ROWS)
    out = tmp_path / "scores"
    assert main(["--input", str(path), "--output", str(out)]) == 0
    expected = scored(path, "-o", tmp_path / "expected.parquet").sort_by(ORDER)
    found = pa.dataset.dataset(out).to_table().sort_by(ORDER)
    assert found.to_pylist() == expected.to_pylist()


@pytest.mark.usefixtures("spark")
def test_scores_are_written_as_text_where_the_name_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "stays.parquet", ROWS)
    out = tmp_path / "scores.csv"
    assert main(["--input", str(path), "--output", str(out)]) == 0
    (part,) = [part for part in out.glob("*.csv") if part.stat().st_size > 0][:1]
    assert part.read_text("utf-8").startswith("patient_id,icu_hour,probability,prediction")


@pytest.fixture(scope="module")
def inputs(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that cannot be scored."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    (folder / "model.onnx").write_bytes(b"no model")
    write(folder / "good.parquet", ROWS)
    write(folder / "lost.parquet", [*ROWS, ROWS[0] | {"patient_id": None}])
    write(folder / "short.parquet", [{"patient_id": "a", "ICULOS": 1.0}])
    return folder


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["none.parquet"], "does not exist"),
        (["broken.parquet"], "broken.parquet"),
        (["lost.parquet"], "no patient_id, so that the stay is unknown"),
        (["short.parquet"], "has no column HR"),
        (["good.parquet", "stays.csv"], "several kinds"),
    ],
)
def test_files_that_cannot_be_scored_are_one_sentence(
    inputs: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    names: list[str],
    sentence: str,
) -> None:
    out = tmp_path / "scores"
    arguments = ["--input", *(str(inputs / name) for name in names), "--output", str(out)]
    assert main(arguments) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("sepsis_detect: ")
    assert sentence in line
    assert not list(out.glob("*.parquet"))


def test_an_unusable_model_is_one_sentence(
    inputs: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEPSIS_MODEL_URI", str(inputs / "model.onnx"))
    arguments = ["--input", str(inputs / "good.parquet"), "--output", str(tmp_path / "scores")]
    assert main(arguments) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("sepsis_detect: ")
    assert "model" in line


def test_scores_are_never_overwritten(
    inputs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores"
    out.mkdir()
    assert main(["--input", str(inputs / "good.parquet"), "--output", str(out)]) == 2
    assert "already exists" in capfd.readouterr().err
