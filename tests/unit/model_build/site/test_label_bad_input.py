"""Bad input of the command `label`: one sentence each, and nothing is written."""

from pathlib import Path

import pytest

from tests.unit.model_build.site.order_files import (
    LAST_HOUR,
    ORDERS,
    Rows,
    clock,
    hour_rows,
    order,
    renamed,
    run,
    save,
)

OTHERS = [of for of in ORDERS if of["kind"] != "culture"]
WITH_TIMES = [row | {"icu_admission_time": clock(0)} for row in hour_rows()]
BAD: dict[str, tuple[Rows, Rows, str]] = {
    "no kind": (hour_rows(), renamed(ORDERS, kind="what"), "has no column kind"),
    "no time": (hour_rows(), renamed(ORDERS, time="what"), "has no column time"),
    "no id": (hour_rows(), renamed(ORDERS, stay_id="what"), "no column that identifies stays"),
    "another kind": (
        hour_rows(),
        [*ORDERS, order("a", "x-ray", 3)],
        "line 6: 'x-ray' is neither antibiotic nor culture",
    ),
    "an empty kind": (hour_rows(), [*ORDERS, order("a", "", 3)], "line 6: nothing is neither"),
    "text as time": (hour_rows(), [order("a", "culture", "noon")], "'noon' is neither an hour"),
    "an order without time": (hour_rows(), [*ORDERS, order("a", "culture", "")], "has no time"),
    "an order without stay": (hour_rows(), [*ORDERS, order("", "culture", 3)], "has no id"),
    "a date without time of day": (
        WITH_TIMES,
        [order("a", "culture", "2024-03-01")],
        "'2024-03-01' has no time of day",
    ),
    "hours and dates": (
        WITH_TIMES,
        [*ORDERS, order("a", "culture", clock(3))],
        "has local time, other cells hours since admission",
    ),
    "time zones": (
        WITH_TIMES,
        [of | {"time": clock(of["time"]) + "+01:00", "end": ""} for of in ORDERS],
        "times in a time zone, the admission times of the hours are in local time",
    ),
    "dates without admission": (
        hour_rows(),
        [of | {"time": clock(of["time"]), "end": ""} for of in ORDERS],
        "the hours no admission times",
    ),
    "an end before the beginning": (
        hour_rows(),
        [order("a", "antibiotic", 9, 8)],
        "line 2: the order ends before it begins",
    ),
    "stays of another system": (
        hour_rows(),
        [of | {"stay_id": f"x{of['stay_id']}"} for of in ORDERS],
        "no order belongs to a stay of the hours",
    ),
    "minutes": (
        hour_rows(),
        [of | {"time": of["time"] * 60, "end": ""} for of in ORDERS],
        "are their times hours since admission",
    ),
    "no culture": (hour_rows(), OTHERS, "--without-cultures takes antibiotics for 72 h"),
    "no antibiotic": (hour_rows(), [order("a", "culture", 3)], "no intravenous antibiotic"),
    "oral antibiotics": (
        hour_rows(),
        [of | {"route": "PO"} for of in ORDERS],
        "no intravenous antibiotic",
    ),
    "two times": (
        hour_rows(),
        [of | {"start": of["time"]} for of in ORDERS],
        "two columns for time: time, start",
    ),
    "patients for stays": (
        [{"person_id": 1} | row for row in hour_rows()],
        renamed([of | {"stay_id": 1} for of in ORDERS], stay_id="person_id"),
        "which stay of a patient an order belongs to: it needs the column stay_id",
    ),
    "labelled already": (hour_rows(SepsisLabel=0), ORDERS, "has a column SepsisLabel already"),
    "text in the hours": (hour_rows(heart_rate="fast"), ORDERS, "'fast' is not a number"),
    "no hours": (renamed(hour_rows(), icu_hour="nr"), ORDERS, "has no column ICULOS"),
    "hours that go back": (hour_rows()[::-1], ORDERS, "whole hours that rise"),
    "an admission that changes": (
        [row | {"icu_admission_time": clock(row["icu_hour"])} for row in hour_rows()],
        ORDERS,
        "icu_admission_time changes within the stay",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    hours, orders, sentence = BAD[name]
    files = [save(hours, tmp_path / "hours.csv")]
    (tmp_path / "o.csv").write_text("from before")
    assert run(tmp_path, files, save(orders, tmp_path / "orders.csv")) == 2
    told = capsys.readouterr().err
    assert told.startswith("model_build: ")
    assert told.count("\n") == 1
    assert sentence in told
    assert (tmp_path / "o.csv").read_text() == "from before"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        pytest.param("krea=creatinine", "no file has a column krea", id="a column in no file"),
        pytest.param("ward=sodium", "'sodium' is not a variable", id="an unknown variable"),
        pytest.param("ward=heart_rat", "did you mean heart_rate?", id="a misspelt variable"),
        pytest.param("ward", "write COLUMN=VARIABLE", id="no variable"),
        pytest.param("ward=HR", "two columns for one thing", id="a variable twice"),
        pytest.param("ward=lactate (stone)", "'stone' is not a unit", id="an unknown unit"),
    ],
)
def test_a_wrong_mapping_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, sentence: str
) -> None:
    hours = save(hour_rows(), tmp_path / "hours.csv")
    orders = save(ORDERS, tmp_path / "orders.csv")
    assert run(tmp_path, [hours], orders, "--map", option) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_the_hours_are_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = save(hour_rows(), tmp_path / "hours.csv")
    before = hours.read_bytes()
    assert run(tmp_path, [hours], save(ORDERS, tmp_path / "orders.csv"), to="hours.csv") == 2
    assert "choose another name" in capsys.readouterr().err
    assert hours.read_bytes() == before


def test_a_file_that_is_named_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = save(hour_rows(), tmp_path / "hours.csv")
    assert run(tmp_path, [hours, hours], save(ORDERS, tmp_path / "orders.csv")) == 2
    assert "hours.csv is named twice" in capsys.readouterr().err


def test_a_file_cut_in_the_middle_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = save(hour_rows(creatinine=1.0), tmp_path / "hours.parquet")
    whole = hours.read_bytes()
    hours.write_bytes(whole[: len(whole) // 2])
    assert run(tmp_path, [hours], save(ORDERS, tmp_path / "orders.csv")) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_files_with_other_columns_are_not_joined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = hour_rows()
    one = save(rows[:LAST_HOUR], tmp_path / "1.csv")
    two = save(renamed(rows[LAST_HOUR:], ward="bed"), tmp_path / "2.csv")
    assert run(tmp_path, [one, two], save(ORDERS, tmp_path / "orders.csv")) == 2
    assert "has other columns than the first file" in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()
