"""What is wrong with a request, in one form for every route and every status."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from starlette.responses import Response

Location = tuple[str | int, ...]

# Enough for a whole stay in a wrong unit; a hostile body must not be answered with megabytes.
MAX_PROBLEMS = 1_000  # of one patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One entry of `detail` or of `warnings`.

    Attributes:
        type: `json`, `incoherent`, `unit`, `warning`, `dropped`, or the name of another status.
        rule: Public id of the rule.
        loc: Where, as the caller wrote it: `("body", "hours", 3, "DBP")`.
        msg, msg_fr: One sentence.
        ctx: The values concerned and their bounds; no other value of the patient.
        hint, hint_fr: What it probably is; None when nothing is likely.
    """

    type: str
    rule: str
    loc: Location
    msg: str
    msg_fr: str
    ctx: Mapping[str, Any] = field(default_factory=dict)
    hint: str | None = None
    hint_fr: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "type": self.type,
            "rule": self.rule,
            "loc": self.loc,
            "msg": self.msg,
            "msg_fr": self.msg_fr,
            "ctx": self.ctx,
            "hint": self.hint,
            "hint_fr": self.hint_fr,
        }


def more(n_more: int, kind: str, loc: Location) -> Problem:
    """Stands for the problems beyond `MAX_PROBLEMS`."""
    return Problem(
        type=kind,
        rule="more",
        loc=loc,
        msg=f"And {n_more} more, not listed.",
        msg_fr=f"Et {n_more} autres, non listés.",
        ctx={"n_more": n_more},
    )


class RequestError(Exception):
    """A request that is answered with a status and its problems."""

    def __init__(self, status: int, problems: Iterable[Problem], *, retry_after: int | None = None):
        """Name the status and every problem; `retry_after` in seconds."""
        self.status = status
        self.problems = list(problems)
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(status)

    def alone(self) -> Self:
        """Itself without what led to it: the frames passed through hold all that was sent."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


def unprocessable(problems: Iterable[Problem]) -> RequestError:
    """422 with every problem at once."""
    return RequestError(422, problems)


def problem_response(error: RequestError) -> Response:
    """The answer to a `RequestError`."""
    body = {"detail": [problem.as_dict() for problem in error.problems]}
    return Response(orjson.dumps(body), error.status, error.headers, "application/json")
