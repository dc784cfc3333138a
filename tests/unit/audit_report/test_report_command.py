"""`sepsis-detect audit report`: what it prints and writes, and one sentence for bad input."""

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet
import pytest

from sepsis_detect.__main__ import main
from tests.unit.audit_report.log_files import (
    a_file,
    a_request_line,
    an_audit_line,
    outcomes_of,
)

SEPTIC = "2026-02-02T03:00:00+01:00"
SHADOW = {"shadow_model_name": "s", "shadow_model_version": "2"}


def run(logs: Sequence[Path], outcomes: Path, output: Path | None = None) -> int:
    arguments = ["audit", "report", "--log", *map(str, logs), "--outcomes", str(outcomes)]
    return main(arguments if output is None else [*arguments, "-o", str(output)])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = [
        an_audit_line(hour, decision="Positive" if hour < 3 else "Negative") for hour in range(4)
    ]
    return a_file(tmp_path / "service.log", *lines, a_request_line())


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """Cells of the printed lines, by the words that the first of them begins with."""
    lines = [re.split(r" {2,}", each.strip()) for each in capsys.readouterr().out.splitlines()]
    return {name: cells for name, *cells in reversed(lines) if name}


def test_an_alert_is_right_up_to_six_hours_before_sepsis_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = datetime(2026, 2, 2, 0, 0, 0, 123456, tzinfo=UTC)
    six_hours, microsecond = timedelta(hours=6), timedelta(microseconds=1)
    moments = [
        answered - timedelta(days=3),
        answered + six_hours,
        answered + six_hours + microsecond,
        answered + timedelta(days=2),
        "",
    ]
    lines = [an_audit_line(0, request_id=f"r{number}") for number in range(len(moments))]
    rows = [f"r{number},{moment}" for number, moment in enumerate(moments)]
    log = a_file(tmp_path / "log", *lines)
    assert run([log], outcomes_of(tmp_path / "outcomes.csv", *rows)) == 0
    found = printed(capsys)
    assert (found["answers"], found["septic answers"]) == (["5"], ["2"])
    assert found["PPV"] == ["0.4000"]


@pytest.mark.parametrize(
    ("hours_before", "alerted"),
    [(0.0, "-"), (-2.0, "-"), (0.01, "1.0000"), (12.0, "1.0000"), (12.01, "-")],
)
def test_an_alert_is_in_time_in_the_12_hours_before_onset_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hours_before: float, alerted: str
) -> None:
    answered = datetime(2026, 2, 2, 0, 0, 0, 123456, tzinfo=UTC)
    log = a_file(tmp_path / "log", an_audit_line(0))
    row = f"r0,{answered + timedelta(hours=hours_before)},7"
    outcomes = outcomes_of(tmp_path / "o.csv", row, header="request_id,septic_at,stay_id")
    assert run([log], outcomes, tmp_path / "report") == 0
    assert printed(capsys)["alerted in time"] == [alerted]
    text = (tmp_path / "report/report.txt").read_text("utf-8")
    assert "In time: stays with an alert in the 12 hours before onset" in text


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("request_id,septic_at", "r0,{}"),
        ("Request ID;Septic at;comment", "r0;{};seen on the ward, twice"),
        ("septic_at\trequest_id\tinput_hmac", "{}\tr0\tof no use"),
        ("input_hmac|septic_at|stay_id", f"{0:064x}|{{}}|7"),
    ],
)
@pytest.mark.parametrize(
    ("septic_at", "n_septic"),
    [
        *((each, "1") for each in (SEPTIC, "2026-02-02 02:00Z", "2026-02-02T02:00:00.5+0000")),
        *((each, "0") for each in ("", "NaT", "null", "2027-01-01T00:00:00Z")),
    ],
)
def test_outcomes_are_read_as_they_are_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    log: Path,
    header: str,
    row: str,
    septic_at: str,
    n_septic: str,
) -> None:
    outcomes = outcomes_of(tmp_path / "outcomes.csv", row.format(septic_at), header=header)
    assert run([log], outcomes) == 0
    assert printed(capsys)["septic answers"] == [n_septic]


@pytest.mark.parametrize(
    "moments",
    [
        pa.array([SEPTIC, None]),
        pa.array([datetime.fromisoformat(SEPTIC), None], pa.timestamp("ns", "Europe/Paris")),
        pa.array([datetime.fromisoformat(SEPTIC), None], pa.timestamp("s", "UTC")),
        pa.array([SEPTIC, ""]).dictionary_encode(),
    ],
)
def test_outcomes_in_parquet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: Path, moments: Any
) -> None:
    path = tmp_path / "outcomes.parquet"
    table = pa.table({"request_id": ["r0", "r3"], "septic_at": moments, "stay_id": [7, 8]})
    pa.parquet.write_table(table, path)
    assert run([log], path) == 0
    found = printed(capsys)
    assert (found["answers"], found["septic answers"]) == (["2"], ["1"])


@pytest.mark.parametrize(
    ("header", "rows", "sentence"),
    [
        ("request,septic_at", ["r0,"], "neither the column request_id nor input_hmac"),
        ("request_id,onset", ["r0,"], "no column septic_at"),
        ("request_id,septic_at,Septic_At", ["r0,,"], "the column septic_at twice"),
        ("request_id,septic_at", [], "has no row"),
        ("request_id,septic_at", ["r0,2026-02-02T02:00:00"], "line 2: septic_at lacks its offset"),
        ("request_id,septic_at", ["r0,", "r1,1"], "line 3: septic_at is a time such as"),
        ("request_id,septic_at", ["r0,yes"], "line 2: septic_at is a time such as"),
        ("request_id,septic_at", [f",{SEPTIC}"], "line 2: the request is not named"),
        (
            "request_id,septic_at",
            ["r0,", f"r0,{SEPTIC}"],
            "line 3: another row has another outcome",
        ),
        ("request_id,septic_at,patient_index", ["r0,,-1"], "patient_index is a whole number"),
        ("request_id,septic_at,patient_index", ["r0,,first"], "patient_index is a whole number"),
        ("request_id,septic_at", ["r9,"], "belongs to an answer in the log"),
        ("request_id,septic_at", ["r0,,,x"], "line 2: 4 cells under 2 columns"),
    ],
)
def test_bad_outcomes_are_told_in_one_sentence_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    log: Path,
    header: str,
    rows: list[str],
    sentence: str,
) -> None:
    outcomes = outcomes_of(tmp_path / "outcomes.csv", *rows, header=header)
    before = sorted(tmp_path.iterdir())
    assert run([log], outcomes, tmp_path / "out") == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert sentence in error
    assert error.startswith("sepsis-detect: ")
    assert len(error.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_times_without_offset_in_parquet_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: Path
) -> None:
    for moments in (pa.array([datetime(2026, 2, 2)]), pa.array([1.5]), pa.array([[1]])):  # noqa: DTZ001 - refused
        path = tmp_path / "outcomes.parquet"
        pa.parquet.write_table(pa.table({"request_id": ["r0"], "septic_at": moments}), path)
        assert run([log], path) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_files_that_are_not_there_or_hold_nothing_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: Path
) -> None:
    outcomes = outcomes_of(tmp_path / "outcomes.csv", "r0,")
    empty = a_file(tmp_path / "empty.log")
    unreadable = a_file(tmp_path / "cut.log", an_audit_line()[:-9])
    for logs, of, sentence in (
        ([tmp_path / "no.log"], outcomes, "there is no file"),
        ([tmp_path], outcomes, "is a folder"),
        ([log], tmp_path / "no.csv", "there is no file"),
        ([log], log, "is neither"),
        ([empty], outcomes, "there is no audit line in"),
        ([empty, empty], outcomes, "there is no audit line in 2 files"),
        ([unreadable], outcomes, "(lines that cannot be read: 1)"),
        ([log], a_file(tmp_path / "empty.csv"), "has no header"),
    ):
        assert run(logs, of, tmp_path / "out") == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_folder_is_written_as_a_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: Path
) -> None:
    outcomes = outcomes_of(tmp_path / "outcomes.csv", "r0,")
    for output, sentence in (
        (log, "not a folder"),
        (tmp_path / "no" / "out", "there is no folder"),
    ):
        assert run([log], outcomes, output) == 2
        assert sentence in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    a_file(tmp_path / "out" / "notes.txt", "mine")
    assert run([log], outcomes, tmp_path / "out") == 0
    assert sorted(os.listdir(tmp_path / "out")) == [
        *("calibration.csv", "calibration.svg", "drift.csv", "feedback.csv", "figures.csv"),
        *("notes.txt", "report.txt", "weeks.svg"),
    ]
    assert (tmp_path / "out" / "report.txt").read_text("utf-8") == capsys.readouterr().out
    assert not list(tmp_path.glob(".sepsis-detect-*"))
    for plot in (tmp_path / "out").glob("*.svg"):
        ElementTree.parse(plot)  # noqa: S314 - our own file


def test_what_could_not_be_joined_is_counted_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = a_file(
        tmp_path / "service.log",
        *(an_audit_line(hour) for hour in range(3)),
        an_audit_line(2),
        an_audit_line(3, decision="Refused", probability=""),
        an_audit_line(4, decision="Positive,Negative", probability="0.5,0.1"),
        an_audit_line(5, request_id="r0"),
        an_audit_line(6)[:-5],
    )
    far = "2041-01-01T00:00:00Z"
    outcomes = outcomes_of(tmp_path / "outcomes.csv", "r0,", f"r1,{far}", "r3,", "r4,", "r77,")
    assert run([log], outcomes) == 0
    text = capsys.readouterr().out
    for n, what in (
        (3, "answers with an outcome"),
        (3, "answers without an outcome, left out"),
        (2, "of these in requests with several patients: the outcome has no patient_index"),
        (1, "patients whose data were refused"),
        (2, "outcomes whose request is not in the log"),
        (1, "outcomes of several answers"),
        (1, "answers more than 60 days from their sepsis"),
        (1, "log lines that are there twice"),
    ):
        assert re.search(rf"^ +{n}  {what}", text, re.MULTILINE), what
    assert f"1  lines that cannot be read, {log}: 8\n" in text
    assert "each answer counts as one hour of a patient" in text


def test_hours_of_a_stay_count_once_for_alerts_per_patient_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half_past = "2026-02-02T00:30:00+00:00"
    log = a_file(
        tmp_path / "service.log",
        an_audit_line(0),
        an_audit_line(0, request_id="again", time=half_past),
        an_audit_line(1, decision="Negative"),
        an_audit_line(0, request_id="other", time=half_past, decision="Negative"),
    )
    rows = ["r0,,a", "again,,a", "r1,,a", "other,,b"]
    header = "request_id,septic_at,stay_id"
    assert run([log], outcomes_of(tmp_path / "outcomes.csv", *rows, header=header)) == 0
    assert printed(capsys)["alerts per patient-day"] == ["8.00"]


def test_the_shadow_is_compared_on_the_answers_that_it_gave_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = a_file(
        tmp_path / "service.log",
        an_audit_line(0),
        an_audit_line(1, decision="Negative", shadow_decision="Positive", **SHADOW),
        an_audit_line(2, shadow_decision="Negative", shadow_probability="0.5", **SHADOW),
        an_audit_line(3, shadow_decision="None", shadow_probability="", **SHADOW),
    )
    rows = [f"r{number},{SEPTIC}" for number in range(4)]
    assert run([log], outcomes_of(tmp_path / "outcomes.csv", *rows)) == 0
    found = printed(capsys)
    assert found["served"] == ["served, same answers", "shadow"]
    assert found["answers"] == ["4", "2", "2"]
    assert found["sensitivity"] == ["0.7500", "0.5000", "0.5000"]
    assert found["model"] == ["sepsis-hgb 1", "sepsis-hgb 1", "s 2"]


def test_models_before_and_after_a_swap_have_figures_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = a_file(tmp_path / "service.log", an_audit_line(0), an_audit_line(1, model_version="2"))
    assert run([log], outcomes_of(tmp_path / "outcomes.csv", "r0,", f"r1,{SEPTIC}")) == 0
    found = printed(capsys)
    assert found["sepsis-hgb 1"][:5] == ["served", "1", "0", "1", "0.0000"]
    assert found["sepsis-hgb 2"][:5] == ["served", "1", "1", "1", "1.0000"]


def test_weeks_begin_on_monday_in_utc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sunday = datetime(2026, 2, 8, 23, 59, tzinfo=UTC)
    paris = timezone(timedelta(hours=1))
    moments = [sunday.astimezone(paris), sunday + timedelta(minutes=1)]
    lines = [an_audit_line(n, time=moment.isoformat()) for n, moment in enumerate(moments)]
    log = a_file(
        tmp_path / "service.log",
        *lines,
        json.dumps({"event": "cds_feedback", "time": str(moments[0]), "decision": "accepted"}),
        json.dumps({"event": "cds_feedback", "time": str(moments[1]), "decision": "overridden"}),
        json.dumps({"event": "metrics", "time": str(moments[1]), "Predictions": 2}),
    )
    output = tmp_path / "out"
    assert run([log], outcomes_of(tmp_path / "outcomes.csv", "r0,", "r1,"), output) == 0
    weeks = [line[:24] for line in (output / "figures.csv").read_text("utf-8").splitlines()[2:]]
    assert [each[:10] for each in weeks] == ["2026-02-02", "2026-02-09"]
    assert (output / "feedback.csv").read_text("utf-8").splitlines()[1:] == [
        "2026-02-02,accepted,,1",
        "2026-02-09,accepted,,0",
        "2026-02-09,overridden,no reason of ours,1",
    ]
    assert (output / "drift.csv").read_text("utf-8").splitlines()[1:] == ["2026-02-09,2,,,,0,"]


def test_a_log_without_probabilities_has_all_but_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = a_file(tmp_path / "log", an_audit_line(0, probability=...))
    output = tmp_path / "out"
    assert run([log], outcomes_of(tmp_path / "outcomes.csv", f"r0,{SEPTIC}"), output) == 0
    text = capsys.readouterr().out
    assert "Answers without a probability in the log: 1" in text
    assert re.search(r"Brier score +-$", text, re.MULTILINE)
    assert not (output / "calibration.svg").exists()
