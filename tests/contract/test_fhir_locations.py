"""Where the patient was: intensive care by codes, names, levels of a location, the encounter."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import Json
from tests.contract.asking_fhir import assessed, rules_refused, warned
from tests.fhir_reading import hospital_hour, hours, icu_unit, noted, read
from tests.resources import a_person, an_encounter, at, bundle, vital_signs

ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
SNOMED = "http://snomed.info/sct"
PHYSICAL = "http://terminology.hl7.org/CodeSystem/location-physical-type"
START, ASSUMED = 12.0, 21.0  # hour of the vital signs: since intensive care, since the encounter


def concept(system: str | None, code: str, **more: str) -> Json:
    coding = {"code": code, **more} | ({} if system is None else {"system": system})
    return {"coding": [coding]}


def location(id_: str, part_of: str | None = None, **elements: Any) -> Json:
    parent = {} if part_of is None else {"partOf": {"reference": part_of}}
    return {"resourceType": "Location", "id": id_, **parent, **elements}


def located(reference: Json, *resources: Json, **changed: Any) -> Json:
    """A Bundle with one Encounter, at one location since the beginning of intensive care."""
    places = [{"location": reference, "period": {"start": at(0.5)}}]
    encounter = an_encounter(location=places, **changed)
    return bundle(a_person(), encounter, *resources, *vital_signs())


def in_location(*resources: Json) -> Json:
    """A Bundle with the first of some Locations."""
    return located({"reference": f"Location/{resources[0]['id']}"}, *resources)


@pytest.mark.parametrize(
    ("elements", "unit"),
    [
        ({"type": [concept(ROLE, "ICU")]}, None),
        ({"type": [concept(ROLE, "CCU")]}, None),
        ({"type": [concept(SNOMED, "418433008")]}, "surgical"),
        ({"type": [concept(SNOMED, "309904001")], "name": "Station 4, surgical"}, "surgical"),
        ({"type": [concept(ROLE, "HOSP"), concept(ROLE, "ICU")]}, None),
        ({"type": [concept("https://hospital.example/units", "MICU")]}, "medical"),
        ({"type": [concept("https://hospital.example/units", "7", display="MICU")]}, "medical"),
        ({"type": [{"text": "Réanimation médicale"}]}, "medical"),
        ({"type": concept(ROLE, "ICU")}, None),
        ({"physicalType": concept(SNOMED, "441994008")}, "medical"),
        ({"physicalType": {"text": "ICU bed"}}, None),
        ({"name": "SICU"}, "surgical"),
        ({"name": "4 West", "alias": ["Surgical ICU"]}, "surgical"),
        ({"name": "4 West", "description": "Réanimation chirurgicale"}, "surgical"),
        ({"name": "MICU", "description": "Formerly the step-down unit"}, "medical"),
        ({"name": "MICU", "status": "suspended", "mode": "kind"}, "medical"),
    ],
)
def test_a_location_says_by_code_or_name_that_it_is_intensive_care(
    elements: Json, unit: str | None
) -> None:
    found = read(in_location(location("l1", **elements)))
    assert hours(found) == [START]
    assert icu_unit(found) == unit


@pytest.mark.parametrize(
    "elements",
    [
        {"type": [concept(ROLE, "HU")], "name": "4 West"},
        {"type": [concept(ROLE, "PEDICU")], "name": "4 West"},
        {"type": [concept(SNOMED, "397771005")], "name": "ICU annexe"},
        {"type": [concept("https://hospital.example/units", "STEPDOWN")]},
        {"name": "Post-ICU"},
        {"name": "4 West", "description": "Next to the ICU"},
        {"type": 5, "name": ["ICU"], "alias": {"a": "ICU"}, "description": 7},
    ],
)
def test_another_location_is_not_intensive_care(elements: Json) -> None:
    found = read(in_location(location("l1", **elements)))
    assert hours(found) == [ASSUMED]
    assert "icu.start_assumed" in noted(found)


def test_a_code_without_system_is_read_by_its_words_and_noted(client: TestClient) -> None:
    body = in_location(location("l1", type=[concept(None, "ICU")]))
    assert hours(read(body)) == [START]
    assert "no `system`" in warned(assessed(client, body))["code.no_system"]["details"]["text"]


def test_paediatric_intensive_care_has_a_sentence_of_its_own() -> None:
    found = read(in_location(location("l1", name="Réanimation pédiatrique")))
    assert {"icu.not_adult", "icu.start_assumed"} <= noted(found).keys()


def test_a_unit_with_a_lower_level_of_care_is_noted() -> None:
    found = read(located({"display": "ICU/HDU"}))
    assert hours(found) == [START]
    assert "icu.shared_unit" in noted(found)


# --- Levels of a location ---


@pytest.mark.parametrize(
    ("levels", "unit"),
    [
        (
            [{"name": "Bed 5"}, {"name": "Room 2"}, {"name": "SICU"}, {"name": "Hospital"}],
            "surgical",
        ),
        ([{"name": "Bed 5"}, {"name": "ICU"}, {"name": "Surgical ICU, all beds"}], "surgical"),
        ([{"name": "MICU bed 5"}, {"name": "Surgical ICU"}], "medical"),
        ([{"name": "ICU bed"}, {"name": "Surgical Department"}], None),
        ([{"name": "Medical/Surgical ICU"}, {"name": "Surgical ICU"}], None),
        ([{}, {"type": [concept(ROLE, "ICU")], "name": "4 West"}], None),
    ],
)
def test_a_bed_is_in_the_unit_that_it_is_part_of(levels: list[Json], unit: str | None) -> None:
    chain = [location(f"l{n}", f"Location/l{n + 1}", **each) for n, each in enumerate(levels)]
    found = read(in_location(*chain))
    assert hours(found) == [START]
    assert icu_unit(found) == unit


@pytest.mark.parametrize(
    "levels",
    [
        [{"name": "Step-down bed 5"}, {"name": "ICU"}],
        [
            {"name": "Bed 5"},
            {"name": "Critical Care Tower", "physicalType": concept(PHYSICAL, "bu")},
        ],
        [{"name": "Bed 5"}, {"name": "Department of Anaesthesia and Intensive Care"}],
        [{"name": "Bed 5"}, {"name": "Ward 7"}],
    ],
)
def test_the_most_specific_level_decides(levels: list[Json]) -> None:
    chain = [location(f"l{n}", f"Location/l{n + 1}", **each) for n, each in enumerate(levels)]
    assert hours(read(in_location(*chain))) == [ASSUMED]


def test_a_part_may_be_named_without_being_sent() -> None:
    bed = location("l1", name="Bed 5") | {"partOf": {"display": "Surgical ICU"}}
    assert icu_unit(read(in_location(bed))) == "surgical"


@pytest.mark.parametrize(
    ("reference", "full_url", "id_"),
    [
        ("Location/l1", "", "l1"),
        ("Location/l1/_history/4", "", "l1"),
        ("https://ehr.example/fhir/Location/l1", "", "l1"),
        ("urn:uuid:0d6f", "urn:uuid:0d6f", None),
        ("urn:uuid:0d6f", "urn:uuid:0d6f", "l1"),
        ("Location/l1", "https://ehr.example/fhir/Location/l1", None),
        (
            "https://ehr.example/fhir/Location/l1/_history/2",
            "https://ehr.example/fhir/Location/l1",
            None,
        ),
    ],
)
def test_every_form_of_reference_is_resolved(
    reference: str, full_url: str, id_: str | None
) -> None:
    unit = {"resourceType": "Location", "name": "SICU"} | ({} if id_ is None else {"id": id_})
    body = located({"reference": reference}, unit)
    if full_url:
        body["entry"][2]["fullUrl"] = full_url
    assert icu_unit(read(body)) == "surgical"


def test_contained_locations_are_read_with_their_levels() -> None:
    contained = [location("bed", "#unit", name="Bed 5"), location("unit", name="SICU")]
    found = read(located({"reference": "#bed"}, contained=contained))
    assert (hours(found), icu_unit(found)) == ([START], "surgical")


@pytest.mark.parametrize(
    "contained",
    [[], {}, 5, [5, {"id": "bed"}], [location("bed", "#bed")], [location("bed", "Location/x")]],
    ids=repr,
)
def test_contained_locations_of_any_form_are_answered(contained: Any) -> None:
    found = read(located({"reference": "#bed"}, contained=contained))
    assert "icu.start_assumed" in noted(found)


def test_locations_in_a_circle_are_refused(client: TestClient) -> None:
    body = in_location(location("a", "Location/b"), location("b", "Location/a"))
    assert rules_refused(client, body) == ["fhir.circular"]


def test_too_many_locations_are_refused(client: TestClient) -> None:
    encounter = an_encounter(location=[{"location": {"display": "Bed"}}] * 1_001)
    assert rules_refused(client, bundle(a_person(), encounter, *vital_signs())) == ["json.size"]


# --- What the encounter says of itself ---


@pytest.mark.parametrize(
    "says",
    [
        {"serviceType": concept(SNOMED, "408478003")},
        {"serviceType": {"text": "Intensive care medicine"}},
        {
            "serviceType": concept(
                "http://fhir.de/CodeSystem/dkgev/Fachabteilungsschluessel", "3600"
            )
        },
        {"type": [concept(SNOMED, "305351004")]},
        {"class": {"system": ROLE, "code": "ICU"}},
        {"class": {"system": "https://hospital.example/class", "code": "MICU"}},
    ],
)
@pytest.mark.parametrize(
    "places", [[], [{"location": {"display": "4 West"}}]], ids=["none", "4 West"]
)
def test_an_encounter_in_intensive_care_is_known_without_a_location(
    says: Json, places: list[Json]
) -> None:
    found = read(bundle(a_person(), an_encounter(location=places, **says), *vital_signs()))
    assert hours(found) == [ASSUMED]  # the encounter is the stay
    assert not noted(found).keys() & {"icu.start_assumed", "icu.location_without_period"}


@pytest.mark.parametrize(
    "says",
    [
        {"serviceType": {"text": "Anesthésie-réanimation"}},
        {"serviceType": {"text": "Surgery"}},
        {"serviceType": "ICU"},
        {"type": [{"text": "ICU follow-up visit"}]},
    ],
)
def test_another_encounter_is_not_intensive_care(says: Json) -> None:
    found = read(bundle(a_person(), an_encounter(location=[]) | says, *vital_signs()))
    assert "icu.start_assumed" in noted(found)


def test_a_location_is_more_certain_than_the_service() -> None:
    found = read(located({"display": "Step-down"}, serviceType={"text": "Intensive care"}))
    assert "icu.start_assumed" in noted(found)


@pytest.mark.parametrize("code", ["AMB", "VR", "HH", "PRENC"])
def test_an_outpatient_encounter_beside_is_no_hospital_stay(code: str) -> None:
    visit = an_encounter(id="e2", location=[], period={"start": at(11)})
    visit["class"] = {"code": code}
    stay = an_encounter(location=[{"location": {"display": "4 West"}}])
    found = read(bundle(a_person(), stay, visit, *vital_signs()))
    assert hours(found) == [ASSUMED]
    alone = read(bundle(a_person(), visit, *vital_signs()))
    assert "icu.start_unknown" in noted(alone)


def test_intensive_care_that_is_part_of_a_hospital_stay() -> None:
    inner = an_encounter(partOf={"reference": "Encounter/e0"})
    outer = an_encounter(id="e0", period={"start": at(-47.5)})
    for order in ([inner, outer], [outer, inner]):
        found = read(bundle(a_person(), *order, *vital_signs()))
        assert (hours(found), hospital_hour(found)) == ([START], -48.0)


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2999-01-01T00:00:00Z"},
        {"start": "2026-03-01T10:00:00"},
        {"start": "?"},
        {"end": 5},
    ],
    ids=repr,
)
def test_a_wrong_time_in_another_place_changes_nothing(period: Json) -> None:
    ward = {"location": {"display": "Ward 3"}, "period": period}
    icu = {"location": {"display": "MICU"}, "period": {"start": at(0.5)}}
    found = read(bundle(a_person(), an_encounter(location=[ward, icu]), *vital_signs()))
    assert hours(found) == [START]


@pytest.mark.parametrize(
    ("code", "is_icu"), [("intensivstationaer", True), ("teilstationaer", False)]
)
def test_the_german_kind_of_contact_says_intensive_care(
    client: TestClient, code: str, is_icu: bool
) -> None:
    kind = {"coding": [{"system": "http://fhir.de/CodeSystem/kontaktart-de", "code": code}]}
    body = bundle(a_person(), an_encounter(location=[], type=[kind]), *vital_signs())
    assert ("icu.start_assumed" in warned(assessed(client, body))) != is_icu
