"""Reader of files of hours: whole stays, each by its own identifier."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from sepsis_detect.batch_scoring import delimited_text, hour_tables, one_stay
from sepsis_detect.batch_scoring.stay_files import read_stays, survey
from sepsis_detect.batch_scoring.stay_ids import INCOMPLETE, SEPARATED
from sepsis_detect.clinical.variables import BY_CHALLENGE
from tests.unit.batch_scoring.parquet_files import a_table
from tests.unit.batch_scoring.text_files import (
    FULL,
    HOUR,
    PARTIAL,
    an_hour,
    batches_of,
    few_columns,
    patients_of,
    psv,
    reading,
    reasons_of,
    refusal_of,
    saved,
    text_of,
    values_of,
)


def test_a_record_of_the_challenge_is_one_patient_named_after_its_file(tmp_path: Path) -> None:
    path = psv(tmp_path, an_hour(1), an_hour(2, Lactate="2.1"))
    (batch,) = batches_of(path)
    assert batch.patient_ids == ["p000001"]
    assert batch.stay.values[1, BY_CHALLENGE["Lactate"].column] == 2.1
    assert np.isnan(batch.stay.values[0, BY_CHALLENGE["Lactate"].column])
    assert batch.stay.icu_hours.tolist() == [1, 2]


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 7, 1000])
def test_a_stay_is_whole_wherever_the_batches_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(hour_tables, "BATCH_ROWS", batch_rows)
    lengths = {"a": 3, "b": 1, "c": 10, "d": 2}
    pa.parquet.write_table(a_table(lengths), tmp_path / "a.parquet", row_group_size=4)
    assert patients_of(tmp_path / "a.parquet") == list(lengths.items())


@pytest.mark.parametrize("block_characters", [1, 200, 10**6])
def test_text_is_the_same_wherever_the_blocks_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_characters: int
) -> None:
    monkeypatch.setattr(delimited_text, "BLOCK_CHARACTERS", block_characters)
    rows = [an_hour(hour, patient_id=p, HR=f"{80 + hour}") for p in "abc" for hour in range(1, 6)]
    rows[6] |= {"HR": "eighty", "Temp": "warm"}
    rows[9] |= {"Temp": "cold"}
    path = psv(tmp_path, *rows)
    assert patients_of(path) == [("a", 5), ("b", 5), ("c", 5)]
    assert values_of(path)[:, 0].tolist()[:5] == [81, 82, 83, 84, 85]
    wrong = "line 8, column HR: 'eighty' is not a number (and 2 more cells)"
    assert reasons_of(path) == {"a": None, "b": wrong, "c": None}


# --- Identifiers --------------------------------------------------------------------------------

IDS = [
    *("stay_id", "icustay_id", "ICUSTAY_ID", "patientunitstayid", "hadm_id", "HADM_ID"),
    *("subject_id", "encounter_id", "visit_occurrence_id", "person_id", "patient_id"),
    *("Patient_ID", "PatientID", "patient id", '"Stay ID"', "subject-id", "caseid", "mrn"),
    *("admissionid", "visit_detail_id", "csn", "IPP", "Fallnummer"),
]


def hours_of(*patients: str) -> list[str]:
    """Three hours of each patient, `hour,age,heart rate,id`, the age of each alike."""
    return [f"{hour},60,{90 + hour},{each}" for each in patients for hour in (1, 2, 3)]


@pytest.mark.parametrize("header", IDS)
def test_the_usual_identifiers_are_known(tmp_path: Path, header: str) -> None:
    path = few_columns(tmp_path, f"icu_hour,age,heart_rate,{header}", *hours_of("7", "8"))
    assert patients_of(path, PARTIAL) == [("7", 3), ("8", 3)]


def test_the_finest_of_several_identifiers_names_the_stay(tmp_path: Path) -> None:
    rows = [f"{row},{stay},77" for stay in "12" for row in hours_of("p")]
    header = "icu_hour,age,heart_rate,subject_id,icustay_id,hadm_id"
    path = few_columns(tmp_path, header, *rows)
    assert patients_of(path, PARTIAL) == [("1", 3), ("2", 3)]


def test_stay_1_of_one_patient_is_not_stay_1_of_another(tmp_path: Path) -> None:
    rows = [f"{row},1" for row in hours_of("a", "b")]
    path = few_columns(tmp_path, "icu_hour,age,heart_rate,patient_id,stay_id", *rows)
    assert patients_of(path, PARTIAL) == [("1", 3), ("1 (b)", 3)]
    assert set(reasons_of(path).values()) == {None}


def test_an_identifier_may_be_a_number_or_a_category(tmp_path: Path) -> None:
    table = a_table({"7": 2, "8": 1})
    at = table.column_names.index("patient_id")
    path = tmp_path / "a.parquet"
    for column in (
        pa.array([7, 7, 8]),
        pa.array([7.0, 7.0, 8.0]),
        pa.array([b"7", b"7", b"8"]),
        pa.array([" 7", "7 ", "8"]),
        pa.array(["7", "7", "8"], pa.string_view()),
        table["patient_id"].dictionary_encode(),
    ):
        pa.parquet.write_table(table.set_column(at, "Patient_ID", column), path)
        assert patients_of(path) == [("7", 2), ("8", 1)]


def test_a_stay_that_lacks_an_identifier_in_some_rows_is_named(tmp_path: Path) -> None:
    rows = ["1,80,a,7", "2,81,a,7", "3,82,,7", "1,80,,8", "1,80,b,9"]
    path = few_columns(tmp_path, "icu_hour,heart_rate,subject_id,stay_id", *rows)
    assert patients_of(path, PARTIAL) == [("7", 2), ("7 (-)", 1), ("8", 1), ("9", 1)]
    reasons = reasons_of(path)
    assert reasons["7"] == reasons["7 (-)"] == INCOMPLETE
    assert reasons["8"] is reasons["9"] is None


@pytest.mark.parametrize("missing", ["", "NA", "null", "-"])
def test_a_row_of_no_known_stay_is_refused_with_its_line(tmp_path: Path, missing: str) -> None:
    path = psv(tmp_path, an_hour(1, patient_id="a"), an_hour(2, patient_id=missing))
    assert refusal_of(path) == "FILE, line 3: no patient_id, so that the stay is unknown"


# --- Rows that are not of one stay --------------------------------------------------------------

NO_ID = "FILE has no column that identifies stays, such as stay_id or patient_id, and its rows "


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(1, {}), (2, {}), (2, {})], "ICU hour 2 is sent twice"),
        ([(1, {}), (2, {}), (1, {})], "ICU hour 1 comes after hour 2"),
        ([(5, {}), (6, {"Age": "41"})], "Age changes within the stay (41 years, 63 years)"),
        ([(5, {}), (6, {"Gender": "0"})], "Sex changes within the stay"),
        ([(5, {"HospAdmTime": "-3"}), (6, {"HospAdmTime": "-4"})], "changes within the stay"),
        ([(5, {"Unit1": "1", "Unit2": "0"}), (6, {"Unit1": "0", "Unit2": "1"})], "changes within"),
        ([(1, {"id": "7"}), (2, {"id": "8"})], "column id changes: does it identify the stays?"),
        ([(1, {"bed": "7"}), (2, {"bed": "8"})], "column bed changes"),
        ([(1, {"ZPatientId": "7"}), (2, {"ZPatientId": "8"})], "column ZPatientId changes"),
        ([(1, {"Record No": "7"}), (2, {"Record No": "8"})], "column Record No changes"),
    ],
)
def test_a_file_without_identifier_that_cannot_be_one_stay_is_refused(
    tmp_path: Path, rows: list[tuple[int, dict[str, str]]], why: str
) -> None:
    path = psv(tmp_path, *[an_hour(hour, **other) for hour, other in rows])
    sentence = refusal_of(path)
    assert sentence.startswith(NO_ID)
    assert why in sentence


@pytest.mark.parametrize(
    "others",
    [
        [{"id": "7"}, {"id": "7"}],
        [{"Age": "63"}, {"Age": "64"}],  # a birthday
        [{"visit_time": "08:00"}, {"visit_time": "09:00"}],
        [{"fluid": "500"}, {"fluid": "0"}],
        [{"row_id": "1"}, {"row_id": "2"}],
        [{"patient_weight": "70"}, {"patient_weight": "71"}],
        [{"HospAdmTime": "-3"}, {"HospAdmTime": ""}],
    ],
)
def test_a_file_without_identifier_may_have_other_columns_that_change(
    tmp_path: Path, others: list[dict[str, str]]
) -> None:
    path = psv(tmp_path, *[an_hour(hour, **other) for hour, other in enumerate(others, 1)])
    assert patients_of(path) == [("p000001", 2)]


def test_many_rows_without_an_identifier_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_stay, "MAX_STAY_ROWS", 10)
    path = psv(tmp_path, *[an_hour(hour) for hour in range(1, 12)])
    assert refusal_of(path).endswith("there are more than 10 rows")


def test_a_stay_with_rows_in_two_places_is_named(tmp_path: Path) -> None:
    rows = [an_hour(hour, patient_id=p) for p, hour in (("a", 1), ("b", 1), ("a", 2), ("c", 1))]
    assert reasons_of(psv(tmp_path, *rows)) == {"a": SEPARATED, "b": None, "c": None}


def test_a_stay_in_two_files_is_named(tmp_path: Path) -> None:
    one = psv(tmp_path, *[an_hour(1, patient_id=p) for p in "ab"], name="one.psv")
    two = psv(tmp_path, *[an_hour(2, patient_id=p) for p in "bc"], name="two.psv")
    surveyed = survey([one, two], FULL)
    found = [
        (patient_id, reason)
        for path in (one, two)
        for batch in read_stays(path, FULL, surveyed)
        for patient_id, reason in zip(batch.patient_ids, batch.reasons, strict=True)
    ]
    in_both = (
        f"It has rows in {one} and in {two}: join them if they are one stay, "
        "else give the stays different names."
    )
    assert found == [("a", None), ("b", in_both), ("b", in_both), ("c", None)]


def test_files_of_one_stay_each_with_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for hospital in "AB":
        (tmp_path / hospital).mkdir()
        paths.append(psv(tmp_path / hospital, an_hour(1)))
    paths.append(psv(tmp_path, an_hour(1), name="p2.psv"))
    surveyed = survey(paths, FULL)
    names = [name for p in paths for b in read_stays(p, FULL, surveyed) for name in b.patient_ids]
    assert names == [str(paths[0]), str(paths[1]), "p2"]


# --- Blank rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["|" * 40, "", "  ", " |" * 40, "||", '""|' * 40 + '""'])
def test_blank_rows_are_left_out_wherever_they_stand(tmp_path: Path, blank: str) -> None:
    rows = [an_hour(hour, patient_id=p) for p in "ab" for hour in (1, 2)]
    rows[3]["HR"] = "eighty"
    header, *lines = text_of(rows).splitlines()
    text = "\n".join([header, blank, *lines[:1], blank, *lines[1:], blank, blank, ""])
    path = saved(tmp_path / "a.psv", text)
    assert patients_of(path) == [("a", 2), ("b", 2)]
    assert reasons_of(path)["b"] == "line 7, column HR: 'eighty' is not a number"


def test_blank_rows_of_parquet_are_left_out(tmp_path: Path) -> None:
    table = a_table({"a": 2, "b": 1})
    blank = pa.table({name: pa.nulls(2, table[name].type) for name in table.column_names})
    pa.parquet.write_table(pa.concat_tables([blank, table, blank]), tmp_path / "a.parquet")
    assert patients_of(tmp_path / "a.parquet") == [("a", 2), ("b", 1)]


def test_an_hour_without_measurement_is_not_blank(tmp_path: Path) -> None:
    nothing = dict.fromkeys(HOUR, "")
    path = psv(tmp_path, *[an_hour(hour, patient_id="a", **nothing) for hour in (1, 2)])
    assert patients_of(path) == [("a", 2)]


def test_a_stated_unit_is_converted_as_the_api_converts_it(tmp_path: Path) -> None:
    path = psv(tmp_path, an_hour(1, Temp="98.6"))
    (batch,) = batches_of(path, reading("temperature=[degF]"))
    assert batch.stay.values[0, BY_CHALLENGE["Temp"].column] == 37.0


def test_the_number_of_rows_is_known_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(a_table({"a": 12}), path)
    assert hour_tables.count_rows(path) == 12
    about = hour_tables.count_rows(psv(tmp_path, an_hour(1), an_hour(2)))
    assert about == 3  # the header too
    assert hour_tables.count_rows(tmp_path / "none.parquet") == 0
