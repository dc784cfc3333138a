"""The published cases of the coherence rules: each answer is the published one."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.contract.asking import ask, predicted, refused, rules_of
from tests.paths import SHARED

CASES = SHARED / "reference" / "coherence_cases.jsonl"
needs_cases = pytest.mark.skipif(
    not CASES.exists(), reason=f"{CASES.name} does not lie beside the checkout, in shared/reference"
)
DEMOGRAPHICS = ("Age", "Gender", "Unit1", "Unit2", "HospAdmTime")


def lines() -> list[dict[str, Any]]:
    if not CASES.exists():
        return []
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


def body_of(case: dict[str, Any]) -> Any:
    """What the case sends, as its first line explains."""
    baseline = lines()[0]["baseline"]
    if "raw_body" in case:
        return case["raw_body"]
    if "hours" in case:
        shared = {key: baseline[key] for key in DEMOGRAPHICS}
        return {"hours": [shared | hour for hour in case["hours"]]}
    return baseline | case["patch"]


@needs_cases
@pytest.mark.parametrize("case", lines()[1:], ids=lambda case: case["name"])
def test_a_published_case_is_answered_as_written(client: TestClient, case: dict[str, Any]) -> None:
    response = ask(client, body_of(case))
    if case["expect_status"] == 200:
        problems = predicted(response)["warnings"]
    else:
        problems = refused(response, case["expect_status"])
    if rule := case.get("rule"):
        name, _, hint = rule.partition(" with a ")
        matching = [p for p in problems if p["rule"] == name or name == "json.*"]
        assert matching, rules_of(problems)
        assert not hint or matching[0]["hint"]


@needs_cases
def test_the_published_cases_are_all_read() -> None:
    assert len(lines()) > 100


@needs_cases
def test_the_published_patient_is_coherent_but_short(client: TestClient) -> None:
    warnings = predicted(ask(client, lines()[0]["baseline"]))["warnings"]
    assert rules_of(warnings) == ["stay.too_short"]
