"""Checks that schemathesis lacks, as what they are about is this service's own.

Loaded by `make fuzz-api` (`benchmarks.fuzz_api`). A reason to refuse that JSON Schema can express
belongs in the document, where a client's tools see it.
"""

from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

# What no JSON Schema of a patient says.
UNSAYABLE = {
    "incoherent": "what holds between values, hours and units",
    "unit": "which unit of measure fits which value",
    "dropped": "what was incoherent and may be dropped",
    "warning": "what is worth knowing beside it",
}
UNSAYABLE_RULES = {"json.alias": "two spellings of one variable that disagree"}


@schemathesis.check
def refused_for_what_the_document_cannot_say(ctx: Any, response: Any, case: Any) -> bool | None:
    """A documented body of a patient is refused as incoherent, never as unreadable."""
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    if response.status_code != 422 or not is_positive or "/predict/" not in case.path:
        return None  # FHIR itself describes what FHIR resources hold
    for problem in response.json()["detail"]:
        if problem["type"] not in UNSAYABLE and problem["rule"] not in UNSAYABLE_RULES:
            raise AssertionError(f"the document allows what is refused by {problem['rule']}")
    return None


@schemathesis.check
def a_bad_patient_is_told_in_its_place(ctx: Any, response: Any, case: Any) -> bool | None:
    """Where a body that is not of the documented form is answered 200, some patient is refused."""
    is_body = case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY)
    if response.status_code == 200 and is_body and case.path.endswith("/predict/patients"):
        results = response.json()["results"]
        if all("detail" not in each for each in results):
            raise AssertionError("a body that is not of the documented form was taken")
    return None
