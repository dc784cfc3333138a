"""Whose the resources are: references of every form, bundles of requests, de-identified data."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.builders import Json, a_patient
from tests.contract.asking_fhir import (
    assessed,
    by_rest,
    issues,
    probability,
    rules_refused,
    same,
    warned,
)
from tests.fhir_reading import age, hours, noted, read
from tests.resources import a_bundle, a_person, an_encounter, bundle, observation, vital_signs

IDENTIFIER = {"system": "https://hospital.example/ipp", "value": "8003"}
OTHER = {"system": "https://hospital.example/ipp", "value": "9001"}
ELSEWHERE = {"system": "https://other.example/id", "value": "8003"}
NAMED: Json = {"identifier": [IDENTIFIER], "name": [{"family": "Martin"}]}


def about(subject: Json, **more: Any) -> Json:
    """An Observation with another subject."""
    return observation("2524-7", 2, "mmol/L", subject=subject, **more)


def about_contained(**person: Any) -> Json:
    contained = [{"resourceType": "Patient", "id": "pat", **person}]
    return about({"reference": "#pat"}, contained=contained)


def sent(*more: Json) -> Json:
    """A Bundle with a named Patient."""
    return bundle(a_person(**NAMED), an_encounter(), *vital_signs(), *more)


# --- Contained subjects ---


@pytest.mark.parametrize(
    ("person", "is_noted"),
    [
        ({"identifier": [IDENTIFIER]}, False),
        ({"identifier": [ELSEWHERE, IDENTIFIER], "gender": "male"}, False),
        (a_person(**NAMED) | {"id": "pat"}, False),
        ({"gender": "male"}, True),
        ({"gender": "unknown"}, True),
        ({"birthDate": "1966"}, True),
        ({"name": [{"family": "MARTIN"}]}, True),
        ({"identifier": [ELSEWHERE]}, True),
        ({"identifier": 5, "name": {"family": "x"}, "gender": 7, "birthDate": []}, True),
        ({}, True),
    ],
)
def test_a_contained_subject_that_agrees_is_the_patient(
    client: TestClient, person: Json, is_noted: bool
) -> None:
    found = assessed(client, sent(about_contained(**person)))
    assert ("subject.contained" in warned(found)) == is_noted
    assert found["subject"] == {"reference": "Patient/p1"}


@pytest.mark.parametrize(
    "person",
    [
        {"gender": "female"},
        {"birthDate": "1966-01-16"},
        {"birthDate": "1967"},
        {"identifier": [OTHER]},
        {"name": [{"family": "Durand"}], "gender": "male"},
    ],
)
def test_a_contained_subject_that_contradicts_is_another_patient(
    client: TestClient, person: Json
) -> None:
    assert rules_refused(client, sent(about_contained(**person))) == ["bundle.two_patients"]


def test_contained_subjects_alone_tell_age_and_sex(client: TestClient) -> None:
    person = {"birthDate": "1966-01-15", "gender": "male", "identifier": [IDENTIFIER]}
    vitals = [
        each | about_contained(**person) | {key: each[key] for key in ("code", "valueQuantity")}
        for each in vital_signs()
    ]
    encounter = an_encounter()
    del encounter["subject"]
    body = bundle(encounter, *vitals)
    same(client, body, a_patient())
    assert "subject.contained" not in warned(assessed(client, body))
    other = about_contained(identifier=[OTHER])
    assert rules_refused(client, bundle(encounter, *vitals, other)) == ["bundle.two_patients"]


@pytest.mark.parametrize("contained", [[], 5, [{"resourceType": "Patient", "id": "x"}], [[]]])
def test_a_contained_subject_that_was_not_sent_has_its_own_sentence(
    client: TestClient, contained: Any
) -> None:
    body = sent(about({"reference": "#pat"}, contained=contained))
    assert rules_refused(client, body) == ["subject.not_contained"]


@pytest.mark.parametrize(
    "subject",
    [
        about({"reference": "#g"}, contained=[{"resourceType": "Group", "id": "g"}]),
        about({"reference": "Group/g1"}),
        about({"reference": "https://ehr.example/fhir/Device/d1/_history/2"}),
        about({"reference": "Location/l1"}),
    ],
)
def test_a_subject_that_is_no_patient_has_its_own_sentence(
    client: TestClient, subject: Json
) -> None:
    assert rules_refused(client, sent(subject)) == ["subject.no_patient"]


# --- Conditional, logical and unresolved references ---


def test_a_conditional_subject_is_resolved_among_the_resources_sent(client: TestClient) -> None:
    token = f"{IDENTIFIER['system']}|{IDENTIFIER['value']}"
    for written in (token, quote(token, safe="")):
        found = assessed(client, sent(about({"reference": f"Patient?identifier={written}"})))
        assert warned(found).keys() <= {"stay.too_short"}


@pytest.mark.parametrize(
    "reference",
    [
        "Patient?identifier=https://hospital.example/ipp|9001",
        "Patient?identifier=8003",
        "Patient?name=Martin",
        "Patient?",
        "Group?identifier=https://hospital.example/ipp|8003",
    ],
)
def test_a_conditional_subject_has_its_own_sentence(client: TestClient, reference: str) -> None:
    (issue, *_) = issues(client, sent(about({"reference": reference})))
    assert issue["details"]["coding"][0]["code"] == "subject.conditional"
    assert "9001" not in issue["details"]["text"]
    alone = bundle(about({"reference": reference}))
    assert rules_refused(client, alone) == ["subject.conditional"]


def test_a_subject_by_identifier_is_compared(client: TestClient) -> None:
    for identifier in (IDENTIFIER, ELSEWHERE, {}, {"value": "9001"}):
        assessed(client, sent(about({"identifier": identifier})))
    assert rules_refused(client, sent(about({"identifier": OTHER}))) == ["bundle.two_patients"]


def test_a_urn_that_was_not_sent_is_not_another_patient(client: TestClient) -> None:
    body = sent(about({"reference": "urn:uuid:7c0d4f1e-0000-4000-8000-000000000001"}))
    assert rules_refused(client, body) == ["subject.unknown"]


def test_a_subject_is_resolved_by_the_url_of_a_patient_without_id(client: TestClient) -> None:
    body = sent(about({"reference": "https://ehr.example/fhir/Patient/p1/_history/2"}))
    del body["entry"][0]["resource"]["id"]
    body["entry"][0]["fullUrl"] = "https://ehr.example/fhir/Patient/p1"
    assert assessed(client, body)["subject"] == {"reference": "Patient/p1"}


# --- Bundles of requests ---


def as_requests(body: Json, kind: str) -> Json:
    """A transaction as servers accept it: urn:uuid full URLs, no ids."""
    urls = {"Patient/p1": "urn:uuid:p", "Encounter/e1": "urn:uuid:e"}
    entries = []
    for entry in body["entry"]:
        resource = dict(entry["resource"])
        name = f"{resource['resourceType']}/{resource.pop('id', '')}"
        if "subject" in resource:
            resource["subject"] = {"reference": urls["Patient/p1"]}
        request = {"method": "POST", "url": resource["resourceType"]}
        entries.append({"resource": resource, "request": request, "fullUrl": urls.get(name, "")})
    return body | {"type": kind, "entry": entries}


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_a_bundle_of_requests_is_read_like_a_collection(client: TestClient, kind: str) -> None:
    same(client, as_requests(a_bundle(), kind), a_patient())


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize(
    "entry",
    [
        {"request": {"method": "GET", "url": "Observation?patient=p1"}},
        {"request": {"method": "DELETE", "url": "Observation/3"}},
        {"request": {"method": "PATCH", "url": "Patient/p1"}, "resource": a_person()},
        {"fullUrl": "urn:uuid:1"},
        {"request": 5},
        {},
    ],
)
def test_an_entry_that_only_requests_is_refused(client: TestClient, kind: str, entry: Json) -> None:
    body = as_requests(a_bundle(), kind)
    body["entry"].append(entry)
    (issue,) = issues(client, body)
    assert issue["details"]["coding"][0]["code"] == "bundle.request"
    assert issue["expression"] == ["Bundle.entry[9]"]


# --- De-identified data ---


def shifted(years: int, body: Json, **person: Any) -> Json:
    """A Bundle with all its times shifted, but the birth date as given."""
    found: Json = json.loads(json.dumps(body).replace("2026-", f"{2026 + years}-"))
    found["entry"][0]["resource"] |= person
    return found


@pytest.mark.parametrize("years", [100, 153, 251])
def test_shifted_dates_are_read_and_noted(client: TestClient, years: int) -> None:
    body = shifted(years, a_bundle(), birthDate=f"{1966 + years}-01-15")
    found = assessed(client, body)
    assert str(2026 + years) in warned(found)["time.shifted"]["details"]["text"]
    same(client, body, a_patient())


def test_a_single_time_in_the_future_is_still_refused(client: TestClient) -> None:
    body = a_bundle()
    body["entry"][3]["resource"]["effectiveDateTime"] = "2126-03-01T10:00:00Z"
    assert rules_refused(client, body) == ["time.future"]
    assert rules_refused(client, shifted(20, a_bundle()))[0] == "time.future"


@pytest.mark.parametrize(
    ("birth_year", "used", "is_noted"),
    [(1880, 90, True), (2089, 91, True), (2090, 90, True), (2088, 92, False), (2110, 70, False)],
)
def test_ages_above_89_of_deidentified_data_have_a_sentence(
    birth_year: int, used: float, is_noted: bool
) -> None:
    found = read(shifted(154, a_bundle(), birthDate=f"{birth_year}-01-15"))
    assert hours(found)
    assert age(found) == used
    assert ("age.deidentified" in noted(found)) == is_noted


def test_an_age_of_300_is_read_with_true_dates_too(client: TestClient) -> None:
    body = a_bundle()
    body["entry"][0]["resource"]["birthDate"] = "1726-01-15"
    assert "age.deidentified" in warned(assessed(client, body))
    same(client, body, a_patient(age=90))
    body["entry"][0]["resource"]["birthDate"] = "1826-01-15"
    assert rules_refused(client, body) == ["range:Age"]


@pytest.mark.parametrize(
    ("added", "rule"),
    [
        (about_contained(identifier=[OTHER]), "bundle.other_patient"),
        (about({"identifier": OTHER}), "bundle.other_patient"),
        (about({"reference": "#pat"}), "subject.not_contained"),
        (about({"reference": "Patient?name=x"}), "subject.conditional"),
        (about({"reference": "urn:uuid:7c0d"}), "subject.unknown"),
    ],
)
def test_a_value_that_may_be_of_another_patient_is_dropped_where_asked(
    client: TestClient, added: Json, rule: str
) -> None:
    found = assessed(client, sent(added), "?on_incoherence=drop")
    assert rule in warned(found)
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)


def test_a_contained_location_with_a_modifier_is_not_read() -> None:
    unit = {"resourceType": "Location", "id": "l", "name": "SICU", "modifierExtension": [{}]}
    place = {"location": {"reference": "#l"}, "period": an_encounter()["period"]}
    encounter = an_encounter(contained=[unit], location=[place])
    found = noted(read(bundle(a_person(), encounter, *vital_signs())))
    assert {"fhir.modifier", "icu.start_assumed"} <= found.keys()
