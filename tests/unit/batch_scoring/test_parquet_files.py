"""Parquet files of hours: every column type that holds numbers or words is read."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from model_build.data.cohort import _numbers
from sepsis_detect.batch_scoring.cells import shortest_decimals
from sepsis_detect.clinical.variables import BY_CHALLENGE
from tests.unit.batch_scoring.parquet_files import a_table, with_column
from tests.unit.batch_scoring.text_files import (
    FULL,
    PARTIAL,
    column_of,
    reasons_of,
    refusal_of,
    values_of,
)

Made = Callable[[list[int | None]], pa.Array]
TYPES: dict[str, Made] = {
    "int8": lambda rates: pa.array(rates, pa.int8()),
    "uint64": lambda rates: pa.array(rates, pa.uint64()),
    "float16": lambda rates: pa.array(np.array([80, np.nan], dtype=np.float16)),
    "float64": lambda rates: pa.array(rates, pa.float64()),
    "decimal": lambda rates: pa.array([r and Decimal(r) for r in rates], pa.decimal128(9, 3)),
    "decimal256": lambda rates: pa.array([r and Decimal(r) for r in rates], pa.decimal256(40, 3)),
    "string": lambda rates: pa.array([r and str(r) for r in rates]),
    "large_string": lambda rates: pa.array([r and str(r) for r in rates], pa.large_string()),
    "string_view": lambda rates: pa.array([r and str(r) for r in rates], pa.string_view()),
    "bytes": lambda rates: pa.array([r and str(r).encode() for r in rates], pa.binary()),
    "category": lambda rates: pa.array([r and str(r) for r in rates]).dictionary_encode(),
    "category of numbers": lambda rates: pa.array(rates, pa.float64()).dictionary_encode(),
}


@pytest.mark.parametrize("made", TYPES.values(), ids=list(TYPES))
def test_every_type_that_holds_numbers_is_read(tmp_path: Path, made: Made) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(with_column(a_table({"a": 2}), "HR", made([80, None])), path)
    assert column_of(path, "HR") == [80, None]
    assert reasons_of(path) == {"a": None}


def test_pandas_missing_values_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rates = pa.array(np.array([80.0, np.nan]))
    pa.parquet.write_table(with_column(a_table({"a": 2}), "HR", rates), path)
    assert column_of(path, "HR") == [80, None]


@pytest.mark.parametrize(
    "sexes",
    [
        pa.array(["F", "female"]),
        pa.array(["0", "f"], pa.string_view()),
        pa.array([0.0, 0.0]),
        pa.array([0, 0]),
    ],
    ids=lambda sexes: str(sexes.type),
)
def test_sex_is_a_word_or_a_number(tmp_path: Path, sexes: pa.Array) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(with_column(a_table({"a": 2}), "Gender", sexes), path)
    assert column_of(path, "Gender") == [0, 0]


def test_flags_may_be_booleans(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = with_column(a_table({"a": 2}), "Unit1", pa.array([True, None]))
    pa.parquet.write_table(with_column(table, "Unit2", pa.array([False, None])), path)
    assert (column_of(path, "Unit1"), column_of(path, "Unit2")) == ([1, None], [0, None])


BAD_TYPES = {
    "bool": pa.array([True] * 200),
    "timestamp[us]": pa.array([0] * 200, pa.timestamp("us")),
    "date32[day]": pa.array([0] * 200, pa.date32()),
    "list<element: int64>": pa.array([[1]] * 200),
    "struct<a: int64>": pa.array([{"a": 1}] * 200),
}


@pytest.mark.parametrize("kind", BAD_TYPES)
def test_a_column_of_another_type_is_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(with_column(a_table({"a": 200}), "HR", BAD_TYPES[kind]), path)
    assert refusal_of(path) == f"FILE, column HR holds {kind}, not numbers"


def test_an_identifier_of_another_type_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    ids = pa.array([[1]] * 200)
    pa.parquet.write_table(with_column(a_table({"a": 200}), "patient_id", ids), path)
    assert refusal_of(path).startswith("FILE, column patient_id holds list")
    pa.parquet.write_table(
        with_column(a_table({"a": 200}), "patient_id", pa.nulls(200, pa.string())), path
    )
    assert refusal_of(path) == "FILE, row 1: no patient_id, so that the stay is unknown"


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([1.0, float("inf"), 2.0]), "an infinite number"),
        (pa.array(["80", "fast", "81"]), "'fast' is not a number"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_by_its_row(
    tmp_path: Path, column: pa.Array, why: str
) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(with_column(a_table({"a": 1, "b": 2}), "HR", column), path)
    assert reasons_of(path) == {"a": None, "b": f"row 2, column HR: {why}"}


def test_a_bad_parquet_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    good = a_table({"a": 200})
    pa.parquet.write_table(good, path)
    whole = path.read_bytes()
    for content in (whole[:-100], whole[: len(whole) // 2], bytes(range(256)) * 10, whole[100:]):
        path.write_bytes(content)
        assert refusal_of(path).startswith("FILE cannot be read: ")
    path.write_bytes(b"")
    assert refusal_of(path) == "FILE is empty"
    pa.parquet.write_table(good.slice(0, 0), path)
    assert refusal_of(path) == "FILE holds no row"
    twice = good.append_column("HR", good["HR"])
    pa.parquet.write_table(twice, path)
    assert refusal_of(path) == "FILE has two columns for one thing: HR, HR"
    pa.parquet.write_table(good.append_column("patient_id", good["patient_id"]), path)
    assert refusal_of(path) == "FILE has 2 columns patient_id: keep one of them"
    unread = good.append_column("note", good["HR"]).append_column("note", good["HR"])
    pa.parquet.write_table(unread, path)
    assert len(values_of(path, FULL)) == 200


def test_columns_with_dots_and_units_in_their_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(
        pa.table({"icu.hour": [1], "lactate (mg/dL)": [18.0], "stay.id": ["7"]}), path
    )
    assert column_of(path, "Lactate", PARTIAL) == [pytest.approx(2.0, abs=0.01)]


def test_single_precision_is_read_as_it_was_written() -> None:
    written = [36.8, 0.1, 7.41, -123.17, 1e-7, 16_777_216.0]
    column = pa.array([*written, None], pa.float32())
    assert shortest_decimals(column).tolist()[:-1] == written
    assert np.isnan(shortest_decimals(column)[-1])


def test_scoring_and_training_read_the_same_bits() -> None:
    random = np.random.default_rng(2019)
    bits = random.integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    numbers = np.concatenate([bits[np.isfinite(bits)], random.normal(80, 30, 20_000).round(2)])
    column = pa.chunked_array([pa.array(numbers, pa.float32()), pa.nulls(3, pa.float32())])
    np.testing.assert_array_equal(
        shortest_decimals(column).view(np.uint64), _numbers(column).view(np.uint64)
    )


def test_text_and_parquet_give_the_same_bits(tmp_path: Path) -> None:
    table = a_table({"a": 50, "b": 7})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    pa.csv.write_csv(table, tmp_path / "a.csv")
    found = values_of(tmp_path / "a.csv")
    np.testing.assert_array_equal(found, values_of(tmp_path / "a.parquet"))
    assert not np.isnan(found[:, BY_CHALLENGE["Temp"].column]).any()
