"""FHIR Observations of another place than their code says: never read as their variable."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import Json, a_patient
from tests.contract.asking_fhir import assessed, by_rest, probability, same, warned
from tests.resources import CODES, a_bundle, codings, observation, quantity, vital_signs

SNOMED, MDC, LOINC = (
    "http://snomed.info/sct",
    "urn:iso:std:iso:11073:10101",
    "http://loinc.org",
)
PARTS = ("8480-6", "8462-4", "8478-0")
VALUES = (30, 12, 18)
BLOOD_PRESSURE = (SNOMED, "75367002")
PROFILE = "https://www.medizininformatik-initiative.de/fhir/ext/modul-icu/StructureDefinition/"

# Of the German profiles: SNOMED CT and LOINC of the panel, of the site, of the components.
PROFILES: dict[str, dict[str, Any]] = {
    "pulmonalarterieller-blutdruck": {
        "panel": [(SNOMED, "250767002"), (LOINC, "76284-9"), (MDC, "150044")],
        "site": "81040000",
        "loinc": ("8440-0", "8385-7", "8414-5"),
        "mdc": ("150045", "150046", "150047"),
    },
    "linksatrialer-druck": {
        "panel": [(SNOMED, "276762004"), (LOINC, "60988-3"), (MDC, "150064")],
        "site": "82471001",
        "loinc": ("60989-1", "75933-2", "8399-8"),
        "mdc": ("150065", "150066", "150067"),
    },
    "linksventrikulaerer-druck": {
        "panel": [(SNOMED, "276769008"), (MDC, "150100")],
        "site": "87878005",
        "loinc": ("8430-1", "8375-8", "8404-6"),
        "mdc": ("150101", "150102", "150103"),
    },
    "rechtsatrialer-druck": {
        "panel": [(SNOMED, "276755008"), (LOINC, "60996-6"), (MDC, "150068")],
        "site": "73829009",
        "loinc": ("60998-2", "60997-4", "8400-4"),
        "mdc": ("150069", "150070", "150071"),
    },
    "rechtsventrikulaerer-druck": {
        "panel": [(SNOMED, "276756009"), (MDC, "150104")],
        "site": "53085002",
        "loinc": ("8432-7", "8377-4", "8406-1"),
        "mdc": ("150105", "150106", "150107"),
    },
    "zentralvenoeser-blutdruck": {
        "panel": [(SNOMED, "71420008"), (LOINC, "60985-9"), (MDC, "150084")],
        "site": "73829009",
        "loinc": ("60985-9",) * 3,
        "mdc": ("150085", "150086", "150087"),
    },
}


def concept(*codes: tuple[str, str], **more: Any) -> Json:
    return {"coding": [{"system": system, "code": code} for system, code in codes], **more}


def panel(*own: tuple[str, str], further: list[list[tuple[str, str]]], **more: Any) -> Json:
    """A blood pressure by its components, each with further codings."""
    components = [
        {"code": concept((LOINC, code), *beside), "valueQuantity": quantity(value, "mm[Hg]")}
        for code, beside, value in zip(PARTS, further, VALUES, strict=True)
    ]
    return observation(concept(*own), 0, None, valueQuantity=..., component=components) | more


NOTHING: list[list[tuple[str, str]]] = [[], [], []]


def variants(name: str) -> list[Json]:
    """The ways in which senders tell the place: one of them alone, or all together."""
    of = PROFILES[name]
    whole = [(LOINC, "85354-9"), BLOOD_PRESSURE]
    by_loinc = [[(LOINC, code)] for code in of["loinc"]]
    by_mdc = [[(MDC, code)] for code in of["mdc"]]
    site = {"bodySite": concept((SNOMED, of["site"]))}
    words = name.replace("-", " ").replace("ae", "ä").replace("oe", "ö")
    return [
        *(panel(BLOOD_PRESSURE, code, further=NOTHING) for code in of["panel"]),
        panel(*whole, further=by_loinc),
        panel(*whole, further=by_mdc),
        panel(*whole, further=NOTHING, **site),
        panel(*whole, further=NOTHING, bodySite={"text": words}),
        panel(*whole, further=NOTHING, method={"text": words}),
        panel(*whole, further=NOTHING, meta={"profile": [PROFILE + name]}),
        panel(*whole, further=NOTHING) | {"code": concept(*whole, text=words)},
        panel(*of["panel"], further=by_mdc, **site, meta={"profile": [PROFILE + name]}),
    ]


def unused(client: TestClient, *added: Json) -> Json:
    """The warnings of an answer in which some Observations do not count."""
    found = assessed(client, a_bundle(*added))
    assert probability(found) == pytest.approx(by_rest(client, a_patient()), abs=1e-6)
    return warned(found)


@pytest.mark.parametrize("name", PROFILES)
def test_a_pressure_of_a_german_profile_is_never_arterial(client: TestClient, name: str) -> None:
    for variant in variants(name):
        assert "code.other_place" in unused(client, variant), variant


@pytest.mark.parametrize("name", PROFILES)
def test_a_single_pressure_of_another_place_is_not_used(client: TestClient, name: str) -> None:
    code = PROFILES[name]["panel"][0]
    for more in (
        {"code": concept((LOINC, "8478-0"), code)},
        {"bodySite": concept((SNOMED, PROFILES[name]["site"]))},
        {"meta": {"profile": [PROFILE + name]}},
    ):
        single = observation("8478-0", 18, "mm[Hg]") | more
        assert "code.other_place" in unused(client, single), more


@pytest.mark.parametrize(
    "words",
    [
        "Pulmonary artery systolic pressure",
        "PAPs",
        "Pression artérielle pulmonaire systolique",
        "Left atrial pressure",
        "Pression auriculaire droite",
        "Linker Vorhof",
        "RV systolic, right ventricle",
        "Pression ventriculaire gauche",
        "Central venous pressure",
        "CVP",
        "PVC moyenne",
        "ZVD",
        "Intracranial pressure",
        "Pression intra-abdominale (vessie)",
        "Bladder pressure",
        "Atemwegsdruck",
        "ECMO arterial line",
        "Fetal scalp",
        "PA systolic",
        "PA mean pressure",
        "IABP augmented",
        "Target systolic pressure",
    ],
)
def test_a_place_in_words_is_understood(client: TestClient, words: str) -> None:
    code = concept((LOINC, "8480-6"))
    named = {"coding": [code["coding"][0] | {"display": words}]}
    for more in ({"code": named}, {"code": code | {"text": words}}, {"bodySite": {"text": words}}):
        assert "code.other_place" in unused(client, observation("8480-6", 31, "mm[Hg]") | more)


@pytest.mark.parametrize(
    "more",
    [
        {"bodySite": {"text": "Left radial artery"}},
        {"bodySite": concept((SNOMED, "368209003"), text="Right arm")},
        {"method": {"text": "Arterial line, invasive"}},
        {"method": {"text": "Brassard automatique"}},
        {"code": concept((LOINC, "8480-6"), (SNOMED, "271649006"), (MDC, "150017"))},
        {"code": concept((LOINC, "8480-6"), (MDC, "150037"), text="ABP systolic")},
        {"code": concept((LOINC, "8480-6"), (MDC, "150301"), text="PAS")},
        {"code": concept((LOINC, "8480-6"), ("urn:hospital", "5"), text="PA systolique")},
        {"code": concept((LOINC, "8480-6"), text="Pression artérielle systolique")},
        {"code": concept((LOINC, "8480-6"), text="Systolischer Blutdruck")},
        {"meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/bp"]}},
    ],
)
def test_an_arterial_pressure_is_read(client: TestClient, more: Json) -> None:
    others = [each for each in vital_signs() if each["code"] != codings("8480-6")]
    body = a_bundle()
    body["entry"] = [
        *body["entry"][:2],
        *({"resource": each} for each in (*others, observation("8480-6", 120, "mm[Hg]") | more)),
    ]
    assert "code.other_place" not in warned(assessed(client, body))
    same(client, body, a_patient())


def test_a_further_code_that_is_not_known_could_be_any_place(client: TestClient) -> None:
    for system in (LOINC, SNOMED, MDC):
        odd = observation(concept((LOINC, "8480-6"), (system, "99999-9")), 31, "mm[Hg]")
        assert "other code" in unused(client, odd)["code.other_place"]["details"]["text"]


@pytest.mark.parametrize(
    ("code", "value", "unit", "more"),
    [
        ("8310-5", 33, "Cel", {"bodySite": {"text": "Skin of foot"}}),
        ("8310-5", 33, "Cel", {"bodySite": concept((SNOMED, "39352004"))}),
        ("8310-5", 33, "Cel", {"method": {"text": "Sonde cutanée"}}),
        ("8310-5", 33, "Cel", {"meta": {"profile": [PROFILE + "koerpertemperatur-gelenk"]}}),
        ("2019-8", 55, "mm[Hg]", {"bodySite": {"text": "Central venous catheter"}}),
        ("2019-8", 55, "mm[Hg]", {"specimen": {"display": "Sang veineux mêlé"}}),
        ("20564-1", 70, "%", {"bodySite": {"text": "Pulmonary artery"}}),
        ("2744-1", 7.2, "[pH]", {"bodySite": {"text": "Umbilical artery"}}),
        ("8867-4", 150, "/min", {"bodySite": {"text": "Fetal scalp"}}),
        ("2160-0", 12, "mg/dL", {"specimen": {"display": "Urine, 24 h"}}),
        ("9279-1", 30, "/min", {"method": {"text": "Ventilator setting"}}),
        ("8480-6", 31, "mm[Hg]", {"bodySite": concept((SNOMED, "48345005"))}),
        ("8480-6", 31, "mm[Hg]", {"device": {"display": "Swan-Ganz catheter"}}),
        ("8480-6", 31, "mm[Hg]", {"method": {"text": "Swan Ganz"}}),
        ("8480-6", 31, "mm[Hg]", {"bodySite": {"text": "CVC"}}),
        ("8480-6", 31, "mm[Hg]", {"method": {"text": "Cathéter central"}}),
        ("8310-5", 33, "Cel", {"bodySite": {"text": "Left foot"}}),
        ("8310-5", 37, "Cel", {"device": {"display": "Humidifier"}}),
        ("8480-6", 31, "mm[Hg]", {"category": [concept((SNOMED, "182744004"))]}),
    ],
)
def test_a_value_of_another_place_is_another_measurement(
    client: TestClient, code: str, value: float, unit: str, more: Json
) -> None:
    category = "laboratory" if code in ("2019-8", "20564-1", "2744-1", "2160-0") else "vital-signs"
    assert "code.other_place" in unused(
        client, observation(code, value, unit, category=category) | more
    )


@pytest.mark.parametrize(
    ("code", "value", "unit", "words"),
    [
        ("2019-8", 55, "mm[Hg]", "pCO2 venous"),
        ("2019-8", 55, "mm[Hg]", "pvCO2"),
        ("2019-8", 55, "mm[Hg]", "BGA venös"),
        ("20564-1", 70, "%", "ScvO2"),
        ("20564-1", 70, "%", "Saturation veineuse centrale"),
        ("59408-5", 62, "%", "rSO2 left (NIRS)"),
        ("59408-5", 62, "%", "Saturation cérébrale"),
        ("2160-0", 12, "mg/dL", "Kreatinin im Urin"),
        ("2160-0", 12, "mg/dL", "Créatinine urinaire"),
        ("2345-7", 60, "mg/dL", "Glycorachie"),
        ("6690-2", 5, "/uL", "WBC CSF"),
        ("2744-1", 6.9, "[pH]", "Gastric pH"),
        ("8867-4", 70, "/min", "Pacemaker set rate"),
        ("8310-5", 33, "Cel", "Cooling blanket set point"),
        ("8310-5", 22, "Cel", "Room temperature"),
    ],
)
def test_a_code_in_words_of_another_place_is_another_measurement(
    client: TestClient, code: str, value: float, unit: str, words: str
) -> None:
    category = "laboratory" if code.startswith("2") or code == "6690-2" else "vital-signs"
    named = concept((LOINC, code), text=words)
    added = observation(code, value, unit, category=category) | {"code": named}
    assert "code.other_place" in unused(client, added)


@pytest.mark.parametrize("words", ["WBC after G-CSF", "Harnstoff", "Leucocytes, sang artériel"])
def test_words_that_only_resemble_a_place_change_nothing(client: TestClient, words: str) -> None:
    leucocytes = observation("6690-2", 9, "10*3/uL")
    leucocytes["code"] = concept((LOINC, "6690-2"), text=words)
    found = warned(assessed(client, a_bundle(leucocytes)))
    assert "code.other_place" not in found


@pytest.mark.parametrize(
    ("panel_code", "member"),
    [
        (concept((LOINC, "76284-9")), observation("8480-6", 30, "mm[Hg]")),
        (concept((SNOMED, "250767002")), observation("8478-0", 18, "mm[Hg]")),
        ({"text": "Pression artérielle pulmonaire"}, observation("8462-4", 12, "mm[Hg]")),
        ({"text": "Blood gas, venous"}, observation("2019-8", 55, "mm[Hg]")),
    ],
)
def test_the_place_of_a_panel_is_that_of_its_members(
    client: TestClient, panel_code: Json, member: Json
) -> None:
    member = member | {"id": "part"}
    whole = observation(panel_code, 0, None, valueQuantity=...)
    whole |= {"hasMember": [{"reference": "Observation/part"}]}
    assert "code.other_place" in unused(client, whole, member)


def test_a_panel_of_many_signs_says_no_place(client: TestClient) -> None:
    member = observation("8480-6", 121, "mm[Hg]", icu_hour=11, id="part")
    whole = observation(concept((LOINC, "85353-1")), 0, None, icu_hour=11, valueQuantity=...)
    whole |= {"hasMember": [{"reference": "Observation/part"}]}
    found = warned(assessed(client, a_bundle(whole, member)))
    assert "code.other_place" not in found


def test_a_contained_specimen_tells_the_place(client: TestClient) -> None:
    venous = {"resourceType": "Specimen", "id": "s", "type": {"text": "Venous blood"}}
    gas = observation("2019-8", 55, "mm[Hg]", specimen={"reference": "#s"}, contained=[venous])
    assert "code.other_place" in unused(client, gas)


def test_a_specimen_that_was_sent_tells_the_place(client: TestClient) -> None:
    urine = {"resourceType": "Specimen", "id": "s1", "type": {"text": "Urine"}}
    creatinine = observation("2160-0", 40, "mg/dL", specimen={"reference": "Specimen/s1"})
    assert "code.other_place" in unused(client, creatinine, urine)


@pytest.mark.parametrize("words", ["Axillary region", "Aisselle", "Skin of axilla", "Oral", "Ear"])
def test_a_temperature_near_the_core_is_read(client: TestClient, words: str) -> None:
    code, unit = CODES["temperature"]
    warm = observation(code, 39, unit, icu_hour=11, bodySite={"text": words})
    assert "code.other_place" not in warned(assessed(client, a_bundle(warm)))


def test_a_ph_of_venous_blood_is_used_with_a_note(client: TestClient) -> None:
    venous = observation("2744-1", 7.35, "[pH]", bodySite={"text": "Peripheral venous blood"})
    found = assessed(client, a_bundle(venous))
    assert "Venous" in warned(found)["code.nearly"]["details"]["text"]
    assert probability(found) == pytest.approx(by_rest(client, a_patient(ph=7.35)), abs=1e-6)


def test_the_same_place_said_often_is_one_note(client: TestClient) -> None:
    pressures = [
        observation("8480-6", 31, "mm[Hg]", icu_hour=hour, bodySite={"text": "Pulmonary artery"})
        for hour in range(1, 30)
    ]
    note = unused(client, *pressures)["code.other_place"]
    assert "(29 times)" in note["details"]["text"]
    assert len(note["expression"]) == 10
