"""The served model follows its source, or stays and says why."""

import json
import logging
import os
import resource
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from sepsis_detect.errors import ModelArtifactError, ModelCheckError, ModelSourceError
from sepsis_detect.model_delivery.candidate import Candidate, Status
from sepsis_detect.model_delivery.sandbox import CandidateCheck
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import logs
from tests.artifacts import BAD, a_model
from tests.faulty_s3 import URI, FaultyS3

pytestmark = pytest.mark.usefixtures("untraced")

POLL_SECONDS = 0.2
QUICKLY_REFUSED = ("truncated", "wrong shape", "unknown feature", "wrong self-check", "huge")


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines of the log so far, as they are written."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonFormatter())
    # An application that other tests share may write its metrics meanwhile.
    handler.addFilter(lambda record: record.name != logs.always.name)
    logs.logger.addHandler(handler)
    before = logs.logger.level
    logs.logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logs.logger.removeHandler(handler)
    logs.logger.setLevel(before)


def settings(tmp_path: Path, uri: str = URI) -> Settings:
    return Settings(
        model_uri=uri, model_poll_seconds=POLL_SECONDS, model_cache_dir=tmp_path / "cache"
    )


def refresh(models: ModelStore) -> None:
    """Ask at once, as if the time for it had come."""
    models._due_at = 0
    models.refresh_if_due(timeout_seconds=60)


def version(models: ModelStore) -> str:
    return models.current.metadata.version


def reason(models: ModelStore, status: Status) -> str:
    assert models.candidate is not None
    assert models.candidate.status == status
    return models.candidate.reason


def until(is_so: Callable[[], bool], *, timeout_seconds: float = 40) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to this"
        time.sleep(0.02)


def test_an_upload_takes_the_place_of_the_served_model(
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
        n_asked = len(s3.asked)
        until(lambda: len(s3.asked) > n_asked + 2)
    finally:
        models.stop()
    time.sleep(2 * POLL_SECONDS)
    n_asked = len(s3.asked)
    time.sleep(3 * POLL_SECONDS)
    assert len(s3.asked) == n_asked
    assert {method for method, _, _ in s3.asked} == {"GET"}


@pytest.mark.parametrize("kind", QUICKLY_REFUSED)
def test_a_refused_upload_changes_nothing_and_is_said_once(
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
    assert why in reason(models, Status.REFUSED)
    assert models.candidate is not None
    assert models.candidate.etag == etag
    (line,) = [line for line in log() if line["event"] == "model_refused"]
    assert (line["etag"], line["reason"]) == (etag, models.candidate.reason)
    assert line["RefusedCandidates"] == 1
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "SepsisDetect"
    assert metric["Metrics"] == [{"Name": "RefusedCandidates", "Unit": "Count"}]
    # Nothing is read again that was judged.
    assert [is_conditional for _, _, is_conditional in s3.asked] == [False, True, True, True]


def test_the_next_good_upload_ends_a_refusal(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(BAD["truncated"][0]())
    refresh(models)
    assert reason(models, Status.REFUSED)
    s3.put(a_model("2"))
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)


def test_what_was_refused_is_not_checked_again_when_it_comes_back(
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
    monkeypatch.setattr(CandidateCheck, "check", None)  # it would be an error to use it
    s3.put(bad)
    refresh(models)
    assert reason(models, Status.REFUSED)


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
    assert why in reason(models, Status.UNREACHABLE)
    s3.show(None)
    refresh(models)
    assert models.candidate is None
    events = [line["event"] for line in log()]
    assert events == ["model_unreachable", "model_source_is_served"]


def test_a_deleted_object_leaves_the_model_and_its_return_is_noticed(
    s3: FaultyS3, tmp_path: Path
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.delete()
    refresh(models)
    assert "not there" in reason(models, Status.UNREACHABLE)
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
    assert reason(models, Status.UNREACHABLE)
    s3.show(None)
    refresh(models)
    assert models.candidate == refused


def test_a_source_that_fails_is_asked_less_often_one_that_is_empty_is_not(
    s3: FaultyS3, tmp_path: Path
) -> None:
    models = ModelStore(settings(tmp_path))
    for fault, most in (("500", 4 * POLL_SECONDS), ("403", POLL_SECONDS), (None, POLL_SECONDS)):
        s3.show(fault)
        for _ in range(5):
            refresh(models)
        waits = [models._interval() for _ in range(200)]
        assert most * 0.84 < min(waits) < max(waits) <= most
        assert max(waits) - min(waits) > 0.1 * most, "a fleet must not ask at once"


def test_what_could_not_be_checked_is_tried_again(
    s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(a_model("2"))

    def unable(self: CandidateCheck, artifact: bytes, *, timeout_seconds: float) -> None:
        raise ModelCheckError("the check could not be started: Cannot allocate memory")

    with monkeypatch.context() as context:
        context.setattr(CandidateCheck, "check", unable)
        refresh(models)
        assert "Cannot allocate memory" in reason(models, Status.UNCHECKED)
        assert version(models) == "1"
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)


def test_a_start_without_s3_serves_the_last_accepted_copy_until_s3_is_back(
    s3: FaultyS3, tmp_path: Path
) -> None:
    etag = s3.put(a_model("1"))
    ModelStore(settings(tmp_path))
    s3.show("down")
    models = ModelStore(settings(tmp_path))
    assert (version(models), models.current.source) == ("1", "cache")
    assert models.current.etag == etag
    assert models.fallback is not None
    assert "S3 cannot be connected to; the last accepted copy" in models.fallback
    assert reason(models, Status.UNREACHABLE)
    refresh(models)
    assert models.current.source == "cache"
    s3.show(None)
    refresh(models)
    assert (version(models), models.current.source) == ("1", URI)
    assert [models.fallback, models.candidate] == [None, None]


@pytest.mark.parametrize("damage", [b"", b"no copy", None], ids=["empty", "foreign", "none"])
def test_a_start_without_s3_or_a_copy_serves_the_embedded_model(
    s3: FaultyS3, tmp_path: Path, damage: bytes | None
) -> None:
    s3.put(a_model("1"))
    ModelStore(settings(tmp_path))
    (copy,) = (tmp_path / "cache").iterdir()
    if damage is None:
        copy.unlink()
    else:
        copy.write_bytes(damage)
    s3.show("500")
    models = ModelStore(settings(tmp_path))
    assert models.current.source == "embedded"
    assert models.fallback is not None
    assert models.fallback.startswith("at the start: S3 answered 500 (InternalError); the embedded")


def test_a_start_with_a_bad_object_serves_the_last_accepted_copy(
    s3: FaultyS3, tmp_path: Path
) -> None:
    s3.put(a_model("1"))
    ModelStore(settings(tmp_path))
    s3.put(BAD["wrong self-check"][0]())
    models = ModelStore(settings(tmp_path))
    assert (version(models), models.current.source) == ("1", "cache")
    assert "misses its self-check" in reason(models, Status.REFUSED)
    n_refused = len(s3.asked)
    refresh(models)
    assert s3.asked[n_refused:] == [("GET", "/models/sepsis/model.onnx", True)]
    assert reason(models, Status.REFUSED)


def test_a_full_disk_keeps_no_model_from_being_served_and_is_made_up_for(
    s3: FaultyS3, tmp_path: Path, log: Callable[[], list[dict[str, Any]]]
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(a_model("2"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, before[1]))
    try:
        for _ in range(3):
            refresh(models)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert version(models) == "2"
    events = [line["event"] for line in log()]
    assert events == ["model_cache_not_written", "model_swapped"]
    refresh(models)
    s3.show("down")
    assert version(ModelStore(settings(tmp_path))) == "2"


def test_without_a_folder_to_write_in_models_are_swapped_all_the_same(
    s3: FaultyS3, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_bytes(b"a file, where a folder should be")
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(a_model("2"))
    refresh(models)
    assert version(models) == "2"


def test_a_file_is_followed_too_and_half_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(a_model("1"))
    models = ModelStore(settings(tmp_path, str(path)))
    assert (version(models), models.current.source) == ("1", str(path))
    whole = a_model("2")
    path.write_bytes(whole[:-300])
    refresh(models)
    assert version(models) == "1"
    assert "not an ONNX model" in reason(models, Status.REFUSED)
    path.write_bytes(whole)
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)
    path.unlink()
    refresh(models)
    assert "cannot read model.onnx: No such file" in reason(models, Status.UNREACHABLE)
    path.write_bytes(whole)
    os.utime(path, (0, 0))
    refresh(models)
    assert (version(models), models.candidate) == ("2", None)
    with path.open("ab") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    refresh(models)
    refresh(models)
    assert "more than the 64 MiB" in reason(models, Status.REFUSED)


def test_a_path_that_holds_no_model_stops_the_start_but_no_worker_that_comes_back(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(ModelSourceError, match=r"cannot read model\.onnx: No such file"):
        ModelStore(settings(tmp_path, str(path)))
    path.write_bytes(a_model("1"))
    ModelStore(settings(tmp_path, str(path)))
    path.write_bytes(b"half")
    with pytest.raises(ModelArtifactError, match="not an ONNX model"):
        ModelStore(settings(tmp_path, str(path)))
    models = ModelStore(settings(tmp_path, str(path)), may_fall_back=True)
    assert (version(models), models.current.source) == ("1", "cache")


def test_it_is_asked_when_due_and_not_before(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path).model_copy(update={"model_poll_seconds": 3_600.0}))
    n_asked = len(s3.asked)
    models.refresh_if_due()
    assert len(s3.asked) == n_asked
    models._due_at = 0
    for _ in range(5):
        models.refresh_if_due()
    assert len(s3.asked) == n_asked + 1


@pytest.mark.parametrize("seconds", [-1e7, 1e7], ids=["back", "forth"])
def test_a_clock_that_is_set_changes_no_poll(
    s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + seconds)
    models.start_polling()
    try:
        s3.put(a_model("2"))
        until(lambda: version(models) == "2")
    finally:
        models.stop()


def test_asking_when_due_is_bounded_and_raises_nothing(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.show("trickle")
    models._due_at = 0
    began = time.monotonic()
    models.refresh_if_due(timeout_seconds=0.5)
    assert time.monotonic() - began < 3
    assert reason(models, Status.UNREACHABLE)


def test_a_bug_does_not_end_polling(
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


def test_the_embedded_model_is_asked_for_nowhere() -> None:
    models = ModelStore(Settings())
    models.start_polling()
    models.refresh_if_due()
    models.stop()
    assert models.current.source == "embedded"
    assert (models.candidate, models.fallback) == (None, None)


def test_no_more_refusals_are_remembered_than_needed(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(a_model("1"))
    models = ModelStore(settings(tmp_path, str(path)))
    for etag in map(str, range(150)):
        models._refuse(etag, ModelArtifactError(f"no. {etag}\nof many" + "!" * 1000))
    assert list(models._refused) == [str(etag) for etag in range(50, 150)]
    assert models.candidate == Candidate(
        etag="149", status=Status.REFUSED, reason="no. 149 of many" + "!" * 284 + "…"
    )
