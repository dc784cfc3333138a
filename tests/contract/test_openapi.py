"""The OpenAPI document says what the service does: examples, requests, answers, errors."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from sepsis_detect.clinical.variables import VARIABLES
from tests.builders import a_patient, a_stay
from tests.contract.asking import PATIENT, PATIENTS, ask, predicted

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(client: TestClient) -> Document:
    found: Document = client.get("/openapi.json").json()
    return found


def validator(document: Document, schema: Any) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def request_of(document: Document, route: str) -> Document:
    body: Document = document["paths"][route]["post"]["requestBody"]["content"]["application/json"]
    return body


def answer_validator(
    document: Document, route: str, status: int, method: str = "post"
) -> Draft202012Validator:
    response = document["paths"][route][method]["responses"][str(status)]
    return validator(document, response["content"]["application/json"]["schema"])


@pytest.mark.parametrize("route", [PATIENT, PATIENTS])
def test_every_schema_is_a_schema(document: Document, route: str) -> None:
    Draft202012Validator.check_schema(request_of(document, route)["schema"])
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("route", [PATIENT, PATIENTS])
@pytest.mark.parametrize(
    "query", ["", "include=trend&include=contributions&include=scores&on_incoherence=drop"]
)
def test_the_examples_are_answered_as_documented(
    client: TestClient, document: Document, route: str, query: str
) -> None:
    body = request_of(document, route)
    assert body["examples"]
    for example in body["examples"].values():
        validator(document, body["schema"]).validate(example["value"])
        response = ask(client, example["value"], query, route=route)
        assert response.status_code == 200, response.text
        answer_validator(document, route, 200).validate(response.json())
        for result in response.json().get("results", []):
            assert "detail" not in result


@pytest.mark.parametrize("route", ["/health", "/model", "/variables"])
def test_the_facts_are_answered_as_documented(
    client: TestClient, document: Document, route: str
) -> None:
    answer_validator(document, route, 200, "get").validate(client.get(route).json())


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{}", "application/json", 422),
        (b'{"HR": NaN, "Foo": [], "Temp": 98.6}', "application/json", 422),
        (b"", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * (5 * 1024 * 1024 + 1), "application/json", 413),
    ],
    ids=["nothing measured", "three errors", "empty", "not JSON", "too large"],
)
@pytest.mark.parametrize("route", [PATIENT, PATIENTS])
def test_errors_are_answered_as_documented(
    client: TestClient, document: Document, route: str, content: bytes, media_type: str, status: int
) -> None:
    response = client.post(route, content=content, headers={"Content-Type": media_type})
    assert response.status_code == status
    answer_validator(document, route, status).validate(response.json())


def test_a_batch_with_a_bad_patient_is_answered_as_documented(
    client: TestClient, document: Document
) -> None:
    response = ask(client, {"patients": [{"HR": 0}, {"HR": 80}, None]}, route=PATIENTS)
    answer_validator(document, PATIENTS, 200).validate(response.json())


@pytest.mark.parametrize("patient", [a_patient(), a_stay()], ids=["flat", "stay"])
def test_a_well_patient_is_a_documented_request(document: Document, patient: Document) -> None:
    validator(document, request_of(document, PATIENT)["schema"]).validate(patient)


@pytest.mark.parametrize(
    "patient",
    [
        pytest.param({"HR": "80"}, id="a number as text"),
        pytest.param({"HR": True}, id="a boolean"),
        pytest.param({"HR": 80, "PTT": 301}, id="out of range"),
        pytest.param({"HeartRate": 80}, id="an unknown field"),
        pytest.param({"HR": 80, "Unit1": 0.5}, id="half a unit"),
        pytest.param({"HR": 80, "sex": "x"}, id="an unknown word"),
        pytest.param({"HR": 80, "icu_unit": "x"}, id="an unknown unit"),
        pytest.param({"HR": 80, "units": {"HR": "x"}}, id="an unknown unit of measure"),
        pytest.param({"hours": []}, id="no hour"),
        pytest.param({"hours": [5]}, id="an hour that is none"),
        pytest.param({"hours": [{"HR": 80}], "HR": 80}, id="a measurement beside the hours"),
        pytest.param([], id="a list"),
    ],
)
def test_what_the_document_forbids_is_refused(
    client: TestClient, document: Document, patient: Any
) -> None:
    assert not validator(document, request_of(document, PATIENT)["schema"]).is_valid(patient)
    assert ask(client, patient).status_code == 422


@pytest.mark.parametrize(
    ("challenge", "unit", "value"),
    [
        ("Temp", "[degF]", 99.5),
        ("Creatinine", "umol/L", 150),
        ("pH", "nmol/L", 40),
        ("ICULOS", "d", 0.5),
    ],
)
def test_a_value_in_another_unit_is_a_documented_request(
    client: TestClient, document: Document, challenge: str, unit: str, value: float
) -> None:
    patient = {"HR": 80, challenge: value, "units": {challenge: unit}}
    validator(document, request_of(document, PATIENT)["schema"]).validate(patient)
    predicted(ask(client, patient))


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.challenge)
def test_every_variable_is_documented_in_both_spellings(document: Document, variable: Any) -> None:
    flat, stay = request_of(document, PATIENT)["schema"]["anyOf"]
    for properties in (flat["properties"], stay["properties"]["hours"]["items"]["properties"]):
        assert {variable.challenge, variable.name} <= set(properties)


def test_the_query_is_documented(client: TestClient, document: Document) -> None:
    for route in (PATIENT, PATIENTS):
        by_name = {each["name"]: each for each in document["paths"][route]["post"]["parameters"]}
        assert set(by_name) == {"include", "on_incoherence"}
        for choice in by_name["include"]["schema"]["items"]["enum"]:
            predicted(ask(client, a_patient(), f"include={choice}"))
        for choice in by_name["on_incoherence"]["schema"]["enum"]:
            predicted(ask(client, a_patient(), f"on_incoherence={choice}"))


def test_no_internal_error_is_promised(document: Document) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            assert "500" not in operation["responses"]
