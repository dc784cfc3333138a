"""The command `label`: files in, labelled file out, and what it says."""

import logging
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from model_build.data.labels import LABEL_LEADS_ONSET_BY
from tests.unit.model_build.site.order_files import (
    EXPECTED,
    LAST_HOUR,
    ORDERS,
    RISE,
    Rows,
    clock,
    hour_rows,
    label,
    labelled,
    order,
    renamed,
    run,
    save,
)


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


def test_labels_are_whole_numbers(tmp_path: Path) -> None:
    hours = save(hour_rows(), tmp_path / "hours.csv")
    orders = save(ORDERS, tmp_path / "orders.csv")
    assert run(tmp_path, [hours], orders, to="o.parquet") == 0
    found = labelled(tmp_path / "o.parquet")["SepsisLabel"]
    assert pa.types.is_integer(found.type)
    assert set(np.unique(found)) == {0, 1}
