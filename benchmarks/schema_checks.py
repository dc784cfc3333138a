"""Checks of schemathesis for rules that only this service has, loaded by `make fuzz-api`.

A reason to reject that JSON Schema can express belongs in the OpenAPI document.
"""

from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

# Types of problems, and rules, that a JSON Schema cannot express.
BEYOND_SCHEMA = {
    "incoherent": "relations between values, hours and units",
    "unit": "which unit of measure fits which value",
    "dropped": "incoherent values that may be dropped",
    "warning": "remarks that reject nothing",
}
BEYOND_SCHEMA_RULES = {"json.alias": "two spellings of one variable that disagree"}


@schemathesis.check
def rejected_only_beyond_the_schema(ctx: Any, response: Any, case: Any) -> bool | None:
    """A patient that fits the schema is rejected only for what a schema cannot express."""
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    if response.status_code != 422 or not is_positive or "/predict/" not in case.path:
        return None  # the schema of FHIR resources is FHIR's own
    for problem in response.json()["detail"]:
        if problem["type"] not in BEYOND_SCHEMA and problem["rule"] not in BEYOND_SCHEMA_RULES:
            raise AssertionError(f"the document allows what {problem['rule']} rejects")
    return None


@schemathesis.check
def invalid_patients_are_rejected_in_the_results(ctx: Any, response: Any, case: Any) -> bool | None:
    """A list of patients that does not fit the schema has a rejected patient in its 200."""
    is_body = case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY)
    if response.status_code == 200 and is_body and case.path.endswith("/predict/patients"):
        results = response.json()["results"]
        if all("detail" not in each for each in results):
            raise AssertionError("a body that does not fit the schema was accepted")
    return None
