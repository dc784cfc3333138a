"""Logs: one JSON object a line, of allowed fields that cannot hold a value of a patient."""

import json
import logging
from typing import Any

import pytest

from sepsis_detect.settings import LogLevel
from sepsis_detect.telemetry import logs

CANARY = "118.4242"
EVERY_LINE = {"time", "level", "event"}


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    output = capsys.readouterr()
    assert output.out == ""
    assert CANARY not in output.err
    return [json.loads(line) for line in output.err.splitlines()]


def raise_with_a_value() -> None:
    heart_rate = float(CANARY)
    raise ValueError(f"{heart_rate} cannot be")


def test_an_event_is_one_line_of_allowed_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogLevel.INFO)
    logs.event(logging.INFO, "request", status=200, heart_rate=CANARY, body={"HR": CANARY})
    (line,) = written(capsys)
    assert set(line) == EVERY_LINE | {"status"}
    assert (line["event"], line["level"], line["status"]) == ("request", "INFO", 200)


def test_an_exception_is_logged_as_class_and_place_only(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogLevel.INFO)
    try:
        raise_with_a_value()
    except ValueError as error:
        logs.event(logging.ERROR, "failed", **logs.failure(error))
        logs.logger.exception("failed again")
    first, second = written(capsys)
    for line in (first, second):
        assert line["error"] == "ValueError"
        assert line["raised_at"].startswith("test_logs.py:")
        assert line["raised_at"].endswith(" in raise_with_a_value")
        assert set(line) == EVERY_LINE | {"error", "raised_at"}


def test_a_record_of_another_library_is_logged_as_its_name_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(LogLevel.DEBUG)
    other = logging.getLogger("another.library")
    other.info("below the level of other libraries")
    other.warning("cannot parse %s\nnor the rest", CANARY)
    try:
        raise_with_a_value()
    except ValueError:
        other.exception("failed on %s", CANARY)
    first, second = written(capsys)
    place = "test_a_record_of_another_library_is_logged_as_its_name_only"
    assert first["event"] == second["event"] == f"another.library:{place}"
    assert second["error"] == "ValueError"


@pytest.mark.parametrize(
    ("level", "events"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.INFO, ["info", "warning", "error"]),
        (LogLevel.WARNING, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_events_below_the_log_level_are_left_out(
    capsys: pytest.CaptureFixture[str], level: LogLevel, events: list[str]
) -> None:
    logs.configure(level)
    for name in ("debug", "info", "warning", "error"):
        logs.event(logging.getLevelNamesMapping()[name.upper()], name)
    assert [line["event"] for line in written(capsys)] == events


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogLevel.INFO)
    logs.configure(LogLevel.INFO)
    logs.event(logging.INFO, "request")
    assert len(written(capsys)) == 1


def test_a_field_that_is_not_json_is_logged_as_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogLevel.INFO)
    logs.event(logging.INFO, "request", status=ValueError(CANARY))
    (line,) = written(capsys)
    assert line["status"] == "ValueError"
