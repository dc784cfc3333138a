"""A shadow model on a running server: it answers no request, whatever happens to it."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sepsis_detect.api.schema.responses import Health, ServedModel, ShadowHealth
from sepsis_detect.prediction.model import EMBEDDED_MODEL
from tests.artifacts import BAD, TRIGGER_AGE, a_model, harmful_at_trigger
from tests.builders import a_patient
from tests.contract.test_server import Server, serving
from tests.faulty_s3 import BUCKET, KEY, URI, FaultyS3
from tests.resources import RISK, a_bundle, a_hook
from tests.unit.model_delivery.test_shadow_model import children_of
from tests.waiting import until

SHADOW_KEY = "sepsis/shadow.onnx"
SHADOW_URI = f"s3://{BUCKET}/{SHADOW_KEY}"
AUDIT_KEY = "k" * 32
PATIENTS = [a_patient(), a_patient(heart_rate=118), a_patient(age=TRIGGER_AGE)]
HOOK = "/cds-services/sepsis-risk"
pytestmark = pytest.mark.timeout(600)


def put(s3: FaultyS3, key: str, content: bytes) -> str:
    answer = s3.client.put_object(Bucket=BUCKET, Key=key, Body=content)
    return str(answer["ETag"].strip('"'))


@pytest.fixture
def settings(s3: FaultyS3, tmp_path: Path) -> dict[str, str]:
    put(s3, KEY, EMBEDDED_MODEL.read_bytes())
    return {
        "MODEL_URI": URI,
        "SHADOW_MODEL_URI": SHADOW_URI,
        "MODEL_POLL_SECONDS": "0.3",
        "MODEL_CACHE_DIR": str(tmp_path / "cache"),
        "AUDIT_KEY": AUDIT_KEY,
    }


@pytest.fixture
def server(settings: dict[str, str]) -> Iterator[Server]:
    with serving(**settings) as server:
        yield server


def shadow_of(server: Server) -> ShadowHealth:
    status, answer = server.ask("GET", "/health")
    assert status == 200
    shadow = Health.model_validate(answer).shadow
    assert shadow is not None
    return shadow


def is_version(server: Server, name: str) -> bool:
    """Whether the shadow model has this version."""
    return version(server) == name


def version(server: Server) -> str | None:
    model = shadow_of(server).model
    return None if model is None else model.version


def answers(server: Server, patients: list[Any] = PATIENTS) -> list[dict[str, Any]]:
    """Answers without their ids; each is one of the served model."""
    found = []
    for patient in patients:
        status, answer = server.ask("POST", "/predict/patient", patient)
        assert status == 200
        assert answer["model"]["name"] == "sepsis-hgb"
        assert "shadow" not in json.dumps(answer)
        found.append(answer | {"request_id": ""})
    return found


def audit_lines(server: Server) -> list[dict[str, Any]]:
    return [line for line in server.log if line["event"] == "audit"]


def test_it_is_shown_scores_every_route_and_answers_none(s3: FaultyS3, server: Server) -> None:
    before = answers(server)
    assert shadow_of(server).model is None
    etag = put(s3, SHADOW_KEY, a_model("shadow-1"))
    until(lambda: version(server) == "shadow-1")
    shown = shadow_of(server)
    assert shown.model is not None
    assert (shown.model.source, shown.model.etag) == (SHADOW_URI, etag)
    assert (shown.candidate, shown.fallback, shown.failure) == (None, None, None)
    described = ServedModel.model_validate(server.ask("GET", "/model")[1])
    assert described.shadow is not None
    assert described.shadow.threshold == 0.4
    assert described.threshold != 0.4
    assert answers(server) == before
    assert server.ask("POST", "/predict/patients", {"patients": [*PATIENTS, {"HR": -1}]})[0] == 200
    assert server.ask("POST", RISK, a_bundle())[0] == 200
    assert server.ask("POST", HOOK, a_hook())[0] == 200
    assert server.ask("POST", "/predict/patient?include=trend", PATIENTS[0])[0] == 200
    assert server.stop() == 0
    lines = audit_lines(server)
    assert [line.get("shadow_decision") for line in lines[:3]] == [None] * 3
    with_shadow = lines[3:]
    assert len(with_shadow) == 7
    for line in with_shadow:
        decisions = line["decision"].split(","), line["shadow_decision"].split(",")
        assert len(decisions[0]) == len(decisions[1])
        assert line["shadow_model_version"] == "shadow-1"
    assert with_shadow[3]["shadow_decision"].endswith(",Refused")
    # The made-up model flags nearly everyone.
    assert {line["shadow_decision"].partition(",")[0] for line in with_shadow} == {"Positive"}
    assert {line["decision"].partition(",")[0] for line in with_shadow} == {"Negative"}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("truncated", "not an ONNX model"), ("unknown feature", "unknown feature 'shoe_size'")],
)
def test_a_wrong_file_is_shown_and_changes_no_answer(
    s3: FaultyS3, server: Server, kind: str, reason: str
) -> None:
    before = answers(server)
    put(s3, SHADOW_KEY, BAD[kind][0]())
    until(lambda: getattr(shadow_of(server).candidate, "status", None) == "refused")
    candidate = shadow_of(server).candidate
    assert candidate is not None
    assert reason in candidate.reason
    assert answers(server) == before
    assert server.stop() == 0
    (line,) = [line for line in server.log if line["event"] == "shadow_refused"]
    assert line["source"] == SHADOW_URI


def test_a_shadow_that_may_not_be_read_does_not_keep_the_service_from_starting(
    s3: FaultyS3, tmp_path: Path
) -> None:
    s3.show("403")
    settings = {"SHADOW_MODEL_URI": SHADOW_URI, "MODEL_CACHE_DIR": str(tmp_path)}
    with serving(**settings) as server:
        until(lambda: shadow_of(server).candidate)
        candidate = shadow_of(server).candidate
        assert candidate is not None
        assert candidate.status == "unreachable"
        answers(server)
        assert server.stop() == 0


@pytest.mark.parametrize("harm", ["hang", "fail", "nonsense", "hunger"])
def test_a_shadow_that_harms_itself_on_a_patient_changes_no_answer(
    s3: FaultyS3, server: Server, harm: str
) -> None:
    before = answers(server)
    put(s3, SHADOW_KEY, a_model("harmful", extra_nodes=harmful_at_trigger(harm)))
    until(lambda: version(server) == "harmful")
    for _ in range(3):
        assert answers(server) == before
    until(lambda: shadow_of(server).failure)
    assert answers(server) == before
    assert server.stop() == 0
    assert [line for line in server.log if line["event"] == "shadow_failed"]
    assert len(audit_lines(server)) == 15


def test_under_load_a_crash_a_swap_and_a_stop_of_the_shadow_fail_no_answer(
    s3: FaultyS3, server: Server
) -> None:
    before = answers(server)
    put(s3, SHADOW_KEY, a_model("1"))
    until(lambda: version(server) == "1")
    pid = server.process.pid
    is_over = False

    def load(number: int) -> int:
        n_answers = 0
        while not is_over:
            assert answers(server, [PATIENTS[number % 3]]) == [before[number % 3]]
            n_answers += 1
        return n_answers

    with ThreadPoolExecutor(4) as threads:
        loads = [threads.submit(load, number) for number in range(4)]
        try:
            for ending in (signal.SIGSEGV, signal.SIGKILL, signal.SIGSTOP):
                until(lambda: children_of(pid))
                for child in children_of(pid):
                    os.kill(child, ending)
                until(lambda: shadow_of(server).failure)
                put(s3, SHADOW_KEY, a_model(ending.name))
                until(partial(is_version, server, ending.name))
                until(lambda: not shadow_of(server).failure)
        finally:
            is_over = True
    n_answers = sum(each.result() for each in loads)
    assert server.stop() == 0
    assert len(audit_lines(server)) == n_answers + len(PATIENTS)


def test_the_process_of_the_shadow_ends_with_a_killed_server(
    s3: FaultyS3, settings: dict[str, str]
) -> None:
    put(s3, SHADOW_KEY, a_model("1"))
    with serving(**settings) as server:
        until(lambda: version(server) == "1")
        (child,) = children_of(server.process.pid)
        server.process.kill()
        server.process.wait()
        until(lambda: not Path(f"/proc/{child}/cmdline").exists() or not _is_running(child))


def _is_running(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
