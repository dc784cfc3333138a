"""Rules of a stay: hours that contradict each other, and stays with too few values."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import a_patient, a_stay
from tests.contract.asking import ask, fired, predicted, refused, rules_of


def hours_at(*icu_hours: Any) -> dict[str, Any]:
    """A well stay with the given hours."""
    return a_stay(len(icu_hours), icu_hour=list(icu_hours))


def test_a_well_stay_is_coherent_and_long_enough(client: TestClient) -> None:
    assert fired(client, a_stay()) == set()


@pytest.mark.parametrize(
    ("icu_hours", "rule", "at"),
    [
        pytest.param((1, 1), "time.duplicate", 1, id="one hour twice"),
        pytest.param((1, 2, 2, 3), "time.duplicate", 2, id="twice in the middle"),
        pytest.param((2, 1), "time.iculos_order", 1, id="backwards"),
        pytest.param((1, 3, 2), "time.iculos_order", 2, id="shuffled"),
        pytest.param((5, 1, 5), "time.iculos_order", 1, id="back and forth"),
        pytest.param((1, None), "time.iculos_missing", 1, id="an hour without a number"),
        pytest.param((0, 1), "range:ICULOS", 0, id="hour zero"),
        pytest.param((1, 1.5), "range:ICULOS", 1, id="half an hour"),
    ],
)
def test_the_order_of_hours_must_be_certain(
    client: TestClient, icu_hours: tuple[Any, ...], rule: str, at: int
) -> None:
    (problem,) = refused(ask(client, hours_at(*icu_hours)))
    assert problem["rule"] == rule
    assert problem["loc"] == ["body", "hours", at, "icu_hour"]


def test_several_hours_need_their_numbers(client: TestClient) -> None:
    body = {"hours": [{"HR": 80}, {"HR": 82}]}
    assert rules_of(refused(ask(client, body))) == ["time.iculos_missing"] * 2


def test_one_hour_may_do_without_its_number(client: TestClient) -> None:
    for body in ({"HR": 80}, {"hours": [{"HR": 80}]}):
        assert predicted(ask(client, body))["icu_hour"] is None


@pytest.mark.parametrize(("second", "is_gap"), [(2, False), (3, True), (30, True)])
def test_missing_hours_are_allowed_with_a_warning(
    client: TestClient, second: int, is_gap: bool
) -> None:
    assert ("time.gap" in fired(client, hours_at(1, second))) is is_gap


CONSTANTS = [
    pytest.param("Age", 60, 61, 61.1, id="age, a birthday apart"),
    pytest.param("Gender", 1, 1, 0, id="sex"),
    pytest.param("HospAdmTime", -8.5, -8.5, -8.6, id="hospital admission"),
    pytest.param("icu_unit", "medical", "medical", "surgical", id="unit"),
]


@pytest.mark.parametrize(("key", "value", "same", "other"), CONSTANTS)
def test_a_constant_may_not_change_between_hours(
    client: TestClient, key: str, value: Any, same: Any, other: Any
) -> None:
    def stay(last: Any) -> dict[str, Any]:
        hours = [{"ICULOS": 1, "HR": 80, key: value}, {"ICULOS": 2, "HR": 81, key: last}]
        return {"hours": hours}

    assert "stay.const" not in fired(client, stay(same))
    for problem in refused(ask(client, stay(other))):
        assert (problem["rule"], problem["loc"]) == ("stay.const", ["body", "hours", 1, key])


@pytest.mark.parametrize(("key", "value", "same", "other"), CONSTANTS)
def test_a_constant_beside_the_hours_agrees_with_each_of_them(
    client: TestClient, key: str, value: Any, same: Any, other: Any
) -> None:
    def stay(*in_hours: Any) -> dict[str, Any]:
        hours = [{"ICULOS": 1 + i, "HR": 80 + i, key: each} for i, each in enumerate(in_hours)]
        return {key: value, "hours": hours}

    for agreeing in ((same,), (same, value), (None, same)):
        assert "stay.const" not in fired(client, stay(*agreeing))
    for contradicting in ((other,), (value, other), (None, other)):
        assert fired(client, stay(*contradicting)) == {"stay.const"}


def test_a_constant_means_the_same_beside_the_hours_and_inside(client: TestClient) -> None:
    beside = a_stay()
    constants = {key: value for key, value in beside.items() if key != "hours"}
    inside = {"hours": [hour | constants for hour in beside["hours"]]}
    last_only = {"hours": [*beside["hours"][:-1], inside["hours"][-1]]}
    expected = predicted(ask(client, beside))
    for body in (inside, last_only):
        assert predicted(ask(client, body))["probability"] == expected["probability"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"age": 60, "sex": "male", "icu_hour": 3}, id="one empty hour"),
        pytest.param({"age": 60, "HR": None, "lactate": None}, id="only nulls"),
        pytest.param({"hours": [{"icu_hour": 1}, {"icu_hour": 2}]}, id="two empty hours"),
        pytest.param({"hours": [{}]}, id="an empty object"),
    ],
)
def test_a_patient_of_whom_nothing_was_measured_is_refused(
    client: TestClient, body: dict[str, Any]
) -> None:
    (problem,) = refused(ask(client, body))
    assert (problem["rule"], problem["loc"]) == ("stay.all_missing", ["body"])


def test_an_empty_hour_among_others_is_normal(client: TestClient) -> None:
    body = {"hours": [{"ICULOS": 1}, {"ICULOS": 2, "HR": 80}, {"ICULOS": 3}]}
    assert fired(client, body) == {"stay.too_short", "data.insufficient"}


@pytest.mark.parametrize(("hours_ago", "is_stale"), [(24, False), (25, True)])
def test_vital_signs_older_than_a_day_warn(
    client: TestClient, hours_ago: int, is_stale: bool
) -> None:
    hours = [{"ICULOS": 1, "HR": 80}, {"ICULOS": 1 + hours_ago, "Lactate": 1.5}]
    assert ("stay.no_vitals_24h" in fired(client, {"hours": hours})) is is_stale


def test_laboratory_results_alone_warn_that_no_vital_sign_was_sent(client: TestClient) -> None:
    assert "stay.no_vitals_24h" in fired(client, {"icu_hour": 3, "lactate": 1.5})


@pytest.mark.parametrize(("n_hours", "is_short"), [(7, True), (8, False)])
def test_less_than_eight_hours_of_history_warn(
    client: TestClient, n_hours: int, is_short: bool
) -> None:
    assert ("stay.too_short" in fired(client, a_stay(n_hours))) is is_short


def test_history_is_counted_in_hours_not_in_rows(client: TestClient) -> None:
    assert "stay.too_short" not in fired(client, hours_at(1, 8))


JUMPS = [
    pytest.param("Temp", 36.0, 40.0, 40.1, id="temperature"),
    pytest.param("HR", 60, 160, 160.1, id="heart rate"),
    pytest.param("SBP", 90, 210, 210.1, id="systolic pressure"),
    pytest.param("Hgb", 8.0, 14.0, 14.1, id="haemoglobin"),
    pytest.param("Creatinine", 1.0, 6.0, 6.1, id="creatinine"),
]


@pytest.mark.parametrize("is_falling", [False, True], ids=["rise", "fall"])
@pytest.mark.parametrize(("name", "before", "largest", "too_large"), JUMPS)
def test_an_unlikely_change_within_an_hour_warns(
    client: TestClient, name: str, before: float, largest: float, too_large: float, is_falling: bool
) -> None:
    def change_to(after: float, icu_hour: int = 2) -> set[str]:
        values = (after, before) if is_falling else (before, after)
        hours = [{"ICULOS": 1, name: values[0]}, {"ICULOS": icu_hour, name: values[1]}]
        return {rule for rule in fired(client, {"hours": hours}) if rule.startswith("jump.")}

    assert change_to(largest) == set()
    assert change_to(too_large) == {f"jump.{name}"}
    assert change_to(too_large, icu_hour=3) == set(), "two hours are not one"


@pytest.mark.parametrize(("n_hours", "is_frozen"), [(11, False), (12, True), (30, True)])
def test_vital_signs_unchanged_for_twelve_hours_warn_once(
    client: TestClient, n_hours: int, is_frozen: bool
) -> None:
    stay = a_stay(n_hours, heart_rate=80)
    warnings = rules_of(predicted(ask(client, stay))["warnings"])
    assert warnings.count("frozen.vitals") == is_frozen


@pytest.mark.parametrize(
    "stirring",
    [{"heart_rate": [80] * 6 + [81] * 6}, {"respiratory_rate": [16] * 6 + [None] + [16] * 5}],
    ids=["one beat more", "once not measured"],
)
def test_vital_signs_that_change_once_are_not_frozen(
    client: TestClient, stirring: dict[str, Any]
) -> None:
    assert "frozen.vitals" not in fired(client, a_stay(12, **({"heart_rate": 80} | stirring)))


def test_an_impossible_constant_is_reported_once(client: TestClient) -> None:
    stay = a_stay() | {"age": 130}
    (problem,) = refused(ask(client, stay))
    assert (problem["rule"], problem["loc"]) == ("range:Age", ["body", "age"])


def test_problems_name_their_hour_and_come_in_its_order(client: TestClient) -> None:
    hours: list[Any] = [80] * 10
    hours[2], hours[7] = 0, 500
    problems = refused(ask(client, a_stay(heart_rate=hours)))
    assert [each["loc"] for each in problems] == [
        ["body", "hours", 2, "heart_rate"],
        ["body", "hours", 7, "heart_rate"],
    ]
    assert [each["ctx"]["icu_hour"] for each in problems] == [3, 8]


@pytest.mark.parametrize(
    ("age", "is_warned"), [(14, True), (17.9, True), (18, False), (95, False), (100, False)]
)
def test_the_model_is_for_adults(client: TestClient, age: float, is_warned: bool) -> None:
    assert ("age.adult" in fired(client, a_patient(age=age))) is is_warned


def test_ages_from_ninety_on_are_one_age_to_the_model(client: TestClient) -> None:
    answers = {predicted(ask(client, a_stay() | {"age": age}))["probability"] for age in (90, 99)}
    assert len(answers) == 1
