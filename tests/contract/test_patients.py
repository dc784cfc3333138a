"""`POST /predict/patients`: the same answer for each patient as alone, in the order sent."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.patient_json.patient_list import MAX_PATIENTS
from tests.builders import a_patient, a_stay
from tests.contract.asking import (
    PATIENTS,
    ask,
    check_prediction,
    check_problems,
    refused,
    rules_of,
)

MANY: list[Any] = [
    a_patient(),
    a_stay(),
    {"HR": 0},
    a_patient(heart_rate=140, temperature=39.5),
    None,
    a_stay(30, respiratory_rate=28),
    {},
    a_stay(3, icu_hour=[1, 1, 2]),
    {"HR": float("nan")},
    {"lactate": 4, "icu_hour": 2, "SBP": 80, "DBP": 100},
    "a patient",
    {"units": {"HR": "x"}, "HR": 80},
    a_patient(Foo=1),
    a_stay(60),
]
QUERIES = [
    "",
    "include=trend",
    "include=contributions",
    "include=scores",
    "on_incoherence=drop",
    "on_incoherence=drop&include=trend&include=scores&include=contributions",
]


def results_of(client: TestClient, patients: list[Any], query: str = "") -> list[dict[str, Any]]:
    response = ask(client, {"patients": patients}, query, route=PATIENTS)
    assert response.status_code == 200, response.text
    assert list(response.json()) == ["results"]
    results: list[dict[str, Any]] = response.json()["results"]
    assert len(results) == len(patients)
    for result in results:
        (check_problems if "detail" in result else check_prediction)(result)
    return results


def as_alone(result: dict[str, Any], index: int) -> dict[str, Any]:
    """A result in the form of `/predict/patient`."""
    prefix = ["body", "patients", index]
    for problem in [*result.get("detail", []), *result.get("warnings", [])]:
        assert problem["loc"][:3] == prefix
        problem["loc"] = ["body", *problem["loc"][3:]]
    return result | ({"request_id": ""} if "request_id" in result else {})


@pytest.mark.parametrize("query", QUERIES)
def test_a_batch_answers_each_patient_exactly_as_alone(client: TestClient, query: str) -> None:
    for index, result in enumerate(results_of(client, MANY, query)):
        alone = ask(client, json.dumps(MANY[index]), query).json()
        alone |= {"request_id": ""} if "request_id" in alone else {}
        assert as_alone(result, index) == alone


def test_one_request_has_one_id(client: TestClient) -> None:
    response = ask(client, {"patients": [a_patient(), a_stay()]}, route=PATIENTS)
    ids = {result["request_id"] for result in response.json()["results"]}
    assert ids == {response.headers["X-Request-ID"]}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("bad", [None, 5, [], {}, {"HR": 0}, {"hours": "x"}, {"x": 1}], ids=repr)
def test_a_bad_patient_does_not_affect_the_others(client: TestClient, bad: Any, place: int) -> None:
    good = [a_patient(), a_stay()]
    patients = [*good[:place], bad, *good[place:]]
    results = results_of(client, patients)
    assert "detail" in results.pop(place)
    expected = results_of(client, good)
    assert [each["probability"] for each in results] == [each["probability"] for each in expected]


def test_an_empty_list_has_no_results(client: TestClient) -> None:
    assert results_of(client, []) == []


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        pytest.param("[]", "json.type", id="a bare list"),
        pytest.param("null", "json.type", id="null"),
        pytest.param("{}", "json.type", id="no patients"),
        pytest.param('{"patients": null}', "json.type", id="null for patients"),
        pytest.param('{"patients": {"HR": 80}}', "json.type", id="one patient, no list"),
        pytest.param('{"patients": "all"}', "json.type", id="a text"),
        pytest.param('{"HR": 80}', "json.type", id="a patient on the wrong route"),
        pytest.param('{"patients": [], "units": {}}', "json.type", id="a field beside"),
        pytest.param('{"patients": [], "patients": []}', "json.duplicate", id="patients twice"),
        pytest.param('{"patients": [}', "json.broken", id="broken"),
    ],
)
def test_the_body_is_a_list_of_patients_and_nothing_else(
    client: TestClient, body: str, rule: str
) -> None:
    (problem,) = refused(ask(client, body, route=PATIENTS))
    assert (problem["type"], problem["rule"]) == ("json", rule)


def test_more_than_a_thousand_patients_are_refused_and_a_thousand_answered(
    client: TestClient,
) -> None:
    patients = [{"HR": 60 + index % 100} for index in range(MAX_PATIENTS + 1)]
    problems = refused(ask(client, {"patients": patients}, route=PATIENTS))
    assert rules_of(problems) == ["json.size"]
    assert len(results_of(client, patients[:-1])) == MAX_PATIENTS == 1000


def test_a_query_that_is_not_understood_refuses_the_batch(client: TestClient) -> None:
    (problem,) = refused(ask(client, {"patients": [a_patient()]}, "include=x", route=PATIENTS))
    assert problem["rule"] == "query.include"


def test_a_refusal_in_a_batch_shows_no_value_of_another_patient(client: TestClient) -> None:
    patients = [a_patient(lactate=3.14159), {"HR": 0, "lactate": 2.71828}]
    detail = str(results_of(client, patients)[1])
    assert "3.14" not in detail
    assert "2.71" not in detail
