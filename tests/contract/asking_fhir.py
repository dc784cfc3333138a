"""Requests to the FHIR operation `$sepsis-risk`, and checks of its answers."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import Json
from tests.contract.asking import ask, predicted
from tests.paths import SHARED
from tests.resources import FHIR_JSON, RISK

EXAMPLES = SHARED / "reference" / "examples"
needs_examples = pytest.mark.skipif(
    not EXAMPLES.exists(), reason="the reference examples do not lie beside the checkout"
)


def send(client: TestClient, body: Any, language: str = "en", query: str = "") -> Any:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = FHIR_JSON | {"Accept-Language": language}
    return client.post(f"{RISK}{query}", content=content, headers=headers)


def assessed(client: TestClient, body: Any, query: str = "") -> Json:
    """The RiskAssessment; any other answer fails the test."""
    response = send(client, body, query=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    found: Json = response.json()
    assert found["resourceType"] == "RiskAssessment"
    return found


def issues(client: TestClient, body: Any, status: int = 422) -> list[Json]:
    """The issues of an OperationOutcome, each in two languages."""
    response = send(client, body)
    assert response.status_code == status, response.text
    found: list[Json] = response.json()["issue"]
    french = send(client, body, "fr").json()["issue"]
    for english, other in zip(found, french, strict=True):
        assert english["details"]["text"] != other["details"]["text"]
        assert english["details"]["coding"] == other["details"]["coding"]
    return found


def rule_of(issue: Json) -> str:
    rule: str = issue["details"]["coding"][0]["code"]
    return rule


def rules_refused(client: TestClient, body: Any) -> list[str]:
    return [rule_of(each) for each in issues(client, body) if each["severity"] == "error"]


def warned(found: Json) -> dict[str, Json]:
    """The warnings of an answer by rule."""
    contained = {each["id"]: each for each in found["contained"]}
    return {rule_of(each): each for each in contained.get("warnings", {"issue": []})["issue"]}


def probability(found: Json) -> float:
    value: float = found["prediction"][0]["probabilityDecimal"]
    return value / 100


def by_rest(client: TestClient, patient: Json) -> float:
    value: float = predicted(ask(client, patient))["probability"]
    return value


def same(client: TestClient, resources: Json, patient: Json) -> None:
    """Check that FHIR and REST give the same probability."""
    assert probability(assessed(client, resources)) == pytest.approx(
        by_rest(client, patient), abs=1e-6
    )


def example(name: str) -> Json:
    found: Json = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    return found
