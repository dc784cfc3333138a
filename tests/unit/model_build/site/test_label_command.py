"""The command `label`: files in, labelled file out, what it says, and bad input."""

import csv
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from model_build.__main__ import main
from model_build.data.labels import LABEL_LEADS_ONSET_BY

Rows = list[dict[str, Any]]
ADMITTED = datetime(2024, 3, 1, 8, 0)  # noqa: DTZ001 - local time, as hospitals export it
LAST_HOUR = 60
RISE = {"a": 30, "b": 40}
ONSET = {"a": 28.0, "b": 40.0}  # a: culture at 28; b: SOFA first


def hour_rows(**changed: Any) -> Rows:
    """Two stays whose creatinine rises to 3.0 mg/dL."""
    return [
        {
            "stay_id": stay,
            "icu_hour": hour,
            "heart_rate": 88,
            "creatinine": {1: 0.9, RISE[stay]: 3.0}.get(hour, ""),
            "ward": "north, 2",
        }
        | changed
        for stay in ("a", "b")
        for hour in range(1, LAST_HOUR + 1)
    ]


def order(stay: str, kind: str, time: Any, end: Any = "", route: str = "") -> dict[str, Any]:
    return {"stay_id": stay, "kind": kind, "time": time, "end": end, "route": route}


ORDERS = [
    order("a", "antibiotic", 31, 120, "IV"),
    order("a", "culture", 28),
    order("b", "antibiotic", 45, 117, "intravenous"),
    order("b", "culture", 50),
]
EXPECTED = [
    int(hour >= ONSET[stay] - LABEL_LEADS_ONSET_BY)
    for stay in ("a", "b")
    for hour in range(1, LAST_HOUR + 1)
]


def save(rows: Rows, path: Path, delimiter: str = ",") -> Path:
    if path.suffix == ".parquet":
        pa.parquet.write_table(pa.Table.from_pylist(rows), path)
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(folder: Path, hours: Iterable[Path], orders: Path, *options: str, to: str = "o.csv") -> int:
    paths = [str(path) for path in hours]
    return main(
        ["label", "--hours", *paths, "--orders", str(orders), "-o", str(folder / to), *options]
    )


def labelled(path: Path) -> Any:
    return pa.parquet.read_table(path) if path.suffix == ".parquet" else pa.csv.read_csv(path)


def label(
    folder: Path, hours: Rows | None = None, orders: Rows | None = None, *options: str
) -> list[int]:
    files = [save(hours or hour_rows(), folder / "hours.csv")]
    assert run(folder, files, save(orders or ORDERS, folder / "orders.csv"), *options) == 0
    found: list[int] = labelled(folder / "o.csv")["SepsisLabel"].to_pylist()
    return found


def test_hours_are_labelled_to_the_hour(tmp_path: Path) -> None:
    assert label(tmp_path) == EXPECTED


@pytest.mark.parametrize("to", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("name", ["hours.csv", "hours.psv", "hours.parquet"])
def test_rows_and_columns_are_kept_as_they_are(tmp_path: Path, name: str, to: str) -> None:
    rows = [{key: None if of == "" else of for key, of in row.items()} for row in hour_rows()]
    hours = save(rows, tmp_path / name, "|" if name.endswith("psv") else ",")
    assert run(tmp_path, [hours], save(ORDERS, tmp_path / "orders.csv"), to=to) == 0
    found = labelled(tmp_path / to)
    assert found.column_names == [*rows[0], "SepsisLabel"]
    assert found["ward"].to_pylist() == [row["ward"] for row in rows]
    assert [float(of) for of in found["creatinine"].to_pylist() if of] == [0.9, 3.0, 0.9, 3.0]
    assert found["SepsisLabel"].to_pylist() == EXPECTED


def test_blank_rows_are_left_out(tmp_path: Path) -> None:
    blank = dict.fromkeys(hour_rows()[0], "")
    assert label(tmp_path, [*hour_rows(), blank, blank]) == EXPECTED


def test_several_files_become_one(tmp_path: Path) -> None:
    rows = hour_rows()
    files = [
        save(rows[:LAST_HOUR], tmp_path / "1.csv"),
        save(rows[LAST_HOUR:], tmp_path / "2.csv"),
    ]
    assert run(tmp_path, files, save(ORDERS, tmp_path / "orders.csv")) == 0
    assert labelled(tmp_path / "o.csv")["SepsisLabel"].to_pylist() == EXPECTED


def test_files_of_one_patient_each_are_named_after_the_file(tmp_path: Path) -> None:
    """The layout of the challenge."""
    files = [
        save(
            [
                {"HR": 88, "Creatinine": row["creatinine"], "ICULOS": row["icu_hour"]}
                for row in hour_rows()
                if row["stay_id"] == stay
            ],
            tmp_path / f"{stay}.psv",
            "|",
        )
        for stay in ("a", "b")
    ]
    assert run(tmp_path, files, save(ORDERS, tmp_path / "orders.csv")) == 0
    found = labelled(tmp_path / "o.csv")
    assert found["patient_id"].to_pylist() == ["a"] * LAST_HOUR + ["b"] * LAST_HOUR
    assert found["SepsisLabel"].to_pylist() == EXPECTED


def renamed(rows: Rows, **names: str) -> Rows:
    return [{names.get(key, key): of for key, of in row.items()} for row in rows]


@pytest.mark.parametrize(
    ("hours", "orders"),
    [
        pytest.param({"stay_id": "patient_id"}, {"stay_id": "patient_id"}, id="patient_id"),
        pytest.param({"stay_id": "patient_id"}, {}, id="patient_id and stay_id"),
        pytest.param({}, {"time": "icu_hour", "end": "end_hour"}, id="icu_hour"),
        pytest.param({}, {"kind": "Order Type", "time": "Start", "end": "Stop"}, id="spellings"),
    ],
)
def test_usual_names_of_columns_are_known(
    tmp_path: Path, hours: dict[str, str], orders: dict[str, str]
) -> None:
    assert label(tmp_path, renamed(hour_rows(), **hours), renamed(ORDERS, **orders)) == EXPECTED


def test_columns_with_other_names_are_mapped_and_units_converted(tmp_path: Path) -> None:
    rows = renamed(hour_rows(), creatinine="krea", stay_id="bett")
    for row in rows:
        row["krea"] = row["krea"] and round(row["krea"] * 88.4, 1)
    options = ["--map", "krea=creatinine", "--map", "bett=stay_id", "--unit", "creatinine=umol/L"]
    assert label(tmp_path, rows, None, *options) == EXPECTED


def clock(hour: float, stay: str = "a") -> str:
    admitted = ADMITTED + timedelta(days={"a": 0, "b": 300}[stay])
    return (admitted + timedelta(hours=hour)).isoformat(sep=" ")


@pytest.mark.parametrize("kind", ["text", "parquet"])
def test_orders_may_have_dates(tmp_path: Path, kind: str) -> None:
    rows = [row | {"icu_admission_time": clock(0, row["stay_id"])} for row in hour_rows()]
    orders = [
        of
        | {"time": clock(of["time"], of["stay_id"])}
        | {"end": clock(of["end"], of["stay_id"]) if of["end"] else None}
        for of in ORDERS
    ]
    path = tmp_path / "orders.csv"
    if kind == "parquet":
        for of in orders:
            for name in ("time", "end"):
                of[name] = of[name] and datetime.fromisoformat(of[name])
        path = tmp_path / "orders.parquet"
    hours = save(rows, tmp_path / "hours.csv")
    assert run(tmp_path, [hours], save(orders, path)) == 0
    assert labelled(tmp_path / "o.csv")["SepsisLabel"].to_pylist() == EXPECTED


def test_a_minute_before_the_whole_hour_belongs_to_the_hour(tmp_path: Path) -> None:
    """A culture at 27.98 h: from 21.98 h on, which is the row of hour 22."""
    rows = [row | {"icu_admission_time": clock(0, row["stay_id"])} for row in hour_rows()]
    at = [of | {"time": clock(of["time"] - 1 / 60, of["stay_id"]), "end": ""} for of in ORDERS]
    found = label(tmp_path, rows, at)
    assert found[:LAST_HOUR].index(1) + 1 == 22


def test_two_patients_may_have_a_stay_of_the_same_number(tmp_path: Path) -> None:
    def of_patients(rows: Rows) -> Rows:
        return [{"person_id": row["stay_id"]} | row | {"stay_id": 1} for row in rows]

    assert label(tmp_path, of_patients(hour_rows()), of_patients(ORDERS)) == EXPECTED


def test_numbers_as_identifiers_may_have_decimals(tmp_path: Path) -> None:
    """Pandas writes 7.0 where another row has no id."""
    number = {"a": "7", "b": "8"}
    hours = [row | {"stay_id": number[row["stay_id"]]} for row in hour_rows()]
    orders = [of | {"stay_id": number[of["stay_id"]] + ".0"} for of in ORDERS]
    assert label(tmp_path, hours, orders) == EXPECTED


# --- What is said -------------------------------------------------------------------------------


def said(caplog: pytest.LogCaptureFixture, tmp_path: Path, orders: Rows, *options: str) -> str:
    caplog.set_level(logging.INFO)
    label(tmp_path, None, orders, *options)
    return "\n".join(record.getMessage() for record in caplog.records)


def test_what_labels_rest_on_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    more = [
        order("a", "antibiotic", 3, 90, "oral"),
        order("b", "antibiotic", 100),
        order("z", "culture", 3),
    ]
    text = said(caplog, tmp_path, [*ORDERS, *more])
    hours = sum(EXPECTED)
    assert f"Stays: 2, septic 2; hours: 120, septic {hours}" in text
    assert "Stays with suspicion of infection: 2, from cultures and antibiotics" in text
    assert "Antibiotic orders that are not intravenous, not used: 1 (oral 1)" in text
    assert "Antibiotic orders without a route, taken as intravenous: 1" in text
    assert "Antibiotic orders without an end, taken as 72 h long: 1" in text
    assert "Orders of stays that are not among the hours, not used: 1" in text
    assert "Not seen of SOFA: the Glasgow Coma Scale (4 points); vasopressors" in text
    assert "not seen: platelets, bilirubin_total, mean_arterial_pressure, spo2, fio2" in text


def test_labels_without_cultures_are_said_to_be_another_definition(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    antibiotics = [of for of in ORDERS if of["kind"] == "antibiotic"]
    text = said(caplog, tmp_path, antibiotics, "--without-cultures")
    assert "antibiotics for 72 h without cultures, which is not the challenge's definition" in text
    label_of_a = labelled(tmp_path / "o.csv")["SepsisLabel"].to_pylist()[:LAST_HOUR]
    assert label_of_a.index(1) + 1 == RISE["a"] - LABEL_LEADS_ONSET_BY  # SOFA at 30, before 31


def test_short_rows_are_suspected_to_be_doses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    doses = [
        order(stay, "antibiotic", hour, hour + 0.5, "IV")
        for stay, first in (("a", 31), ("b", 45))
        for hour in range(first, first + 96, 24)
    ]
    cultures = [of for of in ORDERS if of["kind"] == "culture"]
    text = said(caplog, tmp_path, [*doses, *cultures])
    assert "Half of the antibiotic orders last less than 24 h" in text
    assert label(tmp_path, None, [*doses, *cultures], "--doses") == EXPECTED


# --- Bad input ----------------------------------------------------------------------------------

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


def test_labels_are_whole_numbers(tmp_path: Path) -> None:
    hours = save(hour_rows(), tmp_path / "hours.csv")
    orders = save(ORDERS, tmp_path / "orders.csv")
    assert run(tmp_path, [hours], orders, to="o.parquet") == 0
    found = labelled(tmp_path / "o.parquet")["SepsisLabel"]
    assert pa.types.is_integer(found.type)
    assert set(np.unique(found)) == {0, 1}
