"""Text files of hours: read as every program writes them, or one sentence with file and line."""

from pathlib import Path

import numpy as np
import pytest

from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.clinical.variables import (
    BY_CHALLENGE,
    ICU_HOUR,
    MEDICAL_UNIT,
    SEX,
    SURGICAL_UNIT,
)
from tests.unit.batch_scoring.text_files import (
    NAMES,
    PARTIAL,
    an_hour,
    batches_of,
    column_of,
    few_columns,
    patients_of,
    psv,
    reasons_of,
    refusal_of,
    saved,
    text_of,
    values_of,
)

HOURS = [an_hour(hour, patient_id=p, Temp=f"{36 + hour / 10:.1f}") for p in "ab" for hour in (1, 2)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"],
)
@pytest.mark.parametrize(
    "separator", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"]
)
def test_every_encoding_line_end_and_separator_is_read(
    tmp_path: Path, end: str, encoding: str, separator: str
) -> None:
    expected = psv(tmp_path, *HOURS)
    for suffix in (".csv", ".psv", ".tsv", ".txt"):
        text = text_of(HOURS, separator, end)
        path = saved(tmp_path / f"a{suffix}", text.encode(encoding))
        np.testing.assert_array_equal(values_of(path), values_of(expected))
        assert patients_of(path) == patients_of(expected)


@pytest.mark.parametrize("end", ["", "\n", "\n\n \n", "\r\n\x20\x20\r\n"])
@pytest.mark.parametrize("begin", ["", "\n\n", "sep=,\n", "SEP=,\r\n"])
@pytest.mark.parametrize("quote", ["", '"'], ids=["bare cells", "quoted cells"])
def test_what_stands_around_the_rows_changes_nothing(
    tmp_path: Path, begin: str, end: str, quote: str
) -> None:
    lines = [
        ",".join(f"{quote}{cell}{quote}" for cell in line.split("|"))
        for line in text_of(HOURS).splitlines()
    ]
    path = saved(tmp_path / "a.csv", begin + "\n".join(lines) + end)
    np.testing.assert_array_equal(values_of(path), values_of(psv(tmp_path, *HOURS)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_names_with_accents_and_units_are_read_in_every_encoding(
    tmp_path: Path, encoding: str
) -> None:
    text = "Température corporelle (°C);créatinine (µmol/L);icu_hour;IPP\n36,8;88,4;1;Müller\n"
    path = saved(tmp_path / "a.csv", text.encode(encoding))
    assert column_of(path, "Temp") == [36.8]
    assert column_of(path, "Creatinine") == [pytest.approx(1.0, abs=1e-4)]
    assert patients_of(path, PARTIAL) == [("Müller", 1)]


def test_semicolons_with_decimal_commas_are_read(tmp_path: Path) -> None:
    rows = [{name: cell.replace(".", ",") for name, cell in row.items()} for row in HOURS]
    path = saved(tmp_path / "a.csv", text_of(rows, ";"))
    np.testing.assert_array_equal(values_of(path), values_of(psv(tmp_path, *HOURS)))


def test_a_quoted_cell_may_hold_separators_quotes_and_line_ends(tmp_path: Path) -> None:
    path = few_columns(
        tmp_path,
        'patient_id,icu_hour,heart_rate,"note\n(free text)"',
        'a,1,80,"one, ""two""\nthree"',
        'a,2,fast,"more\r\n\r\nlines"',
        "a,3,82,5'2\" tall",
    )
    assert column_of(path, "HR") == [80, None, 82]
    assert reasons_of(path) == {"a": "line 7, column heart_rate: 'fast' is not a number"}


@pytest.mark.parametrize("beyond", ["", "|", "||  |"])
def test_empty_cells_beyond_the_last_column_are_left_out(tmp_path: Path, beyond: str) -> None:
    header, first, *others = text_of(HOURS).splitlines()
    text = "\n".join([header, first, *(line + beyond for line in others)])
    path = saved(tmp_path / "a.psv", text)
    np.testing.assert_array_equal(values_of(path), values_of(psv(tmp_path, *HOURS)))
    named = saved(tmp_path / "b.psv", "\n".join(line + beyond for line in text_of(HOURS).split()))
    np.testing.assert_array_equal(values_of(named), values_of(path))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0", 0),
        ("1.0", 1),
        ("female", 0),
        ("M", 1),
        (" Male ", 1),
        ("H", 1),
        ("Femme", 0),
        ("2", 2),
    ],
)
def test_sex_is_a_word_or_a_number(tmp_path: Path, written: str, read: float) -> None:
    assert values_of(psv(tmp_path, an_hour(1, Gender=written)))[0, SEX] == read


@pytest.mark.parametrize(
    ("written", "flags"),
    [("Surgical", (0, 1)), ("medical", (1, 0)), ("Médicale", (1, 0)), ("chirurgicale", (0, 1))],
)
def test_the_flags_of_a_unit_follow_its_word(
    tmp_path: Path, written: str, flags: tuple[int, int]
) -> None:
    row = an_hour(1) | {"icu_unit": written}
    del row["Unit1"], row["Unit2"]
    values = values_of(psv(tmp_path, row))
    assert tuple(values[0, [MEDICAL_UNIT, SURGICAL_UNIT]]) == flags
    assert values[0, ICU_HOUR] == 1


def test_flags_may_be_true_and_false(tmp_path: Path) -> None:
    path = psv(tmp_path, an_hour(1, Unit1="True", Unit2="FALSE"))
    assert values_of(path)[0, [MEDICAL_UNIT, SURGICAL_UNIT]].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("word", "sex"), [("F", 0), ("weiblich", 0), ("Féminin", 0), ("Mann", 1), ("männlich", 1)]
)
def test_words_of_sex_are_those_that_the_page_reads(tmp_path: Path, word: str, sex: float) -> None:
    path = psv(tmp_path, an_hour(1, Gender=word))
    assert values_of(path)[0, BY_CHALLENGE["Gender"].column] == sex


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"Temp": "x" * 50}, f"column Temp: '{'x' * 40}...' is not a number"),
        ({"Temp": "37 C"}, "column Temp: '37 C' is not a number"),
        ({"Temp": "1e999"}, "column Temp: '1e999' is not a number"),
        ({"Temp": "inf"}, "column Temp: 'inf' is not a number"),
        ({"Temp": "1_0"}, "column Temp: '1_0' is not a number"),
        ({"Gender": "girl"}, "column Gender: 'girl' is not female or male"),
        ({"Unit1": "yes"}, "column Unit1: 'yes' is not false or true"),
    ],
)
def test_a_cell_that_cannot_be_read_costs_its_stay_alone(
    tmp_path: Path, changed: dict[str, str], why: str
) -> None:
    rows = [an_hour(hour, patient_id=p) for p in "abc" for hour in (1, 2)]
    rows[3] |= changed
    assert reasons_of(psv(tmp_path, *rows)) == {"a": None, "b": f"line 5, {why}", "c": None}


GOOD = text_of([an_hour(1), an_hour(2)])
NOT_A_TEXT = "FILE is not a text in UTF-8, UTF-16 or Windows-1252"
NO_SEPARATOR = "FILE has no comma, semicolon, tab or bar in its first line"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        pytest.param("a.psv", b"", "FILE is empty", id="empty"),
        pytest.param("a.psv", b"\n", "FILE has no header", id="blank"),
        pytest.param("a.psv", b"\xef\xbb\xbf", "FILE has no header", id="only a mark"),
        pytest.param("a.csv", b"stays\n1\n", NO_SEPARATOR, id="one column"),
        pytest.param("a.psv", GOOD.splitlines()[0], "FILE holds no row", id="header"),
        pytest.param("a.psv", GOOD.splitlines(True)[0], "FILE holds no row", id="header line"),
        pytest.param(
            "a.psv", GOOD.splitlines(True)[0] + "\n\n" + "|" * 39, "FILE holds no row", id="blanks"
        ),
        pytest.param(
            "a.xlsx", GOOD, "FILE is neither .psv, .csv, .tsv, .txt nor .parquet", id="suffix"
        ),
        pytest.param("a.psv", bytes(range(255, 0, -1)), NOT_A_TEXT, id="binary"),
        pytest.param("a.psv", GOOD.encode("utf-32"), NOT_A_TEXT, id="utf-32"),
        pytest.param("a.psv", GOOD.encode("utf-16")[:-1], NOT_A_TEXT, id="half a character"),
        pytest.param(
            "a.psv", GOOD + "80|36\n", "FILE, line 4: 2 cells under 40 columns", id="short"
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("36.8|", '"36.8|', 1),
            "FILE: a quotation mark is not closed (unexpected end of data)",
            id="quotation mark",
        ),
        pytest.param(
            "a.psv",
            GOOD.replace("80|", "80|9|"),
            "FILE, line 2: 41 cells under 40 columns",
            id="long",
        ),
        pytest.param(
            "a.csv",
            b"\x1f\x8b\x08abc",
            "FILE is compressed with gzip: decompress it first",
            id="gz",
        ),
        pytest.param(
            "a.csv", b"PAR1abc", "FILE is a parquet file: give it the suffix .parquet", id="parquet"
        ),
        pytest.param(
            "a.csv",
            b"PK\x03\x04abc",
            "FILE is a workbook or a zip archive: save its table as .csv",
            id="workbook",
        ),
        pytest.param(
            "a.csv",
            "a" * 200_000,
            "FILE has a line of more than 100,000 characters",
            id="no line end",
        ),
    ],
)
def test_a_bad_text_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | str, sentence: str
) -> None:
    assert refusal_of(saved(tmp_path / name, content)) == sentence


def test_a_short_line_is_found_after_blank_and_quoted_lines(tmp_path: Path) -> None:
    path = few_columns(
        tmp_path,
        "patient_id,icu_hour,heart_rate,note",
        "",
        'a,1,80,"two\nlines"',
        ",,,",
        "a,2,81",
    )
    assert refusal_of(path, PARTIAL) == "FILE, line 6: 3 cells under 4 columns"


def test_an_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    assert refusal_of(tmp_path / "none.psv") == "there is no file FILE"
    for suffix in (".psv", ".parquet"):
        folder = tmp_path / f"folder{suffix}"
        folder.mkdir()
        assert refusal_of(folder) == "FILE is a folder: name the files in it"
        unreadable = tmp_path / f"unreadable{suffix}"
        unreadable.symlink_to("/proc/self/mem")  # reading fails, for root too
        assert refusal_of(unreadable).startswith("FILE cannot be read: Input/output error")


def test_canonical_names_in_any_order_and_other_columns_are_read(tmp_path: Path) -> None:
    rows = [an_hour(1), an_hour(2)]
    renamed = [
        {"note": "a"}
        | {BY_CHALLENGE[name].name: row[name] for name in NAMES if not name.startswith("Unit")}
        | {"sex": "Male", "icu_unit": "medical"}
        for row in rows
    ]
    expected = values_of(psv(tmp_path, *[row | {"Unit1": "1", "Unit2": "0"} for row in rows]))
    reordered = [dict(reversed(row.items())) for row in renamed]
    np.testing.assert_array_equal(values_of(psv(tmp_path, *reordered, name="b.psv")), expected)


def test_the_further_columns_that_a_caller_asks_for_stand_beside_the_hours(tmp_path: Path) -> None:
    rows = [
        an_hour(hour, patient_id=p, sepsis_label=str(hour % 2)) for p in "ab" for hour in (1, 2)
    ]
    path = psv(tmp_path, *rows[:2], dict.fromkeys(rows[0], ""), *rows[2:])
    batches = batches_of(path, Reading(conversions={}, others=("SepsisLabel", "ward")))
    found = [batch.others["SepsisLabel"].to_pylist() for batch in batches]
    assert found == [["1", "0"], ["1", "0"]]
    assert all(list(batch.others) == ["SepsisLabel"] for batch in batches)
