"""`batch_scoring.spark.score`: the same bits as the command `score`, whatever the order."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from sepsis_detect.batch_scoring.spark import Summary, score
from sepsis_detect.errors import BadFileError, SettingsError
from tests.paths import SHARED
from tests.unit.batch_scoring.hour_files import Row, all_missing, changed, stay_of, write
from tests.unit.batch_scoring.score_command import scored

DATA = SHARED / "data" / "physionet2019"
ORDER = [("patient_id", "ascending"), ("icu_hour", "ascending")]
STAYS = [
    *stay_of("good", 12),
    *changed(changed(stay_of("dropped", 10, 2), 3, SBP=60.0, DBP=90.0, pH=74.0), 5, HR=0.0),
    *changed(stay_of("twice", 4, 5), 2, ICULOS=2.0),
    *all_missing(stay_of("nothing", 5)),
    *changed(stay_of("two patients", 3, 8), 1, Age=91.0),
    *stay_of("one hour", 1, 7),
    *stay_of("long", 400, 9),
]


def frame_of(spark: SparkSession, path: Path) -> DataFrame:
    return spark.read.parquet(str(path))


def table_of(scores: DataFrame) -> Any:
    return scores.toArrow().sort_by(ORDER)


def assert_as_score(spark: SparkSession, path: Path, *options: str, **settings: Any) -> Any:
    """The same table, apart from the order of stays, and the same closing lines."""
    expected = scored(path, *options, "-o", path.with_name("scored.parquet")).sort_by(ORDER)
    found = table_of(score(frame_of(spark, path), **settings))
    assert found.schema.names == expected.schema.names
    for name in expected.schema.names:
        assert found[name].to_pylist() == expected[name].to_pylist(), name
    return found


def lines_of_score(capsys: pytest.CaptureFixture[str], path: Path) -> list[str]:
    capsys.readouterr()
    output = path.with_name("out.parquet")
    scored(path, "-o", output)
    return capsys.readouterr().err.replace(str(output), "OUT").splitlines()


def test_the_scores_are_the_bits_of_the_command_score(spark: SparkSession, tmp_path: Path) -> None:
    assert_as_score(spark, write(tmp_path / "stays.parquet", STAYS))


def test_the_order_of_the_rows_does_not_matter(spark: SparkSession, tmp_path: Path) -> None:
    expected = table_of(score(frame_of(spark, write(tmp_path / "sorted.parquet", STAYS))))
    mixed = list(STAYS)
    random.Random(4).shuffle(mixed)
    frame = frame_of(spark, write(tmp_path / "mixed.parquet", mixed)).repartition(7)
    assert table_of(score(frame)).equals(expected)


def test_the_summary_has_the_closing_lines_of_score(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "stays.parquet", [row | {"ward": "C"} for row in STAYS])
    summary = Summary(spark)
    scores = score(frame_of(spark, path), summary=summary)
    for _ in range(2):  # a second action counts nothing twice
        scores.toArrow()
        found = summary.lines("OUT")
        assert sorted(found) == sorted(lines_of_score(capsys, path))
    assert found[-1] == "Columns not read: ward"


def test_a_summary_before_the_scores_are_computed_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="no scores have been computed"):
        Summary(spark).lines("OUT")


def test_real_stays_have_the_bits_of_score(spark: SparkSession, tmp_path: Path) -> None:
    stays = pa.parquet.ParquetFile(DATA / "setB.parquet")
    table = next(stays.iter_batches(30_000))
    path = tmp_path / "stays.parquet"
    pa.parquet.write_table(pa.Table.from_batches([table]), path)
    assert_as_score(spark, path)


def test_a_stay_of_ten_thousand_hours_stops_nothing(spark: SparkSession, tmp_path: Path) -> None:
    rows = [*stay_of("a year", 8_784), *stay_of("too long", 10_000), *stay_of("short", 3)]
    found = assert_as_score(spark, write(tmp_path / "stays.parquet", rows))
    assert found["probability"].null_count == 10_000


def as_texts(rows: Sequence[Row], **texts: str) -> list[Row]:
    """All cells as text, as Spark reads a file of text without inferring types."""
    return [
        {name: None if value is None else str(value) for name, value in row.items()} | texts
        for row in rows
    ]


def test_a_cell_that_is_no_number_costs_its_stay_alone(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*as_texts(stay_of("good", 4)), *as_texts(stay_of("bad", 4), HR="fast")]
    path = write(tmp_path / "stays.parquet", rows)
    assert_as_score(spark, path)
    summary = Summary(spark)
    score(frame_of(spark, path), summary=summary).toArrow()
    (line,) = [line for line in summary.lines("OUT") if line.startswith("  bad: ")]
    assert line.startswith("  bad: hour 1.0, column HR: ")
    assert line.endswith("(and 3 more cells)")


def test_the_decimal_sign_of_a_text_is_that_of_its_whole_column(
    spark: SparkSession, tmp_path: Path
) -> None:
    sure = as_texts(stay_of("decimal comma", 4), Lactate="2,1")
    doubtful = as_texts(stay_of("three digits", 4), Lactate="2,125")
    assert_as_score(spark, write(tmp_path / "both.parquet", [*sure, *doubtful]))
    found = assert_as_score(spark, write(tmp_path / "doubtful.parquet", doubtful))
    assert found["probability"].null_count in (0, 4)


def test_units_are_stated_as_for_score(spark: SparkSession, tmp_path: Path) -> None:
    rows = [row | {"Temp": 99.5} for row in stay_of("fahrenheit", 5)]
    path = write(tmp_path / "stays.parquet", rows)
    assert_as_score(spark, path, "--unit", "temperature=[degF]", units=["temperature=[degF]"])


def test_columns_may_be_absent_only_when_that_is_said(spark: SparkSession, tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "EtCO2"} for row in stay_of("partial", 5)]
    path = write(tmp_path / "stays.parquet", rows)
    assert_as_score(spark, path, "--partial", is_partial_allowed=True)
    with pytest.raises(BadFileError, match="the frame has no column EtCO2"):
        score(frame_of(spark, path))


def test_several_identifiers_identify_a_stay_together(spark: SparkSession, tmp_path: Path) -> None:
    def of(patient: str, stay: int, seed: int) -> list[Row]:
        rows = [row | {"stay_id": stay, "subject_id": patient} for row in stay_of("", 5, seed)]
        return [{k: v for k, v in row.items() if k != "patient_id"} for row in rows]

    rows = [*of("a", 1, 1), *of("b", 1, 2), *of("b", 2, 3)]
    assert_as_score(spark, write(tmp_path / "stays.parquet", rows))


def test_a_frame_without_identifier_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "patient_id"} for row in stay_of("", 3)]
    path = write(tmp_path / "stays.parquet", rows)
    with pytest.raises(BadFileError, match="has no column that identifies stays"):
        score(frame_of(spark, path))


def test_a_unit_that_does_not_exist_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    path = write(tmp_path / "stays.parquet", STAYS)
    with pytest.raises(SettingsError, match="the units of lactate are"):
        score(frame_of(spark, path), units=["lactate=furlong"])


def test_a_row_of_no_stay_ends_the_job_with_a_sentence(spark: SparkSession, tmp_path: Path) -> None:
    rows = [*stay_of("good", 3), *(row | {"patient_id": None} for row in stay_of("", 2))]
    path = write(tmp_path / "stays.parquet", rows)
    with pytest.raises(PySparkException, match="no patient_id, so that the stay is unknown"):
        score(frame_of(spark, path)).toArrow()
