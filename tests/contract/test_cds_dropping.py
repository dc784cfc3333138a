"""CDS Hooks and data that are incoherent or cannot be read: left out and named, or no answer."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.fhir.systems import EXTENSION
from sepsis_detect.settings import Settings, read_settings
from tests.builders import Json
from tests.contract.test_cds_hooks import cards_of
from tests.resources import SICK, a_hook, a_person, a_searchset, observation, vital_signs

SETTING = "SEPSIS_CDS_ON_INCOHERENCE"
ARTEFACTS = [
    (observation("8462-4", 190, "mm[Hg]"), "Diastolic", "diastolique"),
    (observation("8867-4", 0, "/min"), "Heart rate 0", "Fréquence cardiaque : 0"),
    (observation("2524-7", 3, "?"), "unit", "unité"),
    (observation("2524-7", 0, None, valueQuantity=5), "object", "objet"),
    (observation("2524-7", 3, "mmol/L", status="done"), "status", "statut"),
    (
        observation("2524-7", 3, "mmol/L", effectiveDateTime="2026-03-01T10:00:00"),
        "offset",
        "décalage",
    ),
    (
        observation("2524-7", 3, "mmol/L", subject={"reference": "Patient/p2"}),
        "another patient",
        "autre patient",
    ),
]


@pytest.fixture(scope="module")
def rejecting() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(cds_on_incoherence="reject"))) as client:
        yield client


def hook(*added: Json, vitals: Json | None = None) -> Json:
    prefetch = {"labs": a_searchset(*added)}
    if vitals is not None:
        prefetch["vitals"] = vitals
    return a_hook(prefetch=prefetch)


@pytest.mark.parametrize(("added", "says", "says_french"), ARTEFACTS)
def test_a_positive_answer_names_what_was_left_out(
    client: TestClient, added: Json, says: str, says_french: str
) -> None:
    sick = a_searchset(*vital_signs(**SICK))
    (card,) = cards_of(client, hook(added, vitals=sick))
    assert card["indicator"] in ("warning", "critical")
    assert EXTENSION in card["extension"]
    left_out = card["detail"].split("Values left out:")[1]
    assert says in left_out
    (french,) = cards_of(client, hook(added, vitals=sick), "fr")
    assert says_french in french["detail"].split("Valeurs écartées :")[1]


@pytest.mark.parametrize(("added", "says", "says_french"), ARTEFACTS)
def test_a_negative_answer_names_what_was_left_out(
    client: TestClient, added: Json, says: str, says_french: str
) -> None:
    (card,) = cards_of(client, hook(added))
    assert card["indicator"] == "info"
    assert "below the threshold" in card["summary"]
    assert says in card["detail"]
    (french,) = cards_of(client, hook(added), "fr")
    assert "sous le seuil" in french["summary"]
    assert says_french in french["detail"]


@pytest.mark.parametrize(
    ("added", "says"),
    [
        *((added, says) for added, says, _ in ARTEFACTS[:3]),
        (ARTEFACTS[-1][0], "more than one patient"),
        (a_person(id="p2"), "more than one patient"),
    ],
)
def test_nothing_is_computed_where_the_setting_says_so(
    rejecting: TestClient, added: Json, says: str
) -> None:
    (card,) = cards_of(rejecting, hook(added))
    assert card["indicator"] == "info"
    assert "not computed" in card["summary"]
    assert says in card["detail"]
    (french,) = cards_of(rejecting, hook(added), "fr")
    assert "non calculé" in french["summary"]


@pytest.mark.parametrize(
    ("prefetch", "says"),
    [
        ({"patient": a_person(birthDate="2020-01-01")}, "Age"),
        ({"labs": a_searchset(a_person(id="p2"))}, "more than one patient"),
    ],
)
def test_what_the_model_is_not_for_is_never_dropped(
    client: TestClient, prefetch: Json, says: str
) -> None:
    (card,) = cards_of(client, a_hook(prefetch=prefetch))
    assert "not computed" in card["summary"]
    assert says in card["detail"]


def test_many_artefacts_are_counted(client: TestClient) -> None:
    zeros = [observation("8867-4", 0, "/min", icu_hour=hour / 4) for hour in range(4, 48)]
    (card,) = cards_of(client, hook(*zeros))
    assert card["detail"].count("Heart rate 0") == 1
    assert "(44 times)" in card["detail"]


def test_different_artefacts_are_listed_up_to_a_limit(client: TestClient) -> None:
    low = [observation("8867-4", at / 10, "/min", icu_hour=at / 4) for at in range(4, 48)]
    (card,) = cards_of(client, hook(*low))
    assert card["detail"].count("Not used: Heart rate") == 20
    assert "and 24 more" in card["detail"]


@pytest.mark.parametrize(
    "changed",
    [
        {"valueQuantity": {"value": "3", "unit": "mmol/L"}},
        {"valueQuantity": [3]},
        {"valueQuantity": {"value": 3, "comparator": "~", "unit": "mmol/L"}},
        {"status": "done"},
        {"effectiveDateTime": "2026-03-01T10:00:00"},
        {"effectiveDateTime": "2126-03-01T10:00:00Z"},
        {"effectiveDateTime": ...},
        {"effectiveTiming": {}, "effectiveDateTime": ...},
        {"valueQuantity": {"value": 3}},
    ],
)
def test_what_was_left_out_is_named(client: TestClient, changed: Json) -> None:
    (card,) = cards_of(client, hook(observation("2524-7", 3, "mmol/L", **changed)))
    assert card["detail"].split("Values left out:")[1].count("Lactate") == 1
    (french,) = cards_of(client, hook(observation("2524-7", 3, "mmol/L", **changed)), "fr")
    assert french["detail"].split("Valeurs écartées :")[1].count("Lactate") == 1


def test_without_artefacts_a_negative_answer_has_no_card(client: TestClient) -> None:
    assert cards_of(client, hook(observation("99999-9", 1, "1"))) == []


def test_the_policies_of_the_setting_are_those_of_the_assessment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert OnIncoherence(Settings().cds_on_incoherence) is OnIncoherence.DROP
    for policy in OnIncoherence:
        monkeypatch.setenv(SETTING, policy)
        assert OnIncoherence(read_settings().cds_on_incoherence) is policy
