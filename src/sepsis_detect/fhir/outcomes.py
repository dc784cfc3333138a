"""Presents problems as an OperationOutcome.

Source: https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from collections.abc import Iterable
from typing import Any

from sepsis_detect.clinical.variables import Language
from sepsis_detect.fhir import systems
from sepsis_detect.fhir.languages import sentence
from sepsis_detect.problems import Problem

RULES_BY_CODE = {
    "code-invalid": [
        "code.ambiguous",
        "code.gender",
        "code.status",
        "unit.unknown",
        "value.comparator",
    ],
    "duplicate": ["bundle.duplicate"],
    "informational": ["code.nearly"],
    "invalid": ["fhir.parameter"],
    "invariant": ["bundle.two_patients", "cds.encounter"],
    "not-found": ["route.unknown"],
    "not-supported": [
        "body.encoding",
        "body.media_type",
        "bundle.request",
        "bundle.type",
        "code.other_analyte",
        "code.unknown",
        "fhir.format",
        "resource.unused",
        "route.method",
    ],
    "required": ["json.missing", "stay.all_missing", "unit.missing"],
    "structure": ["json.broken", "json.duplicate", "json.type"],
    "too-costly": ["json.size"],
    "too-long": ["body.size"],
    "value": ["json.nan", "time.format"],
}
CODE_BY_RULE = {rule: code for code, rules in RULES_BY_CODE.items() for rule in rules}
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
    # Locations of other routes are no FHIRPaths.
    paths = [part for part in problem.loc if isinstance(part, str) and part[:1].isupper()]
    if paths:
        issue["expression"] = paths
    return issue


def _code(problem: Problem) -> str:
    if problem.rule.startswith("range:"):
        return "value"
    return CODE_BY_RULE.get(problem.rule) or CODE_BY_TYPE.get(problem.type, "processing")
