"""Clock times of hours: optional, but when sent they must agree with `icu_hour`.

RFC 3339 with an offset: a time without one is ambiguous twice a year.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.problems import Location, Problem

KEY = "timestamp"
MAX_AHEAD = timedelta(hours=1)  # clocks differ
MAX_DISAGREEMENT_HOURS = 1.0

SENTENCES = {
    "time.format": (
        "A timestamp must be a text such as 2026-11-23T08:00:00+01:00 (RFC 3339).",
        "Un horodatage doit être un texte tel que 2026-11-23T08:00:00+01:00 (RFC 3339).",
    ),
    "time.tz": (
        "A timestamp needs its offset, such as +01:00 or Z.",
        "Un horodatage doit porter son décalage, tel que +01:00 ou Z.",
    ),
    "time.future": (
        "The timestamp lies more than an hour ahead of now.",
        "L'horodatage est dans le futur de plus d'une heure.",
    ),
    "time.duplicate": ("This timestamp is sent twice.", "Cet horodatage est envoyé deux fois."),
    "time.iculos_vs_ts": (
        "Timestamps and ICU hours disagree by more than an hour since the hour before.",
        "Horodatages et heures de réanimation divergent de plus d'une heure.",
    ),
}

# `fromisoformat` takes any sign for the T: in 20260301200000+0000 the 2 of the hour.
_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:?[0-9]{2}|[0-9]{8}T[0-9]{4}")

Locate = Callable[[int], Location]


def time_of(text: Any) -> datetime | None:
    """A date with a time, in any zone or none; None for anything else."""
    if not (isinstance(text, str) and _DATE_AND_TIME.match(text)):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def check(
    stamps: Sequence[Any], icu_hours: FloatArray, now: datetime, locate: Locate
) -> list[Problem]:
    """Check the timestamps of one stay.

    Args:
        stamps: One per hour, as sent; None where there is none.
        icu_hours: Shape (n_hours,).
        now: The present, with a time zone.
        locate: Gives the location of an hour in the body.
    """
    faults: list[tuple[int, str]] = []
    known: list[tuple[int, datetime]] = []
    for row, stamp in enumerate(stamps):
        if stamp is None:
            continue
        moment = time_of(stamp)
        if moment is None:
            faults.append((row, "time.format"))
        elif moment.tzinfo is None:
            faults.append((row, "time.tz"))
        elif moment > now + MAX_AHEAD:
            faults.append((row, "time.future"))
        else:
            known.append((row, moment))
    faults += _disagreements(known, icu_hours.tolist())
    return [_problem(rule, (*locate(row), KEY)) for row, rule in faults]


def _disagreements(
    known: list[tuple[int, datetime]], icu_hours: list[float]
) -> Iterable[tuple[int, str]]:
    reported: set[int] = set()
    ends = [(known[0], known[-1])] if len(known) > 2 else []  # small disagreements add up
    for (before, earlier), (row, later) in [*pairwise(known), *ends]:
        elapsed = (later - earlier).total_seconds() / 3600
        is_apart = abs(elapsed - (icu_hours[row] - icu_hours[before])) > MAX_DISAGREEMENT_HOURS
        if row not in reported and (elapsed == 0 or is_apart):
            reported.add(row)
            yield row, "time.duplicate" if elapsed == 0 else "time.iculos_vs_ts"


def _problem(rule: str, loc: Location) -> Problem:
    msg, msg_fr = SENTENCES[rule]
    return Problem(type="incoherent", rule=rule, loc=loc, msg=msg, msg_fr=msg_fr)
