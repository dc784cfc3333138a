"""Answers are valid under the official JSON schema of FHIR R4 (`python -m tools.fhir_schema`)."""

import json
import os
from typing import Any

import pytest
from jsonschema import Draft6Validator
from starlette.testclient import TestClient

from tests.builders import Json
from tests.contract.asking_fhir import example, needs_examples, send
from tests.resources import (
    RISK,
    SICK,
    a_bundle,
    a_person,
    an_encounter,
    bundle,
    observation,
    vital_signs,
)
from tools.fhir_schema import SCHEMA

needs_schema = pytest.mark.skipif(
    not SCHEMA.exists() and "CI" not in os.environ,
    reason="the FHIR schema is not there: python -m tools.fhir_schema",
)
pytestmark = needs_schema


@pytest.fixture(scope="module")
def schema() -> Json:
    found: Json = json.loads(SCHEMA.read_bytes())
    # A contained resource is looked at as what it says it is: trying all of them is slow.
    found["definitions"]["ResourceList"] = {"type": "object", "required": ["resourceType"]}
    return found


def check(schema: Json, resource: Json) -> None:
    """A resource, and those it contains, by the definition of their type."""
    kind = resource["resourceType"]
    validator = Draft6Validator({"$ref": f"#/definitions/{kind}", **schema_of(schema)})
    problems = sorted(validator.iter_errors(resource), key=str)
    assert not problems, [f"{list(each.path)}: {each.message[:200]}" for each in problems]
    for inner in resource.get("contained", []):
        check(schema, inner)


def schema_of(schema: Json) -> Json:
    return {key: schema[key] for key in ("$schema", "definitions")}


def test_the_schema_refuses_an_invalid_resource(schema: Json) -> None:
    with pytest.raises(AssertionError):
        check(schema, {"resourceType": "RiskAssessment", "probability": 1})


def bodies() -> list[Any]:
    return [
        pytest.param(a_bundle(), 200, id="well"),
        pytest.param(a_bundle(**SICK), 200, id="sick"),
        pytest.param(bundle(*vital_signs()), 200, id="without patient and encounter"),
        pytest.param(
            bundle(*({**each, "subject": {}} for each in vital_signs())), 200, id="of nobody"
        ),
        pytest.param(
            a_bundle(
                observation("99999-9", 1, "1"),
                observation("2524-7", 3, "mmol/L", icu_hour=50, status="preliminary"),
                {"resourceType": "Medication"},
            ),
            200,
            id="with warnings",
        ),
        pytest.param(a_bundle(heart_rate=400, diastolic_bp=200), 422, id="incoherent"),
        pytest.param(a_bundle(observation("2524-7", 3, "?")), 422, id="an unknown unit"),
        pytest.param(bundle(a_person(), an_encounter()), 422, id="nothing measured"),
        pytest.param({}, 422, id="nothing"),
        pytest.param("{", 422, id="no JSON"),
    ]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("body", "status"), bodies())
def test_every_answer_holds_to_the_schema(
    client: TestClient, schema: Json, body: Any, status: int, language: str
) -> None:
    response = send(client, body, language)
    assert response.status_code == status, response.text
    check(schema, response.json())


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/OperationDefinition/sepsis-risk"])
def test_the_conformance_resources_are_valid(client: TestClient, schema: Json, path: str) -> None:
    check(schema, client.get(path).json())


@pytest.mark.parametrize(
    ("method", "path", "content", "media_type"),
    [
        ("GET", "/fhir/nowhere", None, None),
        ("GET", RISK, None, None),
        ("POST", RISK, "x", "text/plain"),
        ("POST", RISK, " " * (5 * 1024 * 1024 + 1), "application/json"),
    ],
)
def test_every_other_error_holds_to_the_schema(
    client: TestClient, schema: Json, method: str, path: str, content: Any, media_type: Any
) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    check(schema, client.request(method, path, content=content, headers=headers).json())


@needs_examples
@pytest.mark.parametrize(
    "name", ["fhir_input_bundle.json", "fhir_riskassessment.json", "fhir_operationoutcome_422.json"]
)
def test_the_published_examples_hold_to_the_schema(schema: Json, name: str) -> None:
    published = example(name)
    for entry in published.get("entry", []):
        check(schema, entry["resource"])
    check(schema, published)


@needs_examples
def test_the_answer_to_the_published_bundle_holds_to_the_schema(
    client: TestClient, schema: Json
) -> None:
    check(schema, send(client, example("fhir_input_bundle.json")).json())


def test_a_probability_is_a_percentage(client: TestClient) -> None:
    """Invariant ras-2, which the schema does not contain: at most 100."""
    for body in (a_bundle(), a_bundle(**SICK)):
        for prediction in send(client, body).json()["prediction"]:
            assert 0 <= prediction["probabilityDecimal"] <= 100
    by_rest = client.post("/predict/patient", json={"HR": 80, "age": 60}).json()["probability"]
    assert by_rest < 1
