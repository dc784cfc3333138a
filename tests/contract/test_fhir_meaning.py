"""FHIR Observations whose sender changes what they mean, and values that are no quantity."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import Json, a_patient
from tests.contract.asking_fhir import (
    assessed,
    by_rest,
    issues,
    probability,
    rule_of,
    rules_refused,
    same,
    send,
    warned,
)
from tests.resources import (
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

UNKNOWN = {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}
LACTATE = observation("2524-7", 9, "mmol/L")


def unused(client: TestClient, *added: Json) -> Json:
    """The warnings of an answer in which some Observations do not count."""
    found = assessed(client, a_bundle(*added))
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)
    return warned(found)


# --- Modifiers ---


@pytest.mark.parametrize(
    "changed",
    [
        UNKNOWN,
        {"implicitRules": "urn:x"},
        {"code": codings("2524-7") | UNKNOWN},
        {"valueQuantity": quantity(9, "mmol/L") | UNKNOWN},
        {"subject": {"reference": "Patient/p1"} | UNKNOWN},
        {"subject": {"reference": "Patient/p1"} | UNKNOWN, "bodySite": {"text": "Arm"}},
        {"bodySite": {"text": "Arm"} | UNKNOWN},
        {"encounter": {"reference": "Encounter/e1"} | UNKNOWN},
    ],
)
def test_what_an_unknown_modifier_changes_is_not_used(client: TestClient, changed: Json) -> None:
    note = unused(client, LACTATE | changed)["fhir.modifier"]
    assert note["expression"][0].startswith("Bundle.entry[9].resource.")


def test_a_modifier_of_a_reference_range_does_not_change_the_value(client: TestClient) -> None:
    ranged = LACTATE | {"valueQuantity": quantity(3, "mmol/L"), "referenceRange": [UNKNOWN]}
    same(client, a_bundle(ranged), a_patient(lactate=3))


def test_a_modifier_of_a_component_changes_that_component_alone(client: TestClient) -> None:
    gases = [
        {"code": codings("2744-1"), "valueQuantity": quantity(7.3, "[pH]")},
        {"code": codings("2019-8"), "valueQuantity": quantity(60, "mm[Hg]")} | UNKNOWN,
    ]
    panel = observation("24336-0", 0, None, valueQuantity=..., component=gases)
    assert "fhir.modifier" in warned(assessed(client, a_bundle(panel)))
    same(client, a_bundle(panel), a_patient(ph=7.3))


def test_an_empty_modifier_is_none(client: TestClient) -> None:
    plain = observation("2524-7", 3, "mmol/L", modifierExtension=[])
    same(client, a_bundle(plain), a_patient(lactate=3))


@pytest.mark.parametrize("changed", [UNKNOWN, {"implicitRules": "urn:x"}])
def test_a_modified_patient_has_neither_sex_nor_age(client: TestClient, changed: Json) -> None:
    body = bundle(a_person(**changed), an_encounter(), *vital_signs())
    assert "fhir.modifier" in warned(assessed(client, body))
    same(client, body, a_patient(without=["age", "sex"]))


@pytest.mark.parametrize("changed", [UNKNOWN, {"implicitRules": "urn:x"}])
def test_a_modified_encounter_is_not_used(client: TestClient, changed: Json) -> None:
    body = bundle(a_person(), an_encounter(**changed), *vital_signs())
    assert {"fhir.modifier", "icu.start_unknown"} <= set(warned(assessed(client, body)))


def test_a_modified_place_of_an_encounter_is_not_used(client: TestClient) -> None:
    place = an_encounter()["location"][0] | UNKNOWN
    body = bundle(a_person(), an_encounter(location=[place]), *vital_signs())
    assert "fhir.modifier" in warned(assessed(client, body))


def test_a_bundle_of_unknown_rules_is_refused(client: TestClient) -> None:
    body = a_bundle() | {"implicitRules": "urn:x"}
    assert rules_refused(client, body) == ["fhir.modifier"]
    assert send(client, body, query="?on_incoherence=drop").status_code == 422


def test_a_modified_entry_is_not_used(client: TestClient) -> None:
    body = a_bundle(LACTATE)
    body["entry"][-1] |= UNKNOWN
    found = assessed(client, body)
    assert "fhir.modifier" in warned(found)
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


# --- Focus, and reasons for no value ---


@pytest.mark.parametrize(
    "focus",
    [
        {"reference": "Patient/p2"},
        {"reference": "Device/d1"},
        {"display": "The donor"},
        {"identifier": {"value": "5"}},
    ],
)
def test_an_observation_about_something_else_is_not_used(client: TestClient, focus: Json) -> None:
    assert "focus.other" in unused(client, LACTATE | {"focus": [focus]})


def test_an_observation_about_the_patient_is_used(client: TestClient) -> None:
    own = observation("2524-7", 3, "mmol/L", focus=[{"reference": "Patient/p1"}])
    same(client, a_bundle(own), a_patient(lactate=3))


def test_a_value_beside_the_reason_for_none_is_not_used(client: TestClient) -> None:
    assert "value.absent_reason" in unused(client, LACTATE | {"dataAbsentReason": {"text": "x"}})


def test_a_component_without_value_does_not_take_the_others_with_it(client: TestClient) -> None:
    gases = [
        {"code": codings("2744-1"), "valueQuantity": quantity(7.3, "[pH]")},
        {
            "code": codings("2019-8"),
            "valueQuantity": quantity(60, "mm[Hg]"),
            "dataAbsentReason": {"text": "error"},
        },
    ]
    panel = observation("24336-0", 0, None, valueQuantity=..., component=gases)
    assert "value.absent_reason" in warned(assessed(client, a_bundle(panel)))
    same(client, a_bundle(panel), a_patient(ph=7.3))


# --- Types of values and times ---


@pytest.mark.parametrize(
    ("element", "value", "says"),
    [
        ("valueInteger", 22, "without unit"),
        ("valueString", "haemolysed", "words"),
        ("valueCodeableConcept", {"text": "positive"}, "a code"),
        ("valueBoolean", True, "yes or no"),
        ("valueRange", {"low": quantity(1, "mmol/L")}, "a range"),
        ("valueRatio", {"numerator": quantity(1, "mmol/L")}, "a ratio"),
        ("valueSampledData", {"data": "1 2 3"}, "samples"),
        ("valueTime", "10:00:00", "a time"),
        ("valueDateTime", "2026-03-01", "a time"),
        ("valuePeriod", {"start": "2026-03-01"}, "a period"),
        ("valueDecimal", 2.5, "another type"),
    ],
)
def test_a_value_of_another_type_is_noted_as_unreadable(
    client: TestClient, element: str, value: Any, says: str
) -> None:
    odd = without(LACTATE, "valueQuantity") | {element: value}
    note = unused(client, odd)["value.type"]
    assert says in note["details"]["text"]
    assert note["expression"] == [f"Bundle.entry[9].resource.{element}"]


def test_an_empty_code_is_noted(client: TestClient) -> None:
    assert (
        "says nothing" in unused(client, LACTATE | {"code": {}})["code.unknown"]["details"]["text"]
    )


def test_a_period_without_start_has_a_sentence_of_its_own(client: TestClient) -> None:
    timed = without(LACTATE, "effectiveDateTime")
    (issue,) = issues(
        client, a_bundle(timed | {"effectivePeriod": {"end": LACTATE["effectiveDateTime"]}})
    )
    assert issue["details"]["text"] == "Lactate: the `start` of `effectivePeriod` is required."


def test_a_hint_about_a_date_names_the_date(client: TestClient) -> None:
    born = a_bundle()
    born["entry"][0]["resource"]["birthDate"] = "1810-01-01"
    (issue,) = issues(client, born)
    assert "birth date" in issue["details"]["text"]
    assert "months" not in issue["details"]["text"]


def test_where_nothing_that_was_sent_counts_the_refusal_says_so(client: TestClient) -> None:
    for odd in (LACTATE | {"code": {}}, without(LACTATE, "valueQuantity") | {"valueString": "2"}):
        refusal = issues(client, bundle(odd))[0]
        assert rule_of(refusal) == "stay.all_missing"
        assert "None of the Observations sent can be used" in refusal["details"]["text"]


def test_a_schedule_has_a_sentence_of_its_own(client: TestClient) -> None:
    timed = without(LACTATE, "effectiveDateTime") | {"effectiveTiming": {"event": ["2026-03-01"]}}
    (issue,) = issues(client, a_bundle(timed))
    assert rule_of(issue) == "time.timing"
    assert "effectiveDateTime" in issue["details"]["text"]


# --- Code systems ---


@pytest.mark.parametrize(
    "system",
    [
        "http://loinc.org",
        "https://loinc.org",
        "http://loinc.org/",
        "http://LOINC.org",
        "urn:oid:2.16.840.1.113883.6.1",
        "2.16.840.1.113883.6.1",
        "http://loinc.org|2.77",
        "LOINC",
        "LN",
        "https://mos.esante.gouv.fr/NOS/TRE_A04-Loinc/FHIR/TRE-A04-Loinc",
    ],
)
def test_loinc_has_several_names(client: TestClient, system: str) -> None:
    code = {"coding": [{"system": system, "code": "2524-7"}]}
    same(client, a_bundle(observation(code, 3, "mmol/L")), a_patient(lactate=3))


@pytest.mark.parametrize("system", ["https://unitsofmeasure.org", "http://unitsofmeasure.org/"])
def test_ucum_has_several_names(client: TestClient, system: str) -> None:
    value = {"value": 3, "system": system, "code": "mmol/L"}
    body = a_bundle(observation("2524-7", 0, None, valueQuantity=value))
    same(client, body, a_patient(lactate=3))


def test_a_code_without_system_has_a_sentence_of_its_own(client: TestClient) -> None:
    bare = observation({"coding": [{"code": "2524-7"}]}, 9, "mmol/L")
    note = unused(client, bare)["code.no_system"]
    assert "`2524-7` has no `system`" in note["details"]["text"]


def test_a_code_of_loinc_under_another_system_has_a_sentence_of_its_own(client: TestClient) -> None:
    code = {"coding": [{"system": "http://hospital.example/loinc", "code": "2524-7"}]}
    note = unused(client, observation(code, 9, "mmol/L"))["code.unknown"]
    sentence = "Code `2524-7` is one of LOINC, but its system is `http://hospital.example/loinc`"
    assert note["details"]["text"].startswith(sentence)


def test_an_unknown_code_is_named_first(client: TestClient) -> None:
    system = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-chartevents-d-items-and-more"
    code = {"coding": [{"system": system, "code": "220045"}]}
    note = unused(client, observation(code, 9, "1"))["code.unknown"]
    assert note["details"]["text"].startswith("Code `220045` (http://mimic")


# --- Texts of units ---


@pytest.mark.parametrize(
    ("loinc", "code", "text"),
    [
        ("2160-0", "mg/dL", "umol/L"),
        ("2160-0", "umol/L", "mg/dL"),
        ("2160-0", "umol/L", "MG/DL"),
        ("2345-7", "mmol/L", "mg/dL"),
        ("8310-5", "Cel", "°F"),
        ("77136-0", "mmol/L", "mg/dL"),
        ("718-7", "g/dL", "g/L"),
        ("2823-3", "mmol/L", "mg/dL"),
        ("8867-4", "/min", "mmHg"),
        ("89579-7", "ng/L", "ng/mL"),
    ],
)
def test_a_text_that_contradicts_its_code_is_refused(
    client: TestClient, loinc: str, code: str, text: str
) -> None:
    value = {"value": 40, "code": code, "unit": text, "system": UCUM}
    body = a_bundle(observation(loinc, 0, None, category="laboratory", valueQuantity=value))
    (issue,) = issues(client, body)
    assert rule_of(issue) == "unit.contradiction"
    assert f"`{code}`" in issue["details"]["text"]
    assert f"`{text}`" in issue["details"]["text"]
    note = warned(assessed(client, body, "?on_incoherence=drop"))["unit.contradiction"]
    assert note["severity"] == "warning"


@pytest.mark.parametrize(
    ("loinc", "value", "code", "text", "name"),
    [
        ("2823-3", 4.1, "mmol/L", "mEq/L", "potassium"),
        ("2823-3", 4.1, "mmol/L", "mmol/l", "potassium"),
        ("6690-2", 9.5, "10*3/uL", "G/L", "wbc"),
        ("10839-9", 0.5, "ng/mL", "ug/L", "troponin_i"),
        ("2524-7", 2.5, "mmol/L", "", "lactate"),
    ],
)
def test_a_text_that_says_the_same_is_no_news(
    client: TestClient, loinc: str, value: float, code: str, text: str, name: str
) -> None:
    sent = {"value": value, "code": code, "unit": text, "system": UCUM}
    body = a_bundle(observation(loinc, 0, None, category="laboratory", valueQuantity=sent))
    assert not any(rule.startswith("unit.") for rule in warned(assessed(client, body)))
    same(client, body, a_patient() | {name: value})


def test_an_unknown_text_beside_a_known_code_is_noted(client: TestClient) -> None:
    sent = {"value": 3, "code": "mmol/L", "unit": "Millimol je Liter", "system": UCUM}
    body = a_bundle(*(observation("2524-7", 0, None, valueQuantity=sent) for _ in range(3)))
    note = warned(assessed(client, body))["unit.text"]
    assert "Millimol je Liter" in note["details"]["text"]
    assert "(3 times)" in note["details"]["text"]
    same(client, body, a_patient(lactate=3))
