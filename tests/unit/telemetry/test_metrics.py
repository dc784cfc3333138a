"""Metrics of one minute, in CloudWatch's embedded metric format; the audit log."""

import json
import logging
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.api.services import services_in
from sepsis_detect.prediction import drift, features
from sepsis_detect.prediction.drift import distances
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import embedded_metrics, logs
from sepsis_detect.telemetry.audit_log import AuditLog
from sepsis_detect.telemetry.embedded_metrics import MAX_VALUES
from sepsis_detect.telemetry.metrics import INPUTS, Metrics
from tests.builders import a_patient
from tests.contract.asking import PATIENTS, ask, predicted, refused

CANARY = 118.4242
AUDIT_KEY = "k" * 32


def lines(caplog: pytest.LogCaptureFixture, *names: str) -> list[dict[str, Any]]:
    """The log lines of these events."""
    formatter = logs.JsonFormatter()
    written = [json.loads(formatter.format(record)) for record in caplog.records]
    return [line for line in written if line["event"] in names]


def declared(line: dict[str, Any]) -> list[str]:
    """Names of the metrics that a line declares; it has a value of each."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == embedded_metrics.NAMESPACE
    assert all(name in line for group in directive["Dimensions"] for name in group)
    names = [metric["Name"] for metric in directive["Metrics"]]
    assert all(isinstance(line[name], int | float | list) for name in names)
    return names


@pytest.fixture(autouse=True)
def log_level_error() -> None:
    """Metrics are logged at any log level."""
    logs.logger.setLevel(logging.ERROR)


@pytest.fixture
def counted() -> TestClient:
    return TestClient(create_app(Settings()))


def flush(client: TestClient) -> None:
    metrics: Metrics = services_in(client.app).metrics
    metrics.flush()


def test_a_minute_is_one_line_and_one_for_every_broken_rule(
    counted: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [predicted(ask(counted, a_patient(heart_rate=rate))) for rate in (80, 90, CANARY)]
    for _ in range(2):
        refused(ask(counted, a_patient(systolic_bp=80, diastolic_bp=120)))
    many = ask(counted, {"patients": [a_patient(), a_patient(heart_rate=-5)]}, route=PATIENTS)
    counted.get("/nowhere")
    flush(counted)
    (line,) = lines(caplog, "metrics")
    assert {"Requests", "Refusals", "Predictions", "Latency", "MissingShare"} <= set(declared(line))
    n_positive = sum(
        answer["prediction"] == "Positive" for answer in [*answers, *many.json()["results"][:1]]
    )
    assert (line["Requests"], line["Refusals"], line["Predictions"]) == (7, 2, 4)
    assert line.get("PositivePredictions", 0) == n_positive
    assert 0.5 < line["MissingShare"] < 1
    assert len(line["Latency"]) == 7
    assert line["model_version"] == answers[0]["model"]["version"]
    rules = {line["Rule"]: line["RefusalsByRule"] for line in lines(caplog, "metrics_of_rule")}
    assert rules == {"bp.dbp_ge_sbp": 2, "bp.map_lt_dbp": 2, "range:HR": 1}
    assert str(CANARY) not in caplog.text
    caplog.clear()
    flush(counted)
    assert lines(caplog, "metrics") == []


def test_a_sample_of_many_latencies_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    for n in range(10_000):
        metrics.requests([(503 if n % 2 else 200, float(n))])
    metrics.flush()
    (line,) = lines(caplog, "metrics")
    assert (line["Requests"], line["Overloads"]) == (10_000, 5_000)
    assert len(line["Latency"]) == MAX_VALUES
    assert 3_000 < np.mean(line["Latency"]) < 7_000


def reference_rows(client: TestClient, n_rows: int, seed: int = 1) -> Any:
    """Inputs with the distribution of the training data, drawn from its bins."""
    metadata = services_in(client.app).models.current.metadata
    assert metadata.drift is not None
    random = np.random.default_rng(seed)
    names = [name for name in map(features.NAMES.__getitem__, INPUTS) if name in metadata.features]
    rows = np.full((n_rows, len(names)), np.nan, dtype=np.float32)
    for at, name in enumerate(names):
        place = metadata.features.index(name)
        edges = np.array(metadata.drift.edges[place], dtype=np.float32)
        shares = np.array(metadata.drift.shares[place])
        known = random.random(n_rows) >= metadata.drift.missing[place]
        bins = random.choice(len(shares), n_rows, p=shares / shares.sum())
        middles = np.concatenate([edges, edges[-1:] + 1]) if len(edges) else np.zeros(1)
        rows[known, at] = middles[bins[known]]
    return metadata, names, rows


def test_patients_like_those_of_training_do_not_drift(client: TestClient) -> None:
    metadata, names, rows = reference_rows(client, 2000)
    found = distances(metadata, names, rows)
    assert set(found) == set(names)
    assert max(found.values()) < drift.NOTABLE / 2


def test_the_input_in_a_wrong_unit_drifts_most(client: TestClient) -> None:
    metadata, names, rows = reference_rows(client, 2000)
    rows[:, names.index("temperature_last")] += 3
    found = distances(metadata, names, rows)
    assert max(found, key=lambda name: found[name]) == "temperature_last"
    assert found["temperature_last"] > drift.NOTABLE
    assert sorted(found.values())[-2] < drift.NOTABLE


def test_drift_is_logged_once_there_are_enough_patients(
    counted: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepsis_detect.telemetry.metrics.MIN_ROWS", 40)
    for n, is_logged in ((39, False), (1, True)):
        ask(counted, {"patients": [a_patient()] * n}, route=PATIENTS)
        flush(counted)
        line = lines(caplog, "metrics")[-1]
        assert ("LargestDrift" in line) == is_logged
    assert line["DriftedInputs"] > 10, "the same patient 40 times"
    assert line["drifted_most"] in features.NAMES


def test_the_audit_log_has_caller_decision_and_model_and_nothing_of_the_patient(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = TestClient(create_app(Settings(audit_key=SecretStr(AUDIT_KEY))))
    body = json.dumps(a_patient(heart_rate=CANARY))
    answer = predicted(ask(client, body))
    refused(ask(client, a_patient(heart_rate=-CANARY)))
    ask(client, {"patients": [a_patient(), a_patient(heart_rate=-CANARY)]}, route=PATIENTS)
    first, second, third = lines(caplog, "audit")
    assert first["decision"] == answer["prediction"]
    assert np.float32(first["probability"]) == np.float32(answer["probability"])
    assert (first["request_id"], first["model_version"]) == (
        answer["request_id"],
        answer["model"]["version"],
    )
    assert len(first["input_hmac"]) == 64
    assert (second["decision"], second["probability"]) == ("Refused", "")
    assert third["decision"].endswith(",Refused")
    assert [bool(each) for each in third["probability"].split(",")] == [True, False]
    assert str(CANARY) not in caplog.text
    assert AUDIT_KEY not in caplog.text
    caplog.clear()
    model = services_in(client.app).models.current
    AuditLog(AUDIT_KEY).write(body.encode(), [], model, request_id="", caller=None)
    AuditLog(AUDIT_KEY[1:] + "x").write(body.encode(), [], model, request_id="", caller=None)
    again, other = lines(caplog, "audit")
    assert again["input_hmac"] == first["input_hmac"] != other["input_hmac"]
