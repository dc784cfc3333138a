"""Numbers in text: decimal signs, thousands, and cells of two readings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.batch_scoring import delimited_text
from sepsis_detect.batch_scoring.written_numbers import MISSING, read_number
from sepsis_detect.clinical.variables import BY_CHALLENGE
from tests.unit.batch_scoring.text_files import (
    PARTIAL,
    column_of,
    few_columns,
    reading,
    reasons_of,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80),
        ("+80", 80),
        (" 80 ", 80),
        ("-3.25", -3.25),
        ("−3,25", -3.25),
        ("7.", 7),
        (".5", 0.5),
        (",5", 0.5),
        ("1e3", 1000),
        ("1.5E-2", 0.015),
        ("36,8", 36.8),
        ("1234.567", 1234.567),
        ("0.125", 0.125),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1,234,567", 1_234_567),
        ("1.234.567", 1_234_567),
        ("1 234", 1234),
        ("1\u202f234,5", 1234.5),
        ("1'234", 1234),
    ],
)
def test_a_number_is_read_as_it_is_written_anywhere(text: str, value: float) -> None:
    found = read_number(text)
    assert (found.value, found.is_ambiguous, found.is_wrong) == (value, False, False)


@pytest.mark.parametrize(
    "text",
    [
        *("fast", "1_0", "12 34", "1,23.4", "1,234,5", "1.2.3", "e5", "inf", "1e999", "0x10"),
        *("<20", "٣", "97 %", "1,23,456", "--5", "1 234 56", "1.234.56"),
    ],
)
def test_another_text_is_no_number(text: str) -> None:
    assert read_number(text).is_wrong


@pytest.mark.parametrize("text", [*sorted(MISSING), *sorted(map(str.upper, MISSING)), "NaN", " "])
def test_a_missing_value_has_many_spellings(text: str) -> None:
    found = read_number(text)
    assert found.value != found.value  # NaN
    assert not found.is_wrong


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from(".,"))
def test_every_number_that_a_program_writes_is_read(value: float, sign: str) -> None:
    found = read_number(repr(value).replace(".", sign))
    assert found.value == value
    assert not found.is_wrong


@given(st.text())
def test_every_text_is_read_or_wrong(text: str) -> None:
    found = read_number(text)
    assert found.value == found.value or found.is_wrong or text.strip().lower() in MISSING


# --- One sign and three digits ------------------------------------------------------------------


def columns(folder: Path, separator: str, header: str, *rows: str) -> Path:
    """Rows of one stay; cells are written with a space between them."""
    lines = [separator.join(["icu_hour", *header.split()])]
    lines += [separator.join([str(at), *row.split()]) for at, row in enumerate(rows, 1)]
    return few_columns(folder, *lines)


@pytest.mark.parametrize(
    ("header", "rows", "name", "values"),
    [
        pytest.param("ast", ["35.5", "1.234"], "AST", [35.5, 1.234], id="a column with decimals"),
        pytest.param("ast", ["35,5", "1,234"], "AST", [35.5, 1.234], id="decimal commas"),
        pytest.param("ast", ["0.500", "1.234"], "AST", [0.5, 1.234], id="a zero before the sign"),
        pytest.param(
            "ast heart_rate", ["35.000 88.000", "1.234 91.500"], "AST", [35, 1.234], id="%.3f"
        ),
        pytest.param("heart_rate", ["88.000"], "HR", [88], id="nobody has 88,000 beats"),
        pytest.param("creatinine", ["1", "1.131"], "Creatinine", [1, 1.131], id="converted"),
        pytest.param("base_excess", ["-1.234"], "BaseExcess", [-1.234], id="negative"),
        pytest.param("platelets", ["98", "150.000"], "Platelets", [98, 150], id="in 1000/uL"),
        pytest.param("ast", ["1,234.5", "35"], "AST", [1234.5, 35], id="both signs in a cell"),
    ],
)
def test_a_cell_that_the_column_or_the_variable_decides_is_read(
    tmp_path: Path, header: str, rows: list[str], name: str, values: list[float]
) -> None:
    path = columns(tmp_path, ";", header, *rows)
    assert column_of(path, name) == values
    assert reasons_of(path) == {"few": None}


@pytest.mark.parametrize(
    ("header", "rows", "reason"),
    [
        pytest.param("ast", ["1,234"], "line 2, column ast: '1,234'", id="alone"),
        pytest.param("ast", ["35", "1.234"], "line 3, column ast: '1.234'", id="whole numbers"),
        pytest.param("ast", ["1.234", "1.234"], "line 2, column ast: '1.234'", id="all alike"),
        pytest.param(
            "ast temperature", ["35 36.8", "1,234 36.9"], "line 3, column ast: '1,234'", id="comma"
        ),
        pytest.param(
            "glucose temperature",
            ["1.234 36,8"],
            "line 2, column glucose: '1.234'",
            id="a point where decimals have commas",
        ),
        pytest.param("glucose", ["1,234"], "line 2, column glucose: '1,234'", id="no decimals"),
        pytest.param(
            "platelets(/uL)", ["1,234"], "line 2, column platelets(/uL): '1,234'", id="per uL"
        ),
    ],
)
def test_a_cell_of_two_readings_is_reported(
    tmp_path: Path, header: str, rows: list[str], reason: str
) -> None:
    found = reasons_of(columns(tmp_path, ";", header, *rows))["few"]
    assert found is not None
    assert found.startswith(f"{reason} may be 1234 or 1.234: write it without a sign for thousands")


def test_a_comma_in_a_quoted_cell_is_reported(tmp_path: Path) -> None:
    path = few_columns(tmp_path, "icu_hour,ast,temperature", '1,"1,234",36.8')
    assert reasons_of(path)["few"] == (
        "line 2, column ast: '1,234' may be 1234 or 1.234: write it without a sign for thousands"
    )


@pytest.mark.parametrize("block_characters", [1, 40, 10**6])
@pytest.mark.parametrize(("last", "is_read"), [("35.5", True), ("35", False)])
def test_the_whole_column_decides_wherever_its_evidence_stands(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    block_characters: int,
    last: str,
    is_read: bool,
) -> None:
    monkeypatch.setattr(delimited_text, "BLOCK_CHARACTERS", block_characters)
    path = columns(tmp_path, ";", "ast", "1.234", "40", "41", "42", last)
    assert (reasons_of(path)["few"] is None) == is_read


def test_a_stated_unit_decides_too(tmp_path: Path) -> None:
    path = columns(tmp_path, ";", "platelets", "150.000", "98.000")
    assert column_of(path, "Platelets") == [150, 98]
    per_ul = reading("platelets=/uL", is_partial_allowed=True)
    assert "may be 150000 or 150" in str(reasons_of(path, per_ul)["few"])


@given(
    decimals=st.lists(
        st.decimals(min_value=1, max_value=9_999, places=3).map(str), min_size=1, max_size=5
    ),
    other=st.decimals(min_value=1, max_value=9_999, places=2).map(str),
)
def test_a_column_with_one_sure_decimal_reads_all_as_decimals(
    tmp_path_factory: pytest.TempPathFactory, decimals: list[str], other: str
) -> None:
    folder = tmp_path_factory.mktemp("decimals")
    path = columns(folder, ",", "ast", *decimals, other)
    assert column_of(path, "AST", PARTIAL) == [float(each) for each in [*decimals, other]]
    assert BY_CHALLENGE["AST"].hard_high > 9_999


def test_an_hour_with_a_sign_beside_hours_without_is_ambiguous(tmp_path: Path) -> None:
    rows = ["a,999,80", 'a,"1,000",81', "b,1.000,80", "b,2.000,81"]
    path = few_columns(tmp_path, "stay_id,icu_hour,HR", *rows)
    assert "column icu_hour: '1,000' may be 1000 or 1" in str(reasons_of(path, PARTIAL)["a"])
    path = few_columns(tmp_path, "stay_id,icu_hour,HR", *rows[2:])
    assert reasons_of(path, PARTIAL) == {"b": None}
