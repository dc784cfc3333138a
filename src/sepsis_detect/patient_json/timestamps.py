"""Clock times of hours: optional, but when sent they must agree with `icu_hour`.

RFC 3339 with an offset: a time without one is ambiguous twice a year.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.problems import Location, Problem

KEY = "timestamp"
MAX_AHEAD = timedelta(hours=1)  # clocks differ
MAX_DISAGREEMENT_HOURS = 1.0

Locate = Callable[[int], Location]


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
    problems: list[Problem] = []
    hours = icu_hours.tolist()

    def add(rule: str, row: int, msg: str, msg_fr: str) -> None:
        loc = (*locate(row), KEY)
        problems.append(Problem(type="incoherent", rule=rule, loc=loc, msg=msg, msg_fr=msg_fr))

    known: list[tuple[int, datetime]] = []
    for row, stamp in enumerate(stamps):
        if stamp is None:
            continue
        moment = _parse(stamp)
        if moment is None:
            add(
                "time.format",
                row,
                "A timestamp must be a text such as 2026-11-23T08:00:00+01:00 (RFC 3339).",
                "Un horodatage doit être un texte tel que 2026-11-23T08:00:00+01:00 (RFC 3339).",
            )
        elif moment.tzinfo is None:
            add(
                "time.tz",
                row,
                "A timestamp needs its offset, such as +01:00 or Z.",
                "Un horodatage doit porter son décalage, tel que +01:00 ou Z.",
            )
        elif moment > now + MAX_AHEAD:
            add(
                "time.future",
                row,
                "The timestamp lies more than an hour ahead of now.",
                "L'horodatage est dans le futur de plus d'une heure.",
            )
        else:
            known.append((row, moment))
    reported: set[int] = set()
    ends = [(known[0], known[-1])] if len(known) > 2 else []  # small disagreements add up
    for (before, earlier), (row, later) in [*pairwise(known), *ends]:
        elapsed = (later - earlier).total_seconds() / 3600
        if row in reported:
            continue
        if elapsed == 0:
            reported.add(row)
            add(
                "time.duplicate",
                row,
                "This timestamp is sent twice.",
                "Cet horodatage est envoyé deux fois.",
            )
        elif abs(elapsed - (hours[row] - hours[before])) > MAX_DISAGREEMENT_HOURS:
            reported.add(row)
            add(
                "time.iculos_vs_ts",
                row,
                "Timestamps and ICU hours disagree by more than an hour since the hour before.",
                "Horodatages et heures de réanimation divergent de plus d'une heure.",
            )
    return problems


def _parse(stamp: Any) -> datetime | None:
    if not isinstance(stamp, str) or len(stamp) < len("2026-11-23T08:00"):
        return None
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return None
