"""The image as a Lambda function, with a stand-in for Lambda's Runtime API."""

import json
import time
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.builders import a_patient, a_stay
from tests.container.runtime_api import RuntimeApi, runtime_api
from tests.contract.asking import ask, predicted
from tests.lambda_events import HEALTH_CHECK, KINDS, NO_REQUESTS, TRACE, Asked, answer_headers
from tools.containers import HARDENED, Container, container

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def function(image: str) -> Iterator[tuple[RuntimeApi, Container]]:
    """The Runtime API, and the function after its first answer."""
    with runtime_api() as api:
        flags = (
            *HARDENED,
            "--network=host",
            f"--env=AWS_LAMBDA_RUNTIME_API={api.address}",
            "--env=SEPSIS_AUTH=off",
        )
        began = time.monotonic()
        with container(image, flags=flags, is_published=False) as running:
            kind, answer = api.invoke(HEALTH_CHECK)
            cold = time.monotonic() - began
            assert (kind, answer["statusCode"]) == ("response", 200)
            began = time.monotonic()
            api.invoke(HEALTH_CHECK)
            warm = time.monotonic() - began
            print(  # -s shows it
                f"docker run to first answer {cold:.2f} s, next {warm * 1000:.1f} ms"
            )
            yield api, running


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_predictions_equal_those_of_the_server(
    function: tuple[RuntimeApi, Container], kind: Asked, client: TestClient
) -> None:
    api, _ = function
    posted, answer = api.invoke(kind("POST", "/predict/patient", body=a_patient()))
    assert (posted, answer["statusCode"]) == ("response", 200)
    found = json.loads(answer["body"])
    assert found["probability"] == predicted(ask(client, a_patient()))["probability"]
    assert answer_headers(answer)["x-request-id"] == "trace-0017"
    query = "include=contributions&include=trend"
    _, answer = api.invoke(kind("POST", "/predict/patient", query, a_stay(3)))
    assert "trend" in json.loads(answer["body"])
    _, answer = api.invoke(kind("POST", "/predict/patient", body="{"))
    assert answer["statusCode"] == 422


def test_an_event_that_is_no_request_fails_only_its_own_invocation(
    function: tuple[RuntimeApi, Container],
) -> None:
    api, running = function
    for event in NO_REQUESTS:
        posted, error = api.invoke(event)
        assert posted == "error"
        assert error["errorType"] == "EventError"
        assert "canary" not in json.dumps(error)
    posted, error = api.invoke(b'{"ward-canary')
    assert posted == "error"
    assert api.invoke(HEALTH_CHECK)[0] == "response"
    assert "canary" not in running.logs()


def test_logs_are_json_lines_without_patient_data(
    function: tuple[RuntimeApi, Container],
) -> None:
    api, running = function
    api.invoke(KINDS["load balancer"]("POST", "/predict/patient", body=a_patient(heart_rate=118)))
    lines = [line for line in running.logs().splitlines() if '"event":"request"' in line]
    assert json.loads(lines[-1])["route"] == "/predict/patient"
    assert TRACE not in running.logs()


def test_a_failed_start_is_reported_as_an_initialisation_error(image: str) -> None:
    with runtime_api() as api:
        flags = (*HARDENED, "--network=host", f"--env=AWS_LAMBDA_RUNTIME_API={api.address}")
        with container(image, flags=flags, is_published=False) as running:
            posted, error = api.outcome()
            assert posted == "init/error"
            assert error["errorType"] == "SettingsError"
            assert "SEPSIS_AUTH=off" in error["errorMessage"]
            assert running.wait_until_stopped() == 1
