"""What every reader of resources shares: problems with their FHIRPath, and careful look-ups.

A resource comes from outside: any element may be absent or of any type. What has the wrong type
is a problem with its path; what is absent is absent.
"""

import re
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Any

from sepsis_detect.patient_json.text_problems import shown
from sepsis_detect.patient_json.timestamps import MAX_AHEAD
from sepsis_detect.problems import Problem, more

Resource = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_PROBLEMS = 200  # of one request, and as many warnings
SHORTEST_TIME = len("2026-11-23T08:00")
EARLIEST_YEAR = 1900
HOUR = timedelta(hours=1)
DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


class Reader:
    """Collects what is wrong (`problems`) and what is worth knowing (`notes`)."""

    def __init__(self, now: datetime):
        """Start without problems; `now` is what lies ahead of is in the future."""
        self.now = now
        self.latest = now + MAX_AHEAD
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self._n_more = {"json": 0, "warning": 0}

    def problem(
        self, rule: str, path: str, msg: str, msg_fr: str, *, kind: str = "json", **rest: Any
    ) -> None:
        """Something that refuses the request."""
        self._add(self.problems, "json", rule, path, msg, msg_fr, kind, rest)

    def note(self, rule: str, path: str, msg: str, msg_fr: str, **rest: Any) -> None:
        """Something that accompanies the answer."""
        self._add(self.notes, "warning", rule, path, msg, msg_fr, "warning", rest)

    def _add(
        self,
        found: list[Problem],
        counted: str,
        rule: str,
        path: str,
        msg: str,
        msg_fr: str,
        kind: str,
        rest: dict[str, Any],
    ) -> None:
        if len(found) >= MAX_PROBLEMS:
            self._n_more[counted] += 1
            return
        found.append(Problem(type=kind, rule=rule, loc=(path,), msg=msg, msg_fr=msg_fr, **rest))

    def finish(self, base: str) -> None:
        """Count what was not listed."""
        for found, counted in ((self.problems, "json"), (self.notes, "warning")):
            if n_more := self._n_more[counted]:
                found.append(more(n_more, counted, (base,)))

    # --- Elements ---

    def wrong_type(self, path: str, wanted: str, wanted_fr: str) -> None:
        """An element of another JSON type than FHIR gives it."""
        name = path.rpartition(".")[2]
        self.problem(
            "json.type",
            path,
            f"`{name}` must be {wanted}.",
            f"`{name}` doit être {wanted_fr}.",
        )

    def element(self, holder: Resource, key: str, path: str) -> Resource:
        """An object, empty when absent or wrong."""
        found = holder.get(key)
        if isinstance(found, dict):
            return found
        if found is not None:
            self.wrong_type(f"{path}.{key}", "an object", "un objet")
        return {}

    def items(self, holder: Resource, key: str, path: str) -> list[Any]:
        """A list; empty when absent or wrong."""
        found = holder.get(key)
        if isinstance(found, list):
            return found
        if found is not None:
            self.wrong_type(f"{path}.{key}", "a list", "une liste")
        return []

    def elements(self, holder: Resource, key: str, path: str) -> list[tuple[Resource, str]]:
        """The objects of a list with their paths."""
        kept = []
        for index, each in enumerate(self.items(holder, key, path)):
            at = f"{path}.{key}[{index}]"
            if isinstance(each, dict):
                kept.append((each, at))
            else:
                self.wrong_type(at, "an object", "un objet")
        return kept

    def text(self, holder: Resource, key: str, path: str) -> str | None:
        """A text; None when absent or wrong."""
        found = holder.get(key)
        if found is None or isinstance(found, str):
            return found
        self.wrong_type(f"{path}.{key}", "a text", "un texte")
        return None

    # --- Times ---

    def moment(self, text: Any, path: str, *, may_lie_ahead: bool = False) -> datetime | None:
        """A point in time.

        A day or a month alone is noted and not used; a time without offset, or ahead of now
        where it may not be, refuses the request.
        """
        moment = time_of(text)
        if moment is None:
            self._no_moment(text, path)
            return None
        if moment.tzinfo is None:
            self.problem(
                "time.tz",
                path,
                "A time needs its offset, such as +01:00 or Z.",
                "Une heure doit porter son décalage, tel que +01:00 ou Z.",
                kind="incoherent",
            )
            return None
        if moment > self.latest and not may_lie_ahead:
            self.problem(
                "time.future",
                path,
                "The time lies more than an hour ahead of now.",
                "L'heure est dans le futur de plus d'une heure.",
                kind="incoherent",
            )
            return None
        return moment

    def _no_moment(self, text: Any, path: str) -> None:
        if isinstance(text, str) and is_day(text):
            self.note(
                "time.day_only",
                path,
                "Only the day is known, not the time: not used.",
                "Seul le jour est connu, pas l'heure : non utilisé.",
            )
            return
        self.problem(
            "time.format",
            path,
            "A time must be written as 2026-11-23T08:00:00+01:00.",
            "Une heure s'écrit 2026-11-23T08:00:00+01:00.",
            kind="incoherent",
        )


def time_of(text: Any) -> datetime | None:
    """A day with its time, in whatever zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return None if len(text) < SHORTEST_TIME or moment.year < EARLIEST_YEAR else moment


def is_day(text: str) -> bool:
    """Whether it is a FHIR date: a year, a month or a day."""
    return day_of(text) is not None


def day_of(text: str) -> tuple[date, bool] | None:
    """The day of a FHIR date and whether it is known to the day; else the middle of the year."""
    found = DATE.fullmatch(text)
    if not found:
        return None
    year, month, day = found.groups()
    try:
        return date(int(year), int(month or 7), int(day or 1)), day is not None
    except ValueError:
        return None


def finite(value: Any) -> float | None:
    """A JSON number as a float; None for anything else, infinities included."""
    if type(value) is float:
        return value if isfinite(value) else None
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            return None
    return None


def quoted(word: Any) -> str:
    """A caller's own word, short."""
    return shown(word) if isinstance(word, str) else "?"
