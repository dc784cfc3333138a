"""Lambda handler, called in this process as Lambda calls it."""

import base64
import gzip
import importlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.errors import EventError, SettingsError
from sepsis_detect.settings import Settings
from tests.artifacts import BAD, a_model
from tests.builders import a_patient, a_stay
from tests.contract.asking import ask, check_prediction, check_problems, predicted
from tests.faulty_s3 import URI, FaultyS3
from tests.lambda_events import (
    HEALTH_CHECK,
    KINDS,
    NO_REQUESTS,
    Asked,
    answer_headers,
    api_gateway,
    in_base64,
    load_balancer,
    load_balancer_multi_value,
)
from tests.paths import SHARED

Json = dict[str, Any]
Handler = Callable[[Any, Any], Json]
MODULE = "sepsis_detect.handler"
NAMED_STAGE = SHARED / "reference" / "senders" / "apigateway_v2_named_stage.json"


@pytest.fixture(scope="module")
def handler() -> Iterator[Handler]:
    """The handler as Lambda imports it; the former logging configuration is restored."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEPSIS_AUTH", "off")
        module = importlib.import_module(MODULE)
    yield module.handler
    root.handlers, root.level = before, level


@pytest.fixture(params=KINDS.values(), ids=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Asked:
    asked: Asked = request.param
    return asked


def body_of(answer: Json) -> Any:
    assert answer["isBase64Encoded"] is False
    return json.loads(answer["body"])


def test_it_predicts_like_the_server(handler: Handler, kind: Asked, client: TestClient) -> None:
    answer = handler(kind("POST", "/predict/patient", body=a_patient()), None)
    assert answer["statusCode"] == 200
    found = body_of(answer)
    check_prediction(found)
    assert found["probability"] == predicted(ask(client, a_patient()))["probability"]
    assert answer_headers(answer)["content-type"] == "application/json"
    assert answer_headers(answer)["x-request-id"] == "trace-0017" == found["request_id"]


def test_it_answers_the_load_balancers_health_check(handler: Handler) -> None:
    answer = handler(HEALTH_CHECK, None)
    assert (answer["statusCode"], body_of(answer)["status"]) == (200, "OK")


@pytest.mark.parametrize(
    "kind",
    [kind for kind in KINDS.values() if kind is not load_balancer],
    ids=[name for name, kind in KINDS.items() if kind is not load_balancer],
)
def test_repeated_parameters_all_arrive(handler: Handler, kind: Asked) -> None:
    query = "include=trend&include=scores&include=contributions"
    answer = body_of(handler(kind("POST", "/predict/patient", query, a_stay(3)), None))
    assert {"trend", "scores", "contributions"} <= set(answer)


def test_without_multi_value_headers_the_last_of_a_repeated_parameter_counts(
    handler: Handler,
) -> None:
    event = load_balancer("POST", "/predict/patient", "include=trend&include=scores", a_stay(3))
    answer = body_of(handler(event, None))
    assert "scores" in answer
    assert "trend" not in answer


@pytest.mark.skipif(
    not NAMED_STAGE.exists(), reason="the shared reference does not lie beside the checkout"
)
def test_the_named_stage_of_a_real_event_is_no_part_of_the_route(handler: Handler) -> None:
    answer = handler(json.loads(NAMED_STAGE.read_text(encoding="utf-8")), None)
    assert (answer["statusCode"], body_of(answer)["status"]) == (200, "OK")


@pytest.mark.parametrize(
    ("stage", "path", "status"),
    [
        ("prod", "/prod/", 200),
        ("prod", "/prod", 200),
        ("prod", "/health", 200),  # a domain of one's own
        ("health", "/health/health", 200),
        ("prod", "/production/health", 404),
        ("prod", "/prod/prod/health", 404),
        ("$default", "/prod/health", 404),
        ("$default", "/health", 200),
    ],
)
def test_only_the_stage_at_the_beginning_of_the_path_is_left_out(
    handler: Handler, stage: str, path: str, status: int
) -> None:
    event = api_gateway("GET", path)
    event["requestContext"]["stage"] = stage
    assert handler(event, None)["statusCode"] == status


def test_a_percent_encoded_parameter_is_decoded(handler: Handler) -> None:
    event = load_balancer("POST", "/predict/patient", body=a_patient())
    event["queryStringParameters"] = {
        "on%5Fincoherence": "d%72op"
    }  # the load balancer does not decode it
    assert handler(event, None)["statusCode"] == 200


def test_a_body_in_base64_is_decoded(handler: Handler, kind: Asked) -> None:
    event = in_base64(load_balancer("POST", "/predict/patient", body=a_patient()))
    assert handler(event, None)["statusCode"] == 200


@pytest.mark.parametrize("body", ["***", "eyJ", "{}", '{"age": 63}', "é", "\ud800"])
@pytest.mark.parametrize("path", ["/predict/patient", "/fhir/$sepsis-risk"])
def test_a_body_that_is_not_base64_as_its_event_says_is_422(
    handler: Handler, kind: Asked, path: str, body: str
) -> None:
    event = kind("POST", path) | {"body": body, "isBase64Encoded": True}
    answer = handler(event, None)
    assert answer["statusCode"] == 422
    text = (
        base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    )
    assert b"body.base64" in text
    assert (b"OperationOutcome" in text) == path.startswith("/fhir")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 422),
        ("{", 422),
        ('{"age": 63, "diastolic_bp": 120, "systolic_bp": 80}', 422),
        ("\ud800", 422),
        (json.dumps({"patients": []}), 422),
    ],
)
def test_an_invalid_body_is_422(handler: Handler, kind: Asked, body: str, status: int) -> None:
    answer = handler(kind("POST", "/predict/patient", body=body), None)
    assert answer["statusCode"] == status
    check_problems(body_of(answer))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/none", 404), ("PATCH", "/predict/patient", 405), ("GET", "/predict/patient", 405)],
)
def test_an_unknown_path_or_method_is_404_or_405(
    handler: Handler, kind: Asked, method: str, path: str, status: int
) -> None:
    answer = handler(kind(method, path), None)
    assert answer["statusCode"] == status
    check_problems(body_of(answer))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "[::1]:443"),
        ("host", "a:b:c"),
        ("host", ""),
        ("host", "sepsis:port"),
        ("x_forwarded_port", "x"),
        ("x_forwarded_port", ""),
        ("accept", "\ud800"),
        ("cookie", "a=b; c"),
    ],
)
def test_an_invalid_header_does_not_fail_an_invocation(
    handler: Handler, kind: Asked, name: str, value: str
) -> None:
    event = kind("POST", "/predict/patient", body=a_patient(), **{name: value})
    assert handler(event, None)["statusCode"] == 200


def test_another_media_type_is_refused(handler: Handler, kind: Asked) -> None:
    event = kind("POST", "/predict/patient", body=a_patient(), content_type="text/csv")
    assert handler(event, None)["statusCode"] == 415


@pytest.mark.parametrize("event", NO_REQUESTS, ids=repr)
def test_an_event_that_is_not_a_request_fails_without_its_content(
    handler: Handler, event: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EventError) as raised:
        handler(event, None)
    assert raised.value.__suppress_context__
    assert "canary" not in str(raised.value) + "".join(capfd.readouterr())


def test_an_answer_larger_than_a_load_balancer_takes_is_refused(handler: Handler) -> None:
    """The load balancer's own 502 would not explain it."""
    path = "/docs/swagger-ui-bundle.js"
    for kind in (load_balancer, load_balancer_multi_value):
        answer = handler(kind("GET", path), None)
        assert answer["statusCode"] == 413
        check_problems(body_of(answer))
        assert answer_headers(answer)["content-type"] == "application/json"
        assert "content-length" not in answer_headers(answer)
        assert answer_headers(answer)["x-request-id"] == "trace-0017"
    assert handler(api_gateway("GET", path), None)["statusCode"] == 200


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, r"as a Lambda function.*needs SEPSIS_API_KEYS"),
        (
            {"SEPSIS_AUTH": "off", "SEPSIS_SHADOW_MODEL_URI": "s3://models/shadow"},
            "SEPSIS_SHADOW_MODEL_URI cannot be used in a Lambda function",
        ),
    ],
    ids=["without authentication", "with a shadow model"],
)
def test_settings_that_a_function_cannot_have_stop_its_start(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], sentence: str
) -> None:
    monkeypatch.delenv("SEPSIS_AUTH", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        with pytest.raises(SettingsError, match=sentence):
            importlib.import_module(MODULE)
    finally:
        root.handlers, root.level = before, level


@pytest.fixture
def polling_s3(handler: Any, s3: FaultyS3, tmp_path: Path) -> Iterator[Handler]:
    """A handler that polls for a new model before almost every invocation."""
    s3.put(a_model("1"))
    settings = Settings(model_uri=URI, model_poll_seconds=0.05, model_cache_dir=tmp_path)
    polling = type(handler)(create_app(settings))
    yield polling
    polling._loop.close()


def answering_version(handler: Handler) -> str:
    """The version of an answer after the next poll is due."""
    time.sleep(0.1)
    answer = handler(load_balancer("POST", "/predict/patient", body=a_patient()), None)
    assert answer["statusCode"] == 200
    return str(body_of(answer)["model"]["version"])


def test_a_model_uploaded_between_two_invocations_answers_the_next(
    polling_s3: Handler, s3: FaultyS3
) -> None:
    assert answering_version(polling_s3) == "1"
    s3.put(a_model("2"))
    assert answering_version(polling_s3) == "2"
    s3.put(BAD["wrong self-check"][0]())
    assert answering_version(polling_s3) == "2"
    assert body_of(polling_s3(HEALTH_CHECK, None))["candidate"]["status"] == "refused"
    s3.show("down")
    assert answering_version(polling_s3) == "2"


def test_an_invocation_does_not_wait_long_for_a_slow_s3(
    polling_s3: Handler, s3: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[MODULE], "REFRESH_SECONDS", 1.0)
    s3.show("slow")
    began = time.monotonic()
    assert answering_version(polling_s3) == "1"
    assert time.monotonic() - began < 10  # half of the fetch time-out of a server


def test_a_gzip_body_is_unpacked(handler: Handler, kind: Asked) -> None:
    event = kind("POST", "/predict/patient", content_encoding="gzip")
    packed = base64.b64encode(gzip.compress(json.dumps(a_patient()).encode())).decode()
    answer = handler(event | {"body": packed, "isBase64Encoded": True}, None)
    assert answer["statusCode"] == 200
    check_prediction(body_of(answer))
