"""FHIR in, FHIR out: what each resource means, and the same answer as by REST."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.clinical.variables import CLINICAL, Variable
from tests.builders import Json, a_patient, a_stay
from tests.contract.asking import ask, predicted
from tests.paths import SHARED
from tests.resources import (
    CODES,
    FHIR_JSON,
    RISK,
    SICK,
    UCUM,
    a_bundle,
    a_person,
    a_searchset,
    an_encounter,
    at,
    bundle,
    codings,
    observation,
    quantity,
    vital_signs,
    without,
)

EXAMPLES = SHARED / "reference" / "examples"
needs_examples = pytest.mark.skipif(
    not EXAMPLES.exists(), reason="the reference examples do not lie beside the checkout"
)


def send(client: TestClient, body: Any, language: str = "en", query: str = "") -> Any:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = FHIR_JSON | {"Accept-Language": language}
    return client.post(f"{RISK}{query}", content=content, headers=headers)


def assessed(client: TestClient, body: Any, query: str = "") -> Json:
    """The RiskAssessment; anything else fails with what was answered instead."""
    response = send(client, body, query=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    found: Json = response.json()
    assert found["resourceType"] == "RiskAssessment"
    return found


def issues(client: TestClient, body: Any, status: int = 422) -> list[Json]:
    """The issues of an OperationOutcome, each in two languages."""
    response = send(client, body)
    assert response.status_code == status, response.text
    found: list[Json] = response.json()["issue"]
    french = send(client, body, "fr").json()["issue"]
    for english, other in zip(found, french, strict=True):
        assert english["details"]["text"] != other["details"]["text"]
        assert english["details"]["coding"] == other["details"]["coding"]
    return found


def rule_of(issue: Json) -> str:
    rule: str = issue["details"]["coding"][0]["code"]
    return rule


def rules_refused(client: TestClient, body: Any) -> list[str]:
    return [rule_of(each) for each in issues(client, body) if each["severity"] == "error"]


def warned(found: Json) -> dict[str, Json]:
    """The warnings of an answer by rule."""
    contained = {each["id"]: each for each in found["contained"]}
    return {rule_of(each): each for each in contained.get("warnings", {"issue": []})["issue"]}


def probability(found: Json) -> float:
    value: float = found["prediction"][0]["probabilityDecimal"]
    return value / 100


def by_rest(client: TestClient, patient: Json) -> float:
    value: float = predicted(ask(client, patient))["probability"]
    return value


def same(client: TestClient, resources: Json, patient: Json) -> None:
    """Both ways in lead to the same answer."""
    assert probability(assessed(client, resources)) == pytest.approx(
        by_rest(client, patient), abs=1e-6
    )


# --- The published examples ---

EXAMPLE_AS_REST: Json = {
    "age": 67,
    "sex": "male",
    "icu_unit": "medical",
    "hospital_admission_hour": -3.5,
    "icu_hour": 13,  # twelve hours have gone by: the thirteenth begins
    "units": {
        "creatinine": "umol/L",
        "bilirubin_total": "umol/L",
        "bun": "mmol/L",
        "fio2": "%",
        "hemoglobin": "g/L",
    },
    "heart_rate": 118,
    "spo2": 93,
    "sao2": 94.2,
    "temperature": 38.6,
    "systolic_bp": 98,
    "diastolic_bp": 52,
    "mean_arterial_pressure": 66,
    "respiratory_rate": 27,
    "creatinine": 168,
    "bilirubin_total": 31,
    "bun": 12.4,
    "lactate": 3.1,
    "fio2": 40,
    "wbc": 16.2,
    "platelets": 121,
    "hemoglobin": 104,
}


def example(name: str) -> Json:
    found: Json = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    return found


@needs_examples
def test_the_published_bundle_is_answered_as_by_rest(client: TestClient) -> None:
    same(client, example("fhir_input_bundle.json"), EXAMPLE_AS_REST)


@needs_examples
def test_the_answer_has_every_element_of_the_published_one(client: TestClient) -> None:
    published = example("fhir_riskassessment.json")
    found = assessed(client, example("fhir_input_bundle.json"))
    assert set(published) - {"id"} <= set(found)
    assert set(published["prediction"][0]) <= set(found["prediction"][0])
    for element in ("subject", "encounter", "basis", "occurrenceDateTime", "status"):
        assert found[element] == published[element]
    ours, theirs = found["prediction"][0], published["prediction"][0]
    assert ours["whenPeriod"] == theirs["whenPeriod"]
    assert ours["outcome"]["coding"][0]["code"] == theirs["outcome"]["coding"][0]["code"]


@needs_examples
def test_the_published_outcome_is_what_swapped_pressures_are_answered(client: TestClient) -> None:
    swapped = example("fhir_input_bundle.json")
    pressures = swapped["entry"][6]["resource"]["component"]
    pressures[0]["valueQuantity"]["value"], pressures[1]["valueQuantity"]["value"] = 80, 120
    pressures.pop()
    (found,) = issues(client, swapped)
    (published,) = example("fhir_operationoutcome_422.json")["issue"]
    for element in ("severity", "code", "expression"):
        assert found[element] == published[element]
    assert found["details"]["coding"] == published["details"]["coding"]


# --- The same answer by both ways ---


def test_a_well_patient_is_answered_as_by_rest(client: TestClient) -> None:
    same(client, a_bundle(), a_patient())


def test_a_stay_is_answered_as_by_rest(client: TestClient) -> None:
    hours = [vital_signs(hour, heart_rate=80 + (hour - 1) % 2) for hour in range(1, 31)]
    resources = bundle(a_person(), an_encounter(), *(each for hour in hours for each in hour))
    same(client, resources, a_stay(30))


def test_hours_without_measurement_are_no_gap(client: TestClient) -> None:
    found = assessed(client, a_bundle(*vital_signs(3, heart_rate=90)))
    assert "time.gap" not in warned(found)
    stay = a_stay(2, icu_hour=[3, 12], heart_rate=[90, 80])
    assert probability(found) == pytest.approx(by_rest(client, stay), abs=1e-6)


@pytest.mark.parametrize("kind", ["collection", "searchset", "batch-response"])
def test_each_kind_of_bundle_is_read(client: TestClient, kind: str) -> None:
    same(client, a_bundle() | {"type": kind}, a_patient())


def test_results_of_a_batch_are_read_where_they_stand(client: TestClient) -> None:
    batch = bundle(a_person(), an_encounter(), a_searchset(*vital_signs()), kind="batch-response")
    same(client, batch, a_patient())
    bad = batch["entry"][2]["resource"]["entry"][0]["resource"]
    bad["valueQuantity"]["value"] = 400
    (issue,) = issues(client, batch)
    place = "Bundle.entry[2].resource.entry[0].resource.valueQuantity"
    assert (rule_of(issue), issue["code"], issue["expression"]) == ("range:HR", "value", [place])


def in_parameters(*more: Json) -> Json:
    listed = [{"name": "bundle", "resource": a_bundle(heart_rate=400)}, *more]
    return {"resourceType": "Parameters", "parameter": listed}


def test_parameters_that_hold_a_bundle_are_read(client: TestClient) -> None:
    (issue,) = issues(client, in_parameters())
    place = "Parameters.parameter[0].resource.entry[2].resource.valueQuantity"
    assert issue["expression"] == [place]


@pytest.mark.parametrize("is_in_the_query", [True, False], ids=["query", "Parameters"])
def test_incoherent_values_are_dropped_where_asked(
    client: TestClient, is_in_the_query: bool
) -> None:
    drop = {"name": "on_incoherence", "valueCode": "drop"}
    body = a_bundle(heart_rate=400) if is_in_the_query else in_parameters(drop)
    found = assessed(client, body, "?on_incoherence=drop" if is_in_the_query else "")
    assert warned(found)["range:HR"]["severity"] == "warning"
    without = by_rest(client, a_patient(without=["heart_rate"]))
    assert probability(found) == pytest.approx(without, abs=1e-6)


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


@pytest.mark.parametrize(
    ("code", "sent", "rule", "element"),
    [
        ("2160-0", quantity(1, None), "unit.missing", ""),
        ("2160-0", quantity(1, ""), "unit.missing", ""),
        ("2160-0", quantity(1, "mg"), "unit.unknown", ".code"),
        ("2160-0", {"value": 1, "unit": "a little"}, "unit.unknown", ".unit"),
        ("2160-0", {"value": 1, "code": "mg/dL", "system": "urn:x"}, "unit.missing", ""),
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
def test_a_saturation_is_told_by_its_other_code_or_its_category(
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
        (observation("63561-5", 1.2, "{ratio}"), "code.other_analyte", "ratio"),
        (observation("39106-0", 33, "Cel"), "code.other_analyte", "skin"),
        (observation("99999-9", 1, "1"), "code.unknown", "99999-9"),
        (
            observation({"coding": [{"system": "urn:mimic", "code": "50843"}]}, 1, "1"),
            "code.unknown",
            "urn:mimic|50843",
        ),
        (observation({"text": "lactate"}, 1, "1"), "code.unknown", "lactate"),
    ],
)
def test_what_is_not_certainly_ours_is_reported_and_not_used(
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


def test_nearly_the_same_measure_is_used_and_said(client: TestClient) -> None:
    venous = observation("2746-6", 7.35, "[pH]", category="laboratory")
    found = assessed(client, a_bundle(venous))
    assert "Venous" in warned(found)["code.nearly"]["details"]["text"]
    assert probability(found) == pytest.approx(by_rest(client, a_patient(ph=7.35)), abs=1e-6)


# --- Status, comparators, absent values ---


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_what_was_withdrawn_is_left_out(client: TestClient, status: str) -> None:
    found = assessed(client, a_bundle(observation("2524-7", 9, "mmol/L", status=status)))
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "preliminary"])
def test_what_stands_is_used(client: TestClient, status: str) -> None:
    found = assessed(client, a_bundle(observation("2524-7", 3, "mmol/L", status=status)))
    assert probability(found) == pytest.approx(by_rest(client, a_patient(lactate=3)), abs=1e-6)
    assert ("status.preliminary" in warned(found)) == (status == "preliminary")


@pytest.mark.parametrize(
    ("status", "rule"),
    [(..., "json.missing"), ("done", "code.status"), (5, "json.missing")],
)
def test_a_status_that_is_none_is_refused(client: TestClient, status: Any, rule: str) -> None:
    body = a_bundle(observation("2524-7", 3, "mmol/L", status=status))
    (issue,) = issues(client, body)
    assert (rule_of(issue), issue["expression"]) == (rule, ["Bundle.entry[9].resource.status"])


def test_a_result_that_is_not_there_yet_is_noted(client: TestClient) -> None:
    found = assessed(client, a_bundle(observation("2524-7", 3, "mmol/L", status="registered")))
    assert "status.unused" in warned(found)


@pytest.mark.parametrize("comparator", ["<", "<=", ">", ">="])
def test_a_limit_is_used_and_said(client: TestClient, comparator: str) -> None:
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
        ({"valueString": "haemolysed"}, True),
        ({"valueQuantity": {"code": "mmol/L", "system": UCUM}}, True),
    ],
)
def test_no_value_is_not_measured(client: TestClient, element: Json, is_told: bool) -> None:
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


# --- Time ---


def test_several_values_of_one_hour_are_their_median(client: TestClient) -> None:
    more = [observation("8867-4", value, "/min") for value in (82, 110)]
    same(client, a_bundle(*more), a_patient(heart_rate=82))
    same(client, a_bundle(more[0]), a_patient(heart_rate=81))


def test_an_impossible_median_names_what_it_is_made_of(client: TestClient) -> None:
    (issue,) = issues(client, a_bundle(observation("8867-4", 800, "/min")))
    assert issue["expression"] == [
        "Bundle.entry[2].resource.valueQuantity",
        "Bundle.entry[9].resource.valueQuantity",
    ]


@pytest.mark.parametrize(
    ("stamp", "icu_hour"),
    [
        ("2026-02-28T22:00:00+01:00", 1),
        ("2026-02-28T22:59:59.999+01:00", 1),
        ("2026-02-28T23:00:00+01:00", 2),
        ("2026-02-28T22:30:00Z", 2),
        ("2026-03-01T10:00:00+01:00", 13),
        ("2026-03-01T04:00:00-05:00", 13),
    ],
)
def test_hours_are_counted_from_admission_whatever_the_time_zone(
    client: TestClient, stamp: str, icu_hour: int
) -> None:
    vitals = [each | {"effectiveDateTime": stamp} for each in vital_signs()]
    body = bundle(a_person(), an_encounter(), *vitals)
    same(client, body, a_patient(icu_hour=icu_hour))
    assert assessed(client, body)["occurrenceDateTime"][:19] == stamp[:19]


@pytest.mark.parametrize(
    "time",
    [
        {"effectiveInstant": at(12)},
        {"effectivePeriod": {"start": at(12), "end": at(14)}},
    ],
)
def test_each_form_of_time_is_read(client: TestClient, time: Json) -> None:
    vitals = [without(vital, "effectiveDateTime") | time for vital in vital_signs()]
    same(client, bundle(a_person(), an_encounter(), *vitals), a_patient())


@pytest.mark.parametrize(
    ("time", "rule", "element"),
    [
        ({"effectiveDateTime": "2026-03-01T10:00:00"}, "time.tz", "effectiveDateTime"),
        ({"effectiveDateTime": "2999-03-01T10:00:00Z"}, "time.future", "effectiveDateTime"),
        ({"effectiveDateTime": "yesterday"}, "time.format", "effectiveDateTime"),
        ({"effectiveDateTime": "2026-02-30"}, "time.format", "effectiveDateTime"),
        ({"effectiveDateTime": "0001-01-01T00:00:00+14:00"}, "time.format", "effectiveDateTime"),
        ({"effectiveDateTime": 5}, "time.format", "effectiveDateTime"),
        ({}, "json.missing", "effectiveDateTime"),
        ({"effectivePeriod": {}}, "json.missing", "effectivePeriod.start"),
    ],
)
def test_a_time_that_cannot_be_placed_is_refused(
    client: TestClient, time: Json, rule: str, element: str
) -> None:
    body = a_bundle(without(observation("2524-7", 3, "mmol/L"), "effectiveDateTime") | time)
    (issue,) = issues(client, body)
    place = [f"Bundle.entry[9].resource.{element}"]
    assert (rule_of(issue), issue["expression"]) == (rule, place)


def test_a_day_without_time_is_noted_and_not_used(client: TestClient) -> None:
    of_the_day = observation("2524-7", 9, "mmol/L", effectiveDateTime="2026-03-01")
    found = assessed(client, a_bundle(of_the_day))
    assert "time.day_only" in warned(found)
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


def test_what_was_measured_before_intensive_care_is_counted_and_not_used(
    client: TestClient,
) -> None:
    found = assessed(client, a_bundle(observation("2524-7", 9, "mmol/L", icu_hour=-3)))
    assert "1 values" in warned(found)["time.before_icu"]["details"]["text"]
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


def test_old_vital_signs_make_a_preliminary_answer(client: TestClient) -> None:
    found = assessed(client, a_bundle(observation("2524-7", 2, "mmol/L", icu_hour=40)))
    assert found["status"] == "preliminary"
    assert "stay.no_vitals_24h" in warned(found)


# --- Admission ---


def located(*names: tuple[str, float, float | None]) -> Json:
    """Locations: what each is called, and from which to which hour."""
    places = [
        {
            "location": {"display": name},
            "period": {"start": at(begin + 0.5)} | ({"end": at(end + 0.5)} if end else {}),
        }
        for name, begin, end in names
    ]
    return an_encounter(location=places)


@pytest.mark.parametrize(
    ("places", "icu_hour", "unit"),
    [
        ([("Médecine interne", -5, 0), ("Réanimation chirurgicale", 0, None)], 12, "surgical"),
        ([("SICU", 0, None)], 12, "surgical"),
        ([("Medical Surgical ICU", 0, None)], 12, None),
        ([("Réanimation polyvalente", 0, None)], 12, None),
        ([("Soins intensifs", 0, 3), ("MICU", 3, None)], 12, "medical"),
        ([("ICU", 0, 3), ("Ward", 3, 9), ("MICU", 9, None)], 3, "medical"),
        ([("ICU", 0, None), ("MICU", 20, None)], 12, None),
    ],
)
def test_admission_is_read_from_the_locations(
    client: TestClient, places: list[Any], icu_hour: int, unit: str | None
) -> None:
    body = bundle(a_person(), located(*places), *vital_signs())
    started = 12 - icu_hour
    expected = a_patient(icu_hour=icu_hour, icu_unit=unit, hospital_admission_hour=-8.5 - started)
    same(client, body, expected)


def test_a_location_that_was_sent_says_what_it_is(client: TestClient) -> None:
    role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    ward = {
        "resourceType": "Location",
        "id": "l1",
        "name": "Station 4, surgical",
        "type": [{"coding": [{"system": role, "code": "ICU"}]}],
    }
    place = {"location": {"reference": "Location/l1"}, "period": {"start": at(0.5)}}
    body = bundle(a_person(), an_encounter(location=[place]), ward, *vital_signs())
    same(client, body, a_patient(icu_unit="surgical"))


@pytest.mark.parametrize(
    ("encounters", "rule", "expected"),
    [
        ([an_encounter(location=[])], "icu.start_assumed", {"icu_hour": 21}),
        ([], "icu.start_unknown", {"icu_hour": 1}),
        ([an_encounter(status="cancelled")], "icu.start_unknown", {"icu_hour": 1}),
        ([an_encounter(location=[], period={})], "icu.start_unknown", {"icu_hour": 1}),
    ],
)
def test_an_admission_that_is_not_known_is_said(
    client: TestClient, encounters: list[Json], rule: str, expected: Json
) -> None:
    body = bundle(a_person(), *encounters, *vital_signs())
    assert rule in warned(assessed(client, body))
    same(client, body, a_patient(without=["icu_unit", "hospital_admission_hour"], **expected))


def test_the_hospital_stay_may_be_an_encounter_of_its_own(client: TestClient) -> None:
    inner = an_encounter(period={"start": at(0.5)}, partOf={"reference": "Encounter/e0"})
    outer = an_encounter(id="e0", location=[])
    same(client, bundle(a_person(), inner, outer, *vital_signs()), a_patient())


def test_an_admission_known_by_its_day_is_noted(client: TestClient) -> None:
    body = bundle(a_person(), an_encounter(period={"start": "2026-02-28"}), *vital_signs())
    assert "time.day_only" in warned(assessed(client, body))
    same(client, body, a_patient(without=["hospital_admission_hour"]))


def test_an_impossible_stay_is_refused_where_it_stands(client: TestClient) -> None:
    body = bundle(a_person(birthDate="1866-01-01"), an_encounter(), *vital_signs())
    (issue,) = issues(client, body)
    assert issue["expression"] == ["Bundle.entry[0].resource.birthDate"]
    assert rule_of(issue) == "range:Age"


# --- The patient ---


@pytest.mark.parametrize(
    ("born", "age", "is_told"),
    [("1966-03-01", 60, False), ("1966-03-02", 59, False), ("1966", 59, True)],
)
def test_age_is_counted_in_completed_years(
    client: TestClient, born: str, age: int, is_told: bool
) -> None:
    body = bundle(a_person(birthDate=born), an_encounter(), *vital_signs())
    same(client, body, a_patient(age=age))
    assert ("age.approximate" in warned(assessed(client, body))) == is_told


@pytest.mark.parametrize("gender", ["other", "unknown"])
def test_another_gender_is_no_sex_for_the_model(client: TestClient, gender: str) -> None:
    body = bundle(a_person(gender=gender), an_encounter(), *vital_signs())
    assert "code.gender" in warned(assessed(client, body))
    same(client, body, a_patient(without=["sex"]))


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"gender": "M"}, "code.gender"),
        ({"gender": 1}, "code.gender"),
        ({"birthDate": "02/07/1958"}, "time.format"),
        ({"birthDate": 1958}, "time.format"),
    ],
)
def test_a_patient_that_cannot_be_read_is_refused(
    client: TestClient, changed: Json, rule: str
) -> None:
    body = bundle(a_person(**changed), an_encounter(), *vital_signs())
    assert rules_refused(client, body) == [rule]


def test_a_patient_may_be_absent(client: TestClient) -> None:
    body = bundle(an_encounter(), *vital_signs())
    assert assessed(client, body)["subject"] == {"reference": "Patient/p1"}
    same(client, body, a_patient(without=["age", "sex"]))


# --- The answer ---


def test_a_positive_answer_says_how_high(client: TestClient) -> None:
    body = a_bundle(**SICK)
    prediction = assessed(client, body)["prediction"][0]
    assert prediction["qualitativeRisk"]["text"] == "Positive"
    assert prediction["qualitativeRisk"]["coding"][0]["code"] in ("moderate", "high")
    assert prediction["rationale"].startswith("Raised the risk: ")
    assert assessed(client, a_bundle())["prediction"][0]["qualitativeRisk"]["text"] == "Negative"


def test_the_answer_is_in_the_language_asked_for(client: TestClient) -> None:
    response = send(client, a_bundle(**SICK), "fr-FR,fr;q=0.9,en;q=0.8")
    assert response.headers["content-language"] == response.json()["language"] == "fr"
    assert "Fréquence" in response.json()["prediction"][0]["rationale"]


def test_the_answer_names_its_request_and_model(client: TestClient) -> None:
    response = client.post(RISK, json=a_bundle(), headers={"X-Request-ID": "abc"})
    card = client.get("/model").json()
    assert response.json()["identifier"][0]["value"] == "abc"
    assert response.json()["method"]["coding"][0]["version"] == card["version"]


# --- What describes the service ---


def test_the_capability_statement_leads_to_the_operation(client: TestClient) -> None:
    statement = client.get("/fhir/metadata").json()
    (operation,) = statement["rest"][0]["operation"]
    definition = client.get("/fhir/OperationDefinition/sepsis-risk").json()
    assert operation["definition"] == definition["url"]
    assert (statement["fhirVersion"], definition["code"]) == ("4.0.1", "sepsis-risk")


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/OperationDefinition/sepsis-risk", RISK])
@pytest.mark.parametrize(
    ("accept", "query", "status"),
    [
        ("application/fhir+json", "", 200),
        ("application/fhir+xml, */*;q=0.1", "", 200),
        ("application/fhir+xml", "?_format=json", 200),
        ("application/fhir+xml", "", 406),
        ("*/*", "?_format=xml", 406),
    ],
)
def test_only_json_is_spoken(
    client: TestClient, path: str, accept: str, query: str, status: int
) -> None:
    headers = {"Accept": accept}
    if path == RISK:
        response = client.post(f"{path}{query}", json=a_bundle(), headers=headers)
    else:
        response = client.get(f"{path}{query}", headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/fhir+json"
