"""`python -m sepsis_detect.batch_scoring.spark`, as `spark-submit` runs it."""

import gzip
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pytest
from pyspark.sql import SparkSession

from sepsis_detect.batch_scoring.spark.__main__ import main
from tests.unit.batch_scoring.hour_files import Row, stay_of, write
from tests.unit.batch_scoring.score_command import scored

ORDER = [("patient_id", "ascending"), ("icu_hour", "ascending")]
ROWS = [*stay_of("a", 5), *stay_of("b", 3, 2)]


def without_id(rows: list[Row]) -> list[Row]:
    return [{name: of for name, of in row.items() if name != "patient_id"} for row in rows]


def assert_as_score(inputs: list[Path], files: list[Path], out: Path) -> None:
    """The command gives the rows of `score` for the same files."""
    assert main(["--input", *map(str, inputs), "--output", str(out)]) == 0
    expected = scored(*files, "-o", out.with_name("expected.parquet")).sort_by(ORDER)
    found = pa.dataset.dataset(out).to_table().sort_by(ORDER)
    assert found.to_pylist() == expected.to_pylist()


@pytest.mark.timeout(400)  # two starts of Java
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
        env=os.environ
        | {
            "PYSPARK_SUBMIT_ARGS": "--master local[1] --conf spark.ui.enabled=false "
            "--conf spark.sql.shuffle.partitions=2 pyspark-shell"
        },
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
    assert_as_score([path], [path], tmp_path / "scores")


@pytest.mark.usefixtures("spark")
def test_separator_and_compression_of_text_are_found(tmp_path: Path) -> None:
    path = write(tmp_path / "stays.csv", ROWS)
    text = path.read_text(encoding="utf-8").replace(",", ";")
    path.write_text(text, encoding="utf-8")
    folder = tmp_path / "packed"
    folder.mkdir()
    (folder / "stays.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert_as_score([folder], [path], tmp_path / "scores")


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("suffix", [".psv", ".parquet"])
def test_each_file_without_identifiers_is_one_stay(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "training"
    folder.mkdir()
    paths = [
        write(folder / f"p{n} [{n}]{suffix}", without_id(stay_of("", 60 + n, n))) for n in range(4)
    ]
    assert_as_score([folder], paths, tmp_path / "scores")


@pytest.mark.usefixtures("spark")
def test_files_of_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    for seed, ward in enumerate(["north", "south"]):
        (tmp_path / ward).mkdir()
        write(tmp_path / ward / "bed.psv", without_id(stay_of("", 3 + seed, seed)))
    out = tmp_path / "scores"
    inputs = [str(tmp_path / ward) for ward in ("north", "south")]
    assert main(["--input", *inputs, "--output", str(out)]) == 0
    names = Counter(pa.dataset.dataset(out).to_table()["patient_id"].to_pylist())
    assert sorted(names.values()) == [3, 4]
    assert all(name.endswith("/bed.psv") for name in names)


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
    write(folder / "short.csv", [{"patient_id": "a", "ICULOS": 1.0}])
    (folder / "header.csv").write_text("HR,ICULOS\n", encoding="utf-8")
    (folder / "nothing.csv").touch()
    (folder / "stays.json").write_text("{}", encoding="utf-8")
    text = write(folder / "ragged.csv", ROWS).read_text(encoding="utf-8")
    (folder / "ragged.csv").write_text(f"{text}71.25,72.25\n", encoding="utf-8")
    write(folder / "ordered.csv", ROWS)
    write(folder / "reordered.csv", [dict(reversed(row.items())) for row in ROWS])
    write(folder / "two.psv", without_id([*stay_of("", 4), *stay_of("", 3, 2)]))
    return folder


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["none.parquet"], "does not exist"),
        (["broken.parquet"], "broken.parquet"),
        (["lost.parquet"], "no patient_id, so that the stay is unknown"),
        (["short.parquet"], "has no column HR"),
        (["good.parquet", "short.csv"], "several kinds"),
        (["short.csv"], "has no column HR"),
        (["header.csv"], "holds no row"),
        (["nothing.csv"], "is empty"),
        (["stays.json"], "is neither .psv, .csv, .tsv, .txt nor .parquet"),
        (["ragged.csv"], "ragged.csv has a row with more or fewer cells than there are columns"),
        (["ordered.csv", "reordered.csv"], "has other columns than the first file, or in another"),
        (["two.psv"], "its rows are not of one stay: ICU hour 1 comes after hour 4"),
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
    assert "71.25" not in line
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
    arguments = ["--input", str(inputs / "good.parquet"), "--output", str(out)]
    out.mkdir()  # as a run leaves it that failed
    assert main(arguments) == 0
    capfd.readouterr()
    assert main(arguments) == 2
    assert "already exists" in capfd.readouterr().err
