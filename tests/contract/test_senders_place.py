"""Requests as real senders write them: where the patient was, and which values are of the stay."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import Json
from tests.contract.asking_fhir import assessed, issues, rule_of, warned
from tests.fhir_reading import hospital_hour, hours, icu_unit, noted, read
from tests.paths import SHARED

SENDERS = SHARED / "reference" / "senders"
pytestmark = pytest.mark.skipif(
    not SENDERS.exists(), reason="the senders' requests do not lie beside the checkout"
)


def sender(name: str) -> Json:
    found: Json = json.loads((SENDERS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("name", "icu_hours", "unit"),
    [
        ("fhir_location_surgical_medical_center", [10.0], "surgical"),
        ("fhir_bed_part_of_icu", [10.0], None),
        ("fhir_coronary_care_unit", [3.0], None),
        ("fhir_icu_location_without_period", [3.0], "medical"),
        ("fhir_two_icu_stays", [1.0, 3.0], "medical"),
    ],
)
def test_intensive_care_is_known(
    client: TestClient, name: str, icu_hours: list[float], unit: str | None
) -> None:
    found = read(sender(name))
    assert hours(found) == icu_hours
    assert icu_unit(found) == unit
    assert not noted(found).keys() & {"icu.start_assumed", "icu.start_unknown", "time.before_icu"}
    assessed(client, sender(name))


@pytest.mark.parametrize("name", ["fhir_location_post_icu", "fhir_location_step_down"])
def test_a_lower_level_of_care_is_not_intensive_care(client: TestClient, name: str) -> None:
    assert "icu.start_assumed" in warned(assessed(client, sender(name)))
    found = read(sender(name))
    assert hours(found) == [16.0]  # since the start of the encounter
    assert icu_unit(found) is None


def test_the_hospital_stay_is_that_of_the_encounter_it_is_part_of(client: TestClient) -> None:
    found = read(sender("fhir_icu_location_without_period"))
    assert hospital_hour(found) == -48
    assert "icu.location_without_period" in warned(
        assessed(client, sender("fhir_icu_location_without_period"))
    )


def test_values_after_intensive_care_are_not_used(client: TestClient) -> None:
    found = issues(client, sender("fhir_after_icu_discharge"))
    texts = {rule_of(each): each["details"]["text"] for each in found}
    assert "after the stay in intensive care" in texts["time.after_icu"]
    assert "during the stay" in texts["stay.nothing_inside"]
    assert "stay.all_missing" not in texts


def test_a_contained_subject_is_compared_with_the_patient(client: TestClient) -> None:
    found = assessed(client, sender("fhir_contained_subject"))
    assert "subject.contained" in warned(found)
    assert found["subject"] == {"reference": "Patient/p1"}


def test_what_lies_years_before_is_no_hour_of_this_stay(client: TestClient) -> None:
    found = read(sender("fhir_old_observation_no_encounter"))
    assert hours(found) == [1.0]
    answer: Any = warned(assessed(client, sender("fhir_old_observation_no_encounter")))
    assert "time.long_before" in answer
