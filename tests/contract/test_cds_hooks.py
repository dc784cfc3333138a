"""CDS Hooks 2.0.1: discovery, cards, feedback, and the invariants of the specification."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.fhir.assessment import percent
from sepsis_detect.fhir.systems import EXTENSION
from sepsis_detect.settings import Settings
from tests.artifacts import OPERATING_POINTS, a_model
from tests.builders import Json, a_patient
from tests.contract.asking import refused
from tests.contract.asking_fhir import (
    EXAMPLES,
    assessed,
    by_rest,
    example,
    needs_examples,
    probability,
)
from tests.contract.test_fhir_hostile import mutated, odder, places, shared_client
from tests.resources import (
    SICK,
    a_bundle,
    a_hook,
    a_person,
    a_searchset,
    an_encounter,
    observation,
    vital_signs,
    without,
)

DISCOVERY, SERVICE = "/cds-services", "/cds-services/sepsis-risk"
FEEDBACK = f"{SERVICE}/feedback"
SANDBOX = "https://sandbox.cds-hooks.org"


def call(client: TestClient, body: Any, language: str = "en") -> Any:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = {"Content-Type": "application/json", "Accept-Language": language}
    return client.post(SERVICE, content=content, headers=headers)


def cards_of(client: TestClient, body: Any, language: str = "en") -> list[Json]:
    """The cards of an answer, each checked against the specification."""
    response = call(client, body, language)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"cards"}
    found: list[Json] = response.json()["cards"]
    for card in found:
        check_card(card)
    return found


def check_card(card: Json) -> None:
    """Check a card: required elements, and the invariants cds-resp-1 to 7."""
    assert {"uuid", "summary", "indicator", "source", "detail"} <= set(card)
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"]
    suggestions = card.get("suggestions", [])
    if card.get("selectionBehavior") == "at-most-one":  # cds-resp-1
        assert sum(bool(each.get("isRecommended")) for each in suggestions) <= 1
    for suggestion in suggestions:
        for action in suggestion.get("actions", []):
            if action["type"] == "delete":  # cds-resp-2
                assert "resourceId" in action
                assert "resource" not in action
            assert action["description"]  # cds-resp-5
        behaviour = suggestion.get("actionSelectionBehavior", "all")
        assert behaviour in ("all", "any", "at-most-one")  # cds-resp-7
    for link in card.get("links", []):
        assert {"label", "url", "type"} <= set(link)
        assert link["type"] == "smart" or "appContext" not in link  # cds-resp-3
    assert all(each["display"] for each in card.get("overrideReasons", []))  # cds-resp-4
    assert not suggestions or card["selectionBehavior"]  # cds-resp-6


def sick(**changed: Any) -> Json:
    return a_hook(prefetch={"vitals": a_searchset(*vital_signs(**SICK))}, **changed)


# --- Discovery ---


def test_discovery_lists_the_hooks(client: TestClient) -> None:
    services = client.get(DISCOVERY).json()["services"]
    assert [each["hook"] for each in services] == ["patient-view", "encounter-start"]
    for service in services:
        assert {"hook", "description", "id", "title", "prefetch"} <= set(service)
        assert service["id"] == "sepsis-risk"
        for template in service["prefetch"].values():
            tokens = re.findall(r"\{\{(.*?)\}\}", template)
            assert set(tokens) <= {"context.patientId", "context.encounterId"}


@needs_examples
def test_the_published_discovery_is_answered(client: TestClient) -> None:
    ours = {each["hook"]: each for each in client.get(DISCOVERY).json()["services"]}
    for theirs in example("cds_discovery.json")["services"]:
        service = ours[theirs["hook"]]
        assert service["id"] == theirs["id"]
        assert theirs["prefetch"].items() <= service["prefetch"].items()


# --- Cards ---


@needs_examples
def test_the_published_request_is_answered_as_by_fhir(client: TestClient) -> None:
    (card,) = cards_of(client, example("cds_request_patient_view.json"))
    by_fhir = assessed(client, example("fhir_input_bundle.json"))["prediction"][0]
    assert percent(by_fhir["probabilityDecimal"] / 100, "en") in card["summary"]
    published = example("cds_response_card.json")["cards"][0]
    assert set(published) <= set(card)
    assert set(published["source"]) <= set(card["source"])
    codes = {each["code"] for each in published["overrideReasons"]}
    assert {each["code"] for each in card["overrideReasons"]} == codes


@pytest.mark.parametrize("hook", ["patient-view", "encounter-start"])
def test_a_positive_patient_has_a_card(client: TestClient, hook: str) -> None:
    (card,) = cards_of(client, sick(hook=hook))
    assert card["indicator"] == "critical"  # mean pressure 60
    assert "Predicted risk" in card["detail"]
    assert "Associated with a higher risk" in card["detail"]
    assert "Alerts that are true: " in card["detail"]
    assert card["links"][0]["url"] == "http://testserver/"


@pytest.mark.parametrize(
    ("points", "said", "said_fr"),
    [
        ([OPERATING_POINTS[0]], "true: 6.1 %,", "justes : 6,1 %,"),
        ([OPERATING_POINTS[0] | {"ppv": None}], "not known", "inconnue"),
        (None, "not known", "inconnue"),
    ],
)
def test_a_card_says_how_many_such_alerts_are_true_or_that_it_is_not_known(
    tmp_path: Path, points: list[Json] | None, said: str, said_fr: str
) -> None:
    at_zero = points and [each | {"threshold": 1e-6} for each in points]
    path = tmp_path / "model.onnx"
    path.write_bytes(a_model("1", threshold=1e-6, operating_points=at_zero))
    with TestClient(create_app(Settings(model_uri=str(path)))) as client:
        (english,), (french,) = cards_of(client, sick()), cards_of(client, sick(), "fr")
    assert said in english["detail"]
    assert said_fr in french["detail"]


def test_a_card_is_in_the_language_asked_for(client: TestClient) -> None:
    (card,) = cards_of(client, sick(), "fr")
    assert card["summary"].startswith("Risque de sepsis")
    assert card["overrideReasons"][0]["display"] == "Sepsis déjà reconnu et traité"


def test_every_card_has_an_id_of_its_own(client: TestClient) -> None:
    assert cards_of(client, sick())[0]["uuid"] != cards_of(client, sick())[0]["uuid"]


@pytest.mark.parametrize("hook", ["patient-view", "encounter-start"])
def test_a_patient_has_the_same_probability_by_every_route(client: TestClient, hook: str) -> None:
    (card,) = cards_of(client, sick(hook=hook))
    by_fhir = probability(assessed(client, a_bundle(**SICK)))
    by_card = card["extension"][EXTENSION]["probability"]
    assert by_card == pytest.approx(by_fhir, abs=1e-6)
    assert by_card == pytest.approx(by_rest(client, a_patient() | SICK), abs=1e-6)


def test_a_negative_patient_has_no_card(client: TestClient) -> None:
    assert cards_of(client, a_hook()) == []


@pytest.mark.parametrize(
    "prefetch",
    [
        {"vitals": a_searchset()},
        {"vitals": None},
        {"vitals": a_searchset(), "patient": None, "encounter": None},
    ],
)
def test_a_request_without_observations_has_no_card(client: TestClient, prefetch: Json) -> None:
    assert cards_of(client, a_hook(prefetch=prefetch)) == []


def test_only_unknown_codes_make_an_information_card(client: TestClient) -> None:
    unknown = a_searchset(observation("99999-9", 1, "1"))
    (card,) = cards_of(client, a_hook(prefetch={"vitals": unknown}))
    assert card["indicator"] == "info"
    assert "99999-9" in card["detail"]


def test_words_of_the_caller_are_escaped(client: TestClient) -> None:
    odd = a_searchset(observation("2524-7", 3, "[x](http://evil)<b>*"))
    (card,) = cards_of(client, a_hook(prefetch={"labs": odd}))
    assert r"\[x\](http://evil)\<b\>\*" in card["detail"]


def test_a_patient_other_than_that_of_the_context_is_refused(client: TestClient) -> None:
    (card,) = cards_of(client, a_hook(prefetch={"patient": a_person(id="p2")}))
    assert "not the one of the context" in card["detail"]
    context = {"userId": "Practitioner/abc", "patientId": "p9"}
    (card,) = cards_of(client, a_hook(prefetch={"patient": None}, context=context))
    assert "more than one patient" in card["detail"]


def test_an_encounter_other_than_that_of_the_context_is_refused(client: TestClient) -> None:
    (card,) = cards_of(client, a_hook(prefetch={"encounter": an_encounter(id="e2")}))
    assert "The Encounter sent is not the one of the context" in card["detail"]
    context = {"userId": "Practitioner/abc", "patientId": "p1"}
    for each in (context, context | {"encounterId": "Encounter/e1"}):
        assert "not the one" not in str(cards_of(client, a_hook(context=each)))


def test_a_page_of_a_longer_result_is_noted(client: TestClient) -> None:
    body = sick()
    body["prefetch"]["vitals"]["link"] = [{"relation": "next", "url": "x"}]
    (card,) = cards_of(client, body)
    assert "one page" in card["detail"]


# --- Requests that are none ---

NO_DATA = {"vitals": None, "labs": None}
OUTCOME = {"resourceType": "OperationOutcome", "issue": []}


@pytest.mark.parametrize(
    "prefetch", [NO_DATA, {"vitals": OUTCOME, "labs": OUTCOME}, {"vitals": None, "labs": OUTCOME}]
)
def test_data_that_were_not_prefetched_are_412(client: TestClient, prefetch: Json) -> None:
    (problem,) = refused(call(client, a_hook(prefetch=prefetch)), 412)
    assert problem["rule"] == "cds.prefetch"


def test_no_prefetch_at_all_is_412(client: TestClient) -> None:
    body = a_hook()
    del body["prefetch"]
    refused(call(client, body), 412)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ([], ["body"]),
        (without(a_hook(), "hook"), ["body", "hook"]),
        (a_hook(hook="order-sign"), ["body", "hook"]),
        (without(a_hook(), "hookInstance"), ["body", "hookInstance"]),
        (a_hook(context={"userId": "x"}), ["body", "context", "patientId"]),
        (a_hook(context={"patientId": "p1"}), ["body", "context", "userId"]),
        (
            a_hook(hook="encounter-start", context={"userId": "x", "patientId": "p1"}),
            ["body", "context", "encounterId"],
        ),
        (a_hook(fhirAuthorization={}), ["body", "fhirServer"]),  # cds-r-1
        (a_hook(prefetch={"vitals": a_person()}), ["body", "prefetch", "vitals"]),
        (a_hook(prefetch={"patient": 5}), ["body", "prefetch", "patient"]),
        (without(a_hook(), "prefetch") | {"prefetch": []}, ["body", "prefetch"]),
    ],
)
def test_an_invalid_request_is_422(client: TestClient, body: Any, loc: list[str]) -> None:
    (problem,) = refused(call(client, body))
    assert (problem["rule"], problem["loc"]) == ("cds.request", loc)


def test_a_malformed_bundle_is_422(client: TestClient) -> None:
    body = a_hook(prefetch={"vitals": {"resourceType": "Bundle", "type": "collection", "entry": 5}})
    (problem,) = refused(call(client, body))
    assert problem["loc"] == ["prefetch.vitals.entry"]


def test_another_service_is_404(client: TestClient) -> None:
    refused(client.post("/cds-services/other", json=a_hook()), 404)


@shared_client
@given(data=st.data())
def test_any_change_to_a_request_is_answered(client: TestClient, data: st.DataObject) -> None:
    body = a_hook()
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(body)))
        body = mutated(body, path, data.draw(odder | st.just(...)))
    response = call(client, json.dumps(body))
    assert response.status_code in (200, 412, 422), response.text
    for card in response.json().get("cards", []):
        check_card(card)


# --- Feedback ---


@needs_examples
def test_the_published_feedback_is_accepted(client: TestClient) -> None:
    body = (EXAMPLES / "cds_feedback.json").read_bytes()
    assert client.post(FEEDBACK, content=body).status_code == 200


def an_outcome(**changed: Any) -> Json:
    found = {
        "card": "9d1c3f3e-1f7c-4b7e-9a3e-0d6d9b2c5a10",
        "outcome": "overridden",
        "outcomeTimestamp": "2026-03-01T09:25:00Z",
        **changed,
    }
    return {"feedback": [{key: each for key, each in found.items() if each is not ...}]}


@pytest.mark.parametrize(
    "body",
    [
        an_outcome(),
        an_outcome(overrideReason={"userComment": "x"}),
        an_outcome(overrideReason={"reason": {"code": "bad-data"}}),
        an_outcome(outcome="accepted", acceptedSuggestions=[{"id": "1"}]),
    ],
)
def test_feedback_is_accepted(client: TestClient, body: Json) -> None:
    response = client.post(FEEDBACK, json=body)
    assert (response.status_code, response.json()) == (200, {})


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "feedback"),
        ([], "feedback"),
        ({"feedback": []}, "feedback"),
        ({"feedback": [5]}, 0),
        (an_outcome(card=...), "card"),
        (an_outcome(outcome="ignored"), "outcome"),
        (an_outcome(outcome=["accepted"]), "outcome"),
        (an_outcome(outcomeTimestamp=...), "outcomeTimestamp"),
        (an_outcome(outcomeTimestamp="2026-03-01T09:25:00"), "outcomeTimestamp"),
        (an_outcome(outcome="accepted"), "acceptedSuggestions"),  # cds-fb-2
        (an_outcome(overrideReason={}), "overrideReason"),  # cds-fb-3
    ],
)
def test_invalid_feedback_is_refused(client: TestClient, body: Any, where: str | int) -> None:
    (problem,) = refused(client.post(FEEDBACK, json=body))
    assert (problem["rule"], problem["loc"][-1]) == ("cds.feedback", where)


# --- Browsers ---


@pytest.fixture(scope="module")
def for_browsers() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(cors_origins=(SANDBOX,)))) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), [("GET", DISCOVERY), ("POST", SERVICE)])
def test_a_browser_of_a_known_origin_may_call(
    for_browsers: TestClient, method: str, path: str
) -> None:
    asked = {
        "Origin": SANDBOX,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    preflight = for_browsers.options(path, headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == SANDBOX
    response = for_browsers.request(method, path, json=a_hook(), headers={"Origin": SANDBOX})
    assert response.headers["access-control-allow-origin"] == SANDBOX
