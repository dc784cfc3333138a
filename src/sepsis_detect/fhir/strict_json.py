"""JSON that means one thing: no key twice, no NaN.

Whatever a parser would silently choose among two values, or read as a number that is none, is
refused with its FHIRPath.
"""

from typing import Any

from sepsis_detect.fhir.resource_reader import quoted
from sepsis_detect.patient_json import json_body
from sepsis_detect.patient_json.json_body import NotFinite, Repeated
from sepsis_detect.problems import Problem, unprocessable

MOST = 20  # that are told


def parse(body: bytes) -> Any:
    """Parse a body.

    Raises:
        RequestError: 422, it is not JSON, a key stands twice or a number is none.
    """
    quick, sent = json_body.parse_quickly(body)
    if not quick and (problems := _problems(sent)):
        raise unprocessable(problems)
    return sent


def _problems(sent: Any) -> list[Problem]:
    root = str(sent.get("resourceType", "")) if isinstance(sent, dict) else ""
    found: list[Problem] = []
    rest: list[tuple[Any, str]] = [(sent, quoted(root) or "$this")]
    while rest and len(found) < MOST:
        value, path = rest.pop()
        if isinstance(value, dict):
            if isinstance(value, Repeated):
                found += [_repeated(key, path) for key in value.keys_repeated[:MOST]]
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
        msg=f"`{name}` stands more than once.",
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
