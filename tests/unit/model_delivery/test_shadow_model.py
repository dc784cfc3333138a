"""Shadow model: the same probabilities as in this process, and no fault leaves its process."""

import contextlib
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from sepsis_detect.errors import ModelArtifactError, ShadowError
from sepsis_detect.model_delivery import shadow_model
from sepsis_detect.model_delivery.shadow_model import ShadowModel
from sepsis_detect.prediction import features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import EMBEDDED_MODEL, Model
from tests.artifacts import BAD, TRIGGER_AGE, a_model, harmful_at_trigger, repeating

pytestmark = pytest.mark.usefixtures("untraced")

HANGS = "too much processor time|does not answer"  # whichever a busy machine reaches first
AGE = features.NAMES.index("age")


def opened(content: bytes) -> ShadowModel:
    return ShadowModel(content, source="test", etag="e", version_id=None)


def rows(n: int) -> Float32Array:
    random = np.random.default_rng(2019)
    found = random.normal(60, 20, (n, len(features.NAMES))).astype(np.float32)
    found[random.random(found.shape) < 0.8] = np.nan
    return found


def pid_of(shadow: ShadowModel) -> int:
    (pid,) = children_of(os.getpid())
    assert shadow
    return pid


def children_of(pid: int) -> list[int]:
    """Processes of shadow models that a process started, from any thread."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread or a child that has just ended
            for child in (task / "children").read_text("ascii").split():
                if b"shadow_process" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def test_it_gives_the_same_bits_as_in_this_process(embedded_model: Model) -> None:
    shadow = opened(EMBEDDED_MODEL.read_bytes())
    assert shadow.metadata == embedded_model.metadata
    assert shadow.threshold == embedded_model.threshold
    assert shadow.sha256 == embedded_model.sha256
    for n in (1, 7, 500):
        np.testing.assert_array_equal(
            shadow.probabilities(rows(n)), embedded_model.probabilities(rows(n))
        )


@pytest.mark.parametrize("kind", ["truncated", "unknown feature", "wrong self-check", "a step"])
def test_a_file_that_is_no_acceptable_model_is_refused_with_the_same_reason(kind: str) -> None:
    make, why = BAD[kind]
    with pytest.raises(ModelArtifactError, match=why):
        opened(make())
    assert not children_of(os.getpid())


def test_a_model_that_hangs_when_it_is_opened_ends() -> None:
    with pytest.raises(ShadowError, match="too much processor time"):
        opened(a_model("1", extra_nodes=repeating(None)))
    assert not children_of(os.getpid())


@pytest.mark.parametrize("harm", ["fail", "nonsense"])
def test_rows_on_which_it_fails_are_nan_and_the_others_are_answered(harm: str) -> None:
    shadow = opened(a_model("1", extra_nodes=harmful_at_trigger(harm)))
    sent = rows(5)
    sent[2, AGE] = TRIGGER_AGE
    found = shadow.probabilities(sent)
    assert np.isnan(found).tolist() == [False, False, True, False, False]
    before = pid_of(shadow)
    assert not np.isnan(shadow.probabilities(rows(5))).any()
    assert pid_of(shadow) == before


def test_a_hang_ends_its_process_and_the_next_call_starts_another() -> None:
    shadow = opened(a_model("1", extra_nodes=harmful_at_trigger("hang")))
    expected = shadow.probabilities(rows(2))
    sent = rows(2)
    sent[1, AGE] = TRIGGER_AGE
    with pytest.raises(ShadowError, match=HANGS):
        shadow.probabilities(sent)
    assert not children_of(os.getpid())
    np.testing.assert_array_equal(shadow.probabilities(rows(2)), expected)


def test_a_process_that_is_stopped_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow_model, "ANSWER_SECONDS", 0.5)
    shadow = opened(a_model("1"))
    pid = pid_of(shadow)
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(ShadowError, match="does not answer"):
        shadow.probabilities(rows(1_000))
    assert time.monotonic() - started < 10
    assert not Path(f"/proc/{pid}").exists()
    assert not np.isnan(shadow.probabilities(rows(1))).any()


@pytest.mark.parametrize("ending", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM])
def test_a_crash_is_told_and_the_next_call_starts_another(ending: signal.Signals) -> None:
    shadow = opened(a_model("1"))
    os.kill(pid_of(shadow), ending)
    with pytest.raises(ShadowError, match=f"ended with {ending.name}"):
        shadow.probabilities(rows(1))
    assert not np.isnan(shadow.probabilities(rows(1))).any()


def test_memory_beyond_the_limit_is_not_had() -> None:
    shadow = opened(a_model("1", extra_nodes=harmful_at_trigger("hunger")))
    sent = rows(1)
    sent[0, AGE] = TRIGGER_AGE
    with contextlib.suppress(ShadowError):  # the kernel may be first
        assert np.isnan(shadow.probabilities(sent)).all()
    assert not np.isnan(shadow.probabilities(rows(1))).any()


def test_the_process_has_a_low_priority_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-canary")
    monkeypatch.setenv("SEPSIS_API_KEYS", "secret-canary")
    shadow = opened(a_model("1"))
    pid = pid_of(shadow)
    assert b"secret-canary" not in Path(f"/proc/{pid}/environ").read_bytes()
    nice = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[16]
    assert int(nice) > 0


def test_the_process_ends_with_the_last_reference() -> None:
    shadow = opened(a_model("1"))
    also = shadow.also_at("elsewhere", etag="f", version_id="2")
    pid = pid_of(shadow)
    del shadow
    assert not np.isnan(also.probabilities(rows(1))).any()
    assert (also.source, also.etag, also.version_id) == ("elsewhere", "f", "2")
    del also
    assert not Path(f"/proc/{pid}").exists()
