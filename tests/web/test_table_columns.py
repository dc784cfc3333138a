"""Columns of pasted tables: names in three languages, units, layout, and what is asked."""

import pytest

from tests.paths import SHARED
from tests.web.conftest import Visit
from tests.web.table_readings import names, read

SENDERS = SHARED / "reference" / "senders"
FRENCH = {
    "FC": "heart_rate",
    "PAS": "systolic_bp",
    "PAM": "mean_arterial_pressure",
    "PAD": "diastolic_bp",
    "FR": "respiratory_rate",
    "T°": "temperature",
    "SpO2": "spo2",
    "FiO2": "fio2",
    "urée": "bun",
    "glycémie": "glucose",
    "lactates": "lactate",
    "Hb": "hemoglobin",
    "Hte": "hematocrit",
    "kaliémie": "potassium",
    "bilirubine": "bilirubin_total",
    "TCA": "aptt",
    "leuco": "wbc",
    "plaquettes": "platelets",
    "créat": "creatinine",
    "HCO3-": "bicarbonate",
    "pH": "ph",
    "PCO2": "paco2",
    "Cl-": "chloride",
    "ASAT": "ast",
    "PAL": "alkaline_phosphatase",
    "calcémie": "calcium",
    "Mg": "magnesium",
    "fibrinogène": "fibrinogen",
    "Âge": "age",
    "Sexe": "sex",
    "Heure": "icu_hour",
}
GERMAN = {
    "HF": "heart_rate",
    "RRsys": "systolic_bp",
    "RR dia": "diastolic_bp",
    "Mitteldruck": "mean_arterial_pressure",
    "AF": "respiratory_rate",
    "Temperatur": "temperature",
    "Sauerstoffsättigung": "spo2",
    "Kreatinin": "creatinine",
    "Harnstoff": "bun",
    "Blutzucker": "glucose",
    "Laktat": "lactate",
    "Kalium": "potassium",
    "Leukozyten": "wbc",
    "Thrombozyten": "platelets",
    "Hämoglobin": "hemoglobin",
    "Gesamtbilirubin": "bilirubin_total",
    "Alter": "age",
    "Geschlecht": "sex",
    "Stunde": "icu_hour",
}


@pytest.mark.parametrize("expected", [FRENCH, GERMAN], ids=["French", "German"])
def test_headers_of_flowsheets_are_known(visit: Visit, expected: dict[str, str]) -> None:
    (table,) = read(visit, "\t".join(expected) + "\n1")
    assert names(table) == expected


def test_a_unit_may_stand_in_brackets_or_behind_the_name(visit: Visit) -> None:
    written = {
        "lactate (mmol/L)": "mmol/L",
        "Lactate [mg/dl]": "mg/dL",
        "FiO2 %": "%",
        "fio2 (%)": "%",
        "creatinine_umol_L": "umol/L",
        "Glucose mg/dL": "mg/dL",
        "Temp °F": "[degF]",
        "FC (bpm)": "/min",
        "plaquettes (/mm3)": "/mm3",
        "leucocytes (G/L)": "10*9/L",
        "urée (mmol/L)": "mmol/L (urea)",
        "Harnstoff (mg/dl)": "mg/dL (urea)",
        "BUN (mg/dL)": "mg/dL",
        "Fréquence cardiaque (FC)": "/min",
    }
    for header, unit in written.items():
        (table,) = read(visit, f"{header}\tICULOS\n1\t1")
        assert table["columns"][0]["unit"] == unit, header


def test_units_are_those_of_the_api_where_all_headers_are(visit: Visit) -> None:
    own, spoken = read(
        visit,
        "icu_hour,creatinine,fio2,bun\n1,1.2,0.4,20",
        "heure;créatinine;FiO2;urée\n1;120;40;8",
    )
    assert [column["unit"] for column in own["columns"]][1:] == ["mg/dL", "1", "mg/dL"]
    assert [column["unit"] for column in spoken["columns"]][1:] == ["umol/L", "%", "mmol/L (urea)"]
    (conventional,) = read(visit, "hour;creat;urea\n1;1.2;40", system="conventional")
    assert [column["unit"] for column in conventional["columns"]][1:] == ["mg/dL", "mg/dL (urea)"]


def test_what_is_ambiguous_is_asked_and_what_is_unknown_is_not_used(visit: Visit) -> None:
    (table,) = read(visit, "RR;PA;Sat;CO2;Na;pH veineux;troponine T;FC;heure\n1;1;1;1;1;1;1;80;1")
    found = names(table)
    assert [found[each] for each in ("RR", "PA", "Sat", "CO2")] == ["?"] * 4
    assert [found[each] for each in ("Na", "pH veineux", "troponine T")] == [None] * 3
    assert not table["isComplete"]
    assert set(table["hours"][0]) == {"icu_hour", "heart_rate"}
    # Columns are chosen by the challenge's names; an empty one is not used.
    chosen = {str(at): {"name": name} for at, name in enumerate(["Resp", "", "O2Sat", "PaCO2"])}
    (answered,) = read(visit, "RR;PA;Sat;CO2;heure\n18;;97;40;1", chosen=chosen)
    assert answered["isComplete"]
    assert set(answered["hours"][0]) == {"icu_hour", "respiratory_rate", "spo2", "paco2"}


def test_a_unit_that_is_unknown_or_does_not_fit_the_numbers_is_asked(visit: Visit) -> None:
    for text in (
        "créatinine (furlong);heure\n1;1",
        "TCA (ratio);heure\n1,2;1",
        "Temp;ICULOS\n98.6;1\n101;2",
        "FiO2;heure\n0,4;1",
    ):
        (table,) = read(visit, text)
        assert names(table)[text.partition(";")[0]] == "?", text
        assert not table["isComplete"]
    (answered,) = read(visit, "Temp;ICULOS\n98.6;1", chosen={"0": {"unit": "[degF]"}})
    assert answered["isComplete"]
    assert answered["units"]["temperature"] == "[degF]"


ACROSS = "Paramètre;Unité;1;2;3\nFC;/min;80;82;90\nCréatinine;µmol/L;150;;160\nNa;mmol/L;140;;"


def test_hours_may_run_across(visit: Visit) -> None:
    (table,) = read(visit, ACROSS)
    assert table["hours"] == [
        {"icu_hour": "1", "heart_rate": "80", "creatinine": "150"},
        {"icu_hour": "2", "heart_rate": "82"},
        {"icu_hour": "3", "heart_rate": "90", "creatinine": "160"},
    ]
    assert table["units"]["creatinine"] == "umol/L"
    assert names(table)["Na"] is None
    (english,) = read(visit, "\t1\t2\nHeart rate\t80\t81\nLactate (mmol/L)\t1.2\t")
    assert english["hours"][0] == {"icu_hour": "1", "heart_rate": "80", "lactate": "1.2"}


def test_titles_blank_rows_and_a_row_of_units_are_no_hours(visit: Visit) -> None:
    (table,) = read(visit, "Unité de soins\n\nFC;Créatinine;Heure\n/min;mg/dL;\n80;1,2;1\n;;\n;;\n")
    assert table["errors"] == []
    assert table["hours"] == [{"icu_hour": "1", "heart_rate": "80", "creatinine": "1,2"}]
    assert table["units"]["creatinine"] == "mg/dL"


def test_pressures_written_as_one_are_split(visit: Visit) -> None:
    (table,) = read(visit, "PA;heure\n120/70 (85);1\n118/60 (80);2")
    assert table["hours"][0] == {
        "icu_hour": "1",
        "systolic_bp": "120",
        "diastolic_bp": "70",
        "mean_arterial_pressure": "85",
    }


def test_a_quoted_cell_may_have_line_breaks_and_quotes(visit: Visit) -> None:
    (table,) = read(visit, '"Lactate\n(mmol/L)","note ""a""",ICULOS\n"1,2","x",1')
    assert table["columns"][1]["text"] == 'note "a"'
    assert table["hours"] == [{"icu_hour": "1", "lactate": "1,2"}]


def test_stated_percent_of_a_sender_is_read(visit: Visit) -> None:
    (table,) = read(visit, (SENDERS / "page_fio2_percent.txt").read_text("utf-8"))
    assert table["errors"] == []
    assert table["isComplete"]
    assert (table["hours"][0]["fio2"], table["units"]["fio2"]) == ("40", "%")


def test_thousands_of_a_sender_are_reported(visit: Visit) -> None:
    text = (SENDERS / "page_thousands.txt").read_text("utf-8")
    (table,) = read(visit, text)
    reported = [(error["text"], error["key"]) for error in table["errors"]]
    assert reported == [("1,234", "table.ambiguous"), ("150,000", "table.ambiguous")]
    (grouped,) = read(visit, text, decimals={",": "grouped"})
    assert grouped["hours"] == [{"icu_hour": "1", "ast": "1234", "platelets": "150000"}]
    (decimal,) = read(visit, text, decimals={",": "decimal"})
    assert decimal["hours"][0]["ast"] == "1,2340"
