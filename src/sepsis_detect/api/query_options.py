"""Query options of a prediction: what to include, and the policy for incoherent values."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from starlette.datastructures import QueryParams

from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.problems import MAX_NAME_SHOWN, Problem, unprocessable


class Include(StrEnum):
    """Parts of an answer that are sent only if asked for."""

    TREND = "trend"
    CONTRIBUTIONS = "contributions"
    SCORES = "scores"


class Options(NamedTuple):
    """The options of one request."""

    include: frozenset[Include] = frozenset()
    on_incoherence: OnIncoherence = OnIncoherence.REJECT


DEFAULT_OPTIONS = Options()
CHOICES: dict[str, type[StrEnum]] = {"include": Include, "on_incoherence": OnIncoherence}


def read_options(query: QueryParams) -> Options:
    """Read the query string.

    Raises:
        RequestError: 422, a parameter or its value is not known.
    """
    problems = []
    for key, value in query.multi_items():
        choices = [choice.value for choice in CHOICES.get(key, ())]
        if not choices:
            problems.append(_problem(key, "query.unknown", list(CHOICES)))
        elif value not in choices:
            problems.append(_problem(key, f"query.{key}", choices))
    policies = set(query.getlist("on_incoherence"))
    if len(policies) > 1:
        problems.append(_problem("on_incoherence", "query.on_incoherence", list(OnIncoherence)))
    if problems:
        raise unprocessable(problems)
    return Options(
        frozenset(Include(value) for value in query.getlist("include")),
        OnIncoherence(policies.pop() if policies else OnIncoherence.REJECT),
    )


def _problem(key: str, rule: str, choices: Sequence[str]) -> Problem:
    key, listed = key[:MAX_NAME_SHOWN], ", ".join(choices)
    what = "is not a parameter" if rule == "query.unknown" else "has a value that is not known"
    what_fr = "n'est pas un paramètre" if rule == "query.unknown" else "a une valeur inconnue"
    return Problem(
        type="query",
        rule=rule,
        loc=("query", key),
        msg=f"`{key}` {what}: use {listed}.",
        msg_fr=f"`{key}` {what_fr} : {listed}.",
        ctx={"accepted": list(choices)},
    )
