"""Malformed and hostile FHIR requests: an OperationOutcome, never a 500, in bounded time."""

import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from sepsis_detect.fhir.bundle import MAX_ENTRIES
from tests.builders import Json
from tests.contract.asking_fhir import issues, rule_of, rules_refused, send
from tests.resources import (
    FHIR_JSON,
    RISK,
    a_bundle,
    a_person,
    an_encounter,
    bundle,
    codings,
    observation,
    vital_signs,
)

DROP = "?on_incoherence=drop"
shared_client = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("", "json.broken"),
        ("{", "json.broken"),
        ("\xff", "fhir.resource_type"),
        ("[" * 100_000, "json.broken"),
        ("null", "fhir.resource_type"),
        ("5", "fhir.resource_type"),
        ("[]", "fhir.resource_type"),
        ("{}", "fhir.resource_type"),
        ('{"resourceType": 5}', "fhir.resource_type"),
        ('{"resourceType": "Patient", "id": "p1"}', "fhir.resource_type"),
        ('{"resourceType": "bundle"}', "fhir.resource_type"),
        ('{"resourceType": "Bundle"}', "bundle.type"),
        ('{"resourceType": "Bundle", "type": "document"}', "bundle.type"),
        ('{"resourceType": "Bundle", "type": ["collection"]}', "bundle.type"),
        ('{"resourceType": "Bundle", "type": "collection"}', "stay.all_missing"),
        ('{"resourceType": "Bundle", "type": "collection", "entry": {}}', "json.type"),
        ('{"resourceType": "Bundle", "type": "collection", "entry": [5]}', "json.type"),
        (
            '{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": 5}]}',
            "json.type",
        ),
        (
            '{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {}}]}',
            "json.missing",
        ),
        (
            '{"resourceType": "Bundle", "type": "collection", "type": "collection"}',
            "json.duplicate",
        ),
        ('{"resourceType": "Bundle", "type": "collection", "total": NaN}', "json.nan"),
        ('{"resourceType": "Parameters"}', "fhir.parameter"),
        ('{"resourceType": "Parameters", "parameter": [{"name": "x"}]}', "fhir.parameter"),
        (
            '{"resourceType": "Parameters", "parameter": [{"name": "bundle", "resource": '
            '{"resourceType": "Patient"}}]}',
            "fhir.resource_type",
        ),
        (
            '{"resourceType": "Parameters", "parameter": [{"name": "bundle"}, {"name": "bundle"}]}',
            "fhir.parameter",
        ),
    ],
)
def test_a_body_other_than_a_bundle_is_refused(client: TestClient, body: str, rule: str) -> None:
    if body == "\xff":
        response = client.post(RISK, content=b"\xff", headers=FHIR_JSON)
        assert response.status_code == 422
        assert rule_of(response.json()["issue"][0]) == "json.broken"
        return
    assert rule in rules_refused(client, body)


def another(resource: Json, **changed: Any) -> Json:
    return {**resource, **changed}


@pytest.mark.parametrize(
    "added",
    [
        a_person(id="p2"),
        a_person(gender="female"),
        observation("2524-7", 3, "mmol/L", subject={"reference": "Patient/p2"}),
        observation("2524-7", 3, "mmol/L", subject={"reference": "https://ehr.example/Patient/p2"}),
        an_encounter(id="e2", subject={"reference": "Patient/p2"}),
    ],
)
def test_two_patients_are_refused(client: TestClient, added: Json) -> None:
    assert rules_refused(client, a_bundle(added)) == ["bundle.two_patients"]


@pytest.mark.parametrize(
    "reference",
    ["Patient/p1", "https://ehr.example/fhir/Patient/p1", "Patient/p1/_history/3", "urn:uuid:1"],
)
def test_one_patient_by_different_names_is_one(client: TestClient, reference: str) -> None:
    body = a_bundle(observation("2524-7", 2, "mmol/L", subject={"reference": reference}))
    body["entry"][0]["fullUrl"] = "urn:uuid:1"
    body["entry"].append(deepcopy(body["entry"][0]))
    assert send(client, body).status_code == 200


def member(id_: str, key: str, *others: str) -> Json:
    references = [{"reference": f"Observation/{other}"} for other in others]
    return observation("99999-9", 1, "1", id=id_) | {key: references}


@pytest.mark.parametrize(
    "circle",
    [
        [member("a", "hasMember", "a")],
        [member("a", "hasMember", "b"), member("b", "hasMember", "a")],
        [
            member("a", "hasMember", "b"),
            member("b", "derivedFrom", "c"),
            member("c", "hasMember", "a"),
        ],
        [
            an_encounter(id="e2", partOf={"reference": "Encounter/e3"}),
            an_encounter(id="e3", partOf={"reference": "Encounter/e2"}),
        ],
    ],
)
def test_circular_references_are_refused(client: TestClient, circle: list[Json]) -> None:
    assert rules_refused(client, a_bundle(*circle)) == ["fhir.circular"]


def test_a_long_chain_of_references_is_not_circular(client: TestClient) -> None:
    chain = [member(f"o{index}", "hasMember", f"o{index + 1}") for index in range(2_000)]
    tree = [member(f"t{index}", "hasMember", f"o{index}", f"o{index + 1}") for index in range(50)]
    assert send(client, a_bundle(*chain, *tree)).status_code == 200


def test_two_resources_of_one_id_are_refused(client: TestClient) -> None:
    one = observation("2524-7", 3, "mmol/L", id="o1")
    assert send(client, a_bundle(one, deepcopy(one))).status_code == 200
    other = observation("2524-7", 4, "mmol/L", id="o1")
    (issue,) = issues(client, a_bundle(one, other))
    assert rule_of(issue) == "bundle.duplicate"
    assert issue["expression"] == ["Bundle.entry[10].resource.id"]


def test_bundles_too_deep_are_refused(client: TestClient) -> None:
    deep = a_bundle(bundle(bundle(observation("2524-7", 3, "mmol/L"))))
    assert rules_refused(client, deep) == ["bundle.nested"]


@pytest.mark.parametrize("n_entries", [MAX_ENTRIES + 1, 10_000])
def test_an_enormous_bundle_is_refused(client: TestClient, n_entries: int) -> None:
    entry = {"resource": observation("8867-4", 80, "/min")}
    body = json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [entry] * n_entries}
    )
    (issue,) = issues(client, body)
    assert (rule_of(issue), issue["code"]) == ("json.size", "too-costly")
    inner = {"resource": json.loads(body) | {"entry": [entry] * (n_entries // 2 + 1)}}
    nested = {"resourceType": "Bundle", "type": "collection", "entry": [inner, inner]}
    assert set(rules_refused(client, nested)) == {"json.size"}


def test_an_enormous_body_is_an_outcome_too(client: TestClient) -> None:
    response = client.post(RISK, content=b" " * (5 * 1024 * 1024 + 1), headers=FHIR_JSON)
    assert response.status_code == 413
    (issue,) = response.json()["issue"]
    assert (issue["code"], rule_of(issue)) == ("too-long", "body.size")


def test_problems_beyond_the_limit_are_counted(client: TestClient) -> None:
    wrong = [observation("2524-7", 3, "?") for _ in range(1_000)]
    found = issues(client, a_bundle(*wrong))
    assert len(found) <= 402
    assert "And 800 more" in found[200]["details"]["text"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", RISK, 405, "not-supported"),
        ("GET", "/fhir/Patient", 404, "not-found"),
        ("POST", "/fhir/Observation", 404, "not-found"),
    ],
)
def test_every_error_under_fhir_is_an_outcome(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    response = client.request(method, path, headers={"Accept-Language": "fr"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/fhir+json"
    assert response.json()["issue"][0]["code"] == code
    assert response.json()["language"] == "fr"


def test_another_kind_of_body_is_an_outcome_too(client: TestClient) -> None:
    response = client.post(RISK, content="<Bundle/>", headers={"Content-Type": "application/xml"})
    assert response.status_code == 415
    assert response.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("query", ["?include=trend", "?x=1", "?on_incoherence=x", "?include=x"])
def test_an_unknown_parameter_is_refused(client: TestClient, query: str) -> None:
    response = send(client, a_bundle(), query=query)
    assert response.status_code == 422
    assert rule_of(response.json()["issue"][0]).startswith("query.")


# --- Anything ---

odd = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
odder = odd | st.lists(odd, max_size=2) | st.dictionaries(st.text(max_size=6), odd, max_size=2)
FULL = a_bundle(
    observation("2708-6", 97, "%", id="o1", hasMember=[{"reference": "Observation/o2"}]),
    observation(
        "85354-9",
        0,
        None,
        id="o2",
        component=[{"code": codings("8480-6"), "valueQuantity": {"value": 1, "code": "mm[Hg]"}}],
    ),
    observation("10839-9", 0, None, valueQuantity={"value": 1, "comparator": "<", "unit": "ng/mL"}),
    observation("2524-7", 1, "mmol/L", effectivePeriod={"start": "2026"}, effectiveDateTime=...),
    observation(
        "8478-0",
        84,
        "mm[Hg]",
        meta={"profile": ["urn:x"]},
        bodySite={"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": "x"}]},
        method={"text": "x"},
        specimen={"reference": "Specimen/s1", "display": "x"},
        focus=[{"reference": "Patient/p1"}],
        referenceRange=[{"modifierExtension": [{"url": "urn:x"}]}],
    ),
    {"resourceType": "Specimen", "id": "s1", "type": {"coding": [{"display": "x"}]}},
    {"resourceType": "Location", "id": "l1", "type": [{"coding": [{"code": "ICU"}]}]},
    an_encounter(
        id="e2",
        serviceType={"text": "x"},
        partOf={"reference": "Encounter/e1"},
        location=[{"location": {"reference": "Location/l1"}, "period": {"start": "2026"}}],
    ),
)
FULL["link"] = [{"relation": "self", "url": "x"}]
IN_PARAMETERS = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "bundle", "resource": FULL},
        {"name": "on_incoherence", "valueCode": "drop"},
    ],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every element inside a body."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, each in items:
        found.append((*path, key))
        if isinstance(each, dict | list):
            found += places(each, (*path, key))
    return found


def mutated(body: Json, path: tuple[Any, ...], value: Any) -> Json:
    changed = deepcopy(body)
    holder: Any = changed
    for key in path[:-1]:
        if not isinstance(holder, dict | list) or (isinstance(holder, dict) and key not in holder):
            return changed
        try:
            holder = holder[key]
        except (IndexError, TypeError):
            return changed
    if isinstance(holder, dict) and value is ...:
        holder.pop(path[-1], None)
    elif value is not ... and isinstance(holder, dict | list):
        with suppress(IndexError, TypeError):
            holder[path[-1]] = value
    return changed


ODD = [[], {}, 5, True, None, "", [[]]]
N_TURNS = 3


@pytest.mark.parametrize("turn", range(N_TURNS))
def test_every_element_may_be_of_any_type(client: TestClient, turn: int) -> None:
    for index, place in enumerate(places(FULL)):
        odd = ODD[(index + turn) % len(ODD)]
        query = DROP if index % 2 else ""
        response = send(client, mutated(FULL, place, odd), query=query)
        assert response.status_code in (200, 422), place


@shared_client
@given(data=st.data(), body=st.sampled_from([FULL, IN_PARAMETERS]))
def test_any_change_to_a_bundle_is_answered(
    client: TestClient, data: st.DataObject, body: Json
) -> None:
    everywhere = places(body)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(everywhere))
        body = mutated(body, path, data.draw(odder | st.just(...)))
    language = data.draw(st.sampled_from(["en", "fr", "*", ";q="]))
    response = send(client, json.dumps(body), language, data.draw(st.sampled_from(["", DROP])))
    assert response.status_code in (200, 422), response.text
    kind = response.json()["resourceType"]
    assert kind == ("RiskAssessment" if response.status_code == 200 else "OperationOutcome")


@shared_client
@given(body=st.recursive(odd, lambda each: st.lists(each) | st.dictionaries(st.text(), each)))
def test_any_json_is_answered(client: TestClient, body: Any) -> None:
    assert send(client, json.dumps(body)).status_code == 422


def test_many_vital_signs_are_answered(client: TestClient) -> None:
    hours = [vital_signs(hour) for hour in range(1, 500)]
    body = bundle(a_person(), an_encounter(), *(each for hour in hours for each in hour))
    assert send(client, body).status_code == 200
