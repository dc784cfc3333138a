"""Overload: 503 with `Retry-After` in the form of the route, and nothing else changes."""

import logging
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api import worker_threads
from sepsis_detect.api.middleware import body_limit, in_flight_limit, request_log
from sepsis_detect.api.services import services_in
from tests.contract.asking import PATIENT, ask, predicted, refused
from tests.resources import RISK, a_bundle

BODY = b'{"HR": 80}'
MAX_SECONDS = 30.0


@pytest.fixture
def overloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight_limit, "MAX_IN_FLIGHT", 0)


@pytest.mark.usefixtures("overloaded")
def test_over_the_limit_a_request_is_503(client: TestClient) -> None:
    response = client.post(PATIENT, content=BODY, headers={"X-Request-ID": "trace-0018"})
    assert refused(response, 503)[0]["rule"] == "load.too_much"
    assert response.headers["Retry-After"] == "1"
    assert response.headers["X-Request-ID"] == "trace-0018"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("overloaded")
def test_over_the_limit_fhir_is_answered_with_an_operation_outcome(client: TestClient) -> None:
    response = client.post(RISK, json=a_bundle())
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.json()["resourceType"] == "OperationOutcome"
    assert response.json()["issue"][0]["code"] == "throttled"


@pytest.mark.usefixtures("overloaded")
def test_over_the_limit_health_is_200(client: TestClient) -> None:
    assert client.get("/health").status_code == 200


def test_requests_that_ended_do_not_count(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight_limit, "MAX_IN_FLIGHT", 1)
    for _ in range(3):
        predicted(ask(client, BODY))
        refused(ask(client, b"{"))
        assert client.get("/nowhere").status_code == 404


def test_the_bytes_of_all_bodies_are_limited(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_limit, "MAX_TOTAL_BYTES", len(BODY) + 1)
    for _ in range(3):
        predicted(ask(client, BODY))
        assert refused(ask(client, BODY + b"  "), 503)[0]["rule"] == "load.too_much"


@pytest.mark.parametrize(
    ("query", "body"),
    [("include=contributions", BODY), ("", BODY.ljust(64 * 1024))],
    ids=["contributions", "a large body"],
)
def test_requests_that_wait_for_a_thread_are_limited(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, query: str, body: bytes
) -> None:
    predicted(ask(client, body, query))
    monkeypatch.setattr(worker_threads, "MAX_WAITING", 0)
    assert ask(client, body, query).headers["Retry-After"] == "1"
    predicted(ask(client, BODY))


@pytest.mark.usefixtures("overloaded")
def test_rejected_requests_are_counted_and_logged_once_a_second(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    time.sleep(1.5 * request_log.REJECTED_LOG_SECONDS)  # until those of other tests are logged
    monkeypatch.setattr(request_log, "REJECTED_LOG_SECONDS", 0.5)
    metrics = services_in(client.app).metrics
    n_before = metrics.n_turned_away
    began = time.monotonic()

    def logged() -> list[Any]:
        records = [record for record in caplog.records if record.message == "turned_away"]
        return [vars(record)["fields"]["n_requests"] for record in records]

    with caplog.at_level(logging.INFO, "sepsis_detect"):
        for _ in range(20):
            assert ask(client, BODY).status_code == 503
        while sum(logged()) < 20:
            assert time.monotonic() < began + MAX_SECONDS
            time.sleep(0.05)
    assert len(logged()) <= 2 + (time.monotonic() - began) / 0.5
    assert metrics.n_turned_away == n_before + 20
    assert not [record for record in caplog.records if record.message == "request"]
