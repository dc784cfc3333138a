"""Requests to the service, and checks of its answers.

Every answer is first checked against the documented form, so that every contract test is also a
test of the form: both languages present and different, hints in both or in neither, and
numbers written as each language does.
"""

import json
import re
from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient

from sepsis_detect.api.schema.responses import Prediction, Problems

JSON = {"Content-Type": "application/json"}
PATIENT, PATIENTS = "/predict/patient", "/predict/patients"
DECIMAL_POINT = re.compile(r"\d\.\d")
QUOTED = re.compile(r"`.*`", re.DOTALL)  # the caller's own words

Problem = dict[str, Any]


def ask(client: TestClient, body: Any, query: str = "", *, route: str = PATIENT) -> Response:
    """Send a body: bytes and texts as they are, anything else as JSON."""
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(f"{route}?{query}" if query else route, content=content, headers=JSON)


def predicted(response: Response) -> dict[str, Any]:
    """The prediction of an answer; any other answer fails the test."""
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    check_prediction(answer)
    return answer


def check_prediction(answer: dict[str, Any]) -> None:
    """Check the form of a prediction, and that its verdict follows from its numbers."""
    Prediction.model_validate(answer)
    is_positive = answer["probability"] >= answer["threshold"]
    assert answer["prediction"] == ("Positive" if is_positive else "Negative")
    assert 0 <= answer["probability"] <= 1
    for warning in answer["warnings"]:
        check_problem(warning)


def refused(response: Response, status: int = 422) -> list[Problem]:
    """The problems of a refusal; a prediction fails the test."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    check_problems(body)
    detail: list[Problem] = body["detail"]
    return detail


def check_problems(body: Any) -> None:
    """Check the form of an error."""
    Problems.model_validate(body)
    assert body["detail"]
    for problem in body["detail"]:
        check_problem(problem)


def check_problem(problem: Problem) -> None:
    """Check one problem, in both languages."""
    assert problem["msg"] != problem["msg_fr"]
    assert all(problem[key].endswith((".", "?")) for key in ("msg", "msg_fr")), problem
    assert (problem["hint"] is None) == (problem["hint_fr"] is None)
    french = problem["msg_fr"] + (problem["hint_fr"] or "")
    assert not DECIMAL_POINT.search(QUOTED.sub("", french)), french


def rules_of(problems: list[Problem]) -> list[str]:
    """Rule ids, in the order of the answer."""
    return [problem["rule"] for problem in problems]


def fired(client: TestClient, body: Any) -> set[str]:
    """Every rule that fires for a patient, as refusal or as warning."""
    response = ask(client, body)
    if response.status_code == 200:
        return set(rules_of(predicted(response)["warnings"]))
    return set(rules_of(refused(response)))


def probability(client: TestClient, body: Any, query: str = "") -> float:
    """The probability of a patient that is accepted."""
    found: float = predicted(ask(client, body, query))["probability"]
    return found
