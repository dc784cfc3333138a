"""Ages above 89 in files of de-identified data: read as 90, and noted."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from sepsis_detect.clinical.deidentified_ages import is_above_89, sentences
from tests.unit.batch_scoring.score_command import scored
from tests.unit.batch_scoring.text_files import few_columns

HEADER = "stay_id,icu_hour,age,heart_rate,spo2"
WRITTEN = [
    *("> 89", ">89", ">=90", "≥ 90", "90+", "89+", "90 +", "> 89.0", "> 89 ans", "≥90 years"),
    *("90+ years", "89 et plus", "90 ans et plus", "plus de 89", "90 or older", "90 and over"),
    *("OVER 89", "90 Jahre und älter", "über 89"),
]


def probabilities(path: Path) -> list[float | None]:
    found: list[float | None] = scored(path, "--partial", "-o", path.with_name("out.parquet"))[
        "probability"
    ].to_pylist()
    return found


@pytest.mark.parametrize("written", [*WRITTEN, "300", "300.2", "305,5"])
def test_an_age_above_89_is_scored_as_90_and_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    rows = [f'a,1,"{written}",90,97', f'a,2,"{written}",95,96', "b,1,64,80,98"]
    ninety = [row.replace(f'"{written}"', "90") for row in rows]
    expected = probabilities(few_columns(tmp_path, HEADER, *ninety, name="plain.csv"))
    capsys.readouterr()
    assert probabilities(few_columns(tmp_path, HEADER, *rows)) == expected
    assert None not in expected
    number = written.replace(",", ".") if written[0] == "3" else written
    assert f"1 stay: {sentences(number)[0]}" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("written", ["300", "> 89"])
def test_an_age_in_years_by_its_header_may_be_a_code_and_one_in_months_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    row = f"a,1,{written},90,97"
    in_years = few_columns(tmp_path, HEADER.replace("age", "age (years)"), row)
    assert probabilities(in_years) != [None]
    assert "de-identified" in capsys.readouterr().err
    in_months = few_columns(tmp_path, HEADER.replace("age", "age (months)"), row, name="m.csv")
    assert (probabilities(in_months) == [None]) == (written == "> 89")
    assert "de-identified" not in capsys.readouterr().err


@pytest.mark.parametrize("written", ["> 64", "< 89", "89", "90", "90 ans", "+90", "189+", "9+", ""])
def test_other_ages_are_not_taken_for_one_above_89(written: str) -> None:
    assert not is_above_89(written)


@pytest.mark.parametrize("age", [298.0, 321.0, 91.0, 400.0])
def test_numbers_that_are_no_code_stay_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], age: float
) -> None:
    found = probabilities(few_columns(tmp_path, HEADER, f"a,1,{age},90,97", "b,1,64,80,98"))
    assert (found[0] is None) == (age > 120)
    assert "de-identified" not in capsys.readouterr().err


def test_codes_in_numeric_parquet_columns_are_read_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {"stay_id": ["a", "b"], "icu_hour": [1, 1], "age": pa.array([300, 64], pa.int32())}
    pa.parquet.write_table(pa.table(table | {"HR": [90, 80]}), tmp_path / "in.parquet")
    assert None not in probabilities(tmp_path / "in.parquet")
    assert f"1 stay: {sentences('300')[0]}" in capsys.readouterr().err


def test_three_hundred_months_are_25_years(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = HEADER.replace("age", "age (mo)")
    assert None not in probabilities(few_columns(tmp_path, header, "a,1,300,90,97"))
    assert "de-identified" not in capsys.readouterr().err


def test_an_age_above_89_that_changes_is_still_two_patients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = probabilities(few_columns(tmp_path, HEADER, "a,1,> 89,90,97", "a,2,64,80,98"))
    assert found == [None, None]
    assert "are two patients mixed?" in capsys.readouterr().err
