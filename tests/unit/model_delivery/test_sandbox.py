"""A candidate is judged in a process of its own: what it does, what this machine cannot do."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from sepsis_detect.errors import ModelArtifactError, ModelCheckError
from sepsis_detect.model_delivery.sandbox import CandidateCheck
from sepsis_detect.prediction.model import EMBEDDED_MODEL
from tests.artifacts import BAD, a_model, repeating


def children() -> list[int]:
    """Examining processes that this one started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text(encoding="utf-8")
            command = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if (
            f"PPid:\t{os.getpid()}\n" in text
            and b"sepsis_detect.model_delivery.sandbox_process" in command
        ):
            found.append(int(status.parent.name))
    return found


def until_it_runs() -> int:
    deadline = time.monotonic() + 20
    while not (found := children()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found[0]


def test_an_acceptable_model_is_told_by_name_and_speed() -> None:
    facts = CandidateCheck().check(EMBEDDED_MODEL.read_bytes())
    assert facts.name == "sepsis-hgb"
    assert 0 < facts.row_ms < 10


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "huge"])
def test_each_bad_kind_is_refused_with_its_reason(kind: str) -> None:
    make, reason = BAD[kind]
    with pytest.raises(ModelArtifactError) as refusal:
        CandidateCheck().check(make())
    assert reason in str(refusal.value)
    assert not children()


def test_answers_that_are_no_probability_are_refused_beyond_the_self_check() -> None:
    """Its self-check is right; far from it, it answers more than 1."""
    with pytest.raises(ModelArtifactError, match="no probability"):
        CandidateCheck().check(a_model("1", scale=1.5))


def test_a_check_that_is_killed_says_nothing_of_the_candidate() -> None:
    check = CandidateCheck()
    killing = threading.Timer(0.0, lambda: os.kill(until_it_runs(), signal.SIGKILL))
    killing.start()
    with pytest.raises(ModelCheckError, match="the check ended with SIGKILL"):
        check.check(a_model("1"))
    killing.join()


def test_a_check_that_does_not_end_is_killed_and_says_nothing_of_the_candidate() -> None:
    began = time.monotonic()
    with pytest.raises(ModelCheckError, match="did not end in 2 s"):
        CandidateCheck().check(a_model("1", extra_nodes=repeating(None)), timeout_seconds=2)
    assert time.monotonic() - began < 10
    assert not children()


def test_a_check_that_is_under_way_ends_when_the_service_does() -> None:
    check = CandidateCheck()

    def stop() -> None:
        until_it_runs()
        check.stop()

    stopping = threading.Timer(0.0, stop)
    stopping.start()
    with pytest.raises(ModelCheckError, match="the check ended with SIGKILL"):
        check.check(a_model("1", extra_nodes=repeating(None)))
    stopping.join()
    assert not children()
    with pytest.raises(ModelCheckError, match="being stopped"):
        check.check(a_model("1"))


def test_a_check_that_cannot_be_started_says_nothing_of_the_candidate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ModelCheckError, match="could not be started: No such file"):
        CandidateCheck().check(a_model("1"))


def test_who_examines_a_file_gets_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "python"
    told.write_text(f'#!/bin/sh\nenv > "{tmp_path}/environment"\n', encoding="utf-8")
    told.chmod(0o755)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("SEPSIS_API_KEYS", "canary")
    monkeypatch.setattr(sys, "executable", str(told))
    with pytest.raises(ModelCheckError, match="the check ended with exit code 0"):
        CandidateCheck().check(b"")
    assert "canary" not in (tmp_path / "environment").read_text(encoding="utf-8")
