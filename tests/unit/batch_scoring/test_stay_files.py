"""Reader of files of hours: the same stays from every format, one sentence for a bad file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from model_build.data.cohort import _numbers
from sepsis_detect.batch_scoring import delimited_text, stay_files
from sepsis_detect.batch_scoring.stay_files import read_stays, shortest_decimals
from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.clinical.units import conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR, MEDICAL_UNIT, SEX, VARIABLES
from sepsis_detect.errors import BadFileError

NAMES = [variable.challenge for variable in VARIABLES]
HOUR = {"HR": "80", "Temp": "36.8", "Age": "63", "Gender": "1"}


def an_hour(icu_hour: int, **changed: str) -> dict[str, str]:
    """One row of text, challenge names."""
    return dict.fromkeys(NAMES, "") | HOUR | {"ICULOS": str(icu_hour)} | changed


def text_of(rows: list[dict[str, str]], separator: str = "|", end: str = "\n") -> str:
    return "".join(
        separator.join(line) + end for line in [list(rows[0]), *(r.values() for r in rows)]
    )


def psv(folder: Path, *rows: dict[str, str], name: str = "p000001.psv") -> Path:
    path = folder / name
    path.write_text(text_of(list(rows)), encoding="utf-8")
    return path


def values_of(path: Path, **options: bool) -> FloatArray:
    return np.concatenate(
        [batch.stay.values for batch in read_stays(path, is_partial_allowed=bool(options))]
    )


def patients_of(path: Path) -> list[tuple[str, int]]:
    """Each stay's patient and length, in order."""
    return [
        (patient_id, int(length))
        for batch in read_stays(path)
        for patient_id, length in zip(
            batch.patient_ids,
            np.diff(batch.stay.starts, append=batch.stay.n_hours),
            strict=True,
        )
    ]


def refusal_of(path: Path, *, is_partial_allowed: bool = False) -> str:
    with pytest.raises(BadFileError) as raised:
        list(read_stays(path, is_partial_allowed=is_partial_allowed))
    sentence = str(raised.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence.replace(str(path), "FILE")


def test_a_record_of_the_challenge_is_one_patient_named_after_its_file(tmp_path: Path) -> None:
    path = psv(tmp_path, an_hour(1), an_hour(2, Lactate="2.1"))
    (batch,) = read_stays(path)
    assert batch.patient_ids == ["p000001"]
    assert batch.stay.values[1, BY_CHALLENGE["Lactate"].column] == 2.1
    assert np.isnan(batch.stay.values[0, BY_CHALLENGE["Lactate"].column])
    assert batch.stay.icu_hours.tolist() == [1, 2]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("quote", ["", '"'], ids=["bare header", "quoted header"])
def test_text_is_read_as_every_program_writes_it(
    tmp_path: Path, end: str, mark: str, quote: str
) -> None:
    header, first, second = text_of([an_hour(1), an_hour(2)], ",").splitlines()
    quoted = ",".join(f"{quote}{name}{quote}" for name in header.split(","))
    path = tmp_path / "p1.csv"
    path.write_bytes((mark + end.join([quoted, first, second])).encode())
    np.testing.assert_array_equal(values_of(path), values_of(psv(tmp_path, an_hour(1), an_hour(2))))


@pytest.mark.parametrize("word", delimited_text.MISSING, ids=lambda word: word or "empty")
def test_every_spelling_of_a_missing_value_is_read_as_missing(tmp_path: Path, word: str) -> None:
    path = psv(tmp_path, an_hour(1, Lactate=word), an_hour(2))
    assert np.isnan(values_of(path)[:, BY_CHALLENGE["Lactate"].column]).all()


def test_canonical_names_in_any_order_and_other_columns_are_read(tmp_path: Path) -> None:
    rows = [an_hour(1), an_hour(2)]
    renamed = [
        {"note": "a|b"[:1]}
        | {BY_CHALLENGE[name].name: row[name] for name in NAMES if not name.startswith("Unit")}
        | {"sex": "Male", "icu_unit": "medical"}
        for row in rows
    ]
    expected = values_of(psv(tmp_path, *[row | {"Unit1": "1", "Unit2": "0"} for row in rows]))
    reordered = [dict(reversed(row.items())) for row in renamed]
    np.testing.assert_array_equal(values_of(psv(tmp_path, *reordered, name="b.psv")), expected)


@pytest.mark.parametrize(
    ("written", "read"), [("0", 0), ("1.0", 1), ("female", 0), ("M", 1), ("2", 2)]
)
def test_sex_is_a_word_or_a_number(tmp_path: Path, written: str, read: float) -> None:
    assert values_of(psv(tmp_path, an_hour(1, Gender=written)))[0, SEX] == read


def a_table(lengths: dict[str, int]) -> pa.Table:
    """Patients with so many hours, numbers as float32."""
    ids = [patient for patient, length in lengths.items() for _ in range(length)]
    hours = [hour for length in lengths.values() for hour in range(1, length + 1)]
    n = len(ids)
    columns = {name: pa.nulls(n, pa.float32()) for name in NAMES}
    columns["Temp"] = pa.array(np.linspace(35, 40, n).round(1), pa.float32())
    columns["ICULOS"] = pa.array(hours, pa.int16())
    return pa.table(columns | {"patient_id": pa.array(ids, pa.large_string())})


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 7, 1000])
def test_a_stay_is_whole_wherever_the_batches_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(stay_files, "BATCH_ROWS", batch_rows)
    lengths = {"a": 3, "b": 1, "c": 10, "d": 2}
    pa.parquet.write_table(a_table(lengths), tmp_path / "a.parquet", row_group_size=4)
    assert patients_of(tmp_path / "a.parquet") == list(lengths.items())


@pytest.mark.parametrize("block_bytes", [1, 200, 10**6])
def test_text_is_the_same_wherever_the_blocks_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(delimited_text, "BLOCK_BYTES", block_bytes)
    rows = [an_hour(hour, patient_id=p, HR=f"{80 + hour}") for p in "abc" for hour in range(1, 6)]
    path = psv(tmp_path, *rows)
    assert patients_of(path) == [("a", 5), ("b", 5), ("c", 5)]
    assert values_of(path)[:, 0].tolist() == [81, 82, 83, 84, 85] * 3
    text = path.read_text(encoding="utf-8").replace("|82|", "|eighty|", 1)
    path.write_text(text.replace("82|", "eighty|", 1), encoding="utf-8")
    assert refusal_of(path) == "FILE, line 3, column HR: 'eighty' is not a number"


def test_non_contiguous_rows_are_marked(tmp_path: Path) -> None:
    rows = [an_hour(hour, patient_id=p) for p, hour in (("a", 1), ("b", 1), ("a", 2), ("c", 1))]
    (first, *rest) = read_stays(psv(tmp_path, *rows))
    torn = first.is_non_contiguous + [each for batch in rest for each in batch.is_non_contiguous]
    assert torn == [False, False, True, False]


def test_a_stated_unit_is_converted_as_the_api_converts_it(tmp_path: Path) -> None:
    temperature = BY_CHALLENGE["Temp"]
    fahrenheit = conversion(temperature, "[degF]")
    assert fahrenheit
    path = psv(tmp_path, an_hour(1, Temp="98.6"))
    (batch,) = read_stays(path, conversions={temperature.column: fahrenheit})
    assert batch.stay.values[0, temperature.column] == 37.0


def test_a_missing_column_is_refused_unless_it_may_be_missing(tmp_path: Path) -> None:
    row = an_hour(1)
    del row["Lactate"], row["pH"]
    path = psv(tmp_path, row)
    assert refusal_of(path) == "FILE has no column pH, Lactate; --partial takes them as missing"
    assert np.isnan(values_of(path, partial=True)[0, BY_CHALLENGE["pH"].column])


def test_hours_are_needed_even_in_a_partial_file(tmp_path: Path) -> None:
    row = an_hour(1)
    del row["ICULOS"]
    assert refusal_of(psv(tmp_path, row), is_partial_allowed=True) == "FILE has no column ICULOS"


def test_many_patients_without_an_id_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stay_files, "MAX_STAY_ROWS", 10)
    path = psv(tmp_path, *[an_hour(hour) for hour in range(1, 12)])
    assert "is there no column patient_id?" in refusal_of(path)


GOOD = text_of([an_hour(1), an_hour(2)])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        pytest.param("a.psv", b"", "FILE is empty", id="empty"),
        pytest.param("a.parquet", b"", "FILE is empty", id="empty parquet"),
        pytest.param("a.psv", b"\n", "FILE has no '|' in its first line", id="blank"),
        pytest.param("a.psv", GOOD.splitlines()[0].encode(), "FILE holds no row", id="header"),
        pytest.param(
            "a.psv", GOOD.splitlines(True)[0].encode(), "FILE holds no row", id="header line"
        ),
        pytest.param(
            "a.psv", GOOD.splitlines(True)[0].encode() + b"\n\n", "FILE holds no row", id="blanks"
        ),
        pytest.param(
            "a.csv", GOOD.encode(), "FILE has no ',' in its first line, but '|'", id="psv as csv"
        ),
        pytest.param(
            "a.csv",
            GOOD.replace("|", ";").encode(),
            "FILE has no ',' in its first line, but ';'",
            id="semicolons",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("|", "\t").encode(),
            "FILE has no '|' in its first line, but tabs",
            id="tabs",
        ),
        pytest.param(
            "a.txt", GOOD.encode(), "FILE is neither .psv, .csv nor .parquet", id="extension"
        ),
        pytest.param(
            "a.psv", GOOD.encode("utf-16"), "FILE is not a text in UTF-8", id="another encoding"
        ),
        pytest.param("a.psv", bytes(range(255, 0, -1)), "FILE is not a text in UTF-8", id="binary"),
        pytest.param(
            "a.psv",
            (GOOD + "80|36\n").encode(),
            "FILE, line 4: 2 cells under 40 columns",
            id="short",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("80|", "80|9|").encode(),
            "FILE, line 2: 41 cells under 40 columns",
            id="long",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("36.8", "36,8").encode(),
            "FILE, line 2, column Temp: '36,8' is not a number",
            id="decimal comma",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("36.8", "x" * 50).encode(),
            f"FILE, line 2, column Temp: '{'x' * 40}...' is not a number",
            id="a long text",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("36.8", "1e999").encode(),
            "FILE, column Temp holds an infinite number",
            id="infinity",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("HR", "Temp").encode(),
            "FILE has two columns for one thing: Temp, Temp",
            id="a column twice",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("HR", "temperature").encode(),
            "FILE has two columns for one thing: temperature, Temp",
            id="both spellings",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("|1|||", "|woman|||").encode(),
            "FILE, column Gender: 'woman' is not female or male or f or m",
            id="an unknown word",
        ),
        pytest.param(
            "a.psv",
            text_of([an_hour(1, patient_id="a"), an_hour(2, patient_id="")]).encode(),
            "FILE has a row without patient_id",
            id="a row of nobody",
        ),
        pytest.param(
            "a.psv",
            text_of([an_hour(1, icu_unit="medical")]).encode(),
            "FILE has icu_unit beside Unit1 or Unit2: keep one of them",
            id="the unit twice",
        ),
    ],
)
def test_a_bad_text_is_one_sentence(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal_of(path) == sentence


def test_a_bad_parquet_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    good = a_table({"a": 200})
    pa.parquet.write_table(good, path)
    whole = path.read_bytes()
    for content in (whole[:-100], whole[: len(whole) // 2], bytes(range(256)) * 10, whole[100:]):
        path.write_bytes(content)
        assert refusal_of(path).startswith("FILE cannot be read: ")
    texts = pa.array(["high"] * 200)
    for name, column, reason in (
        ("HR", texts, "column HR holds string, not numbers"),
        ("HR", pa.array([True] * 200), "column HR holds bool, not numbers"),
        ("HR", pa.array([float("inf")] * 200), "column HR holds an infinite number"),
        ("patient_id", pa.nulls(200, pa.string()), "has a row without patient_id"),
    ):
        pa.parquet.write_table(good.set_column(good.column_names.index(name), name, column), path)
        assert reason in refusal_of(path)
    pa.parquet.write_table(good.slice(0, 0), path)
    assert refusal_of(path) == "FILE holds no row"


def test_no_damaged_parquet_raises_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(a_table({"a": 200}), path)
    whole = path.read_bytes()
    random = np.random.default_rng(2019)
    for _ in range(60):
        damaged = np.frombuffer(whole, dtype=np.uint8).copy()
        damaged[random.integers(0, len(whole), 5)] = random.integers(0, 256, 5)
        path.write_bytes(damaged.tobytes())
        try:
            list(read_stays(path))
        except BadFileError as error:
            assert "\n" not in str(error)  # noqa: PT017  # it may also be readable


def test_an_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    assert refusal_of(tmp_path / "none.psv") == "there is no file FILE"
    for suffix in (".psv", ".parquet"):
        folder = tmp_path / f"folder{suffix}"
        folder.mkdir()
        assert refusal_of(folder) == "FILE is a folder: name the files in it"
        unreadable = tmp_path / f"unreadable{suffix}"
        unreadable.symlink_to("/proc/self/mem")  # reading fails, for root too
        assert refusal_of(unreadable).startswith("FILE cannot be read: Input/output error")


def test_an_id_may_be_a_number_or_a_category(tmp_path: Path) -> None:
    table = a_table({"7": 2, "8": 1})
    at = table.column_names.index("patient_id")
    path = tmp_path / "a.parquet"
    for column in (pa.array([7, 7, 8]), table["patient_id"].dictionary_encode()):
        pa.parquet.write_table(table.set_column(at, "Patient_ID", column), path)
        assert patients_of(path) == [("7", 2), ("8", 1)]


def test_single_precision_is_read_as_it_was_written(tmp_path: Path) -> None:
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


def test_the_number_of_rows_is_known_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(a_table({"a": 12}), path)
    assert stay_files.count_rows(path) == 12
    assert (
        stay_files.count_rows(psv(tmp_path, an_hour(1), an_hour(2))) == 3
    )  # about: the header too
    assert stay_files.count_rows(tmp_path / "none.parquet") == 0


def test_the_flags_of_a_unit_follow_its_word(tmp_path: Path) -> None:
    row = an_hour(1) | {"icu_unit": "Surgical"}
    del row["Unit1"], row["Unit2"]
    values = values_of(psv(tmp_path, row))
    assert values[0, MEDICAL_UNIT : MEDICAL_UNIT + 2].tolist() == [0, 1]
    assert values[0, ICU_HOUR] == 1
