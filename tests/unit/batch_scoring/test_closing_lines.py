"""The closing lines of `score` say what was dropped, left out and not read, and why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sepsis_detect.batch_scoring import summary
from tests.unit.batch_scoring.hour_files import GOOD, Row, all_missing, changed, stay_of, write
from tests.unit.batch_scoring.score_command import scored

Said = Callable[..., list[str]]


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """The closing lines about some rows, with the output named OUT."""

    def _said(rows: list[Row], *options: str) -> list[str]:
        output = tmp_path / "out.csv"
        scored(write(tmp_path / "in.csv", rows), *options, "-o", output)
        return capsys.readouterr().err.replace(str(output), "OUT").splitlines()

    return _said


def test_a_run_without_problems_is_one_line(said: Said) -> None:
    (line,) = said(GOOD)
    assert line.startswith("12 hours of 1 stay scored into OUT: ")


def test_dropped_values_are_counted_by_variable_and_rule_with_the_likely_unit(said: Said) -> None:
    rows = [row | {"Temp": 98.6 + row["ICULOS"] / 10} for row in stay_of("a", 8)]
    rows = changed(rows, 3, SBP=60.0, DBP=90.0, MAP=None)
    _, total, *dropped = said(rows)
    assert total == "10 incoherent values were taken as missing:"
    assert dropped == [
        "  temperature: 8 of 8 values range:Temp, looks like [degF]: --unit temperature=[degF]",
        "  systolic_bp: 1 of 8 values bp.dbp_ge_sbp",
        "  diastolic_bp: 1 of 8 values bp.dbp_ge_sbp",
    ]
    assert len(said(rows, "--unit", "temperature=[degF]")) == 4


def test_dropped_values_of_a_stay_that_has_no_others_are_counted_too(said: Said) -> None:
    rows = [row | {"Temp": 98.6} for row in all_missing(stay_of("a", 8))]
    lines = said([*rows, *stay_of("b", 8)])
    line = "  temperature: 8 of 16 values range:Temp, looks like [degF]: --unit temperature=[degF]"
    assert line in lines


def test_all_units_that_fit_are_named_and_the_likeliest_is_proposed(said: Said) -> None:
    rows = [row | {"Glucose": 8.5} for row in stay_of("a", 8)]
    assert said(rows)[2] == (
        "  glucose: 8 of 8 values range:Glucose, looks like mmol/L or g/L: --unit glucose=mmol/L"
    )


def test_a_unit_is_proposed_only_if_most_values_look_like_it(said: Said) -> None:
    rows = changed(changed(changed(stay_of("a", 8), 1, Temp=98.6), 2, Temp=3.0), 3, Temp=-5.0)
    assert said(rows)[2] == "  temperature: 3 of 8 values range:Temp"


def test_a_stated_unit_is_questioned_and_no_other_proposed(said: Said) -> None:
    rows = [row | {"Temp": 98.6} for row in stay_of("a", 8)]
    assert said(rows, "--unit", "temperature=Cel")[2] == (
        "  temperature: 8 of 8 values range:Temp: is the stated unit right?"
    )


def test_the_values_of_stays_that_are_not_scored_are_not_counted(said: Said) -> None:
    rows = [*changed(stay_of("twice", 4), 2, ICULOS=2.0, Temp=98.6), *GOOD]
    assert not any("range:Temp" in line for line in said(rows))


def test_stays_that_cannot_be_scored_are_named_with_the_reason(said: Said) -> None:
    rows = [
        *GOOD,
        *changed(stay_of("fractional hour", 3, 3), 1, ICULOS=2.5),
        *reversed(stay_of("backwards", 4, 4)),
        *changed(stay_of("twice", 4, 5), 2, ICULOS=2.0),
        *all_missing(stay_of("nothing", 5)),
        *changed(stay_of("two patients", 3, 8), 1, Age=91.0),
        *[row | {"ICULOS": row["ICULOS"] - 1} for row in stay_of("from zero", 3)],
    ]
    first, total, *named = said(rows)
    assert first.startswith("12 hours of 1 stay scored into OUT: ")
    assert total == "6 of 7 stays could not be scored:"
    assert named == [
        "  fractional hour: Hours since ICU admission 2.5 h must be a whole number, 1 to 8784.",
        "  backwards: ICU hour 3 comes after hour 4: hours must increase.",
        "  twice: ICU hour 2 is sent twice.",
        "  nothing: No vital sign and no laboratory value was sent: "
        "there is nothing to predict from.",
        "  two patients: Age changes within the stay (63.5 years, 91 years): "
        "are two patients mixed?",
        "  from zero: Hours since ICU admission 0 h is outside the possible range, 1 to 8784. "
        "Hours count from 1: the first hour in intensive care is 1. Add 1 to every hour.",
    ]


def test_unscored_stays_beyond_the_limit_are_counted(said: Said) -> None:
    lines = said([row for n in range(25) for row in all_missing(stay_of(f"p{n}", 2))])
    assert lines[0] == "0 hours of 0 stays scored into OUT: 0 positive (0.0%)"
    assert lines[1] == "25 of 25 stays could not be scored:"
    assert len(lines) == 2 + summary.MAX_STAYS_LISTED + 2
    assert lines[-2] == "  and 5 more"
    assert lines[-1] == "sepsis-detect: no stay could be scored: OUT has no probability"


def test_columns_that_are_not_read_are_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for name in "ab":
        rows = [row | {"SepsisLabel": 0, "hart_rate": 80, "patient_id": name} for row in GOOD]
        rows = [{key: row[key] for key in row if key != "HR"} for row in rows]
        files.append(write(tmp_path / f"{name}.csv", rows))
    scored(*files, "--partial", "-o", tmp_path / "out.csv")
    *_, last = capsys.readouterr().err.splitlines()
    assert last == "Columns not read: SepsisLabel, hart_rate (did you mean heart_rate?)"


def test_a_stay_that_is_not_whole_is_named_once(said: Said) -> None:
    torn = stay_of("torn", 6)
    assert said([*torn[:4], *GOOD, *torn[4:]])[1:] == [
        "1 of 2 stays could not be scored:",
        "  torn: Its rows do not stand together: sort the file by stay and hour.",
    ]
