"""Type-checked access to elements of resources; problems are collected with their FHIRPath.

Any element of a resource may be absent or of any type. A wrong type is a problem; an absent
element is not.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Any

from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.patient_json import timestamps
from sepsis_detect.patient_json.timestamps import MAX_AHEAD
from sepsis_detect.problems import Problem, more, shown

Resource = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_PROBLEMS = 200  # of one request, and as many warnings
MAX_PATHS = 10  # of one note
EARLIEST_YEAR = 1900
HOUR = timedelta(hours=1)
DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


class Reader:
    """Reads elements; collects `problems`, which refuse the request, and `notes`, its warnings.

    Attributes:
        now: A time after it lies in the future.
        is_dropping: Whether the policy is `drop`: a problem of a droppable element becomes a note.
        problems: Refuse the request.
        notes: Accompany the answer as warnings; equal sentences are one note.
        n_found: How many problems were found, those of dropped elements included.
    """

    def __init__(self, now: datetime, on_incoherence: OnIncoherence = OnIncoherence.REJECT):
        """Start without problems."""
        self.now = now
        self.latest = now + MAX_AHEAD
        self.is_dropping = on_incoherence is OnIncoherence.DROP
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.n_found = 0
        self._is_droppable = False
        self._about: tuple[str, str] | None = None
        self._repeated: dict[tuple[str, str], list[str]] = {}  # paths by rule and sentence
        self._n_more = {"json": 0, "warning": 0}

    def problem(
        self, rule: str, path: str, msg: str, msg_fr: str, *, kind: str = "json", **rest: Any
    ) -> None:
        """Add a problem: it refuses the request, or is noted where its element is dropped."""
        self.n_found += 1
        if self._about is not None:
            msg, msg_fr = _about(self._about[0], ":", msg), _about(self._about[1], " :", msg_fr)
        is_dropped = self.is_dropping and self._is_droppable
        kind, found, counted = (
            ("dropped", self.notes, "warning") if is_dropped else (kind, self.problems, "json")
        )
        problem = Problem(type=kind, rule=rule, loc=(path,), msg=msg, msg_fr=msg_fr, **rest)
        self._add(problem, found, counted)

    @contextmanager
    def droppable(self) -> Iterator[None]:
        """What is read inside may be left out, if the policy is `drop`."""
        before, self._is_droppable = self._is_droppable, True
        try:
            yield
        finally:
            self._is_droppable = before

    @contextmanager
    def about(self, en: str, fr: str) -> Iterator[None]:
        """Problems that are found inside name what was measured; empty: it is not known."""
        before, self._about = self._about, (en, fr) if en else None
        try:
            yield
        finally:
            self._about = before

    def note(self, rule: str, path: str, msg: str, msg_fr: str, **rest: Any) -> None:
        """Add a note, which accompanies the answer as a warning.

        The same sentence about several elements is one note, with their number.
        """
        paths = self._repeated.setdefault((rule, msg), [])
        paths.append(path)
        if len(paths) == 1:
            note = Problem(type="warning", rule=rule, loc=(path,), msg=msg, msg_fr=msg_fr, **rest)
            self._add(note, self.notes, "warning")

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems that were found elsewhere: notes if their values were dropped."""
        for each in problems:
            is_note = each.type in ("dropped", "warning")
            (self.notes if is_note else self.problems).append(each)

    def _add(self, problem: Problem, found: list[Problem], counted: str) -> None:
        if len(found) < MAX_PROBLEMS:
            found.append(problem)
        else:
            self._n_more[counted] += 1

    def finish(self, base: str) -> None:
        """Count repeated notes, and the problems and notes that are not listed."""
        self.notes[:] = [self._with_paths(note) for note in self.notes]
        for found, counted in ((self.problems, "json"), (self.notes, "warning")):
            if n_more := self._n_more[counted]:
                found.append(more(n_more, counted, (base,)))

    def _with_paths(self, note: Problem) -> Problem:
        paths = self._repeated.get((note.rule, note.msg), [])
        if note.type != "warning" or len(paths) < 2:
            return note
        return replace(
            note,
            loc=tuple(paths[:MAX_PATHS]),
            msg=f"{note.msg.removesuffix('.')} ({len(paths)} times).",
            msg_fr=f"{note.msg_fr.removesuffix('.')} ({len(paths)} fois).",
            ctx={**note.ctx, "count": len(paths)},
        )

    # --- Elements ---

    def wrong_type(self, path: str, wanted: str, wanted_fr: str) -> None:
        """Add a problem: an element has another JSON type than FHIR gives it."""
        name = path.rpartition(".")[2]
        self.problem(
            "json.type", path, f"`{name}` must be {wanted}.", f"`{name}` doit être {wanted_fr}."
        )

    def missing(self, path: str, what: str, what_fr: str) -> None:
        """Add a problem: a required element is absent."""
        self.problem("json.missing", path, f"{what} is required.", f"{what_fr} est nécessaire.")

    def element(self, holder: Resource, key: str, path: str) -> Resource:
        """An object; empty when absent or of another type."""
        found = holder.get(key)
        if isinstance(found, dict):
            return found
        if found is not None:
            self.wrong_type(f"{path}.{key}", "an object", "un objet")
        return {}

    def items(self, holder: Resource, key: str, path: str) -> list[Any]:
        """A list; empty when absent or of another type."""
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
        """A text; None when absent or of another type."""
        found = holder.get(key)
        if found is None or isinstance(found, str):
            return found
        self.wrong_type(f"{path}.{key}", "a text", "un texte")
        return None

    # --- Times ---

    def moment(self, text: Any, path: str, *, may_lie_ahead: bool = False) -> datetime | None:
        """A point in time; None if it cannot be used.

        A day or a month alone is noted. A time without offset, or in the future unless
        `may_lie_ahead`, is a problem.
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
        if isinstance(text, str) and day_of(text):
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


def _about(label: str, colon: str, sentence: str) -> str:
    """A sentence that names what was measured."""
    return sentence if label in sentence else f"{label}{colon} {sentence[0].lower()}{sentence[1:]}"


def time_of(text: Any) -> datetime | None:
    """A date with a time, in any zone or none; None for anything else."""
    moment = timestamps.time_of(text)
    return None if moment is None or moment.year < EARLIEST_YEAR else moment


def day_of(text: str) -> tuple[date, bool] | None:
    """The day of a FHIR date, and whether it is exact; else July, or the first of the month."""
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
    try:
        return float(value) if type(value) in (float, int) and isfinite(value) else None
    except OverflowError:
        return None


def quoted(word: Any) -> str:
    """A caller's own word, cut for a message."""
    return shown(word) if isinstance(word, str) else "?"
