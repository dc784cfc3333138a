"""CDS Hooks cards of negative answers that say less than they seem to."""

from datetime import datetime

import pytest
from starlette.testclient import TestClient

from tests.builders import Json
from tests.contract.asking_fhir import assessed, warned
from tests.contract.test_cds_hooks import cards_of
from tests.resources import (
    SICK,
    a_bundle,
    a_hook,
    a_searchset,
    at,
    bundle,
    observation,
    vital_signs,
)

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


@pytest.mark.parametrize(
    ("loinc", "value", "unit"),
    [
        pytest.param("2345-7", 30, "mg/dL", id="glucose in mmol/L"),
        pytest.param("19123-9", 1.1, "mg/dL", id="magnesium in mmol/L"),
        pytest.param("17861-6", 2.3, "mg/dL", id="calcium in mmol/L"),
        pytest.param("2777-1", 0.9, "mg/dL", id="phosphate in mmol/L"),
        pytest.param("2160-0", 25, "mg/dL", id="creatinine"),
        pytest.param("2160-0", 0.15, "mg/dL", id="low creatinine"),
        pytest.param("2019-8", 12, "mm[Hg]", id="PaCO2 in kPa"),
    ],
)
def test_an_unusual_value_is_shown_whatever_its_rule_is_called(
    client: TestClient, loinc: str, value: float, unit: str
) -> None:
    (card,) = cards_of(client, hook(*vital_signs(), observation(loinc, value, unit)))
    assert str(value) in card["detail"].split("Data quality:")[1]
    if card["indicator"] == "info":
        assert "implausible" in card["summary"]


def test_other_notes_do_not_hide_an_implausible_value(client: TestClient) -> None:
    analytes = [observation(code, 1, "mmol/L") for code in ("1994-3", "1995-0", "12180-6")]
    others = [observation(code, 1, "mm[Hg]") for code in ("2021-4", "2020-6", "19834-1")]
    glucose = observation("2345-7", 30, "mg/dL")
    sent = hook(*vital_signs(), *analytes, *others, glucose)
    (card,) = cards_of(client, sent)
    assert "30 mg/dL" in card["detail"]


@pytest.mark.parametrize(("language", "said"), [("en", "24 hours"), ("fr", "24 heures")])
def test_old_vital_signs_make_an_info_card(client: TestClient, language: str, said: str) -> None:
    old = [each | {"effectiveDateTime": at(3)} for each in vital_signs()]
    (card,) = cards_of(client, hook(*old, observation("2160-0", 1, "mg/dL", icu_hour=30)), language)
    assert card["indicator"] == "info"
    assert said in card["summary"]


def test_a_card_says_for_which_time_it_is(client: TestClient) -> None:
    last = datetime.fromisoformat(at(12)).isoformat(" ", "minutes")
    for observations in ([HEART_RATE], vital_signs(**SICK)):
        (card,) = cards_of(client, hook(*observations))
        assert f"As of the last measurement used: {last}." in card["detail"]


def test_codes_that_are_not_read_hide_no_limit_of_the_answer(client: TestClient) -> None:
    unknown = [observation(f"9999{at}-9", 1, "1") for at in range(9)]
    (card,) = cards_of(client, hook(*unknown, HEART_RATE))
    quality = card["detail"].split("Data quality:")[1]
    assert "Too little was measured" in quality
    assert quality.index("Too little was measured") < quality.index("9999")


def test_fhir_says_how_much_the_answer_rests_on(client: TestClient) -> None:
    few = assessed(client, bundle(HEART_RATE))
    levels = {each["url"].rpartition("/")[2]: each.get("valueCode") for each in few["extension"]}
    assert levels["data-sufficiency"] == "insufficient"
    assert few["status"] == "preliminary"
    assert "data.insufficient" in warned(few)
    well = assessed(client, a_bundle())
    assert well["extension"][0]["valueCode"] == "limited"
    assert well["status"] == "final"
