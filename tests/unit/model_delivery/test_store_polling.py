"""Model store, polling: an acceptable upload is served, anything else changes only `candidate`."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sepsis_detect.errors import ModelArtifactError, ModelCheckError
from sepsis_detect.model_delivery.candidate import Candidate, CandidateStatus
from sepsis_detect.model_delivery.sandbox import CandidateSandbox
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.periodic_task import JITTER
from sepsis_detect.settings import Settings
from tests.artifacts import BAD, a_model
from tests.faulty_s3 import URI, FaultyS3
from tests.unit.model_delivery.stores import (
    POLL_SECONDS,
    due_now,
    reason,
    refresh,
    settings,
    version,
)
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("untraced")

QUICKLY_REFUSED = ("truncated", "wrong shape", "unknown feature", "wrong self-check", "huge")


def test_an_upload_replaces_the_served_model(
    s3: FaultyS3, tmp_path: Path, log: Callable[[], list[dict[str, Any]]]
) -> None:
    first = s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    assert (version(models), models.current.source, models.current.etag) == ("1", URI, first)
    assert models.candidate is None
    assert models.fallback is None
    second = s3.put(a_model("2", scale=0.9))
    refresh(models)
    assert (version(models), models.current.etag) == ("2", second)
    assert models.current.version_id
    (line,) = [line for line in log() if line["event"] == "model_swapped"]
    assert (line["model_version"], line["etag"], line["source"]) == ("2", second, URI)


def test_a_thread_polls_until_it_is_stopped(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    models.start_polling()
    try:
        s3.put(a_model("2"))
        until(lambda: version(models) == "2")
        n_requests = len(s3.requests)
        until(lambda: len(s3.requests) > n_requests + 2)
    finally:
        models.stop()
    time.sleep(2 * POLL_SECONDS)
    n_requests = len(s3.requests)
    time.sleep(3 * POLL_SECONDS)
    assert len(s3.requests) == n_requests
    assert {method for method, _, _ in s3.requests} == {"GET"}


@pytest.mark.parametrize("kind", QUICKLY_REFUSED)
def test_a_refused_upload_changes_nothing_and_is_logged_once(
    s3: FaultyS3, tmp_path: Path, log: Callable[[], list[dict[str, Any]]], kind: str
) -> None:
    make, why = BAD[kind]
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    before = models.current
    etag = s3.put(make())
    for _ in range(3):
        refresh(models)
    assert models.current is before
    assert why in reason(models, CandidateStatus.REFUSED)
    assert models.candidate is not None
    assert models.candidate.etag == etag
    (line,) = [line for line in log() if line["event"] == "model_refused"]
    assert (line["etag"], line["reason"]) == (etag, models.candidate.reason)
    assert line["RefusedCandidates"] == 1
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "SepsisDetect"
    assert metric["Metrics"] == [{"Name": "RefusedCandidates", "Unit": "Count"}]
    # Nothing is read again that was judged.
    assert [is_conditional for _, _, is_conditional in s3.requests] == [False, True, True, True]


def test_the_next_good_upload_ends_a_refusal(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(BAD["truncated"][0]())
    refresh(models)
    assert reason(models, CandidateStatus.REFUSED)
    s3.put(a_model("2"))
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)


def test_a_refused_model_is_not_checked_again_when_it_is_uploaded_again(
    s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = a_model("1"), BAD["truncated"][0]()
    s3.put(good)
    models = ModelStore(settings(tmp_path))
    s3.put(bad)
    refresh(models)
    served = models.current
    s3.put(good)
    refresh(models)
    assert models.candidate is None
    assert models.current._session is served._session, "the same content is not opened again"
    assert models.current.version_id != served.version_id
    monkeypatch.setattr(CandidateSandbox, "check", None)  # it would be an error to use it
    s3.put(bad)
    refresh(models)
    assert reason(models, CandidateStatus.REFUSED)


@pytest.mark.parametrize(
    ("fault", "why"), [("403", "403"), ("500", "500"), ("down", "connected"), ("reset", "broke")]
)
def test_while_s3_fails_the_model_stays_and_health_says_why(
    s3: FaultyS3,
    tmp_path: Path,
    log: Callable[[], list[dict[str, Any]]],
    fault: str,
    why: str,
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.show(fault)
    for _ in range(2):
        refresh(models)
    assert version(models) == "1"
    assert why in reason(models, CandidateStatus.UNREACHABLE)
    s3.show(None)
    refresh(models)
    assert models.candidate is None
    events = [line["event"] for line in log()]
    assert events == ["model_unreachable", "model_source_is_served"]


def test_a_deleted_object_leaves_the_served_model_until_the_next_upload(
    s3: FaultyS3, tmp_path: Path
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.delete()
    refresh(models)
    assert "not there" in reason(models, CandidateStatus.UNREACHABLE)
    s3.put(a_model("2"))
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)


def test_a_refusal_is_shown_again_after_s3_was_unreachable(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(BAD["truncated"][0]())
    refresh(models)
    refused = models.candidate
    s3.show("500")
    refresh(models)
    assert reason(models, CandidateStatus.UNREACHABLE)
    s3.show(None)
    refresh(models)
    assert models.candidate == refused


def test_a_source_that_fails_is_polled_less_often_an_empty_one_is_not(
    s3: FaultyS3, tmp_path: Path
) -> None:
    models = ModelStore(settings(tmp_path))
    for fault, most in (("500", 4 * POLL_SECONDS), ("403", POLL_SECONDS), (None, POLL_SECONDS)):
        s3.show(fault)
        for _ in range(5):
            refresh(models)
        assert models.polling is not None
        wait_seconds = models.polling.due_at_seconds - time.monotonic()
        assert most * (0.99 - JITTER) - 0.05 < wait_seconds <= most


def test_a_check_that_could_not_be_made_is_repeated(
    s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(a_model("2"))

    def unable(self: CandidateSandbox, artifact: bytes, *, timeout_seconds: float) -> None:
        raise ModelCheckError("the check could not be started: Cannot allocate memory")

    with monkeypatch.context() as context:
        context.setattr(CandidateSandbox, "check", unable)
        refresh(models)
        assert "Cannot allocate memory" in reason(models, CandidateStatus.UNCHECKED)
        assert version(models) == "1"
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)


def test_a_file_is_polled_too_and_an_incomplete_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(a_model("1"))
    models = ModelStore(settings(tmp_path, str(path)))
    assert (version(models), models.current.source) == ("1", str(path))
    whole = a_model("2")
    path.write_bytes(whole[:-300])
    refresh(models)
    assert version(models) == "1"
    assert "not an ONNX model" in reason(models, CandidateStatus.REFUSED)
    path.write_bytes(whole)
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)
    path.unlink()
    refresh(models)
    assert "cannot read model.onnx: No such file" in reason(models, CandidateStatus.UNREACHABLE)
    path.write_bytes(whole)
    os.utime(path, (0, 0))
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)
    with path.open("ab") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    refresh(models)
    refresh(models)
    assert "more than the 64 MiB" in reason(models, CandidateStatus.REFUSED)


def test_s3_is_polled_when_due_and_not_before(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path).model_copy(update={"model_poll_seconds": 3_600.0}))
    n_requests = len(s3.requests)
    models.refresh_if_due()
    assert len(s3.requests) == n_requests
    due_now(models)
    for _ in range(5):
        models.refresh_if_due()
    assert len(s3.requests) == n_requests + 1


def test_polling_on_request_is_bounded_in_time_and_raises_nothing(
    s3: FaultyS3, tmp_path: Path
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.show("trickle")
    due_now(models)
    began = time.monotonic()
    models.refresh_if_due(timeout_seconds=0.5)
    assert time.monotonic() - began < 3
    assert reason(models, CandidateStatus.UNREACHABLE)


def test_a_defect_does_not_end_polling(
    s3: FaultyS3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    log: Callable[[], list[dict[str, Any]]],
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(a_model("2"))
    with monkeypatch.context() as context:
        context.setattr(models, "_cache", None)
        refresh(models)
    (line,) = log()
    assert (line["event"], line["error"]) == ("model_poll_failed", "AttributeError")
    refresh(models)
    assert version(models) == "2"


def test_the_embedded_model_has_no_source_to_poll() -> None:
    models = ModelStore(Settings())
    models.start_polling()
    models.refresh_if_due()
    models.stop()
    assert models.current.source == "embedded"
    assert (models.candidate, models.fallback) == (None, None)


def test_a_bounded_number_of_refusals_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(a_model("1"))
    models = ModelStore(settings(tmp_path, str(path)))
    for etag in map(str, range(150)):
        models._refuse(etag, ModelArtifactError(f"no. {etag}\nof many" + "!" * 1000))
    assert list(models._refused) == [str(etag) for etag in range(50, 150)]
    assert models.candidate == Candidate(
        etag="149", status=CandidateStatus.REFUSED, reason="no. 149 of many" + "!" * 284 + "…"
    )
