"""CDS Hooks discovery document, and the reader of feedback.

Source: https://cds-hooks.hl7.org/2.0/ (2.0.1), "Discovery" and "Feedback".
"""

from datetime import datetime
from typing import Any

from sepsis_detect.cds_hooks.cards import OVERRIDES
from sepsis_detect.cds_hooks.request import ENCOUNTER_START, PATIENT_VIEW
from sepsis_detect.problems import Problem, unprocessable

ID = "sepsis-risk"
_SEARCH = "Observation?patient={{context.patientId}}&category=%s&_sort=-date&_count=500"
PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "encounter": "Encounter/{{context.encounterId}}",
    "vitals": _SEARCH % "vital-signs",
    "labs": _SEARCH % "laboratory",
}
TITLES = {
    "en": "Sepsis risk (ICU): begins within 6 hours or has begun",
    "fr": "Risque de sepsis (réanimation) : débute dans les 6 heures ou a débuté",
}
DISCOVERY: dict[str, Any] = {
    "services": [
        {
            "hook": hook,
            "title": TITLES["en"],
            "description": (
                "A card when the predicted risk that sepsis begins within six hours, or has "
                "already begun, is at or above the threshold. Research use only, not a medical "
                "device."
            ),
            "id": ID,
            "usageRequirements": (
                "Adults in intensive care. Needs at least one vital sign of the last 24 hours."
            ),
            "prefetch": PREFETCH,
        }
        for hook in (PATIENT_VIEW, ENCOUNTER_START)
    ]
}

SILENT = "Silent: this service answers without cards for now."

OUTCOMES = ("accepted", "overridden")
MAX_FEEDBACK = 100
WANTED = {
    "card": ("the uuid of a card", "l'uuid d'une carte"),
    "outcome": (" or ".join(OUTCOMES), " ou ".join(OUTCOMES)),
    "outcomeTimestamp": ("a time with offset", "une heure avec décalage"),
    "acceptedSuggestions": ("a list of ids", "une liste d'identifiants"),
    "overrideReason": (
        "a reason, a userComment, or both",
        "une raison, un commentaire ou les deux",
    ),
}


def discovery(*, is_silent: bool) -> dict[str, Any]:
    """The discovery document; a silent service says so in each description."""
    if not is_silent:
        return DISCOVERY
    services = DISCOVERY["services"]
    return {
        "services": [each | {"description": f"{SILENT} {each['description']}"} for each in services]
    }


def read_feedback(sent: Any) -> list[tuple[str, str | None]]:
    """Read feedback.

    Returns:
        Outcome and override reason of each card. Other reasons and all comments are left out: they
        may contain data of a patient.

    Raises:
        RequestError: 422, with every problem.
    """
    listed = sent.get("feedback") if isinstance(sent, dict) else None
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_FEEDBACK:
        wanted = f"a list of 1 to {MAX_FEEDBACK} objects"
        raise unprocessable([_problem(("feedback",), wanted, "une liste")])
    problems: list[Problem] = []
    found = []
    for index, each in enumerate(listed):
        place = ("feedback", index)
        if not isinstance(each, dict):
            problems.append(_problem(place, "an object", "un objet"))
            continue
        problems += _problems(each, place)
        found.append((str(each.get("outcome")), _reason(each)))
    if problems:
        raise unprocessable(problems)
    return found


def _problems(each: dict[str, Any], place: tuple[str | int, ...]) -> list[Problem]:
    outcome, accepted = each.get("outcome"), each.get("acceptedSuggestions")
    is_valid = {
        "card": isinstance(each.get("card"), str) and bool(each["card"]),
        "outcome": outcome in OUTCOMES,
        "outcomeTimestamp": _is_time(each.get("outcomeTimestamp")),
        "acceptedSuggestions": outcome != "accepted" or _has_ids(accepted),  # invariant cds-fb-2
        "overrideReason": _is_reason(each.get("overrideReason")),  # invariant cds-fb-3
    }
    return [_problem((*place, key), *WANTED[key]) for key, is_ok in is_valid.items() if not is_ok]


def _has_ids(accepted: Any) -> bool:
    listed = accepted if isinstance(accepted, list) else []
    ids = [each.get("id") if isinstance(each, dict) else None for each in listed]
    return bool(ids) and all(isinstance(id_, str) for id_ in ids)


def _is_reason(stated: Any) -> bool:
    if not isinstance(stated, dict):
        return stated is None
    kinds = (("reason", dict), ("userComment", str))
    return any(isinstance(stated.get(key), kind) and stated[key] for key, kind in kinds)


def _is_time(text: Any) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _reason(each: dict[str, Any]) -> str | None:
    stated = each.get("overrideReason")
    reason = stated.get("reason") if isinstance(stated, dict) else None
    code = reason.get("code") if isinstance(reason, dict) else None
    return code if isinstance(code, str) and code in OVERRIDES else None


def _problem(place: tuple[str | int, ...], wanted: str, wanted_fr: str) -> Problem:
    name = place[-1]
    return Problem(
        type="json",
        rule="cds.feedback",
        loc=("body", *place),
        msg=f"`{name}` must be {wanted}.",
        msg_fr=f"`{name}` doit être {wanted_fr}.",
    )
