"""Any file whatever is read or refused with one sentence; nothing else is ever raised."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sepsis_detect.batch_scoring.headers import STAY_IDS
from sepsis_detect.batch_scoring.stay_files import read_stays
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.errors import BadFileError
from tests.unit.batch_scoring.parquet_files import a_table
from tests.unit.batch_scoring.text_files import PARTIAL, an_hour, text_of

SUFFIXES = st.sampled_from([".csv", ".psv", ".tsv", ".txt", ".parquet"])
GOOD_TEXT = text_of([an_hour(hour, patient_id=p) for p in "ab" for hour in (1, 2, 3)]).encode()
quickly = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def is_read_or_refused(path: Path) -> None:
    try:
        n_hours = sum(batch.stay.n_hours for batch in read_stays(path, PARTIAL))
    except BadFileError as error:
        sentence = str(error)
    else:
        assert n_hours > 0
        return
    assert str(path) in sentence
    assert "\n" not in sentence


@pytest.fixture(scope="module")
def whole_parquet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a.parquet"
    pa.parquet.write_table(a_table({"a": 200}), path)
    return path.read_bytes()


@given(content=st.binary(max_size=400), suffix=SUFFIXES)
@quickly
def test_random_bytes(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    is_read_or_refused(path)


@given(suffix=SUFFIXES, end=st.integers(0, len(GOOD_TEXT)), is_compressed=st.booleans())
@quickly
def test_a_cut_text_under_any_suffix(
    tmp_path: Path, suffix: str, end: int, is_compressed: bool
) -> None:
    path = tmp_path / f"a{suffix}"
    content = GOOD_TEXT[:end]
    path.write_bytes(gzip.compress(content) if is_compressed else content)
    is_read_or_refused(path)


@given(data=st.data(), suffix=SUFFIXES)
@quickly
def test_a_text_with_damaged_bytes(tmp_path: Path, data: st.DataObject, suffix: str) -> None:
    damaged = bytearray(GOOD_TEXT)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(damaged)
    is_read_or_refused(path)


@given(data=st.data())
@quickly
def test_a_parquet_with_damaged_bytes(
    tmp_path: Path, data: st.DataObject, whole_parquet: bytes
) -> None:
    damaged = bytearray(whole_parquet)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.parquet"
    path.write_bytes(damaged[data.draw(st.integers(0, 20)) :])
    is_read_or_refused(path)


HEADERS = st.sampled_from(
    ["icu_hour", "patient_id", "note", "", *STAY_IDS, *(v.name for v in VARIABLES)]
    + [f"{variable.challenge} ({variable.unit})" for variable in VARIABLES]
)
CELLS = st.one_of(
    st.sampled_from(
        ["", "NA", "1", "2", "36,8", "1,234", "1.234", "-", '"', "medical", "F", "1e999"]
    ),
    st.integers(-5, 500).map(str),
    st.text(max_size=8),
)


@given(
    columns=st.lists(HEADERS, min_size=1, max_size=8),
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=9), max_size=12),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
@quickly
def test_tables_of_any_cells(
    tmp_path: Path,
    columns: list[str],
    rows: list[list[str]],
    separator: str,
    end: str,
    encoding: str,
) -> None:
    text = end.join(separator.join(line) for line in [["icu_hour", *columns], *rows])
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding, errors="replace"))
    is_read_or_refused(path)


KINDS = st.sampled_from(
    [
        *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.bool_(), pa.null()),
        *(pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(12, 3), pa.date32()),
        *(pa.timestamp("ns", "UTC"), pa.duration("s"), pa.time64("us"), pa.binary(4)),
        *(pa.list_(pa.int8()), pa.dictionary(pa.int8(), pa.string())),
        pa.struct([("a", pa.int8())]),
    ]
)


@given(columns=st.lists(st.tuples(HEADERS, KINDS), min_size=1, max_size=8), data=st.data())
@quickly
def test_parquet_of_any_types(
    tmp_path: Path, columns: list[tuple[str, pa.DataType]], data: st.DataObject
) -> None:
    n_rows = data.draw(st.integers(0, 4))
    hours = pa.array(range(n_rows), pa.int64())
    arrays = [_array(kind, n_rows, data) for _, kind in columns]
    names = ["icu_hour", *(name for name, _ in columns)]
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(pa.Table.from_arrays([hours, *arrays], names), path)
    is_read_or_refused(path)


def _array(kind: pa.DataType, n_rows: int, data: st.DataObject) -> pa.Array:
    """Values of a type where they are easy to make, else nulls."""
    if pa.types.is_dictionary(kind):
        return _array(pa.string(), n_rows, data).dictionary_encode()
    made: dict[pa.DataType, st.SearchStrategy[object]] = {
        pa.string(): CELLS,
        pa.string_view(): CELLS,
        pa.bool_(): st.booleans(),
        pa.float64(): st.floats(),
        pa.float32(): st.floats(width=32),
        pa.binary(): st.binary(max_size=4),
        pa.int8(): st.integers(-128, 127),
    }
    values = made.get(kind, st.none())
    cells = data.draw(st.lists(values | st.none(), min_size=n_rows, max_size=n_rows))
    return pa.array(cells, kind)
