"""Audit lines are found however a log was collected; what cannot be read is told by line."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.audit_report.audit_lines import Log, read_logs
from sepsis_detect.errors import BadFileError
from tests.unit.audit_report.log_files import a_file, a_request_line, an_audit_line

LINES = [an_audit_line(0), a_request_line(), an_audit_line(1, decision="Negative")]
STAMP = "2026-02-02T00:00:00.123Z"


def as_events(lines: list[str]) -> list[dict[str, Any]]:
    return [
        {"logStreamName": "i-0abc/container", "timestamp": 1770000000123, "message": line}
        for line in lines
    ]


def as_query_results(lines: list[str]) -> list[list[dict[str, str]]]:
    return [
        [{"field": "@timestamp", "value": STAMP}, {"field": "@message", "value": line}]
        for line in lines
    ]


def as_csv(lines: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([["@timestamp", "@message"], *([STAMP, line] for line in lines)])
    return written.getvalue()


WRAPPED: dict[str, Callable[[list[str]], str]] = {
    "as written": "\n".join,
    "CRLF": "\r\n".join,
    "with a byte order mark": lambda lines: "\ufeff" + "\n".join(lines),
    "between lines of others": lambda lines: "\n".join(
        ["Starting up", "", *lines, "[warn] slow", "REPORT RequestId: 1 Duration: 2 ms"]
    ),
    "export to S3": lambda lines: "\n".join(f"{STAMP} {line}" for line in lines),
    "aws logs tail": lambda lines: "\n".join(f"{STAMP} i-0abc/container {line}" for line in lines),
    "docker compose": lambda lines: "\n".join(f"sepsis-1  | {line}" for line in lines),
    "kubectl": lambda lines: "\n".join(f"[pod/sepsis-1/app] {line}" for line in lines),
    "docker json-file": lambda lines: "\n".join(
        json.dumps({"log": f"{line}\n", "stream": "stderr", "time": STAMP}) for line in lines
    ),
    "journald": lambda lines: "\n".join(
        json.dumps({"PRIORITY": "6", "MESSAGE": line, "_PID": "1"}) for line in lines
    ),
    "aws logs filter-log-events": lambda lines: json.dumps(
        {"searchedLogStreams": [], "events": as_events(lines)}, indent=4
    ),
    "subscription, objects end to end": lambda lines: "".join(
        json.dumps({"messageType": "DATA_MESSAGE", "logEvents": as_events([line])})
        for line in lines
    ),
    "Logs Insights, API": lambda lines: json.dumps({"results": as_query_results(lines)}, indent=2),
    "Logs Insights, JSON": lambda lines: json.dumps(
        [{"@timestamp": STAMP, "@message": line} for line in lines], indent=1
    ),
    "Logs Insights, JSON parsed": lambda lines: json.dumps(
        [{"@timestamp": STAMP, "@message": json.loads(line)} for line in lines]
    ),
    "Logs Insights, CSV": as_csv,
}


def ids(log: Log) -> list[str]:
    return [each.request_id for each in log.answers]


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("is_compressed", [False, True], ids=["plain", "gzip"])
def test_lines_are_found_as_they_were_collected(
    tmp_path: Path, kind: str, is_compressed: bool
) -> None:
    content = WRAPPED[kind](LINES).encode()
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(content) if is_compressed else content)
    log = read_logs([path])
    assert ids(log) == ["r0", "r1"]
    assert log.unreadable == {}
    assert [each.served and each.served.is_positive for each in log.answers] == [True, False]


def test_a_redirection_of_windows_powershell_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes("\r\n".join(LINES).encode("utf-16"))
    assert ids(read_logs([path])) == ["r0", "r1"]


def test_exports_that_overlap_count_once(tmp_path: Path) -> None:
    first = a_file(tmp_path / "a.log", *LINES)
    second = a_file(tmp_path / "b.log", WRAPPED["export to S3"]([LINES[2], an_audit_line(2)]))
    log = read_logs([first, second])
    assert ids(log) == ["r0", "r1", "r2"]
    assert log.n_repeated == 1


@pytest.mark.parametrize(
    "line",
    [
        LINES[0][:-20],
        LINES[0][60:],
        '{"time": "2026-',
        "{" * 100_000,
        an_audit_line(decision=...),
        an_audit_line(decision="Maybe"),
        an_audit_line(decision=""),
        an_audit_line(decision=7),
        an_audit_line(request_id=...),
        an_audit_line(request_id=None),
        an_audit_line(input_hmac=...),
        an_audit_line(model_name=...),
        an_audit_line(model_version="a\u0007b"),
        an_audit_line(time="yesterday"),
        an_audit_line(time="2026-02-02T00:00:00"),
        an_audit_line(time="0001-01-01T00:00:00+14:00"),
        an_audit_line(probability="high"),
        an_audit_line(probability="1.5"),
        an_audit_line(probability="nan"),
        an_audit_line(probability="0.1,0.2"),
        an_audit_line(decision="Positive,Negative", probability="0.1"),
        an_audit_line(shadow_decision="Positive"),
        an_audit_line(
            shadow_decision="Positive,Positive", shadow_model_name="s", shadow_model_version="1"
        ),
        json.dumps({"event": "metrics", "time": STAMP, "Predictions": "many"}),
        json.dumps({"event": "metrics", "time": STAMP, "Predictions": [1]}),
        json.dumps({"event": "metrics", "time": STAMP, "Predictions": 1, "LargestDrift": "inf"}),
        json.dumps({"event": "cds_feedback", "time": STAMP}),
        json.dumps({"log": LINES[0][:-5]}),
    ],
)
def test_a_line_that_cannot_be_read_costs_itself_alone_and_is_named(
    tmp_path: Path, line: str
) -> None:
    path = a_file(tmp_path / "log", LINES[0], line, LINES[2])
    log = read_logs([path])
    assert ids(log) == ["r0", "r1"]
    assert log.unreadable == {path: [2]}


def test_a_bad_entry_of_a_document_costs_itself_alone(tmp_path: Path) -> None:
    events = as_events([LINES[0], LINES[0][:-9], LINES[2]])
    path = a_file(tmp_path / "log.json", json.dumps({"events": events}, indent=2))
    log = read_logs([path])
    assert ids(log) == ["r0", "r1"]
    assert log.unreadable == {path: [2]}


def test_answers_of_several_patients_keep_their_positions(tmp_path: Path) -> None:
    line = an_audit_line(
        decision="Positive,Refused,Negative",
        probability="0.5,,0.125",
        shadow_decision="None,Refused,Positive",
        shadow_probability=",,0.75",
        shadow_model_name="s",
        shadow_model_version="2",
    )
    first, second, third = read_logs([a_file(tmp_path / "log", line)]).answers
    assert [each.patient_index for each in (first, second, third)] == [0, 1, 2]
    assert not first.is_alone
    assert first.served
    assert third.served
    assert (first.served.probability, third.served.probability) == (0.5, 0.125)
    assert (first.shadow, second.served, second.shadow) == (None, None, None)
    assert third.shadow
    assert (third.shadow.model, third.shadow.probability) == ("s 2", 0.75)


def test_lines_of_a_service_that_wrote_no_probability_are_read(tmp_path: Path) -> None:
    (answer,) = read_logs([a_file(tmp_path / "log", an_audit_line(probability=...))]).answers
    assert answer.served
    assert answer.served.probability != answer.served.probability  # NaN


@pytest.mark.parametrize("name", ["", "missing.log"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadFileError, match=r"there is no file|is a folder"):
        read_logs([tmp_path / name])


def test_a_damaged_gzip_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    whole = gzip.compress("\n".join(LINES * 50).encode())
    for content in (whole[:-30], whole[:30] + b"\0" * 9 + whole[39:], whole[:2]):
        path.write_bytes(content)
        with pytest.raises(BadFileError, match=r"gzip|cannot be read"):
            read_logs([path])


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    line = "\n".join(LINES).encode()
    path = tmp_path_factory.mktemp("noise") / "log"
    path.write_bytes(line[:at] + noise + line[at:])
    try:
        log = read_logs([path])
    except BadFileError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - noise that looks compressed
        return
    assert len(log.answers) <= 2
