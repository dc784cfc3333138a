"""`?on_incoherence=drop`: incoherent values count as missing, and each is listed."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import a_patient, a_stay
from tests.contract.asking import ask, predicted, probability, refused, rules_of

DROP = "on_incoherence=drop"

# what is sent, what is dropped of it, under which rules
INCOHERENT = [
    pytest.param({"HR": 0}, ["HR"], ["range:HR"], id="lead off"),
    pytest.param({"Temp": 98.6}, ["Temp"], ["range:Temp"], id="Fahrenheit"),
    pytest.param(
        {"SBP": 80, "DBP": 120, "MAP": None}, ["SBP", "DBP"], ["bp.dbp_ge_sbp"], id="cuff"
    ),
    pytest.param({"MAP": 140}, ["MAP", "systolic_bp"], ["bp.map_gt_sbp"], id="mean too high"),
    pytest.param({"MAP": 50}, ["MAP", "diastolic_bp"], ["bp.map_lt_dbp"], id="mean too low"),
    pytest.param({"Hct": 60, "Hgb": 7}, ["Hct", "Hgb"], ["heme.ratio"], id="two samples"),
    pytest.param(
        {"pH": 7.1, "HCO3": 40, "PaCO2": 30}, ["pH", "HCO3", "PaCO2"], ["abg.hh"], id="blood gas"
    ),
    pytest.param({"Unit1": 1, "Unit2": 1}, ["Unit1", "Unit2"], ["unit.both"], id="both units"),
    pytest.param({"Gender": 2}, ["Gender"], ["range:Gender"], id="sex coded 2"),
    pytest.param({"icu_hour": 0}, ["icu_hour"], ["range:ICULOS"], id="hour zero"),
    pytest.param({"HR": 1e300, "Resp": -4}, ["HR", "Resp"], ["range:HR", "range:Resp"], id="two"),
]


@pytest.mark.parametrize(("wrong", "dropped", "rules"), INCOHERENT)
def test_an_incoherent_value_counts_as_missing_and_is_listed(
    client: TestClient, wrong: dict[str, Any], dropped: list[str], rules: list[str]
) -> None:
    patient = a_patient(**wrong)
    assert rules_of(refused(ask(client, patient))) == rules
    answer = predicted(ask(client, patient, DROP))
    told = [each for each in answer["warnings"] if each["type"] == "dropped"]
    assert list(dict.fromkeys(rules_of(told))) == rules
    assert sorted(each["loc"][-1] for each in told) == sorted(dropped), "each value once"
    without = patient | dict.fromkeys(dropped)
    assert answer["probability"] == probability(client, without)


@pytest.mark.parametrize(("wrong", "dropped", "rules"), INCOHERENT)
def test_a_dropped_value_is_reported_in_the_words_of_the_refusal(
    client: TestClient, wrong: dict[str, Any], dropped: list[str], rules: list[str]
) -> None:
    patient = a_patient(**wrong)
    detail = refused(ask(client, patient))
    told = predicted(ask(client, patient, DROP))["warnings"][: len(dropped)]
    for key in ("msg", "msg_fr", "hint", "hint_fr"):
        assert {each[key] for each in told} == {each[key] for each in detail}


def test_a_coherent_patient_is_answered_alike(client: TestClient) -> None:
    for patient in (a_patient(), a_stay()):
        kept, default = (predicted(ask(client, patient, query)) for query in (DROP, ""))
        assert kept | {"request_id": ""} == default | {"request_id": ""}
        rejecting = probability(client, patient, "on_incoherence=reject")
        assert rejecting == default["probability"]


def test_only_the_hour_concerned_loses_its_value(client: TestClient) -> None:
    beats: list[Any] = [80, 90, 85, 0, 88, 91, 400, 90, 92, 95]
    query = f"{DROP}&include=trend"
    dropped = predicted(ask(client, a_stay(heart_rate=beats), query))
    nulls = [None if beat in (0, 400) else beat for beat in beats]
    expected = predicted(ask(client, a_stay(heart_rate=nulls), query))
    assert dropped["trend"] == expected["trend"]
    told = [each["loc"][2] for each in dropped["warnings"] if each["type"] == "dropped"]
    assert told == [3, 6]


@pytest.mark.parametrize(("key", "one", "other"), [("sex", "male", "female"), ("age", 50, 70)])
def test_a_constant_that_changes_is_refused(
    client: TestClient, key: str, one: Any, other: Any
) -> None:
    stay = a_stay(**{key: [one] * 5 + [other] * 5})
    del stay[key]
    assert rules_of(refused(ask(client, stay, DROP))) == ["stay.const"]


def test_a_constant_contradicted_beside_the_hours_is_refused(client: TestClient) -> None:
    stay = a_stay(1, sex="female", heart_rate=0)
    assert "stay.const" in rules_of(refused(ask(client, stay, DROP)))


@pytest.mark.parametrize("age", [0, 12, 130])
def test_a_patient_the_model_is_not_for_is_refused(client: TestClient, age: float) -> None:
    (problem,) = refused(ask(client, a_patient(age=age), DROP))
    assert (problem["type"], problem["rule"]) == ("incoherent", "range:Age")


@pytest.mark.parametrize(
    ("patient", "rule"),
    [
        pytest.param(a_stay(3, icu_hour=[1, 1, 2]), "time.duplicate", id="an hour twice"),
        pytest.param(a_stay(3, icu_hour=[3, 2, 1]), "time.iculos_order", id="backwards"),
        pytest.param(a_stay(3, icu_hour=[1, None, 3]), "time.iculos_missing", id="no number"),
        pytest.param(a_stay(3, icu_hour=[1, 1.5, 3]), "time.iculos_missing", id="half an hour"),
        pytest.param(a_patient(timestamp="2026-03-28T20:00"), "time.tz", id="no offset"),
        pytest.param(a_patient(age="63"), "json.string", id="an age as text"),
        pytest.param(a_patient(age=[63]), "json.type", id="an age in a list"),
        pytest.param(a_patient(age=True), "json.type", id="an age of true"),
        pytest.param(a_patient(units={"age": "x"}), "unit.unknown", id="an age in an unknown unit"),
        pytest.param(a_patient(HR=float("nan")), "json.nan", id="NaN"),
        pytest.param(a_patient(Foo=1), "json.unknown", id="an unknown field"),
        pytest.param(a_patient(units=["x"]), "json.type", id="units in a list"),
        pytest.param(a_patient(units={"Foo": "x"}), "json.unknown", id="a unit of nothing"),
        pytest.param({"age": 60, "hours": 5}, "json.type", id="hours that are no list"),
        pytest.param({"age": 60, "hours": [5, {"HR": 80}]}, "json.type", id="an hour of 5"),
        pytest.param(a_patient(HR=80, heart_rate=90), "json.alias", id="two heart rates"),
        pytest.param({"age": 60}, "stay.all_missing", id="nothing measured"),
    ],
)
def test_a_problem_of_no_single_value_is_still_refused(
    client: TestClient, patient: dict[str, Any], rule: str
) -> None:
    assert rule in rules_of(refused(ask(client, patient, DROP)))


def test_a_patient_of_whom_nothing_was_measured_has_one_problem(client: TestClient) -> None:
    assert rules_of(refused(ask(client, {"age": 60}, DROP))) == ["stay.all_missing"]


def test_a_refusal_after_dropping_lists_the_dropped_values(client: TestClient) -> None:
    problems = refused(ask(client, {"HR": 0, "Temp": 98.6}, DROP))
    assert rules_of(problems) == ["range:HR", "range:Temp", "stay.all_missing"]


def test_warnings_about_remaining_values_accompany_the_dropped_ones(client: TestClient) -> None:
    answer = predicted(ask(client, a_patient(HR=0, Temp=42), DROP))
    told = {(each["type"], each["rule"]) for each in answer["warnings"]}
    assert told == {
        ("dropped", "range:HR"),
        ("warning", "range_w:Temp"),
        ("warning", "stay.too_short"),
    }
