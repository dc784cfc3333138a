"""FHIR Observations: codes, units, status, comparators, absent values and components."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.clinical.variables import CLINICAL, Variable
from tests.builders import Json, a_patient
from tests.contract.asking_fhir import (
    assessed,
    by_rest,
    issues,
    probability,
    rule_of,
    rules_refused,
    same,
    warned,
)
from tests.resources import (
    CODES,
    UCUM,
    a_bundle,
    a_person,
    an_encounter,
    bundle,
    codings,
    observation,
    quantity,
    vital_signs,
    without,
)

# --- Codes and units ---


@pytest.mark.parametrize("variable", CLINICAL, ids=lambda each: each.challenge)
def test_every_code_and_unit_of_the_table_is_read(client: TestClient, variable: Variable) -> None:
    value = (variable.reference_low + variable.reference_high) / 2
    category = "vital-signs" if variable.kind == "vital" else "laboratory"
    companion = observation("60978-4", 80, "/min")
    place = an_encounter()["location"][0] | {"location": {"display": "ICU"}}
    in_icu = an_encounter(location=[place], period={})
    expected = by_rest(client, {"HR": 80, "icu_hour": 12} | {variable.challenge: value})
    ureas = {"22664-7", "3091-6", "72903-8", "77136-0"}
    for code in (variable.loinc, *variable.loinc_also):
        if code in ureas:  # a mass of urea is another mass
            continue
        body = bundle(
            in_icu,
            *([] if variable.challenge == "HR" else [companion]),
            observation(code, value, variable.unit, category=category),
        )
        assert probability(assessed(client, body)) == pytest.approx(expected, abs=1e-6), code


@pytest.mark.parametrize(
    ("code", "value", "unit", "name", "canonical"),
    [
        ("14682-9", 88.4, "umol/L", "creatinine", 1.0),
        ("14631-6", 20, "umol/L", "bilirubin_total", 1.169324),
        ("14749-6", 6.1, "mmol/L", "glucose", 109.89516),
        ("2345-7", 1.1, "g/L", "glucose", 110.0),
        ("22664-7", 7, "mmol/L", "bun", 19.6098),
        ("3091-6", 0.4, "g/L", "bun", 18.6584),
        ("3091-6", 40, "mg/dL", "bun", 18.6584),
        ("3094-0", 20, "mg/dL", "bun", 20),
        ("718-7", 104, "g/L", "hemoglobin", 10.4),
        ("718-7", 10.4, "g/dl", "hemoglobin", 10.4),
        ("3150-0", 40, "%", "fio2", 0.4),
        ("71835-3", 0.4, "1", "fio2", 0.4),
        ("71833-8", 0.3, "{fraction}", "hematocrit", 30),
        ("8310-5", 98.6, "[degF]", "temperature", 37.0),
        ("1922-4", 4, "mmol/L", "base_excess", -4),
        ("2744-1", 7.35, "[pH]", "ph", 7.35),
        ("2744-1", 7.35, None, "ph", 7.35),
        ("2744-1", 7.35, "", "ph", 7.35),
        ("2744-1", 7.35, "1", "ph", 7.35),
        ("8867-4", 90, "{beats}/min", "heart_rate", 90),
        ("6690-2", 8, "10*9/L", "wbc", 8),
        ("6690-2", 8, "10*3.{cells}/uL", "wbc", 8),
        ("89579-7", 45, "ng/L", "troponin_i", 0.045),
        ("2019-8", 5.3, "kPa", "paco2", 39.753286),
    ],
)
def test_units_are_converted(
    client: TestClient, code: str, value: float, unit: str | None, name: str, canonical: float
) -> None:
    body = a_bundle(observation(code, value, unit, category="laboratory"))
    if name in CODES:
        body["entry"] = [
            entry
            for entry in body["entry"]
            if entry["resource"].get("code") != codings(CODES[name][0])
            or entry["resource"] == body["entry"][-1]["resource"]
        ]
    same(client, body, a_patient() | {name: canonical})


def test_a_unit_in_words_is_read_where_it_is_known(client: TestClient) -> None:
    pressure = observation("8480-6", 0, None, valueQuantity={"value": 121, "unit": "mmHg"})
    same(client, a_bundle(pressure, systolic_bp=119), a_patient())


@pytest.mark.parametrize("code", ["", None])
def test_an_empty_code_of_a_unit_is_no_code(client: TestClient, code: str | None) -> None:
    sent = {"value": 121, "unit": "mmHg", "code": code, "system": UCUM}
    pressure = observation("8480-6", 0, None, valueQuantity=sent)
    same(client, a_bundle(pressure, systolic_bp=119), a_patient())


@pytest.mark.parametrize(
    ("code", "sent", "rule", "element"),
    [
        ("2160-0", quantity(1, None), "unit.missing", ""),
        ("2160-0", quantity(1, ""), "unit.missing", ""),
        ("2160-0", quantity(1, "mg"), "unit.unknown", ".code"),
        ("2160-0", {"value": 1, "unit": "a little"}, "unit.unknown", ".unit"),
        ("2160-0", {"value": 1, "code": "mg/dL", "system": "urn:x"}, "unit.missing", ""),
        (
            "2160-0",
            {"value": 1, "code": "mg/dL", "unit": "umol/L", "system": UCUM},
            "unit.contradiction",
            "",
        ),
        ("2160-0", {"value": 1, "code": 5, "system": UCUM}, "unit.unknown", ".code"),
        ("3091-6", quantity(40, "mg/L"), "unit.unknown", ".code"),
        ("3094-0", quantity(0.2, "g/L"), "unit.unknown", ".code"),
        ("77136-0", quantity(20, "mg/dL"), "unit.unknown", ".code"),
        ("14979-9", quantity(1.1, "{ratio}"), "unit.unknown", ".code"),
        ("2160-0", quantity(True, "mg/dL"), "json.type", ".value"),
        ("2160-0", quantity("1", "mg/dL"), "json.type", ".value"),
        ("2160-0", quantity(10**400, "mg/dL"), "json.nan", ".value"),
        ("2160-0", quantity(1, "mg/dL", comparator="~"), "value.comparator", ".comparator"),
        ("2160-0", 5, "json.type", ""),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_where_it_stands(
    client: TestClient, code: str, sent: Any, rule: str, element: str
) -> None:
    body = a_bundle(observation(code, 0, None, category="laboratory", valueQuantity=sent))
    (issue,) = issues(client, body)
    place = f"Bundle.entry[9].resource.valueQuantity{element}"
    assert (rule_of(issue), issue["expression"]) == (rule, [place])


@pytest.mark.parametrize(
    ("codes", "category", "name"),
    [
        (("2708-6",), "vital-signs", "spo2"),
        (("2708-6",), "laboratory", "sao2"),
        (("2708-6", "59408-5"), "vital-signs", "spo2"),
        (("2708-6", "59408-5"), "laboratory", "spo2"),
        (("2708-6", "20564-1"), "laboratory", "sao2"),
    ],
)
def test_a_saturation_is_identified_by_its_other_code_or_its_category(
    client: TestClient, codes: tuple[str, ...], category: str, name: str
) -> None:
    vitals = [each for each in vital_signs() if each["code"] != codings("59408-5")]
    body = bundle(
        a_person(), an_encounter(), *vitals, observation(codes, 91, "%", category=category)
    )
    same(client, body, a_patient(without=["spo2"]) | {name: 91})


@pytest.mark.parametrize(
    ("added", "rule", "says"),
    [
        (observation("2708-6", 91, "%", category=None), "code.ambiguous", "2708-6"),
        (observation(("2708-6", "8867-4"), 91, "%"), "code.ambiguous", "different"),
        (observation(("8867-4", "9279-1"), 91, "/min"), "code.ambiguous", "different"),
        (observation(("1925-7", "1922-4"), 4, "mmol/L"), "code.ambiguous", "different"),
        (observation("1995-0", 1.15, "mmol/L"), "code.other_analyte", "ionised calcium"),
        (observation(("17861-6", "1995-0"), 1.15, "mmol/L"), "code.other_analyte", "ionised"),
        (observation("19230-2", 12, "mmol/L"), "code.other_analyte", "standard bicarbonate"),
        (observation("97544-1", 12, "mmol/L"), "code.other_analyte", "standard bicarbonate"),
        (observation("63561-5", 1.2, "{ratio}"), "code.other_analyte", "ratio"),
        (observation("39106-0", 33, "Cel"), "code.other_analyte", "skin"),
        (observation("99999-9", 1, "1"), "code.unknown", "99999-9"),
        (
            observation({"coding": [{"system": "urn:mimic", "code": "50843"}]}, 1, "1"),
            "code.unknown",
            "50843` (urn:mimic)",
        ),
        (observation({"text": "lactate"}, 1, "1"), "code.unknown", "lactate"),
    ],
)
def test_an_unknown_or_ambiguous_code_is_noted_and_not_used(
    client: TestClient, added: Json, rule: str, says: str
) -> None:
    found = assessed(client, a_bundle(added))
    issue = warned(found)[rule]
    assert says in issue["details"]["text"]
    assert issue["expression"][0].startswith("Bundle.entry[9].resource.code")
    assert any(says in note["text"] for note in found["note"])
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


def test_many_unknown_codes_are_counted(client: TestClient) -> None:
    unknown = [observation(f"{at_}-0", 1, "1") for at_ in range(90_000, 90_030)]
    found = assessed(client, a_bundle(*unknown))
    assert sum("none of those read" in note["text"] for note in found["note"]) <= 20
    outcome = next(each for each in found["contained"] if each["id"] == "warnings")
    (rest,) = (each for each in outcome["issue"] if "10 more codes" in each["details"]["text"])
    assert rule_of(rest) == "code.unknown"


@pytest.mark.parametrize(
    ("code", "name", "value", "unit", "says"),
    [
        ("2746-6", "ph", 7.35, "[pH]", "Venous"),
        ("11558-4", "ph", 7.35, "[pH]", "of which blood"),
        ("11557-6", "paco2", 55, "mm[Hg]", "of which blood"),
        ("20564-1", "sao2", 91, "%", "of which blood"),
        ("2028-9", "bicarbonate", 20, "mmol/L", "Total CO2"),
    ],
)
def test_a_similar_measure_is_used_with_a_note(
    client: TestClient, code: str, name: str, value: float, unit: str, says: str
) -> None:
    similar = observation(code, value, unit, category="laboratory")
    found = assessed(client, a_bundle(similar))
    assert says in warned(found)["code.nearly"]["details"]["text"]
    expected = by_rest(client, a_patient() | {name: value})
    assert probability(found) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("code", "name", "value", "unit"),
    [
        pytest.param("8333-7", "temperature", 38.4, "Cel", id="tympanic temperature"),
        pytest.param("49563-0", "troponin_i", 2.5, "ng/mL", id="troponin I"),
        pytest.param("19890-3", "etco2", 30, "mm[Hg]", id="end-tidal CO2, calculated"),
        pytest.param("19235-1", "base_excess", -6, "mmol/L", id="standard base excess"),
        pytest.param("97543-3", "bicarbonate", 18, "mmol/L", id="bicarbonate, central venous"),
    ],
)
def test_an_equivalent_code_is_used_without_a_note(
    client: TestClient, code: str, name: str, value: float, unit: str
) -> None:
    others = [each for each in vital_signs() if name != "temperature" or "8310-5" not in str(each)]
    body = bundle(a_person(), an_encounter(), *others, observation(code, value, unit))
    same(client, body, a_patient() | {name: value})


# --- Status, comparators, absent values ---


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_withdrawn_observation_is_not_used(client: TestClient, status: str) -> None:
    found = assessed(client, a_bundle(observation("2524-7", 9, "mmol/L", status=status)))
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "preliminary"])
def test_a_valid_status_is_used(client: TestClient, status: str) -> None:
    found = assessed(client, a_bundle(observation("2524-7", 3, "mmol/L", status=status)))
    assert probability(found) == pytest.approx(by_rest(client, a_patient(lactate=3)), abs=1e-6)
    assert ("status.preliminary" in warned(found)) == (status == "preliminary")


@pytest.mark.parametrize(
    ("status", "rule"),
    [(..., "json.missing"), ("done", "code.status"), (5, "json.missing")],
)
def test_an_unknown_status_is_refused(client: TestClient, status: Any, rule: str) -> None:
    body = a_bundle(observation("2524-7", 3, "mmol/L", status=status))
    (issue,) = issues(client, body)
    assert (rule_of(issue), issue["expression"]) == (rule, ["Bundle.entry[9].resource.status"])


def test_a_result_that_is_not_there_yet_is_noted(client: TestClient) -> None:
    found = assessed(client, a_bundle(observation("2524-7", 3, "mmol/L", status="registered")))
    assert "status.unused" in warned(found)


@pytest.mark.parametrize("comparator", ["<", "<=", ">", ">="])
def test_a_limit_is_used_with_a_note(client: TestClient, comparator: str) -> None:
    limit = quantity(0.01, "ng/mL", comparator=comparator)
    found = assessed(client, a_bundle(observation("10839-9", 0, None, valueQuantity=limit)))
    assert comparator in warned(found)["value.comparator"]["details"]["text"]
    expected = by_rest(client, a_patient(troponin_i=0.01))
    assert probability(found) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("element", "is_told"),
    [
        ({"dataAbsentReason": {"text": "unknown"}}, False),
        ({}, True),
        ({"valueQuantity": {"code": "mmol/L", "system": UCUM}}, True),
    ],
)
def test_an_absent_value_is_not_measured(client: TestClient, element: Json, is_told: bool) -> None:
    absent = without(observation("2823-3", 0, None), "valueQuantity") | element
    found = assessed(client, a_bundle(absent))
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)
    assert ("value.absent" in warned(found)) == is_told


# --- Blood pressure and other components ---


def pressure_panel(*parts: tuple[str, float]) -> Json:
    components = [
        {"code": codings(code), "valueQuantity": quantity(value, "mm[Hg]")} for code, value in parts
    ]
    return observation("85354-9", 0, None, valueQuantity=..., component=components)


def test_blood_pressure_is_read_from_components(client: TestClient) -> None:
    others = [each for each in vital_signs() if each["valueQuantity"]["code"] != "mm[Hg]"]
    panel = pressure_panel(("8480-6", 120), ("8462-4", 65), ("8478-0", 85))
    body = bundle(a_person(), an_encounter(), *others, panel)
    same(client, body, a_patient())
    assert "code.unknown" not in warned(assessed(client, body))


def test_a_saturation_and_its_oxygen_are_both_read(client: TestClient) -> None:
    oxygen = [{"code": codings("3150-0"), "valueQuantity": quantity(40, "%")}]
    vitals = [each for each in vital_signs() if each["code"] != codings("59408-5")]
    both = observation(("59408-5", "2708-6"), 97, "%", component=oxygen)
    same(client, bundle(a_person(), an_encounter(), *vitals, both), a_patient(fio2=0.4))


def test_two_values_that_contradict_are_found_across_resources(client: TestClient) -> None:
    assert rules_refused(client, a_bundle(diastolic_bp=130)) == ["bp.dbp_ge_sbp", "bp.map_lt_dbp"]
