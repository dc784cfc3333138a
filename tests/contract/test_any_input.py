"""Arbitrary input (property tests): every answer has the documented form, none is a 500."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from sepsis_detect.clinical.units import accepted
from sepsis_detect.clinical.variables import CLINICAL, VARIABLES, Variable
from sepsis_detect.patient_json.fields import HOURS, TIMESTAMP, UNITS
from tests.contract.asking import (
    PATIENT,
    PATIENTS,
    ask,
    check_prediction,
    check_problems,
    predicted,
    refused,
    rules_of,
)
from tests.strategies import any_json, hour_like, numbers, patient_like

# The client is one for all examples; how long one takes depends on the machine.
shared_client = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
)
QUERIES = ["", "on_incoherence=drop", "on_incoherence=drop&include=trend&include=contributions"]


def check_any_answer(client: TestClient, body: str | bytes, query: str, route: str) -> None:
    response = ask(client, body, query, route=route)
    if response.status_code != 200:
        refused(response)
        return
    answer = response.json()
    for result in answer["results"] if route == PATIENTS else [answer]:
        (check_problems if "detail" in result else check_prediction)(result)


@shared_client
@given(body=any_json | hour_like | patient_like, query=st.sampled_from(QUERIES))
def test_any_json_is_answered_in_the_documented_form(
    client: TestClient, body: Any, query: str
) -> None:
    check_any_answer(client, json.dumps(body), query, PATIENT)


@shared_client
@given(
    patients=st.lists(any_json | hour_like | patient_like, max_size=4),
    query=st.sampled_from(QUERIES),
)
def test_any_list_of_patients_is_answered_in_the_documented_form(
    client: TestClient, patients: list[Any], query: str
) -> None:
    check_any_answer(client, json.dumps({"patients": patients}), query, PATIENTS)


@shared_client
@given(body=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
def test_any_bytes_are_answered_in_the_documented_form(client: TestClient, body: bytes) -> None:
    for route in (PATIENT, PATIENTS):
        check_any_answer(client, body, "", route)


def within(variable: Variable) -> st.SearchStrategy[float]:
    return st.floats(variable.hard_low, variable.hard_high)


@st.composite
def coherent_patients(draw: st.DrawFn) -> dict[str, Any]:
    """A stay whose every hour holds one possible value, in either spelling."""
    hours = []
    for icu_hour in sorted(draw(st.sets(st.integers(1, 400), min_size=1, max_size=12))):
        variable = draw(st.sampled_from(CLINICAL))
        name = draw(st.sampled_from([variable.name, variable.challenge]))
        hours.append({"icu_hour": icu_hour, name: draw(within(variable))})
    age = draw(st.none() | st.floats(14, 120))
    return {"age": age, "sex": draw(st.sampled_from([None, "male", "female"])), HOURS: hours}


@shared_client
@given(patient=coherent_patients(), query=st.sampled_from(["", "include=trend&include=scores"]))
def test_a_coherent_patient_is_predicted(
    client: TestClient, patient: dict[str, Any], query: str
) -> None:
    answer = predicted(ask(client, patient, query))
    assert "dropped" not in [warning["type"] for warning in answer["warnings"]]


@shared_client
@given(variable=st.sampled_from(VARIABLES), value=st.floats(allow_nan=False, allow_infinity=False))
def test_one_value_is_accepted_exactly_within_its_range(
    client: TestClient, variable: Variable, value: float
) -> None:
    is_whole = (
        variable.challenge not in ("Gender", "Unit1", "Unit2", "ICULOS") or value.is_integer()
    )
    companion = "Resp" if variable.challenge != "Resp" else "HR"
    response = ask(client, {companion: 20, variable.challenge: value})
    if variable.hard_low <= value <= variable.hard_high and is_whole:
        predicted(response)
    else:
        assert rules_of(refused(response)) == [f"range:{variable.challenge}"]


@shared_client
@given(data=st.data(), variable=st.sampled_from(VARIABLES))
def test_any_number_in_any_unit_is_answered(
    client: TestClient, data: st.DataObject, variable: Variable
) -> None:
    unit = data.draw(st.sampled_from(accepted(variable)))
    value = data.draw(numbers)
    body = {variable.challenge: value, "spo2": 97, UNITS: {variable.name: unit}}
    check_any_answer(client, json.dumps(body), data.draw(st.sampled_from(QUERIES)), PATIENT)


@shared_client
@given(
    icu_hours=st.lists(numbers, min_size=2, max_size=5),
    stamps=st.lists(st.datetimes(timezones=st.timezones()), min_size=5, max_size=5),
    query=st.sampled_from(QUERIES),
)
def test_any_course_of_hours_is_answered(
    client: TestClient, icu_hours: list[Any], stamps: list[Any], query: str
) -> None:
    hours = [
        {"icu_hour": hour, "HR": 80, TIMESTAMP: stamp.isoformat()}
        for hour, stamp in zip(icu_hours, stamps, strict=False)
    ]
    check_any_answer(client, json.dumps({HOURS: hours}), query, PATIENT)
