"""Cells of pasted tables: numbers, units, limits, hours, dates; and the encodings of files."""

import pytest

from tests.web.conftest import Visit
from tests.web.table_readings import read

NUMBERS = {
    ("Âge", "64 ans"): "64",
    ("SpO2", "97 %"): "97",
    ("FC", "80 bpm"): "80",
    ("T°", "37,2 °C"): "37,2",
    ("Troponine I (ng/L)", "<20"): "20",
    ("Troponine I (ng/L)", "≥ 50"): "50",
    ("Lactate", "3.4 (H)"): "3.4",
    ("Lactate", "3,4*"): "3,4",
    ("plaquettes (/mm3)", "150 000"): "150 000",
    ("plaquettes (/mm3)", "1.150.000"): "1150000",
    ("ASAT", "1,234.5"): "1234.5",
    ("ASAT", "1.234,5"): "1234,5",
    ("ASAT", "1'234"): "1 234",
    ("pH", "7,385"): "7,385",  # 7385 is no pH
    ("Hb", "0,125"): None,  # read, and impossible
}
AMBIGUOUS = [
    ("AST", "1,234"),
    ("ASAT", "1.234"),
    ("plaquettes (/mm3)", "150.000"),
    ("Platelets", "150,000"),
    ("leucocytes", "12.500"),
    ("créatinine (µmol/L)", "1.234"),
]


def test_numbers_are_read_with_units_limits_and_clear_thousands(visit: Visit) -> None:
    for (header, text), expected in NUMBERS.items():
        (table,) = read(visit, f"{header}\theure\n{text}\t1")
        found = table["hours"][0] | table["constants"]
        errors = [error["key"] for error in table["errors"]]
        if expected is None:
            assert errors == ["table.range"]
        else:
            assert errors == [], (header, text)
            assert expected in found.values(), (header, text)


def test_a_sign_before_exactly_three_digits_is_reported(visit: Visit) -> None:
    for header, text in AMBIGUOUS:
        (table,) = read(visit, f"{header}\theure\n{text}\t1")
        assert [error["key"] for error in table["errors"]] == ["table.ambiguous"], (header, text)


def test_a_cell_in_another_unit_than_its_column_is_reported(visit: Visit) -> None:
    (table,) = read(visit, "Glucose (mg/dL)\theure\n8.5 mmol/L\t1\n90 mg/dL\t2")
    assert [(error["row"], error["key"]) for error in table["errors"]] == [(0, "table.cell_unit")]
    (stated,) = read(visit, "Glucose\theure\n8.5 mmol/L\t1\n9 mmol/L\t2", system="conventional")
    assert (stated["errors"], stated["units"]["glucose"]) == ([], "mmol/L")


@pytest.mark.parametrize("missing", ["", "NaN", "NA", "n.d.", "ND", "-", "—", ".", "null", "#N/A"])
def test_missing_values_are_no_numbers(visit: Visit, missing: str) -> None:
    (table,) = read(visit, f"HR,Temp,ICULOS\n80,{missing},1")
    assert (table["errors"], table["hours"]) == ([], [{"icu_hour": "1", "heart_rate": "80"}])


def test_words_of_sex_and_unit_are_read_in_three_languages(visit: Visit) -> None:
    for sex, unit, expected in (
        ("H", "médicale", {"sex": "male", "icu_unit": "medical"}),
        ("weiblich", "chirurgisch", {"sex": "female", "icu_unit": "surgical"}),
        ("Female", "MICU", {"sex": "female", "icu_unit": "medical"}),
    ):
        (table,) = read(visit, f"sexe;type de réa;FC;heure\n{sex};{unit};80;1")
        assert (table["errors"], table["constants"]) == ([], expected)


def test_hours_before_intensive_care_are_positive_on_the_page(visit: Visit) -> None:
    tables = read(visit, "HospAdmTime,HR,ICULOS\n-22,80,1", "heures avant réa;FC;h\n22;80;1")
    for table in tables:
        assert (
            table["constants"] == {"hospital_admission_hour": "22"}
            or table["columns"][0]["kind"] == "other"
        )


def test_hours_are_sorted_and_rows_of_one_hour_joined(visit: Visit) -> None:
    (table,) = read(visit, "HR;Lactate;ICULOS\n81;;3\n80;;1\n;2,1;3")
    assert table["errors"] == []
    assert table["isSorted"] is False
    assert table["hours"] == [
        {"icu_hour": "1", "heart_rate": "80"},
        {"icu_hour": "3", "heart_rate": "81", "lactate": "2,1"},
    ]
    (twice,) = read(visit, "HR;ICULOS\n80;1\n81;1")
    assert [error["key"] for error in twice["errors"]] == ["table.hour_twice"]


CLOCKS = [
    pytest.param(["22:00", "23:00", "00:00", "01:00"], [5, 6, 7, 8], id="over midnight"),
    pytest.param(["01:00", "00:00", "23:00"], [7, 6, 5], id="newest first"),
    pytest.param(["8h", "9h30", "10 h 05"], [5, 6, 7], id="French"),
    pytest.param(["08:00 Uhr", "11:00 Uhr"], [5, 8], id="German"),
    pytest.param(["11:30 AM", "12:30 PM", "1:30 PM"], [5, 6, 7], id="noon"),
    pytest.param(["2026-03-04T23:00:00", "2026-03-05 00:10"], [5, 6], id="ISO"),
    pytest.param(["31/12/2026 23:00", "01/01/2027 00:00"], [5, 6], id="day first"),
    pytest.param(["12/31/2026 23:00", "1/1/2027 0:00"], [5, 6], id="month first"),
    pytest.param(["04.12.2026 23:00", "05.12.2026 02:00"], [5, 8], id="points"),
]


@pytest.mark.parametrize(("times", "hours"), CLOCKS)
def test_times_become_hours(visit: Visit, times: list[str], hours: list[int]) -> None:
    text = "Heure;FC\n" + "\n".join(f"{time};8{at}" for at, time in enumerate(times))
    (open_table,) = read(visit, text)
    assert open_table["isReadable"]
    assert not open_table["isComplete"]  # which hour the first one is, only the user knows
    (table,) = read(visit, text, first="5")
    assert table["isComplete"]
    found = {hour["heart_rate"]: int(hour["icu_hour"]) for hour in table["hours"]}
    assert found == {f"8{at}": hour for at, hour in enumerate(hours)}


def test_an_unclear_order_of_day_and_month_is_asked(visit: Visit) -> None:
    text = "Date,Time,HR\n03/04/2026,23:00,80\n04/04/2026,00:00,81"
    (table,) = read(visit, text, first="1")
    assert not table["isComplete"]
    (answered,) = read(visit, text, first="1", order="dmy")
    assert answered["isComplete"]
    assert [hour["icu_hour"] for hour in answered["hours"]] == ["1", "2"]


def test_several_rows_of_a_clock_hour_give_the_last_value(visit: Visit) -> None:
    (table,) = read(visit, "time,HR,Temp\n08:00,80,37\n08:30,84,\n09:00,90,", first="1")
    assert table["errors"] == []
    assert table["hours"][0] == {"icu_hour": "1", "heart_rate": "84", "temperature": "37"}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_files_of_every_usual_encoding_are_read(visit: Visit, encoding: str) -> None:
    text = "Fréquence cardiaque;Créatinine (µmol/L);Heure\r80;150;1\r"
    read_bytes = """async (bytes) => {
        const { decode } = await import("/web/table_text.js");
        return decode(new Uint8Array(bytes));
    }"""
    decoded = visit.page.evaluate(read_bytes, list(text.encode(encoding)))
    (table,) = read(visit, decoded)
    assert table["hours"] == [{"icu_hour": "1", "heart_rate": "80", "creatinine": "150"}]
