"""Periodic task: repeated in a thread or on request, never overlapping, not ended by a failure."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from sepsis_detect.periodic_task import JITTER, PeriodicTask
from tests.waiting import until

SECONDS = 0.02


class Counted:
    """An action that counts its runs and may fail."""

    def __init__(self) -> None:
        self.n_runs = 0
        self.is_failing = False

    def __call__(self) -> None:
        self.n_runs += 1
        if self.is_failing:
            raise ValueError("a defect")


@pytest.fixture
def action() -> Counted:
    return Counted()


@pytest.fixture
def task(action: Counted) -> Iterator[PeriodicTask]:
    task = PeriodicTask(action, lambda: SECONDS, name="counting")
    yield task
    task.stop(join_seconds=5)


def test_the_interval_is_shortened_at_random() -> None:
    waits = []
    for _ in range(200):
        task = PeriodicTask(lambda: None, lambda: 100.0, name="waiting")
        waits.append(task.due_at_seconds - time.monotonic())
    assert 100 * (1 - JITTER) - 1 < min(waits) < 90
    assert 95 < max(waits) <= 100


def test_a_thread_runs_it_again_and_again_until_it_is_stopped(
    action: Counted, task: PeriodicTask
) -> None:
    assert action.n_runs == 0
    task.start()
    until(lambda: action.n_runs > 2)
    task.stop(join_seconds=5)
    n_runs = action.n_runs
    time.sleep(5 * SECONDS)
    assert action.n_runs == n_runs


def test_a_thread_that_waits_ends_at_once() -> None:
    task = PeriodicTask(lambda: None, lambda: 3_600.0, name="waiting")
    task.start()
    started = time.monotonic()
    task.stop(join_seconds=60)
    assert time.monotonic() - started < 5


def test_a_failure_is_logged_and_the_action_runs_again(
    action: Counted, task: PeriodicTask, caplog: pytest.LogCaptureFixture
) -> None:
    action.is_failing = True
    task.start()
    until(lambda: action.n_runs > 2)
    record = caplog.records[0]
    assert (record.getMessage(), record.levelno) == ("counting_failed", logging.ERROR)
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError


@pytest.mark.parametrize("seconds", [-1e7, 1e7], ids=["back", "forward"])
def test_setting_the_clock_changes_no_interval(
    action: Counted, task: PeriodicTask, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    task.start()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + seconds)
    n_runs = action.n_runs
    until(lambda: action.n_runs > n_runs + 2)


def test_on_request_it_runs_when_it_is_due_and_not_before() -> None:
    action = Counted()
    task = PeriodicTask(action, lambda: 3_600.0, name="counting")
    task.run_if_due()
    assert action.n_runs == 0
    task.due_at_seconds = 0
    for _ in range(5):
        task.run_if_due()
    assert action.n_runs == 1


def test_two_runs_do_not_overlap() -> None:
    is_running, may_end = threading.Event(), threading.Event()
    n_runs = 0

    def wait() -> None:
        nonlocal n_runs
        n_runs += 1
        is_running.set()
        may_end.wait(60)

    task = PeriodicTask(wait, lambda: SECONDS, name="waiting")
    task.start()
    assert is_running.wait(60)
    task.run_if_due()
    assert n_runs == 1
    task.stop()
    may_end.set()


def test_on_request_the_action_gets_arguments() -> None:
    received: list[float] = []

    def action(*, timeout_seconds: float) -> None:
        received.append(timeout_seconds)

    task = PeriodicTask(action, lambda: 0.0, name="receiving")
    task.run_if_due(timeout_seconds=10.0)
    assert received == [10.0]
