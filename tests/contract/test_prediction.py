"""`POST /predict/patient`: its answer, and which changes of a request change it."""

import json
import math
from random import Random
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.clinical.variables import VARIABLES
from tests.builders import CANONICAL, a_patient, a_stay, an_hour
from tests.contract.asking import ask, check_problem, predicted, probability, refused, rules_of

CORE = [
    *("prediction", "probability", "threshold", "icu_hour", "data_sufficiency"),
    *("model", "request_id", "warnings"),
]
WORSENING = a_stay(
    14,
    heart_rate=[80 + 4 * hour for hour in range(14)],
    temperature=[37.0, None, None, 37.6, ..., None, 38.1, None, 38.8, None, None, 39.2, None, 39.4],
    systolic_bp=[120 - 2 * hour for hour in range(14)],
    mean_arterial_pressure=None,
    diastolic_bp=None,
    respiratory_rate=[16 + hour for hour in range(14)],
    lactate=[None] * 8 + [2.1, None, None, 3.4, None, None],
    wbc=[9.1] + [None] * 10 + [17.5, None, None],
)
SPARSE = {
    "hours": [{"icu_hour": 3}, {"icu_hour": 7, "lactate": 2}, {"icu_hour": 8, "heart_rate": 110}]
}
PATIENTS = [
    pytest.param(a_patient(), id="one hour"),
    pytest.param({"HR": 118, "Temp": 38.9}, id="two vital signs and no more"),
    pytest.param(a_stay(), id="a well stay"),
    pytest.param(WORSENING, id="a worsening stay"),
    pytest.param(SPARSE, id="a stay with gaps"),
    pytest.param(a_stay(130), id="five days"),
]


def in_challenge_spelling(values: dict[str, Any]) -> dict[str, Any]:
    """The same patient as a challenge row would have it; the unit as two flags."""
    spelled = {name: challenge for challenge, name in CANONICAL.items()}
    flags = {"medical": (1, 0), "surgical": (0, 1)}
    row = {spelled[key]: value for key, value in values.items() if key not in ("icu_unit", "sex")}
    unit = values.get("icu_unit")
    row |= dict(zip(("Unit1", "Unit2"), flags[unit], strict=True)) if unit else {}
    return row | ({"Gender": ["female", "male"].index(values["sex"])} if "sex" in values else {})


@pytest.mark.parametrize("patient", PATIENTS)
def test_an_answer_has_these_keys_and_no_other(client: TestClient, patient: dict[str, Any]) -> None:
    response = ask(client, patient)
    assert list(predicted(response)) == CORE
    assert response.headers["content-type"] == "application/json"
    assert response.json()["request_id"] == response.headers["X-Request-ID"]


def test_the_answer_is_about_the_last_hour(client: TestClient) -> None:
    assert predicted(ask(client, a_patient(icu_hour=12)))["icu_hour"] == 12
    assert predicted(ask(client, a_stay(10)))["icu_hour"] == 10


def test_one_hour_is_answered_alike_flat_and_as_a_stay(client: TestClient) -> None:
    hour = an_hour(icu_hour=12)
    stay = a_stay(1, icu_hour=12, heart_rate=80)
    flat = {key: value for key, value in stay.items() if key != "hours"} | hour
    for query in ("", "include=trend&include=contributions&include=scores"):
        one, other = (predicted(ask(client, body, query)) for body in (flat, stay))
        assert one | {"request_id": ""} == other | {"request_id": ""}


@pytest.mark.parametrize("patient", PATIENTS)
def test_asking_twice_gives_the_same_answer(client: TestClient, patient: dict[str, Any]) -> None:
    assert len({probability(client, patient) for _ in range(3)}) == 1


def test_both_spellings_give_the_same_answer(client: TestClient) -> None:
    flat = a_patient(lactate=2.2, wbc=14)
    assert probability(client, in_challenge_spelling(flat)) == probability(client, flat)
    constants = {key: value for key, value in WORSENING.items() if key != "hours"}
    hours = [in_challenge_spelling(hour | constants) for hour in WORSENING["hours"]]
    assert probability(client, {"hours": hours}) == probability(client, WORSENING)


@pytest.mark.parametrize(
    ("spelled", "rule"),
    [
        pytest.param({"HR": 80, "heart_rate": 80.0}, None, id="the same value"),
        pytest.param({"HR": None, "heart_rate": 80}, None, id="one of them null"),
        pytest.param({"HR": 80, "heart_rate": 81}, "json.alias", id="two values"),
        pytest.param({"HR": 80, "Gender": 1, "sex": "male"}, None, id="code and word agree"),
        pytest.param({"HR": 80, "Gender": 0, "sex": "male"}, "json.alias", id="code and word"),
        pytest.param(
            {"HR": 80, "icu_unit": "medical", "Unit1": 1, "Unit2": 0}, None, id="flags and word"
        ),
        pytest.param(
            {"HR": 80, "icu_unit": "medical", "Unit1": 0, "Unit2": 1}, "json.alias", id="two units"
        ),
    ],
)
def test_two_spellings_of_one_variable_must_agree(
    client: TestClient, spelled: dict[str, Any], rule: str | None
) -> None:
    response = ask(client, spelled)
    if rule is None:
        predicted(response)
    else:
        assert set(rules_of(refused(response))) == {rule}


def test_a_problem_points_at_the_spelling_that_has_a_value(client: TestClient) -> None:
    (problem,) = refused(ask(client, {"heart_rate": None, "HR": 0}))
    assert problem["loc"] == ["body", "HR"]


@pytest.mark.parametrize("patient", PATIENTS)
def test_the_order_of_keys_changes_nothing(client: TestClient, patient: dict[str, Any]) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, list):
            return [shuffled(each) for each in value]
        if not isinstance(value, dict):
            return value
        keys = list(value)
        Random(len(keys)).shuffle(keys)
        return {key: shuffled(value[key]) for key in keys}

    assert probability(client, shuffled(patient)) == probability(client, patient)


@pytest.mark.parametrize("patient", PATIENTS)
def test_null_and_absent_are_the_same(client: TestClient, patient: dict[str, Any]) -> None:
    def with_nulls(hour: dict[str, Any]) -> dict[str, Any]:
        known = {CANONICAL.get(key, key) for key in hour}
        return hour | {v.name: None for v in VARIABLES if v.name not in known}

    if "hours" in patient:
        padded = patient | {"hours": [with_nulls(hour) for hour in patient["hours"]]}
    else:
        padded = with_nulls(patient) | {"hours": None, "units": None, "timestamp": None}
    assert probability(client, padded) == probability(client, patient)


@pytest.mark.parametrize("patient", PATIENTS)
def test_the_trend_ends_with_the_answer_and_has_every_hour_sent(
    client: TestClient, patient: dict[str, Any]
) -> None:
    answer = predicted(ask(client, patient, "include=trend"))
    assert list(answer) == [*CORE, "trend"]
    last = answer["trend"][-1]
    assert last == {key: answer[key] for key in ("icu_hour", "probability", "prediction")}
    assert answer["probability"] == probability(client, patient)
    sent = [hour.get("icu_hour") for hour in patient.get("hours", [patient])]
    assert [hour["icu_hour"] for hour in answer["trend"]] == sent
    for hour in answer["trend"]:
        is_positive = hour["probability"] >= answer["threshold"]
        assert hour["prediction"] == ("Positive" if is_positive else "Negative")


@pytest.mark.parametrize("patient", [WORSENING, SPARSE], ids=["worsening", "with gaps"])
def test_the_trend_at_an_hour_is_the_answer_without_the_later_hours(
    client: TestClient, patient: dict[str, Any]
) -> None:
    trend = predicted(ask(client, patient, "include=trend"))["trend"]
    for index, hour in enumerate(trend):
        until = patient | {"hours": patient["hours"][: index + 1]}
        response = ask(client, until)
        if response.status_code == 422:  # nothing was measured yet
            assert rules_of(refused(response)) == ["stay.all_missing"]
        else:
            assert predicted(response)["probability"] == hour["probability"]


@pytest.mark.parametrize("patient", PATIENTS)
def test_contributions_lead_from_the_typical_hour_to_the_answer(
    client: TestClient, patient: dict[str, Any]
) -> None:
    answer = predicted(ask(client, patient, "include=contributions"))
    assert list(answer) == [*CORE, "typical_probability", "contributions"]
    effects = [each["effect"] for each in answer["contributions"]]
    expected = log_odds(answer["probability"]) - log_odds(answer["typical_probability"])
    assert math.fsum(effects) == pytest.approx(expected, abs=1e-5)
    assert [abs(each) for each in effects] == sorted(map(abs, effects), reverse=True)
    assert answer["probability"] == probability(client, patient)


def log_odds(p: float) -> float:
    return math.log(p / (1 - p))


def test_a_contribution_has_the_last_value_with_unit_and_hour(client: TestClient) -> None:
    answer = predicted(ask(client, WORSENING, "include=contributions"))
    units = {variable.name: variable.unit for variable in VARIABLES}
    for each in answer["contributions"]:
        name = each["variable"]
        assert each["unit"] == units[name]
        if name == "temperature":
            assert (each["value"], each["measured_at_icu_hour"]) == (39.4, 14)
        if name == "lactate":
            assert (each["value"], each["measured_at_icu_hour"]) == (3.4, 12)
        if name == "sex":
            assert each["value"] == "male"
        if name == "potassium":
            assert (each["value"], each["measured_at_icu_hour"]) == (None, None)


@pytest.mark.parametrize("patient", PATIENTS)
def test_scores_come_with_what_was_missing(client: TestClient, patient: dict[str, Any]) -> None:
    answer = predicted(ask(client, patient, "include=scores"))
    assert list(answer) == [*CORE, "scores"]
    assert len(answer["scores"]) >= 5
    for score in answer["scores"]:
        assert score["label_en"]
        assert score["label_fr"]
        assert "missing" in json.dumps(score)


def test_everything_can_be_asked_for_at_once_and_more_than_once(client: TestClient) -> None:
    query = "include=scores&include=trend&include=contributions&include=trend"
    answer = predicted(ask(client, WORSENING, query))
    assert set(answer) == {*CORE, "trend", "typical_probability", "contributions", "scores"}


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("include=trends", "query.include"),
        ("include=", "query.include"),
        ("include=trend,scores", "query.include"),
        ("on_incoherence=ignore", "query.on_incoherence"),
        ("on_incoherence=drop&on_incoherence=reject", "query.on_incoherence"),
        ("inclde=trend", "query.unknown"),
        ("%00=%ff", "query.unknown"),
        ("%ED%A0%80=1", "query.unknown"),
        ("x" * 5000, "query.unknown"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(
    client: TestClient, query: str, rule: str
) -> None:
    if query == "x" * 5000:
        query += "=1"
    (problem,) = refused(ask(client, a_patient(), query))
    assert (problem["type"], problem["rule"], problem["loc"][0]) == ("query", rule, "query")
    assert problem["ctx"]["accepted"]


def test_warnings_come_in_order_of_hour_and_are_the_same_each_time(client: TestClient) -> None:
    stay = a_stay(7, temperature=[37, 42, 37, 42, 37, 42, 42], icu_hour=[1, 2, 3, 4, 5, 9, 10])
    answers = [predicted(ask(client, stay))["warnings"] for _ in range(2)]
    assert answers[0] == answers[1]
    rows = [each["loc"][2] for each in answers[0] if "hours" in each["loc"]]
    assert rows == sorted(rows)
    for warning in answers[0]:
        check_problem(warning)


CANARIES = {"lactate": 3.141592, "bun": 27.18281, "wbc": 14.14213, "potassium": 4.6692}


@pytest.mark.parametrize(
    "wrong",
    [
        {"HR": 0},
        {"HR": "80"},
        {"HR": float("nan")},
        {"Foo": 1},
        {"SBP": 60, "DBP": 90},
        {"units": {"HR": "x"}},
        {"timestamp": "x"},
        {"icu_hour": 0},
        {"sex": "x"},
    ],
    ids=lambda wrong: " and ".join(wrong),
)
def test_a_refusal_never_shows_another_value_of_the_patient(
    client: TestClient, wrong: dict[str, Any]
) -> None:
    beside = {"age": 61.0312, "hospital_admission_hour": -17.9312}
    for body in (
        a_patient(**(CANARIES | beside | wrong)),
        {
            **beside,
            "hours": [CANARIES | {"icu_hour": 4, "HR": 80}, an_hour(**({"icu_hour": 5} | wrong))],
        },
    ):
        text = ask(client, body).text
        assert '"detail"' in text
        for canary in (CANARIES | beside).values():
            assert str(abs(canary))[:6] not in text
            assert str(abs(canary)).replace(".", ",")[:6] not in text
