"""FHIR stays: times, admission to intensive care, and the patient."""

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
    warned,
)
from tests.resources import (
    a_bundle,
    a_person,
    an_encounter,
    at,
    bundle,
    observation,
    vital_signs,
    without,
)

# --- Time ---


def test_several_values_of_one_hour_are_their_median(client: TestClient) -> None:
    more = [observation("8867-4", value, "/min") for value in (82, 110)]
    same(client, a_bundle(*more), a_patient(heart_rate=82))
    same(client, a_bundle(more[0]), a_patient(heart_rate=81))


def test_an_impossible_value_is_refused_where_it_stands_among_others(client: TestClient) -> None:
    (issue,) = issues(client, a_bundle(observation("8867-4", 800, "/min")))
    assert rule_of(issue) == "range:HR"
    assert issue["expression"] == ["Bundle.entry[9].resource.valueQuantity"]


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


def test_values_before_intensive_care_are_counted_and_not_used(
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
    """An Encounter with locations: name, first and last hour of each."""
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


def test_the_type_of_a_location_resource_is_used(client: TestClient) -> None:
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
def test_an_unknown_admission_is_noted(
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
def test_another_gender_is_a_missing_sex(client: TestClient, gender: str) -> None:
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
