"""Problems of a request: one form for every route and every status."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

Location = tuple[str | int, ...]

# Enough for a whole stay in a wrong unit; the answer to a hostile body must not grow to megabytes.
MAX_PROBLEMS = 1_000  # of one patient
MAX_NAME_SHOWN = 60  # characters of a name that is not ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One entry of `detail` or of `warnings`.

    Attributes:
        type: `json`, `incoherent`, `unit`, `warning`, `dropped`, or the name of another status.
        rule: Public id of the rule.
        loc: Location in the request, spelled as the caller did: `("body", "hours", 3, "DBP")`.
        msg, msg_fr: One sentence.
        ctx: The values concerned and their bounds; no other value of the patient.
        hint, hint_fr: The probable cause; None when none is likely.
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
        """The JSON object of an answer."""
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
    """One problem in place of those that are not listed."""
    return Problem(
        type=kind,
        rule="more",
        loc=loc,
        msg=f"And {n_more} more, not listed.",
        msg_fr=f"Et {n_more} autres, non listés.",
        ctx={"n_more": n_more},
    )


class RequestError(Exception):
    """A request that is refused: an HTTP status and every problem."""

    def __init__(self, status: int, problems: Iterable[Problem], *, retry_after: int | None = None):
        """Keep status and problems; `retry_after` in seconds."""
        self.status = status
        self.problems = list(problems)
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(status)

    def alone(self) -> Self:
        """This error without traceback and cause: their frames hold the whole request."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


def unprocessable(problems: Iterable[Problem]) -> RequestError:
    """422 with every problem at once."""
    return RequestError(422, problems)


def shown(name: str) -> str:
    """A caller's own word, cut and printable (a lone surrogate cannot be sent back)."""
    return name[:MAX_NAME_SHOWN].encode("utf-8", "replace").decode("utf-8")
