"""Timestamps of hours: optional, and consistent with the ICU hours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import a_patient, a_stay
from tests.contract.asking import ask, fired, predicted, probability, refused, rules_of

ADMITTED = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)


def after(hours: float) -> str:
    """The clock time this long after admission."""
    return (ADMITTED + timedelta(hours=hours)).isoformat()


def stay_at(*stamps: Any) -> dict[str, Any]:
    """A well stay with these timestamps, hour by hour."""
    return a_stay(len(stamps), timestamp=list(stamps))


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-03-28T20:00:00Z",
        "2026-03-28T20:00:00+01:00",
        "2026-03-28T20:00:00.123-05:00",
        "2026-03-28T20:00Z",
        None,
    ],
)
def test_a_timestamp_with_its_offset_changes_nothing(client: TestClient, stamp: Any) -> None:
    assert probability(client, a_patient(timestamp=stamp)) == probability(client, a_patient())


@pytest.mark.parametrize(
    ("stamp", "rule"),
    [
        pytest.param("2026-03-28T20:00:00", "time.tz", id="no offset"),
        pytest.param("28/03/2026 20:00", "time.format", id="French date"),
        pytest.param("2026-03-28", "time.format", id="a day"),
        pytest.param("20260328200000+0000", "time.format", id="a time of HL7 version 2"),
        pytest.param("2026-02-30T20:00:00Z", "time.format", id="no such day"),
        pytest.param("2026-03-28T25:00:00Z", "time.format", id="no such hour"),
        pytest.param("", "time.format", id="empty"),
        pytest.param("\ud800" * 20, "time.format", id="not even text"),
        pytest.param(1_774_728_000, "time.format", id="seconds since 1970"),
        pytest.param(True, "time.format", id="a boolean"),
        pytest.param([], "time.format", id="a list"),
        pytest.param({}, "time.format", id="an object"),
        pytest.param("9999-12-31T23:59:59-12:00", "time.future", id="the end of time"),
    ],
)
def test_a_timestamp_that_is_not_a_point_in_time_is_refused(
    client: TestClient, stamp: Any, rule: str
) -> None:
    (problem,) = refused(ask(client, a_patient(timestamp=stamp)))
    assert (problem["rule"], problem["loc"]) == (rule, ["body", "timestamp"])


@pytest.mark.parametrize(
    ("minutes_ahead", "is_refused"), [(-60, False), (0, False), (58, False), (62, True)]
)
def test_clocks_may_differ_by_an_hour_but_the_future_is_refused(
    client: TestClient, minutes_ahead: int, is_refused: bool
) -> None:
    stamp = datetime.now(UTC) + timedelta(minutes=minutes_ahead)
    rules = fired(client, a_patient(timestamp=stamp.isoformat()))
    assert ("time.future" in rules) is is_refused


def test_the_extremes_of_the_calendar_are_compared_without_a_failure(client: TestClient) -> None:
    stay = stay_at("0001-01-01T00:00:00+14:00", after(1))
    assert rules_of(refused(ask(client, stay))) == ["time.iculos_vs_ts"]


@pytest.mark.parametrize(
    "stamps",
    [
        pytest.param([after(0), after(1), after(2)], id="on the hour"),
        pytest.param([after(0), after(1.9), after(2)], id="an hour charted late"),
        pytest.param([after(0), None, after(2)], id="one unknown"),
        pytest.param(
            ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"], id="summer time begins"
        ),
    ],
)
def test_timestamps_that_follow_the_hours_are_accepted(
    client: TestClient, stamps: list[Any]
) -> None:
    predicted(ask(client, stay_at(*stamps)))


@pytest.mark.parametrize(
    ("stamps", "rule", "at"),
    [
        pytest.param([after(0), after(2.1)], "time.iculos_vs_ts", 1, id="more than an hour late"),
        pytest.param([after(1), after(0.9)], "time.iculos_vs_ts", 1, id="backwards"),
        pytest.param([after(0), None, after(3.1)], "time.iculos_vs_ts", 2, id="across an unknown"),
        pytest.param([after(0), after(0)], "time.duplicate", 1, id="the same moment twice"),
        pytest.param(
            [after(0), "2026-03-28T21:00:00+01:00"], "time.duplicate", 1, id="twice, two offsets"
        ),
        pytest.param(
            [after(0), "2026-03-28T21:00:00"], "time.tz", 1, id="with and without an offset"
        ),
        pytest.param(
            [after(hour * 0.5) for hour in range(6)], "time.iculos_vs_ts", 5, id="a drifting clock"
        ),
    ],
)
def test_a_clock_that_contradicts_the_hours_is_refused(
    client: TestClient, stamps: list[Any], rule: str, at: int
) -> None:
    (problem,) = refused(ask(client, stay_at(*stamps)))
    assert problem["rule"] == rule
    assert problem["loc"] == ["body", "hours", at, "timestamp"]


def test_an_hour_that_is_no_object_does_not_shift_the_others(client: TestClient) -> None:
    stay = stay_at(after(0), after(1), after(9))
    stay["hours"][1] = 5
    problems = refused(ask(client, stay))
    (clock,) = [each for each in problems if each["rule"] == "time.iculos_vs_ts"]
    assert clock["loc"] == ["body", "hours", 2, "timestamp"]


def test_a_timestamp_belongs_into_an_hour(client: TestClient) -> None:
    (problem,) = refused(ask(client, a_stay() | {"timestamp": after(0)}))
    assert (problem["rule"], problem["loc"]) == ("json.unknown", ["body", "timestamp"])
