"""JSON of FHIR and CDS Hooks: repeated keys and NaN literals are refused with their FHIRPath."""

from typing import Any

from sepsis_detect.fhir.resource_reader import quoted
from sepsis_detect.patient_json import json_body
from sepsis_detect.patient_json.json_body import NotFinite, Repeated
from sepsis_detect.problems import Problem, unprocessable

MAX_PROBLEMS = 20


def parse(body: bytes) -> Any:
    """Parse a body.

    Raises:
        RequestError: 422, it is not JSON, a key is repeated, or a number is not finite.
    """
    try:
        return json_body.parse_strictly(body)
    except ValueError:
        sent = json_body.parse_tolerantly(body)
    if problems := _problems(sent):
        raise unprocessable(problems)
    return sent


def _problems(sent: Any) -> list[Problem]:
    """Problems at the marks that the tolerant parser set."""
    root = str(sent.get("resourceType", "")) if isinstance(sent, dict) else ""
    found: list[Problem] = []
    rest: list[tuple[Any, str]] = [(sent, quoted(root) or "$this")]
    while rest and len(found) < MAX_PROBLEMS:
        value, path = rest.pop()
        if isinstance(value, dict):
            if isinstance(value, Repeated):
                found += [_repeated(key, path) for key in value.keys_repeated[:MAX_PROBLEMS]]
            rest += [(each, f"{path}.{quoted(key)}") for key, each in value.items() if _holds(each)]
        elif isinstance(value, list):
            rest += [(each, f"{path}[{at}]") for at, each in enumerate(value) if _holds(each)]
        elif isinstance(value, NotFinite):
            found.append(_not_finite(value, path))
    return found


def _holds(value: Any) -> bool:
    return isinstance(value, (dict, list, NotFinite))


def _repeated(key: str, path: str) -> Problem:
    name = quoted(key)
    return Problem(
        type="json",
        rule="json.duplicate",
        loc=(f"{path}.{name}",),
        msg=f"`{name}` appears more than once.",
        msg_fr=f"`{name}` figure plusieurs fois.",
        hint="Which one is true?",
        hint_fr="Laquelle est juste ?",
    )


def _not_finite(value: NotFinite, path: str) -> Problem:
    return Problem(
        type="json",
        rule="json.nan",
        loc=(path,),
        msg=f"{value.literal} is not a number of JSON.",
        msg_fr=f"{value.literal} n'est pas un nombre en JSON.",
    )
