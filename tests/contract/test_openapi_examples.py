"""Examples of the OpenAPI document: every status of every route, as the service answers it."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.api.schema.example_requests import (
    EXAMPLE_REQUESTS,
    FHIR_RISK,
    PATIENT,
    PATIENTS,
    ExampleRequest,
    media_type,
)
from sepsis_detect.api.schema.examples import HOST, REQUEST_ID, SUMMARIES
from sepsis_detect.api.schema.request_schemas import FLAT
from sepsis_detect.api.services import services_in
from sepsis_detect.auth import api_keys
from sepsis_detect.settings import Settings

Document = dict[str, Any]
CHANGING = {"uuid", "loaded_at", "occurrenceDateTime"}
NAMES = [f"{each.path} {each.status} {each.name}" for each in EXAMPLE_REQUESTS]


@pytest.fixture(scope="module")
def document(client: TestClient) -> Document:
    found: Document = client.get("/openapi.json").json()
    return found


def responses(document: Document) -> Iterator[tuple[str, str, str, Document]]:
    """Every route, method and status, with its response."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                yield path, method, status, response


def examples_of(document: Document, path: str, status: int, method: str = "post") -> Document:
    response = document["paths"][path][method]["responses"][str(status)]
    found: Document = response["content"][media_type(path)]["examples"]
    return {name: example["value"] for name, example in found.items()}


def send(client: TestClient, request: ExampleRequest) -> Any:
    headers = {"X-Request-ID": REQUEST_ID, "Content-Type": media_type(request.path)}
    address = f"https://{HOST}{request.path}?{request.query}"
    if request.body is None:
        return client.get(address, headers=headers | request.headers)
    content = json.dumps(request.body)
    return client.post(address, content=content, headers=headers | request.headers)


def unchanging(answer: Any) -> Any:
    """An answer without what differs from one time to the next."""
    if isinstance(answer, dict):
        return {key: unchanging(each) for key, each in answer.items() if key not in CHANGING}
    return [unchanging(each) for each in answer] if isinstance(answer, list) else answer


def test_every_status_of_every_route_has_examples_in_its_one_media_type(
    document: Document,
) -> None:
    for path, method, status, response in responses(document):
        assert list(response["content"]) == [media_type(path)], (path, method, status)
        (content,) = response["content"].values()
        assert content["examples"], (path, method, status)


def test_every_example_is_valid_by_its_schema(document: Document) -> None:
    for path, method, status, response in responses(document):
        (content,) = response["content"].values()
        schema = {**content["schema"], "components": document["components"]}
        for name, example in content["examples"].items():
            errors = list(Draft202012Validator(schema).iter_errors(example["value"]))
            assert not errors, (path, method, status, name, errors)
            assert example["summary"]


@pytest.mark.parametrize("request_", EXAMPLE_REQUESTS, ids=NAMES)
def test_every_example_is_what_the_service_answers(
    client: TestClient, document: Document, request_: ExampleRequest
) -> None:
    response = send(client, request_)
    assert response.status_code == request_.status
    found = examples_of(document, request_.path, request_.status, request_.method)[request_.name]
    if not request_.is_shortened:
        assert unchanging(found) == unchanging(response.json())
    else:
        assert set(found) == set(response.json())


def test_the_errors_of_one_status_differ_from_those_of_another(document: Document) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            values = [
                str(example["value"])
                for status, response in operation["responses"].items()
                if status != "200"
                for example in response["content"][media_type(path)]["examples"].values()
            ]
            assert len(set(values)) == len(values)


def test_answers_show_what_an_answer_may_have(document: Document) -> None:
    answers = examples_of(document, PATIENT, 200)
    for answer in answers.values():
        is_positive = answer["probability"] >= answer["threshold"]
        assert answer["prediction"] == ("Positive" if is_positive else "Negative")
    assert answers["flat"]["prediction"] == "Positive"
    assert answers["flat"]["data_sufficiency"] == {"level": "sufficient", "missing": []}
    assert {"trend", "contributions", "scores", "warnings"} <= set(answers["stay"])
    assert answers["stay"]["trend"][-1]["probability"] == answers["stay"]["probability"]
    dropped = [each["rule"] for each in answers["drop"]["warnings"] if each["type"] == "dropped"]
    assert dropped == ["json.string", "range:O2Sat", "range:Temp"]
    two = examples_of(document, PATIENTS, 200)["two"]["results"]
    assert [set(each) & {"prediction", "detail"} for each in two] == [{"prediction"}, {"detail"}]


def test_problems_of_fhir_are_operation_outcomes(document: Document) -> None:
    for status in (401, 406, 408, 413, 415, 422, 429, 503):
        for outcome in examples_of(document, FHIR_RISK, status).values():
            assert outcome["resourceType"] == "OperationOutcome"
            assert outcome["issue"][0]["severity"] == "error"


def test_what_no_single_request_brings_about_is_answered_so_too(document: Document) -> None:
    key = api_keys.new_key()
    guarded = Settings(api_keys=api_keys.entry("ward", key), max_body_bytes=1_024)
    with TestClient(create_app(guarded)) as client:
        own = client.get("/openapi.json", headers={"X-API-Key": key}).json()
        for path in (PATIENT, FHIR_RISK):
            headers = {"Content-Type": media_type(path)}
            without = client.post(path, content=b"{}", headers=headers)
            assert without.status_code == 401
            assert without.json() == examples_of(own, path, 401)["error"]
            headers["X-API-Key"] = key
            large = client.post(path, content=b" " * 1_025, headers=headers)
            assert large.status_code == 413
            assert large.json() == examples_of(own, path, 413)["error"]
    assert set(SUMMARIES) == {401, 408, 413, 429, 503}


def test_asking_for_the_document_counts_and_logs_no_prediction(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="sepsis_detect")
    app = create_app(Settings(audit_key=SecretStr("k" * 32)))

    def logged(path: str, body: Any = None) -> set[str]:
        caplog.clear()
        response = client.get(path) if body is None else client.post(path, json=body)
        assert response.status_code == 200
        services_in(app).metrics.flush()
        counted = [getattr(each, "metrics", None) for each in caplog.records]
        has_prediction = any("Predictions" in str(each) for each in counted)
        names = {each.getMessage() for each in caplog.records} - {"metrics"}
        return names | ({"counted"} if has_prediction else set())

    with TestClient(app) as client:
        assert logged("/openapi.json") == logged("/health")
        assert logged(PATIENT, FLAT) > logged("/health")
