"""FHIR with `on_incoherence=drop`: what cannot be read is left out and noted, with 200."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import Json, a_patient
from tests.contract.asking_fhir import (
    assessed,
    by_rest,
    probability,
    rule_of,
    rules_refused,
    send,
    warned,
)
from tests.resources import (
    UCUM,
    a_bundle,
    a_person,
    an_encounter,
    at,
    bundle,
    codings,
    observation,
    quantity,
    vital_signs,
    without,
)

DROP = "?on_incoherence=drop"
LACTATE = observation("2524-7", 3, "mmol/L")


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"valueQuantity": quantity(3, "furlong")}, "unit.unknown"),
        ({"valueQuantity": {"value": 3}}, "unit.missing"),
        ({"valueQuantity": {"value": 3, "code": 5, "system": UCUM}}, "unit.unknown"),
        ({"valueQuantity": quantity("3", "mmol/L")}, "json.type"),
        ({"valueQuantity": quantity(True, "mmol/L")}, "json.type"),
        ({"valueQuantity": quantity(10**400, "mmol/L")}, "json.nan"),
        ({"valueQuantity": quantity(3, "mmol/L", comparator="~")}, "value.comparator"),
        ({"valueQuantity": [3]}, "json.type"),
        ({"valueQuantity": quantity(300, "mmol/L")}, "range:Lactate"),
        ({"status": "done"}, "code.status"),
        ({"status": 5}, "json.missing"),
        ({"code": 5}, "json.type"),
        ({"code": {"coding": [5, codings("2524-7")["coding"][0]]}}, "json.type"),
        ({"component": 5}, "json.type"),
        ({"focus": 5}, "json.type"),
        ({"subject": 5}, "json.type"),
        ({"subject": {"reference": 5}}, "json.type"),
        ({"subject": {"reference": "Patient/p2"}}, "bundle.other_patient"),
        ({"effectiveDateTime": "2026-03-01T10:00:00"}, "time.tz"),
        ({"effectiveDateTime": "tomorrow"}, "time.format"),
        ({"effectiveDateTime": "2126-03-01T10:00:00Z"}, "time.future"),
    ],
)
def test_what_cannot_be_read_is_left_out(client: TestClient, changed: Json, rule: str) -> None:
    body = a_bundle(LACTATE | changed)
    assert send(client, body).status_code == 422
    found = assessed(client, body, DROP)
    note = warned(found)[rule]
    assert note["severity"] == "warning"
    assert note["details"]["text"].startswith("Not used: ")
    assert note["expression"][0].startswith("Bundle.entry[9].resource")
    french = send(client, body, "fr", DROP).json()
    assert any(each["text"].startswith("Non utilisé : ") for each in french["note"])
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


@pytest.mark.parametrize("element", ["status", "code", "effectiveDateTime"])
def test_what_is_missing_is_left_out(client: TestClient, element: str) -> None:
    body = a_bundle(without(LACTATE, element))
    assert "json.missing" in warned(assessed(client, body, DROP))


def test_a_component_that_cannot_be_read_leaves_the_others(client: TestClient) -> None:
    gases = [
        {"code": codings("2744-1"), "valueQuantity": quantity(7.3, "[pH]")},
        {"code": codings("2019-8"), "valueQuantity": quantity(60, "furlong")},
        {"code": 5, "valueQuantity": quantity(60, "mm[Hg]")},
        5,
    ]
    panel = observation("24336-0", 0, None, valueQuantity=..., component=gases)
    found = assessed(client, a_bundle(panel), DROP)
    assert {"unit.unknown", "json.type"} <= set(warned(found))
    assert probability(found) == pytest.approx(by_rest(client, a_patient(ph=7.3)), abs=1e-6)


def test_of_two_observations_with_one_id_none_is_used(client: TestClient) -> None:
    two = [LACTATE | {"id": "x"}, observation("2524-7", 9, "mmol/L", id="x")]
    found = assessed(client, a_bundle(*two), DROP)
    assert "bundle.duplicate" in warned(found)
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


@pytest.mark.parametrize(
    ("changed", "rule", "left"),
    [
        ({"gender": "M"}, "code.gender", "sex"),
        ({"birthDate": "02/07/1958"}, "time.format", "age"),
    ],
)
def test_sex_and_age_that_cannot_be_read_are_missing(
    client: TestClient, changed: Json, rule: str, left: str
) -> None:
    body = bundle(a_person(**changed), an_encounter(), *vital_signs())
    found = assessed(client, body, DROP)
    assert rule in warned(found)
    expected = by_rest(client, a_patient(without=[left]))
    assert probability(found) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (a_bundle(a_person(id="p2")), "bundle.two_patients"),
        (a_bundle(a_person(gender="female")), "bundle.two_patients"),
        (
            bundle(
                an_encounter(), *vital_signs(), LACTATE | {"subject": {"reference": "Patient/2"}}
            ),
            "bundle.two_patients",
        ),
        (bundle(a_person(id="p2"), *vital_signs()), "bundle.two_patients"),
        (bundle(a_person(birthDate="2020-01-01"), *vital_signs()), "range:Age"),
        (bundle(a_person(birthDate="1866-01-01"), *vital_signs()), "range:Age"),
        (bundle(a_person(), LACTATE | {"status": "done"}), "stay.all_missing"),
        (bundle(a_person(), LACTATE) | {"type": "x"}, "bundle.type"),
        (bundle(a_person(), LACTATE) | {"entry": 5}, "json.type"),
    ],
)
def test_what_mixes_patients_or_leaves_nothing_is_422(
    client: TestClient, body: Any, rule: str
) -> None:
    response = send(client, body, query=DROP)
    assert response.status_code == 422, response.text
    rules = [rule_of(each) for each in response.json()["issue"] if each["severity"] == "error"]
    assert rule in rules


def test_an_encounter_of_another_patient_is_left_out(client: TestClient) -> None:
    other = an_encounter(
        id="e2",
        subject={"reference": "Patient/p2"},
        location=[{"location": {"display": "SICU"}, "period": {"start": at(5)}}],
    )
    assert rules_refused(client, a_bundle(other)) == ["bundle.two_patients"]
    found = assessed(client, a_bundle(other), DROP)
    assert "bundle.other_patient" in warned(found)
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


def test_parameters_may_ask_to_drop(client: TestClient) -> None:
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "bundle", "resource": a_bundle(LACTATE | {"status": "done"})},
            {"name": "on_incoherence", "valueCode": "drop"},
        ],
    }
    assert "code.status" in warned(assessed(client, body))


def test_a_long_stay_with_artefacts_is_answered(client: TestClient) -> None:
    hours = [vital for hour in range(1, 60) for vital in vital_signs(hour)]
    artefacts = [
        observation(code, value, unit, icu_hour=hour + minute / 60)
        for hour in range(1, 60)
        for minute, (code, value, unit) in enumerate(
            [
                ("8867-4", 0, "/min"),
                ("8480-6", 0, "mm[Hg]"),
                ("8478-0", 299, "mm[Hg]"),
                ("59408-5", 5, "%"),
                ("8310-5", 98.6, "Cel"),
                ("9279-1", 2_355_555, "/min"),
            ]
        )
    ]
    body = bundle(a_person(), an_encounter(), *hours, *artefacts)
    assert send(client, body).status_code == 422
    clean = bundle(a_person(), an_encounter(), *hours)
    assert probability(assessed(client, body, DROP)) == probability(assessed(client, clean))


@pytest.mark.parametrize(
    ("member", "rule"),
    [
        ({"valueQuantity": quantity(60, "furlong")}, "unit.unknown"),
        ({"valueQuantity": quantity("60", "mm[Hg]")}, "json.type"),
        ({"valueQuantity": quantity(True, "mm[Hg]")}, "json.type"),
        ({"valueQuantity": {"value": 60}}, "unit.missing"),
        ({"valueQuantity": quantity(0, "mm[Hg]")}, "range:DBP"),
        ({"valueQuantity": quantity(300, "mm[Hg]")}, "range:DBP"),
        ({"valueQuantity": 60}, "json.type"),
    ],
)
def test_one_bad_member_of_a_blood_pressure_panel_leaves_the_others(
    client: TestClient, member: Json, rule: str
) -> None:
    pressures = [
        {"code": codings("8480-6"), "valueQuantity": quantity(118, "mm[Hg]")},
        {"code": codings("8462-4")} | member,
        {"code": codings("8478-0"), "valueQuantity": quantity(80, "mm[Hg]")},
    ]
    panel = observation("85354-9", 0, None, valueQuantity=..., component=pressures)
    others = [each for each in vital_signs() if not PRESSURE_CODES & codes_of(each)]
    found = assessed(client, bundle(a_person(), an_encounter(), *others, panel), DROP)
    assert rule in warned(found)
    kept = panel | {"component": [pressures[0], pressures[2]]}
    body = bundle(a_person(), an_encounter(), *others, kept)
    assert probability(found) == probability(assessed(client, body))


PRESSURE_CODES = {"8480-6", "8462-4", "8478-0"}


def codes_of(resource: Json) -> set[str]:
    return {each["code"] for each in resource["code"]["coding"]}
