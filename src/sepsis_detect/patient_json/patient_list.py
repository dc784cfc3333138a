"""Many patients in one body: `{"patients": [...]}`."""

from datetime import datetime
from typing import Any

from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.patient_json import json_body, reader
from sepsis_detect.patient_json.json_body import Repeated
from sepsis_detect.patient_json.reader import JsonPatient
from sepsis_detect.problems import MAX_PROBLEMS, Location, Problem, RequestError, unprocessable

MAX_PATIENTS = 1_000
PATIENTS = "patients"
BASE: Location = ("body", PATIENTS)


def read(
    body: bytes, *, now: datetime, on_incoherence: OnIncoherence = OnIncoherence.REJECT
) -> list[JsonPatient]:
    """Read the patients of a body, in their order.

    Args:
        body: As sent.
        now: A timestamp after it lies in the future.
        on_incoherence: Policy for values that cannot be read.

    Raises:
        RequestError: 422, the body is not `{"patients": [...]}` of at most `MAX_PATIENTS`.
    """
    listed = _list_of_patients(json_body.parse(body))
    max_problems = max_problems_each(len(listed))
    return [
        reader.read(
            sent,
            now=now,
            base=(*BASE, at),
            max_problems=max_problems,
            on_incoherence=on_incoherence,
        )
        for at, sent in enumerate(listed)
    ]


def max_problems_each(n_patients: int) -> int:
    """How many problems of each patient are listed, so that the answer stays of bounded size."""
    return max(20, 10 * MAX_PROBLEMS // max(1, n_patients))


def _list_of_patients(sent: Any) -> list[Any]:
    listed = sent.get(PATIENTS) if isinstance(sent, dict) else None
    if isinstance(sent, Repeated):
        raise _bad_list(
            "json.duplicate",
            "`patients` must stand once.",
            "`patients` doit figurer une seule fois.",
        )
    if not isinstance(listed, list) or len(sent) != 1:
        raise _bad_list(
            "json.type",
            'The body must be {"patients": [...]} and nothing else.',
            'Le corps doit être {"patients": [...]} et rien d\'autre.',
        )
    if len(listed) > MAX_PATIENTS:
        raise _bad_list(
            "json.size",
            f"{len(listed)} patients were sent; at most {MAX_PATIENTS} are accepted.",
            f"{len(listed)} patients envoyés ; {MAX_PATIENTS} au plus sont acceptés.",
        )
    return listed


def _bad_list(rule: str, msg: str, msg_fr: str) -> RequestError:
    return unprocessable([Problem(type="json", rule=rule, loc=BASE, msg=msg, msg_fr=msg_fr)])
