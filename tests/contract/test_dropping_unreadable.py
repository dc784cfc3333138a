"""`?on_incoherence=drop`: values that cannot be read are left out, each with its own warning."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import a_patient, a_stay
from tests.contract.asking import ask, predicted, probability, refused, rules_of

DROP = "on_incoherence=drop"
WRONG = [
    *(("96", "json.string"), ("<20", "json.string"), ("", "json.string"), ("n/a", "json.string")),
    *((True, "json.type"), ([96], "json.type"), ([], "json.type"), ({"value": 96}, "json.type")),
]
KEYS = ["HR", "lactate", "hospital_admission_hour"]


def told_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in answer["warnings"] if each["type"] == "dropped"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("value", "rule"), WRONG)
def test_a_value_of_another_type_is_left_out_with_its_own_warning(
    client: TestClient, key: str, value: Any, rule: str
) -> None:
    patient = a_patient(**{key: value})
    (problem,) = refused(ask(client, patient))
    assert problem["rule"] == rule
    answer = predicted(ask(client, patient, DROP))
    (told,) = told_of(answer)
    assert (told["rule"], told["loc"]) == (rule, ["body", key])
    assert told["msg"] == f"Not used: {problem['msg']}"
    assert told["msg_fr"] == f"Non utilisé : {problem['msg_fr']}"
    assert (told["hint"], told["hint_fr"]) == (problem["hint"], problem["hint_fr"])
    assert told["ctx"] == {"dropped": {"HR": "heart_rate"}.get(key, key)}
    assert answer["probability"] == probability(client, patient | {key: None})


@pytest.mark.parametrize(
    ("key", "value", "rule", "dropped"),
    [
        ("sex", "x", "code.gender", "sex"),
        ("Gender", "other", "code.gender", "sex"),
        ("sex", True, "code.gender", "sex"),
        ("icu_unit", "coronary", "json.type", "icu_unit"),
        ("icu_unit", 1, "json.type", "icu_unit"),
        ("Unit1", "yes", "json.string", "icu_unit"),
    ],
)
def test_a_sex_or_kind_of_icu_that_cannot_be_read_is_left_out(
    client: TestClient, key: str, value: Any, rule: str, dropped: str
) -> None:
    patient = {name: each for name, each in a_patient().items() if name not in ("sex", "icu_unit")}
    assert rules_of(refused(ask(client, patient | {key: value}))) == [rule]
    answer = predicted(ask(client, patient | {key: value}, DROP))
    (told,) = told_of(answer)
    assert (told["rule"], told["ctx"]["dropped"]) == (rule, dropped)
    assert answer["probability"] == probability(client, patient)


@pytest.mark.parametrize("unit", ["furlong", "", "kg", 5, None, ["mmol/L"], {"code": "mmol/L"}])
def test_values_in_a_unit_that_cannot_be_read_are_left_out(client: TestClient, unit: Any) -> None:
    stay = a_stay(5, lactate=[1.0, 2.0, None, 30.0, 2.5]) | {"units": {"lactate": unit}}
    (problem,) = refused(ask(client, stay))[:1]
    assert problem["rule"] in ("unit.unknown", "json.type")
    query = f"{DROP}&include=trend&include=contributions"
    answer = predicted(ask(client, stay, query))
    (told,) = told_of(answer)
    assert (told["rule"], told["loc"]) == (problem["rule"], ["body", "units", "lactate"])
    assert told["msg"] == f"Not used: {problem['msg']}"
    assert told["ctx"]["dropped"] == "lactate"
    expected = predicted(ask(client, a_stay(5, lactate=[None] * 5), query))
    assert answer["trend"] == expected["trend"]
    assert answer["contributions"] == expected["contributions"]


def test_the_other_units_are_still_converted(client: TestClient) -> None:
    patient = a_patient(creatinine=150, units={"lactate": "x", "creatinine": "umol/L"})
    expected = a_patient(creatinine=150, units={"creatinine": "umol/L"}, without=["lactate"])
    found = predicted(ask(client, patient, DROP))["probability"]
    assert found == probability(client, expected)


def test_only_the_hour_concerned_loses_its_value(client: TestClient) -> None:
    beats: list[Any] = [80, "90", 85, 90, [88], 91, 0, 90, False, 95]
    query = f"{DROP}&include=trend"
    answer = predicted(ask(client, a_stay(heart_rate=beats), query))
    kept = [each if type(each) is int and each else None for each in beats]
    expected = predicted(ask(client, a_stay(heart_rate=kept), query))
    assert answer["trend"] == expected["trend"]
    assert [(each["rule"], each["loc"]) for each in told_of(answer)] == [
        ("json.string", ["body", "hours", 1, "heart_rate"]),
        ("json.type", ["body", "hours", 4, "heart_rate"]),
        ("json.type", ["body", "hours", 8, "heart_rate"]),
        ("range:HR", ["body", "hours", 6, "heart_rate"]),
    ]


def test_of_two_spellings_the_one_that_can_be_read_is_used(client: TestClient) -> None:
    patient = a_patient(without=["heart_rate", "HR"])
    answer = predicted(ask(client, patient | {"HR": "x", "heart_rate": 88}, DROP))
    assert answer["probability"] == probability(client, patient | {"heart_rate": 88})


def test_where_nothing_is_left_the_refusal_names_what_was_left_out(client: TestClient) -> None:
    problems = refused(ask(client, {"age": 60, "HR": "80", "Temp": 98.6}, DROP))
    assert rules_of(problems) == ["json.string", "range:Temp", "stay.all_missing"]
    assert [each["type"] for each in problems] == ["dropped", "dropped", "incoherent"]


def test_an_hour_number_that_cannot_be_read_is_left_out_of_one_hour_only(
    client: TestClient,
) -> None:
    answer = predicted(ask(client, a_patient(icu_hour="12"), DROP))
    assert answer["icu_hour"] is None
    stay = a_stay(3, icu_hour=[1, "2", 3])
    assert "time.iculos_missing" in rules_of(refused(ask(client, stay, DROP)))


def test_a_structural_fault_beside_it_still_refuses(client: TestClient) -> None:
    problems = refused(ask(client, a_patient(HR="80", Foo=1), DROP))
    assert [(each["type"], each["rule"]) for each in problems] == [
        ("dropped", "json.string"),
        ("json", "json.unknown"),
    ]


@pytest.mark.parametrize("key", ["age", "Age"])
@pytest.mark.parametrize("place", ["beside", "inside"])
def test_an_age_that_cannot_be_read_is_refused_wherever_it_stands(
    client: TestClient, key: str, place: str
) -> None:
    stay: dict[str, Any] = {"hours": [{"icu_hour": 1, "HR": 80}, {"icu_hour": 2, "HR": "x"}]}
    (stay if place == "beside" else stay["hours"][1])[key] = "> 89"
    problems = [each for each in refused(ask(client, stay, DROP)) if each["type"] != "dropped"]
    assert [(each["type"], each["rule"]) for each in problems] == [("json", "json.string")]


def test_many_values_that_cannot_be_read_are_counted_not_listed(client: TestClient) -> None:
    stay = a_stay(1_500, heart_rate=["x"] * 1_500)
    told = told_of(predicted(ask(client, stay, DROP)))
    assert len(told) == 1_001
    assert told[-1]["ctx"] == {"n_more": 500}


def test_each_of_many_patients_loses_its_own_values_alone(client: TestClient) -> None:
    patients = [
        a_patient(HR="80"), a_patient(), a_patient(units={"lactate": "x"}), a_patient(age="x"),
        a_patient(HR=True),
    ]  # fmt: skip
    response = client.post(f"/predict/patients?{DROP}", json={"patients": patients})
    results = response.json()["results"]
    assert [[each["rule"] for each in told_of(results[at])] for at in (0, 1, 2, 4)] == [
        ["json.string"], [], ["unit.unknown"], ["json.type"],
    ]  # fmt: skip
    assert told_of(results[0])[0]["loc"] == ["body", "patients", 0, "HR"]
    assert rules_of(results[3]["detail"]) == ["json.string"]
    for at, patient in enumerate(patients):
        if at != 3:
            alone = predicted(ask(client, patient, DROP))
            assert results[at]["probability"] == alone["probability"]


def test_rejecting_is_as_before(client: TestClient) -> None:
    for query in ("", "on_incoherence=reject"):
        for value, rule in WRONG:
            assert rules_of(refused(ask(client, a_patient(HR=value), query))) == [rule]
        sent = a_patient(units={"lactate": "x", "HR": 5}, lactate=3)
        assert rules_of(refused(ask(client, sent, query))) == ["unit.unknown", "json.type"]
