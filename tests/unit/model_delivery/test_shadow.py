"""The shadow: it scores what is submitted, and its faults are shown and hold nothing up."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepsis_detect.model_delivery import shadow as shadow_module
from sepsis_detect.model_delivery.candidate import CandidateStatus
from sepsis_detect.model_delivery.shadow import Shadow
from sepsis_detect.prediction import features
from sepsis_detect.prediction.model import EMBEDDED_MODEL, Model
from sepsis_detect.prediction.predictor import Predictions
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry.metrics import Metrics
from sepsis_detect.telemetry.shadow_comparison import ShadowScores
from tests.artifacts import BAD, CHOSEN, TRIGGER_AGE, a_model, expected, harmful_at_trigger
from tests.faulty_s3 import URI, FaultyS3
from tests.unit.model_delivery.test_shadow_model import AGE, children_of, rows
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("untraced")

CHOSEN_COLUMNS = [features.NAMES.index(name) for name in CHOSEN]
MAX_SUBMIT_SECONDS = 0.1  # it takes microseconds, and the machine is busy
ALL = slice(None)


def at(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "shadow.onnx"
    partial = tmp_path / "partial"
    partial.write_bytes(content)
    partial.replace(path)
    return str(path)


@contextmanager
def running(uri: str, tmp_path: Path) -> Iterator[Shadow]:
    settings = Settings(model_poll_seconds=0.1, model_cache_dir=tmp_path / "cache")
    shadow = Shadow(uri, settings, Metrics())
    shadow.start()
    try:
        yield shadow
    finally:
        shadow.stop()
        assert not children_of(os.getpid())


def predictions_of(model: Model, n: int, age: float = 60.0) -> Predictions:
    """Predictions for made-up hours of patients of one age."""
    X = rows(n)
    X[:, AGE] = age
    probabilities = model.probabilities(X)
    return Predictions(
        icu_hours=np.ones(n),
        probabilities=probabilities,
        is_positive=model.is_positive(probabilities),
        features=X,
    )


def submitted(shadow: Shadow, predictions: Predictions) -> ShadowScores | None:
    """Scores of all rows; None where they could not be submitted."""
    started = time.perf_counter()
    pending = shadow.submit(predictions, ALL)
    assert time.perf_counter() - started < MAX_SUBMIT_SECONDS
    return None if pending is None else pending.future.result(timeout=60)


def version(shadow: Shadow) -> str | None:
    return None if shadow.models.opened is None else shadow.models.opened.metadata.version


def test_it_scores_what_is_submitted_and_follows_its_address(
    tmp_path: Path, embedded_model: Model
) -> None:
    sent = predictions_of(embedded_model, 30)
    with running(at(tmp_path, a_model("1")), tmp_path) as shadow:
        until(lambda: version(shadow) == "1")
        found = submitted(shadow, sent)
        assert found is not None
        assert (found.name, found.version) == ("made-up", "1")
        wanted = expected(sent.features[:, CHOSEN_COLUMNS], CHOSEN)
        np.testing.assert_allclose(found.scores.probabilities, wanted, rtol=1e-5)
        at(tmp_path, a_model("2", scale=0.5))
        until(lambda: version(shadow) == "2")
        again = submitted(shadow, sent)
        assert again is not None
        np.testing.assert_allclose(
            again.scores.probabilities, 0.5 * found.scores.probabilities, rtol=1e-5
        )
        assert shadow.failure is None


def test_the_same_artifact_gives_the_same_bits_and_decisions(
    tmp_path: Path, embedded_model: Model
) -> None:
    sent = predictions_of(embedded_model, 100, age=60)
    probabilities = embedded_model.probabilities(sent.features)
    with running(str(EMBEDDED_MODEL), tmp_path) as shadow:
        until(lambda: version(shadow) is not None)
        found = submitted(shadow, sent)
    assert found is not None
    np.testing.assert_array_equal(found.scores.probabilities, probabilities)
    np.testing.assert_array_equal(
        found.scores.is_positive, embedded_model.is_positive(probabilities)
    )


@pytest.mark.parametrize("kind", ["truncated", "unknown feature", "wrong self-check"])
def test_a_wrong_file_is_shown_and_scores_nothing(
    tmp_path: Path, embedded_model: Model, kind: str, log: Callable[[], list[dict[str, Any]]]
) -> None:
    make, why = BAD[kind]
    with running(at(tmp_path, make()), tmp_path) as shadow:
        assert submitted(shadow, predictions_of(embedded_model, 1)) is None
        until(lambda: shadow.models.candidate is not None)
        candidate = shadow.models.candidate
        assert candidate is not None
        assert candidate.status == CandidateStatus.REFUSED
        assert why in candidate.reason
        assert submitted(shadow, predictions_of(embedded_model, 1)) is None
    (line,) = [line for line in log() if line["event"] == "shadow_refused"]
    assert line["RefusedShadows"] == 1


def test_a_refused_upload_leaves_the_former_shadow(tmp_path: Path, embedded_model: Model) -> None:
    with running(at(tmp_path, a_model("1")), tmp_path) as shadow:
        until(lambda: version(shadow) == "1")
        at(tmp_path, BAD["unknown feature"][0]())
        until(lambda: shadow.models.candidate is not None)
        assert submitted(shadow, predictions_of(embedded_model, 3)) is not None
        assert version(shadow) == "1"


def test_a_file_that_is_not_there_is_shown(tmp_path: Path) -> None:
    with running(str(tmp_path / "nowhere.onnx"), tmp_path) as shadow:
        until(lambda: shadow.models.candidate is not None)
        assert shadow.models.candidate is not None
        assert shadow.models.candidate.status == CandidateStatus.UNREACHABLE


def test_without_s3_it_opens_the_last_accepted_copy(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    with running(URI, tmp_path) as shadow:
        until(lambda: version(shadow) == "1")
    s3.show("down")
    with running(URI, tmp_path) as shadow:
        until(lambda: version(shadow) == "1")
        assert shadow.models.opened is not None
        assert shadow.models.opened.source == "cache"
        assert "copy on disk" in (shadow.models.fallback or "")


def test_a_slow_s3_delays_no_start(s3: FaultyS3, tmp_path: Path) -> None:
    s3.show("slow")
    started = time.monotonic()
    settings = Settings(model_cache_dir=tmp_path)
    shadow = Shadow(URI, settings, Metrics())
    shadow.start()
    assert time.monotonic() - started < 2
    s3.show(None)
    shadow.stop()


def test_a_failure_on_some_patients_is_shown_and_the_others_are_scored(
    tmp_path: Path, embedded_model: Model, log: Callable[[], list[dict[str, Any]]]
) -> None:
    content = a_model("1", extra_nodes=harmful_at_trigger("fail"))
    with running(at(tmp_path, content), tmp_path) as shadow:
        until(lambda: version(shadow) == "1")
        for n_failures in (1, 2):
            found = submitted(shadow, predictions_of(embedded_model, 2, age=TRIGGER_AGE))
            assert found is not None
            assert [found.decision(row) for row in range(2)] == [None, None]
            assert shadow.failure is not None
            assert shadow.failure.reason == "it fails on some hours"
            assert shadow.failure.n_failures == n_failures
            fine = submitted(shadow, predictions_of(embedded_model, 2))
            assert fine is not None
            assert fine.decision(0) in ("Positive", "Negative")
        at(tmp_path, a_model("2"))
        until(lambda: version(shadow) == "2")
        submitted(shadow, predictions_of(embedded_model, 2))
        assert shadow.failure is None
    assert len([line for line in log() if line["event"] == "shadow_failed"]) == 1


@pytest.mark.parametrize("fault", ["crash", "hang"])
def test_after_a_crash_or_a_hang_it_scores_again(
    tmp_path: Path, embedded_model: Model, fault: str
) -> None:
    extra = harmful_at_trigger("hang") if fault == "hang" else None
    with running(at(tmp_path, a_model("1", extra_nodes=extra)), tmp_path) as shadow:
        until(lambda: version(shadow) == "1")
        assert submitted(shadow, predictions_of(embedded_model, 2)) is not None
        if fault == "crash":
            os.kill(children_of(os.getpid())[0], signal.SIGSEGV)
        found = submitted(shadow, predictions_of(embedded_model, 2, age=TRIGGER_AGE))
        assert found is not None
        assert np.isnan(found.scores.probabilities).all()
        assert shadow.failure is not None
        # It pauses, then starts its process again.
        assert submitted(shadow, predictions_of(embedded_model, 2)) is None

        def scores_again() -> bool:
            again = submitted(shadow, predictions_of(embedded_model, 2))
            return again is not None and not np.isnan(again.scores.probabilities).any()

        until(scores_again)
        assert shadow.failure is not None


def test_pauses_grow_with_failures_up_to_a_minute(tmp_path: Path) -> None:
    shadow = Shadow(at(tmp_path, a_model("1")), Settings(model_cache_dir=tmp_path), Metrics())
    lengths = []
    for _ in range(9):
        before = time.monotonic()
        shadow._pause()
        lengths.append(round(shadow._paused_until - before))
    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_what_a_slow_shadow_cannot_score_soon_is_left_out(
    tmp_path: Path, embedded_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_module, "MAX_PENDING_ROWS", 50)
    with running(at(tmp_path, a_model("1")), tmp_path) as shadow:
        until(lambda: version(shadow) == "1")
        child = children_of(os.getpid())[0]
        os.kill(child, signal.SIGSTOP)
        sent = predictions_of(embedded_model, 10)
        pending = [shadow.submit(sent, ALL) for _ in range(30)]
        left_out = [each for each in pending if each is None]
        assert len(left_out) >= 20
        os.kill(child, signal.SIGCONT)
        for each in pending:
            if each is not None:
                assert not np.isnan(each.future.result(timeout=60).scores.probabilities).any()


def test_stopping_completes_what_waits(tmp_path: Path, embedded_model: Model) -> None:
    with running(at(tmp_path, a_model("1")), tmp_path) as shadow:
        until(lambda: version(shadow) == "1")
        os.kill(children_of(os.getpid())[0], signal.SIGSTOP)
        pending = [shadow.submit(predictions_of(embedded_model, 1), ALL) for _ in range(5)]
    for each in pending:
        assert each is not None
        assert each.future.done()
    assert submitted(shadow, predictions_of(embedded_model, 1)) is None
