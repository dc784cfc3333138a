"""Sandbox: faults of a candidate are refusals, faults of this machine are not."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from sepsis_detect.errors import ModelArtifactError, ModelCheckError
from sepsis_detect.model_delivery.sandbox import CandidateSandbox
from sepsis_detect.prediction.model import EMBEDDED_MODEL
from tests.artifacts import BAD, a_model, repeating
from tests.waiting import until


def children() -> list[int]:
    """Process ids of the checks that this process started."""
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


def wait_for_check() -> int:
    until(children)
    return children()[0]


def test_an_acceptable_model_gives_its_name_and_speed() -> None:
    checked = CandidateSandbox().check(EMBEDDED_MODEL.read_bytes())
    assert checked.name == "sepsis-hgb"
    assert 0 < checked.row_ms < 10


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "huge"])
def test_each_bad_kind_is_refused_with_its_reason(kind: str) -> None:
    make, reason = BAD[kind]
    with pytest.raises(ModelArtifactError) as refusal:
        CandidateSandbox().check(make())
    assert reason in str(refusal.value)
    assert not children()


def test_an_answer_outside_0_to_1_is_refused_beyond_the_self_check() -> None:
    """Its self-check is correct; for other rows it answers more than 1."""
    with pytest.raises(ModelArtifactError, match="no probability"):
        CandidateSandbox().check(a_model("1", scale=1.5))


def test_a_killed_check_is_not_a_refusal() -> None:
    sandbox = CandidateSandbox()
    killing = threading.Timer(0.0, lambda: os.kill(wait_for_check(), signal.SIGKILL))
    killing.start()
    with pytest.raises(ModelCheckError, match="the check ended with SIGKILL"):
        sandbox.check(a_model("1"))
    killing.join()


def test_a_check_that_times_out_is_killed_and_is_not_a_refusal() -> None:
    began = time.monotonic()
    with pytest.raises(ModelCheckError, match="did not end in 2 s"):
        CandidateSandbox().check(a_model("1", extra_nodes=repeating(None)), timeout_seconds=2)
    assert time.monotonic() - began < 10
    assert not children()


def test_a_running_check_ends_with_the_service() -> None:
    sandbox = CandidateSandbox()

    def stop() -> None:
        wait_for_check()
        sandbox.stop()

    stopping = threading.Timer(0.0, stop)
    stopping.start()
    with pytest.raises(ModelCheckError, match="the check ended with SIGKILL"):
        sandbox.check(a_model("1", extra_nodes=repeating(None)))
    stopping.join()
    assert not children()
    with pytest.raises(ModelCheckError, match="being stopped"):
        sandbox.check(a_model("1"))


def test_a_check_that_cannot_be_started_is_not_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ModelCheckError, match="could not be started: No such file"):
        CandidateSandbox().check(a_model("1"))


def test_the_sandboxed_process_gets_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    executable = tmp_path / "python"
    executable.write_text(f'#!/bin/sh\nenv > "{tmp_path}/environment"\n', encoding="utf-8")
    executable.chmod(0o755)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("SEPSIS_API_KEYS", "canary")
    monkeypatch.setattr(sys, "executable", str(executable))
    with pytest.raises(ModelCheckError, match="the check ended with exit code 0"):
        CandidateSandbox().check(b"")
    assert "canary" not in (tmp_path / "environment").read_text(encoding="utf-8")
