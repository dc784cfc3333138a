"""Presents problems as an OperationOutcome.

Source: https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from collections.abc import Iterable
from typing import Any

from sepsis_detect.fhir import systems
from sepsis_detect.fhir.languages import Language, sentence
from sepsis_detect.problems import Problem

CODE_BY_RULE = {
    "bundle.duplicate": "duplicate",
    "bundle.type": "not-supported",
    "bundle.two_patients": "invariant",
    "code.ambiguous": "code-invalid",
    "code.gender": "code-invalid",
    "code.nearly": "informational",
    "code.other_analyte": "not-supported",
    "code.status": "code-invalid",
    "code.unknown": "not-supported",
    "fhir.format": "not-supported",
    "fhir.parameter": "invalid",
    "json.broken": "structure",
    "json.duplicate": "structure",
    "json.missing": "required",
    "json.nan": "value",
    "json.size": "too-costly",
    "json.type": "structure",
    "body.size": "too-long",
    "body.media_type": "not-supported",
    "body.encoding": "not-supported",
    "resource.unused": "not-supported",
    "route.method": "not-supported",
    "route.unknown": "not-found",
    "stay.all_missing": "required",
    "time.format": "value",
    "unit.missing": "required",
    "unit.unknown": "code-invalid",
    "value.comparator": "code-invalid",
}
CODE_BY_TYPE = {
    "access": "login",
    "body": "structure",
    "dropped": "invariant",
    "incoherent": "invariant",
    "internal": "exception",
    "json": "structure",
    "load": "throttled",
    "query": "value",
    "warning": "business-rule",
}
WARNING_TYPES = ("warning", "dropped")


def outcome(problems: Iterable[Problem], language: Language) -> dict[str, Any]:
    """An OperationOutcome with one issue for each problem."""
    issues = [_issue(problem, language) for problem in problems]
    return {"resourceType": "OperationOutcome", "language": language, "issue": issues}


def _issue(problem: Problem, language: Language) -> dict[str, Any]:
    issue: dict[str, Any] = {
        "severity": "warning" if problem.type in WARNING_TYPES else "error",
        "code": _code(problem),
        "details": {
            "coding": [{"system": systems.ISSUES, "code": problem.rule}],
            "text": sentence(problem, language),
        },
    }
    if expressions := [each for each in problem.loc if _is_path(each)]:
        issue["expression"] = expressions
    return issue


def _code(problem: Problem) -> str:
    if problem.rule.startswith("range:"):
        return "value"
    return CODE_BY_RULE.get(problem.rule) or CODE_BY_TYPE.get(problem.type, "processing")


def _is_path(part: str | int) -> bool:
    """Whether a part of a location is a FHIRPath: locations of other routes are not."""
    return isinstance(part, str) and part[:1].isupper()
