"""CDS Hooks cards of negative answers that say less than they seem to."""

import pytest
from starlette.testclient import TestClient

from tests.builders import Json
from tests.contract.asking_fhir import assessed, warned
from tests.contract.test_cds_hooks import cards_of
from tests.resources import a_bundle, a_hook, a_searchset, bundle, observation, vital_signs

HEART_RATE = observation("8867-4", 80, "/min", icu_hour=12)


def hook(*observations: Json) -> Json:
    return a_hook(prefetch={"vitals": a_searchset(*observations)})


def test_a_well_patient_has_no_card(client: TestClient) -> None:
    assert cards_of(client, hook(*vital_signs())) == []


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "too little was measured"), ("fr", "trop peu de mesures")],
)
def test_too_little_data_make_an_info_card(client: TestClient, language: str, said: str) -> None:
    (card,) = cards_of(client, hook(HEART_RATE), language)
    assert card["indicator"] == "info"
    assert said in card["summary"]
    missing = {"en": "Respiratory rate", "fr": "Fréquence respiratoire"}
    assert missing[language] in card["detail"]


def test_an_implausible_value_makes_an_info_card(client: TestClient) -> None:
    (card,) = cards_of(client, hook(*vital_signs(temperature=29.0)))
    assert card["indicator"] == "info"
    assert "implausible" in card["summary"]
    assert "29" in card["detail"]


def test_fhir_says_how_much_the_answer_rests_on(client: TestClient) -> None:
    few = assessed(client, bundle(HEART_RATE))
    levels = {each["url"].rpartition("/")[2]: each.get("valueCode") for each in few["extension"]}
    assert levels["data-sufficiency"] == "insufficient"
    assert few["status"] == "preliminary"
    assert "data.insufficient" in warned(few)
    well = assessed(client, a_bundle())
    assert well["extension"][0]["valueCode"] == "limited"
    assert well["status"] == "final"
