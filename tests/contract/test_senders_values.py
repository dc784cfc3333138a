"""Inputs as real senders write them: values of Observations, with what is expected of each.

The files lie in the shared reference folder; its `index.json` says in words what these tests check.
"""

import json

import pytest
from starlette.testclient import TestClient

from tests.builders import Json
from tests.contract.asking_fhir import assessed, issues, probability, rule_of, send, warned
from tests.paths import SHARED

SENDERS = SHARED / "reference" / "senders"
DROP = "?on_incoherence=drop"
needs_senders = pytest.mark.skipif(
    not SENDERS.exists(), reason="the senders' inputs do not lie beside the checkout"
)
pytestmark = needs_senders

VALUES = (
    "fhir_ans_loinc_system",
    "fhir_blood_bun_tco2",
    "fhir_creatinine_with_zero",
    "fhir_modifier_extension",
    "fhir_pulmonary_pressures",
    "fhir_two_panels_and_a_mean",
    "fhir_unreadable_unit_drop",
    "fhir_value_integer",
    "pass_mimic_annotations",
    "pass_no_unit",
)


def sent(name: str) -> Json:
    found: Json = json.loads((SENDERS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def without_entry(name: str, id_: str) -> Json:
    """A file without one resource."""
    body = sent(name)
    body["entry"] = [each for each in body["entry"] if each["resource"].get("id") != id_]
    return body


def rules_of(client: TestClient, body: Json) -> list[str]:
    return [rule_of(each) for each in issues(client, body) if each["severity"] == "error"]


def same_answer(client: TestClient, body: Json, other: Json, query: str = "") -> None:
    found, expected = assessed(client, body, query), assessed(client, other)
    assert probability(found) == probability(expected)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("query", ["", DROP])
def test_every_input_has_an_answer(client: TestClient, name: str, query: str) -> None:
    assert send(client, sent(name), query=query).status_code in (200, 422)


def test_a_value_with_an_unknown_modifier_is_not_used(client: TestClient) -> None:
    name = "fhir_modifier_extension"
    assert "fhir.modifier" in warned(assessed(client, sent(name)))
    same_answer(client, sent(name), without_entry(name, "o9"))


def test_blood_is_read_like_serum(client: TestClient) -> None:
    body = sent("fhir_blood_bun_tco2")
    found = warned(assessed(client, body))
    assert "code.unknown" not in found
    assert "code.nearly" in found
    as_serum = json.loads(json.dumps(body).replace("6299-2", "3094-0").replace("20565-8", "2028-9"))
    same_answer(client, body, as_serum)


def test_pulmonary_pressures_are_not_arterial(client: TestClient) -> None:
    name = "fhir_pulmonary_pressures"
    note = warned(assessed(client, sent(name)))["code.other_place"]
    assert "pulmonary artery" in note["details"]["text"]
    same_answer(client, sent(name), without_entry(name, "o3"))


def test_a_zero_is_judged_before_an_hour_is_made(client: TestClient) -> None:
    name = "fhir_creatinine_with_zero"
    (issue,) = issues(client, sent(name))
    assert rule_of(issue) == "range:Creatinine"
    assert issue["expression"] == ["Bundle.entry[4].resource.valueQuantity"]
    of_zero = sent(name)["entry"][4]["resource"]["id"]
    same_answer(client, sent(name), without_entry(name, of_zero), DROP)


def test_two_panels_and_a_mean_are_coherent(client: TestClient) -> None:
    name = "fhir_two_panels_and_a_mean"
    assert "value.other_moment" in warned(assessed(client, sent(name)))
    same_answer(client, sent(name), without_entry(name, "o8"))


def test_a_unit_that_cannot_be_read_is_refused_or_dropped(client: TestClient) -> None:
    name = "fhir_unreadable_unit_drop"
    assert rules_of(client, sent(name)) == ["unit.unknown"]
    found = assessed(client, sent(name), DROP)
    assert "furlong" in warned(found)["unit.unknown"]["details"]["text"]
    of_glucose = sent(name)["entry"][3]["resource"]["id"]
    same_answer(client, sent(name), without_entry(name, of_glucose), DROP)


def test_the_french_system_of_loinc_is_read(client: TestClient) -> None:
    body = sent("fhir_ans_loinc_system")
    assert "code.unknown" not in warned(assessed(client, body))
    french = "https://mos.esante.gouv.fr/NOS/TRE_A04-Loinc/FHIR/TRE-A04-Loinc"
    same_answer(client, body, json.loads(json.dumps(body).replace(french, "http://loinc.org")))


def test_a_number_without_quantity_is_noted_as_unreadable(client: TestClient) -> None:
    found = warned(assessed(client, sent("fhir_value_integer")))
    assert "value.absent" not in found
    assert "`valueInteger` is a number without unit" in found["value.type"]["details"]["text"]


def test_annotations_of_units_are_no_problem(client: TestClient) -> None:
    found = warned(assessed(client, sent("pass_mimic_annotations")))
    assert not any(rule.startswith("unit.") for rule in found)


def test_a_value_without_unit_is_refused(client: TestClient) -> None:
    assert rules_of(client, sent("pass_no_unit")) == ["unit.missing"]
