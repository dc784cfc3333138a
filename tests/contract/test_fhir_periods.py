"""`effectivePeriod` of an Observation: a value of more than 24 hours is none of an hour."""

import pytest
from starlette.testclient import TestClient

from tests.contract.asking_fhir import assessed, probability, send, warned
from tests.resources import a_bundle, at, observation

DROP = "?on_incoherence=drop"


def lactate_of(start: str, end: str | None) -> dict[str, object]:
    period = {"start": start} if end is None else {"start": start, "end": end}
    return observation("2524-7", 9, "mmol/L", effectivePeriod=period, effectiveDateTime=...)


@pytest.mark.parametrize("query", ["", DROP])
@pytest.mark.parametrize("end", [at(36.1), at(200), "2199-12-31"])
def test_a_value_of_more_than_24_hours_is_not_used_and_noted(
    client: TestClient, query: str, end: str
) -> None:
    found = assessed(client, a_bundle(lactate_of(at(12), end)), query)
    note = warned(found)["time.long_period"]["details"]["text"]
    assert note == (
        "The value is of more than 24 hours (`effectivePeriod`), not of one hour: not used."
    )
    assert probability(found) == probability(assessed(client, a_bundle(), query))


def test_the_note_is_french_where_french_is_asked_for(client: TestClient) -> None:
    answer = send(client, a_bundle(lactate_of(at(12), at(60))), "fr").json()
    assert any("La valeur porte sur plus de 24 heures" in each["text"] for each in answer["note"])


@pytest.mark.parametrize("end", [at(12), at(14), at(36), at(2), None, "2026", "tomorrow"])
def test_a_shorter_period_or_one_without_a_clear_end_counts_from_its_start(
    client: TestClient, end: str | None
) -> None:
    found = assessed(client, a_bundle(lactate_of(at(12), end)))
    expected = a_bundle(observation("2524-7", 9, "mmol/L", effectiveDateTime=at(12)))
    assert "time.long_period" not in warned(found)
    assert probability(found) == probability(assessed(client, expected))
