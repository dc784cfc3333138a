"""Ranges of every variable: the last value inside each bound and the first outside."""

from math import inf, isnan, nextafter
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.clinical import rules
from sepsis_detect.clinical.variables import VARIABLES, Variable
from tests.contract.asking import ask, fired, predicted, refused, rules_of

SIDES = {"low": -inf, "high": inf}
# Warnings whose names an integrator filters by; the others are `range_w:<name>`.
NAMED = {
    ("Age", "low"): "age.adult",
    ("Calcium", "low"): "calcium.unit",
    ("Creatinine", "high"): "creatinine.unit",
    ("FiO2", "low"): "sat.fio2_low",
    ("HospAdmTime", "high"): "stay.admtime_w",
    ("ICULOS", "high"): "stay.beyond",
    ("MAP", "high"): "bp.map_flush",
}


def alone(challenge: str, value: float) -> dict[str, Any]:
    """One value, and one vital sign that no rule compares it with."""
    return {"HR" if challenge == "Resp" else "Resp": 16 if challenge != "Resp" else 80} | {
        challenge: value
    }


def hard_bounds() -> list[Any]:
    return [
        pytest.param(variable, side, bound, id=f"{variable.challenge} {side} {bound:g}")
        for variable in VARIABLES
        for side in SIDES
        for bound in [getattr(variable, f"hard_{side}")]
    ]


def warning_bounds() -> list[Any]:
    return [
        pytest.param(variable, side, bound, id=f"{variable.challenge} {side} {bound:g}")
        for variable in VARIABLES
        for side in SIDES
        if not isnan(bound := getattr(variable, f"warn_{side}"))
        and bound != getattr(variable, f"hard_{side}")
    ]


@pytest.mark.parametrize(("variable", "side", "bound"), hard_bounds())
def test_the_bound_is_accepted_and_the_next_number_refused(
    client: TestClient, variable: Variable, side: str, bound: float
) -> None:
    name = variable.challenge
    predicted(ask(client, alone(name, bound)))
    problems = refused(ask(client, alone(name, nextafter(bound, SIDES[side]))))
    assert [(each["rule"], each["loc"]) for each in problems] == [(f"range:{name}", ["body", name])]


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.challenge)
@pytest.mark.parametrize("size", [1e6, 1e20, 1e308, 10**15, 10**30], ids=repr)
@pytest.mark.parametrize("sign", [1, -1], ids=["above", "below"])
def test_a_value_far_out_is_refused_by_its_range(
    client: TestClient, variable: Variable, size: float, sign: int
) -> None:
    problems = refused(ask(client, alone(variable.challenge, sign * size)))
    assert rules_of(problems) == [f"range:{variable.challenge}"]


@pytest.mark.parametrize(("variable", "side", "bound"), warning_bounds())
def test_the_usual_bound_does_not_warn_and_the_next_number_does(
    client: TestClient, variable: Variable, side: str, bound: float
) -> None:
    name = variable.challenge
    last, first = bound, nextafter(bound, SIDES[side])
    if name == "ICULOS":
        first = bound + 1
    if (name, side) == ("MAP", "high"):  # 200 itself is what a flushed line reads
        last, first = nextafter(bound, -inf), bound
    rule = NAMED.get((name, side), rules.UNUSUALLY_LOW[variable.column].id)
    if side == "high":
        rule = NAMED.get((name, side), rules.UNUSUALLY_HIGH[variable.column].id)
    assert rule not in fired(client, alone(name, last))
    warnings = predicted(ask(client, alone(name, first)))["warnings"]
    (found,) = [warning for warning in warnings if warning["rule"] == rule]
    assert (found["type"], found["loc"]) == ("warning", ["body", name])


@pytest.mark.parametrize("name", ["Gender", "Unit1", "Unit2", "ICULOS"])
def test_a_code_or_an_hour_between_two_whole_numbers_is_refused(
    client: TestClient, name: str
) -> None:
    (problem,) = refused(ask(client, alone(name, 0.5 if name != "ICULOS" else 7.5)))
    assert problem["rule"] == f"range:{name}"


@pytest.mark.parametrize("name", ["HR", "O2Sat", "Temp", "SBP", "MAP", "DBP", "Resp"])
@pytest.mark.parametrize("zero", [0, 0.0, -0.0], ids=repr)
def test_zero_is_no_vital_sign_and_the_hint_says_to_leave_it_out(
    client: TestClient, name: str, zero: float
) -> None:
    (problem,) = refused(ask(client, alone(name, zero)))
    assert problem["rule"] == f"range:{name}"
    assert "leave it out" in problem["hint"]
    assert "null" in problem["hint"]
    assert "apnoea test" in problem["hint"]
    assert "ne l'envoyez pas" in problem["hint_fr"]


@pytest.mark.parametrize("name", ["EtCO2", "TroponinI", "WBC", "Bilirubin_direct"])
def test_zero_is_a_result_where_it_can_be_one(client: TestClient, name: str) -> None:
    predicted(ask(client, alone(name, 0)))


def test_an_impossible_value_shows_itself_and_its_bounds(client: TestClient) -> None:
    (problem,) = refused(ask(client, alone("Temp", 45.5)))
    assert problem["ctx"]["temperature"] == 45.5
    assert (problem["ctx"]["low"], problem["ctx"]["high"]) == (20, 45)
    assert "45.5 °C" in problem["msg"]
    assert "45,5 °C" in problem["msg_fr"]


def test_an_impossible_value_is_not_compared_with_others(client: TestClient) -> None:
    body = {"SBP": 12, "DBP": 65, "MAP": 85, "Resp": 16}
    assert rules_of(refused(ask(client, body))) == ["range:SBP"]


def test_every_impossible_value_is_reported_at_once(client: TestClient) -> None:
    body = {variable.challenge: variable.hard_high * 2 + 1 for variable in VARIABLES}
    expected = {f"range:{variable.challenge}" for variable in VARIABLES}
    assert set(rules_of(refused(ask(client, body)))) == expected
