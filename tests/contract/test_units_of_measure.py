"""Units of measure: accepted units are converted as published, mix-ups are recognised."""

import csv
from fractions import Fraction
from importlib.resources import files
from math import log10
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.clinical import units
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES, Variable
from tests.builders import a_patient
from tests.contract.asking import ask, fired, predicted, probability, refused, rules_of
from tests.paths import SHARED

OURS = files("sepsis_detect").joinpath("unit_conversions.csv").read_text(encoding="utf-8")
PUBLISHED = SHARED / "reference" / "unit_conversions.csv"
needs_published = pytest.mark.skipif(
    not PUBLISHED.exists(), reason=f"{PUBLISHED.name} is not in shared/reference by the checkout"
)


def sent_in(challenge: str, unit: str, value: float) -> dict[str, Any]:
    """One value with its unit, beside a vital sign."""
    companion = {"HR": 80} if challenge == "Resp" else {"Resp": 16}
    return companion | {challenge: value, "units": {challenge: unit}}


def seen_by_the_service(client: TestClient, challenge: str, unit: str, value: float) -> float:
    """The canonical value, which the problem of an impossible value contains."""
    (problem,) = refused(ask(client, sent_in(challenge, unit, value)))
    assert problem["ctx"]["unit_sent"] == unit
    found: float = problem["ctx"][BY_CHALLENGE[challenge].name]
    return found


def published_examples() -> list[dict[str, str]]:
    if not PUBLISHED.exists():
        return []
    with PUBLISHED.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["example_in"]]


@pytest.mark.parametrize(
    "row",
    [row for row in csv.DictReader(OURS.splitlines()) if row["challenge"] != "ICULOS"],
    ids=lambda row: f"{row['challenge']} in {row['unit']}",
)
def test_each_unit_is_converted_with_its_factor(client: TestClient, row: dict[str, str]) -> None:
    """A value far out of range, converted to the canonical unit."""
    sent = 1e-12 if row["scale"] == "log10" else 1e7
    seen_as = log10(sent) if row["scale"] == "log10" else sent
    expected = float(Fraction(row["factor"])) * seen_as + float(Fraction(row["offset"]))
    found = seen_by_the_service(client, row["challenge"], row["unit"], sent)
    assert found == pytest.approx(expected, rel=1e-12)


@needs_published
@pytest.mark.parametrize(
    "row", published_examples(), ids=lambda row: f"{row['challenge_name']} in {row['from_unit']}"
)
def test_a_published_example_predicts_as_its_canonical_value(
    client: TestClient, row: dict[str, str]
) -> None:
    name, value = row["challenge_name"], float(row["example_in"])
    conversion = units.conversion(BY_CHALLENGE[name], row["from_unit"])
    assert conversion is not None
    canonical = value * conversion.factor + conversion.offset
    assert canonical == pytest.approx(float(row["example_out"]), abs=1e-4)
    there = probability(client, sent_in(name, row["from_unit"], value))
    assert there == probability(client, sent_in(name, BY_CHALLENGE[name].unit, round(canonical, 9)))


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.challenge)
def test_stating_the_canonical_unit_changes_nothing(client: TestClient, variable: Variable) -> None:
    value = variable.hard_high
    there = probability(client, sent_in(variable.challenge, variable.unit, value))
    assert there == probability(client, sent_in(variable.challenge, variable.unit, value))
    assert units.accepted(variable)[0] == variable.unit


def test_units_hold_for_every_hour(client: TestClient) -> None:
    hours = [{"ICULOS": hour, "Temp": 98.6} for hour in (1, 2)]
    body = {"units": {"temperature": "[degF]"}, "hours": hours}
    in_celsius = {"hours": [hour | {"Temp": 37} for hour in hours]}
    assert probability(client, body) == probability(client, in_celsius)


@pytest.mark.parametrize(
    ("unit", "last", "first"),
    [("[degF]", 113, 113.01), ("K", 318.15, 318.16), ("°F", 113, 113.01)],
)
def test_a_bound_stays_the_bound_in_another_unit(
    client: TestClient, unit: str, last: float, first: float
) -> None:
    predicted(ask(client, sent_in("Temp", unit, last)))
    assert rules_of(refused(ask(client, sent_in("Temp", unit, first)))) == ["range:Temp"]


@pytest.mark.parametrize("spelling", ["µmol/L", "μmol/L", " umol/L ", "umol/l"])
def test_a_common_spelling_of_a_unit_is_understood(client: TestClient, spelling: str) -> None:
    there = probability(client, sent_in("Creatinine", spelling, 88))
    assert there == probability(client, sent_in("creatinine", "umol/L", 88) | {"Resp": 16})


@pytest.mark.parametrize("unit", ["furlong", "", "mol/L", "Umol/L", "\x00", "\ud800", "u" * 5000])
def test_an_unknown_unit_is_refused_and_the_accepted_ones_listed(
    client: TestClient, unit: str
) -> None:
    (problem,) = refused(ask(client, sent_in("Creatinine", unit, 88)), 422)[:1]
    assert (problem["rule"], problem["loc"]) == ("unit.unknown", ["body", "units", "Creatinine"])
    assert problem["ctx"]["accepted"] == ["mg/dL", "umol/L", "mg/L"]
    assert len(problem["msg"]) < 300


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        pytest.param([], "json.type", id="a list"),
        pytest.param("umol/L", "json.type", id="a text"),
        pytest.param(5, "json.type", id="a number"),
        pytest.param({"HR": None}, "json.type", id="null for a unit"),
        pytest.param({"HR": 5}, "json.type", id="a number for a unit"),
        pytest.param({"HR": ["Hz"]}, "json.type", id="a list for a unit"),
        pytest.param({"HR": float("nan")}, "json.type", id="NaN for a unit"),
        pytest.param({"heart_rat": "/min"}, "json.unknown", id="a misspelt variable"),
        pytest.param({"icu_unit": "1"}, "json.unknown", id="a word has no unit"),
        pytest.param({"HR": "Hz", "heart_rate": "/min"}, "json.alias", id="two units at once"),
    ],
)
def test_units_must_be_an_object_of_variables_and_texts(
    client: TestClient, stated: Any, rule: str
) -> None:
    problems = refused(ask(client, a_patient(units=stated, HR=0)))
    assert (problems[0]["rule"], problems[0]["loc"][:2]) == (rule, ["body", "units"])
    assert "hours" not in problems[0]["msg"]


@pytest.mark.parametrize("stated", [None, {}])
def test_units_may_be_left_out(client: TestClient, stated: Any) -> None:
    assert probability(client, a_patient(units=stated)) == probability(client, a_patient())


@pytest.mark.parametrize(
    ("challenge", "unit", "value"),
    [
        pytest.param("HR", "Hz", 1e308, id="a conversion that overflows"),
        pytest.param("pH", "nmol/L", 0, id="no hydrogen ions at all"),
        pytest.param("pH", "nmol/L", -40, id="less than no hydrogen ions"),
        pytest.param("ICULOS", "d", 1e308, id="an hour that overflows"),
    ],
)
def test_a_value_that_overflows_on_conversion_is_out_of_range(
    client: TestClient, challenge: str, unit: str, value: float
) -> None:
    (problem,) = refused(ask(client, sent_in(challenge, unit, value)))
    assert problem["rule"] == f"range:{challenge}"


# What French and other laboratories send without saying so (coherence rules, section 5).
MIX_UPS = [
    pytest.param("Temp", 98.6, "98.6 °F = 37 °C", id="Fahrenheit"),
    pytest.param("FiO2", 40, "percent", id="oxygen in percent"),
    pytest.param("FiO2", 21, "percent", id="room air in percent"),
    pytest.param("FiO2", 100, "percent", id="pure oxygen in percent"),
    pytest.param("Creatinine", 88, "88 µmol/L = 0.9954 mg/dL", id="creatinine in umol/L"),
    pytest.param("Hgb", 104, "104 g/L = 10.4 g/dL", id="haemoglobin in g/L"),
    pytest.param("Hct", 0.31, "fraction", id="haematocrit as a fraction"),
    pytest.param("O2Sat", 0.97, "fraction", id="SpO2 as a fraction"),
    pytest.param("SaO2", 0.95, "fraction", id="SaO2 as a fraction"),
    pytest.param("Glucose", 1.1, "1.1 g/L = 110 mg/dL", id="glucose in g/L"),
    pytest.param("Glucose", 6.1, "6.1 mmol/L = 109.9 mg/dL", id="glucose in mmol/L"),
    pytest.param("Fibrinogen", 3.2, "3.2 g/L = 320 mg/dL", id="fibrinogen in g/L"),
    pytest.param("WBC", 8000, "= 8 10^3/µL", id="white cells per mm3"),
    pytest.param("Platelets", 150_000, "= 150 10^3/µL", id="platelets per mm3"),
    pytest.param("PTT", 1.1, "seconds", id="clotting time as a ratio"),
    pytest.param("SBP", 12, "12 cmHg = 120 mmHg", id="systolic in cmHg"),
    pytest.param("DBP", 7, "7 cmHg = 70 mmHg", id="diastolic in cmHg"),
    pytest.param("pH", 40, "nmol/L", id="hydrogen ions"),
    pytest.param("BUN", 0.4, "urea", id="urea in g/L"),
    pytest.param("Age", 1958, "year of birth", id="year of birth"),
    pytest.param("Age", 300, "above 89: send 90", id="age of MIMIC-III above 89"),
    pytest.param("Age", 307.4, "above 89: send 90", id="age above 89, grown older"),
    pytest.param("HospAdmTime", 30, "send -30", id="hours before, without the sign"),
    pytest.param("Gender", 2, "female", id="sex coded 1 and 2"),
]


@pytest.mark.parametrize(("challenge", "value", "words"), MIX_UPS)
def test_a_mix_up_of_units_is_refused_with_a_hint(
    client: TestClient, challenge: str, value: float, words: str
) -> None:
    (problem,) = refused(ask(client, {"Resp": 16, challenge: value}))
    assert problem["rule"] == f"range:{challenge}"
    assert words in problem["hint"]
    assert problem["hint_fr"] != problem["hint"]


@pytest.mark.parametrize("age", ["> 89", "90+"])
def test_an_age_above_89_in_words_has_a_hint_of_its_own(client: TestClient, age: str) -> None:
    (problem,) = refused(ask(client, {"Resp": 16, "Age": age}))
    assert problem["rule"] == "json.string"
    assert "above 89: send 90" in problem["hint"]


@pytest.mark.parametrize(("challenge", "value", "words"), MIX_UPS)
def test_the_unit_a_hint_names_makes_the_value_possible(
    client: TestClient, challenge: str, value: float, words: str
) -> None:
    (problem,) = refused(ask(client, {"Resp": 16, challenge: value}))
    if unit := problem["ctx"].get("likely_unit"):
        predicted(ask(client, sent_in(challenge, unit, value)))
        low, high = problem["ctx"]["low"], problem["ctx"]["high"]
        assert low <= problem["ctx"]["converted"] <= high


@pytest.mark.parametrize(
    ("challenge", "value", "rule"),
    [
        pytest.param("Calcium", 1.15, "calcium.unit", id="ionised calcium"),
        pytest.param("Calcium", 2.3, "calcium.unit", id="calcium in mmol/L"),
        pytest.param("Lactate", 22, "lactate.unit", id="lactate in mg/dL"),
        pytest.param("Creatinine", 25, "creatinine.unit", id="low creatinine in umol/L"),
        pytest.param("Magnesium", 0.85, "magnesium.unit", id="magnesium in mmol/L"),
        pytest.param("Phosphate", 0.9, "phosphate.unit", id="phosphate in mmol/L"),
        pytest.param("TroponinI", 450, "troponin.unit", id="troponin in ng/L"),
        pytest.param("EtCO2", 4.5, "etco2.unit", id="end-tidal CO2 in kPa"),
        pytest.param("PaCO2", 5.3, "paco2.unit", id="PaCO2 in kPa"),
        pytest.param("Glucose", 15, "glucose.unit", id="glucose in mmol/L, hyperglycaemia"),
    ],
)
def test_a_mix_up_that_could_be_true_only_warns(
    client: TestClient, challenge: str, value: float, rule: str
) -> None:
    warnings = predicted(ask(client, {"Resp": 16, challenge: value}))["warnings"]
    (warning,) = [each for each in warnings if each["rule"] == rule]
    assert warning["hint"]


def test_blood_pressure_in_cmhg_is_two_hints(client: TestClient) -> None:
    problems = refused(ask(client, {"SBP": 12, "DBP": 7}))
    assert rules_of(problems) == ["range:SBP", "range:DBP"]
    assert all("cmHg" in problem["hint"] for problem in problems)


def test_a_hint_never_follows_the_unit_the_caller_stated(client: TestClient) -> None:
    assert "range:Creatinine" in fired(client, sent_in("Creatinine", "umol/L", 8800))
