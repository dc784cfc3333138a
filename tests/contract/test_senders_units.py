"""Units and hints as senders meet them: files of `reference/senders`, and their siblings."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from sepsis_detect.clinical import units
from sepsis_detect.clinical.coherence import scan
from sepsis_detect.clinical.findings import Finding, findings
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE, N_COLUMNS, VARIABLES, Variable
from tests.builders import Json
from tests.contract.asking import ask, predicted, probability, refused
from tests.contract.asking_fhir import assessed, by_rest, rules_refused, warned
from tests.contract.asking_fhir import probability as fhir_probability
from tests.paths import SHARED
from tests.resources import a_bundle, observation
from tests.unit_spellings import each_printed

SENDERS = SHARED / "reference" / "senders"
needs_senders = pytest.mark.skipif(
    not SENDERS.exists(), reason="the senders' files do not lie beside the checkout"
)


def sender(name: str) -> Json:
    found: Json = json.loads((SENDERS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def likely(problem: Json) -> list[tuple[str, float]]:
    """The units that a problem names, with the converted value rounded."""
    return [(each["unit"], round(each["converted"], 3)) for each in problem["ctx"]["likely_units"]]


# --- Hints --------------------------------------------------------------------------------------


@needs_senders
@pytest.mark.parametrize(
    ("name", "rule", "unit", "converted"),
    [
        ("glucose_8_5_mmol_hint", "range:Glucose", "mmol/L", 153.133),
        ("fibrinogen_6_8_gL_hint", "range:Fibrinogen", "g/L", 680),
        ("pass_creatinine_150", "range:Creatinine", "umol/L", 1.697),
    ],
)
def test_the_likely_unit_is_the_one_a_clinician_means(
    client: TestClient, name: str, rule: str, unit: str, converted: float
) -> None:
    (problem,) = refused(ask(client, sender(name)))
    assert problem["rule"] == rule
    assert problem["ctx"]["likely_unit"] == unit
    assert problem["ctx"]["converted"] == pytest.approx(converted, abs=5e-4)
    assert likely(problem)[0] == (unit, converted)


@needs_senders
def test_two_pressures_of_an_hour_have_one_likely_unit(client: TestClient) -> None:
    problems = refused(ask(client, sender("bp_15_9_cmHg_hint")))
    assert [problem["ctx"]["likely_unit"] for problem in problems] == ["cm[Hg]", "cm[Hg]"]
    assert [problem["ctx"]["converted"] for problem in problems] == [150, 90]


@pytest.mark.parametrize(
    ("sent", "unit"),
    [
        pytest.param({"SBP": 12, "DBP": 7}, "cm[Hg]", id="120/70"),
        pytest.param({"SBP": 9, "DBP": 5, "MAP": 6}, "cm[Hg]", id="shock, 90/50"),
        pytest.param({"SBP": 26, "DBP": 9, "MAP": 14.5}, "kPa", id="26 is too much in cmHg"),
        pytest.param({"SBP": 14.3, "DBP": 1.6}, "cm[Hg]", id="143/16: unusual, and possible"),
    ],
)
def test_one_unit_explains_all_pressures_of_an_hour(
    client: TestClient, sent: Json, unit: str
) -> None:
    for problem in refused(ask(client, {"HR": 80} | sent)):
        assert problem["ctx"]["likely_unit"] == unit
        assert len(problem["ctx"]["likely_units"][0]["beside"]) == len(sent) - 1


def test_where_no_unit_explains_all_pressures_each_is_explained_alone(client: TestClient) -> None:
    systolic, diastolic = refused(ask(client, {"HR": 80, "SBP": 14.3, "DBP": 0.4}))
    assert likely(systolic)[0] == ("cm[Hg]", 143)
    assert "likely_units" not in diastolic["ctx"]


def test_a_pressure_in_millimetres_is_not_converted_with_the_others(client: TestClient) -> None:
    (problem,) = refused(ask(client, {"HR": 80, "SBP": 120, "DBP": 7}))
    assert likely(problem)[0] == ("cm[Hg]", 70)
    assert "beside" not in problem["ctx"]["likely_units"][0]


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        pytest.param("glucose", 1.1, ["g/L"], id="110 mg/dL; 20 is none"),
        pytest.param("glucose", 5.5, ["mmol/L", "g/L"], id="99, or 550 mg/dL"),
        pytest.param("glucose", 3.0, ["g/L", "mmol/L"], id="300, or 54 mg/dL"),
        pytest.param("fibrinogen", 9, ["g/L", "umol/L"], id="common before rare"),
        pytest.param("creatinine", 88, ["umol/L", "mg/L"], id="1.0, or 8.8 mg/dL"),
        pytest.param("hematocrit", 0.31, ["1", "L/L"], id="equal units"),
        pytest.param("wbc", 8000, ["/uL", "/mm3"], id="equal units of counts"),
        pytest.param("lactate", 60, ["mg/dL", "mg/L"], id="6.7, or 0.67 mmol/L"),
        pytest.param("platelets", 4000, ["/uL", "/mm3"], id="4 G/L: far too low, and possible"),
        pytest.param("spo2", 0.62, ["1"], id="62 %: far too low, and possible"),
        pytest.param("temperature", 86, ["[degF]"], id="30 Cel: far too low, and possible"),
        pytest.param("systolic_bp", 5, ["cm[Hg]", "kPa"], id="50, or 37.5 mm[Hg]: both possible"),
    ],
)
def test_every_unit_that_fits_is_named_the_likeliest_first(
    client: TestClient, name: str, value: float, named: list[str]
) -> None:
    (problem,) = refused(ask(client, {"heart_rate": 80, name: value}))
    assert [unit for unit, _ in likely(problem)] == named
    assert problem["ctx"]["likely_unit"] == named[0]


@pytest.mark.parametrize(
    ("name", "value", "stated", "unit"),
    [
        pytest.param("creatinine", 1.2, "umol/L", "mg/dL", id="the canonical one was meant"),
        pytest.param("glucose", 5.5, "mg/dL", "mmol/L", id="the canonical one was stated"),
        pytest.param("fio2", 0.4, "%", "1", id="a fraction stated as percent"),
        pytest.param("creatinine", 8800, "umol/L", None, id="no unit explains it"),
        pytest.param("temperature", 37, "°F", "Cel", id="Celsius stated as Fahrenheit"),
    ],
)
def test_a_hint_starts_from_the_number_and_the_unit_that_were_sent(
    client: TestClient, name: str, value: float, stated: str, unit: str | None
) -> None:
    (problem,) = refused(ask(client, {"heart_rate": 80, name: value, "units": {name: stated}}))
    assert problem["ctx"].get("likely_unit") == unit
    if unit is None:
        assert problem["hint"] is None
    else:
        assert problem["hint"].startswith(f"{value:g} looks like")
        assert "`units`" not in problem["hint"]
        predicted(ask(client, {"heart_rate": 80, name: value, "units": {name: unit}}))


def unusual(variable: Variable, value: float) -> Finding | None:
    """The finding about one value that was sent alone in the canonical unit."""
    values = np.full((1, N_COLUMNS), np.nan)
    values[0, variable.column] = value
    stay = Stay(values)
    about = [each for each in findings(stay, scan(stay)) if each.columns == (variable.column,)]
    return about[0] if about else None


OTHER_UNITS = [
    (variable, conversion)
    for variable in VARIABLES
    for conversion in units.CONVERSIONS[variable.column].values()
    if not conversion.is_same_as(units.canonical(variable))
]


@given(pair=st.sampled_from(OTHER_UNITS), data=st.data())
def test_the_true_unit_of_every_usual_value_is_named(
    pair: tuple[Variable, Conversion], data: st.DataObject
) -> None:
    variable, conversion = pair
    usual = st.floats(variable.usual_low, variable.usual_high)
    if variable.name == "icu_hour":
        usual = usual.map(round).map(float)
    finding = unusual(variable, conversion.from_canonical(data.draw(usual)))
    if finding is None or not (finding.is_refusal or variable.is_clinical):
        return
    named = {each["unit"] for each in finding.context["likely_units"]}
    assert conversion.unit in named
    assert finding.hint_en
    assert finding.hint_fr


@given(pair=st.sampled_from(OTHER_UNITS), data=st.data())
def test_a_unit_is_named_for_every_impossible_value_that_one_makes_possible(
    pair: tuple[Variable, Conversion], data: st.DataObject
) -> None:
    variable, conversion = pair
    possible = data.draw(st.floats(variable.hard_low, variable.hard_high))
    finding = unusual(variable, conversion.from_canonical(possible))
    if finding is None or not finding.is_refusal or not variable.is_clinical:
        return
    if "Zero" not in finding.hint_en:
        assert finding.context["likely_unit"] in units.accepted(variable)


# --- Spellings ----------------------------------------------------------------------------------


@needs_senders
def test_small_l_and_capital_l_are_one_litre(client: TestClient) -> None:
    body = sender("units_lower_case_litre")
    capital = {"wbc": "G/L", "platelets": "10^9/L", "ast": "UI/L", "chloride": "mEq/L"}
    assert probability(client, body) == probability(client, body | {"units": capital})


@needs_senders
@pytest.mark.parametrize(
    ("name", "rest"),
    [
        (
            "fhir_ucum_equivalents",
            {"heart_rate": 118, "temperature": 38.6, "wbc": 12.3, "ast": 45}
            | {"respiratory_rate": 24, "age": 68, "sex": "female", "icu_unit": "medical"}
            | {"hospital_admission_hour": -5.75, "icu_hour": 10},
        ),
        (
            "fhir_us_spellings",
            {"heart_rate": 90, "wbc": 11.2, "platelets": 140, "respiratory_rate": 22}
            | {"aptt": 34, "age": 66, "sex": "male", "icu_unit": "medical"}
            | {"hospital_admission_hour": 0, "icu_hour": 3},
        ),
    ],
)
def test_spellings_of_units_in_fhir_are_read(client: TestClient, name: str, rest: Json) -> None:
    found = assessed(client, sender(name))
    assert not {rule for rule in warned(found) if rule.startswith(("unit", "range", "value"))}
    assert fhir_probability(found) == pytest.approx(by_rest(client, rest), abs=1e-6)


@pytest.mark.parametrize(("challenge", "unit", "spelling"), each_printed())
def test_a_spelling_is_one_unit_for_json_and_for_fhir(
    client: TestClient, challenge: str, unit: str, spelling: str
) -> None:
    variable, value = BY_CHALLENGE[challenge], 1e14  # refused, and shown in the canonical unit
    shown = []
    for written in (spelling, unit):
        body = {"HR": 80, challenge: value, "units": {challenge: written}}
        problems = {each["rule"]: each for each in refused(ask(client, body))}
        shown.append(problems[f"range:{challenge}"]["ctx"][variable.name])
    assert shown[0] == shown[1]
    if variable.is_clinical and "urea" not in unit:
        resources = a_bundle(observation(variable.loinc, value, spelling, category="laboratory"))
        assert f"range:{challenge}" in rules_refused(client, resources)
