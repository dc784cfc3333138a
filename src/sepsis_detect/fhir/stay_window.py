"""Which measurements are hours of the stay: not those before it, nor those after it."""

from datetime import datetime
from itertools import pairwise

from sepsis_detect.fhir.admission import Admission
from sepsis_detect.fhir.measured_sets import HOUR_SECONDS
from sepsis_detect.fhir.measurements import Measurement
from sepsis_detect.fhir.resource_reader import EPOCH, Reader

MAX_SILENCE_HOURS = 36
"""Without an Encounter, what lies before so many hours without any measurement is not used.

Longer than a day, as some values are measured once a day; in intensive care no two days go by
without any. See docs/adr/0021-where-the-patient-was.md.
"""


def of_stay(admitted: Admission, measured: list[Measurement], reader: Reader) -> list[Measurement]:
    """The measurements during the stay; the others are counted in notes.

    Args:
        admitted: The admission; without a start, the last measurements without a long gap.
        measured: All measurements, in any order.
        reader: Receives the notes.
    """
    if admitted.started_at is None:
        return _without_long_gap(measured, reader)
    kept = _between(admitted.started_at, admitted, measured, reader)
    if measured and not kept:
        reader.problem(
            "stay.nothing_inside",
            measured[0].path,
            "No value was measured during the stay: there is nothing to predict from.",
            "Aucune valeur n'a été mesurée pendant le séjour : rien ne permet de prédire.",
            kind="incoherent",
        )
    return kept


def _between(
    started_at: datetime, admitted: Admission, measured: list[Measurement], reader: Reader
) -> list[Measurement]:
    start = (started_at - EPOCH).total_seconds()
    before = [each for each in measured if each.moment.seconds < start]
    _note_before(before, reader, is_icu=admitted.is_icu)
    if admitted.ended_at is None:
        return [each for each in measured if each.moment.seconds >= start]
    end = (admitted.ended_at - EPOCH).total_seconds()
    _note_after([each for each in measured if each.moment.seconds > end], admitted, reader)
    return [each for each in measured if start <= each.moment.seconds <= end]


def _without_long_gap(measured: list[Measurement], reader: Reader) -> list[Measurement]:
    times = sorted({each.moment.seconds for each in measured})
    longest = MAX_SILENCE_HOURS * HOUR_SECONDS
    start = next(
        (later for earlier, later in reversed(list(pairwise(times))) if later - earlier >= longest),
        None,
    )
    if start is None:
        return measured
    old = [each for each in measured if each.moment.seconds < start]
    reader.note(
        "time.long_before",
        old[0].path,
        f"{len(old)} values were measured more than {MAX_SILENCE_HOURS} hours before all later "
        "ones, and no Encounter says that they are of this stay: not used.",
        f"{len(old)} valeurs mesurées plus de {MAX_SILENCE_HOURS} heures avant toutes les autres, "
        "et aucun Encounter ne dit qu'elles sont de ce séjour : non utilisées.",
        ctx={"count": len(old)},
    )
    return [each for each in measured if each.moment.seconds >= start]


def _note_before(before: list[Measurement], reader: Reader, *, is_icu: bool) -> None:
    if not before:
        return
    what, what_fr = ("admission to intensive care", "l'admission en réanimation")
    if not is_icu:
        what, what_fr = "the start of the encounter", "le début du séjour"
    reader.note(
        "time.before_icu",
        before[0].path,
        f"{len(before)} values were measured before {what}: not used.",
        f"{len(before)} valeurs mesurées avant {what_fr} : non utilisées.",
        ctx={"count": len(before)},
    )


def _note_after(after: list[Measurement], admitted: Admission, reader: Reader) -> None:
    if not after:
        return
    rule, what = "time.after_icu", "the stay in intensive care ended"
    what_fr = "la fin du séjour en réanimation"
    if not admitted.is_icu:
        rule, what, what_fr = "time.after_encounter", "the encounter ended", "la fin du séjour"
    reader.note(
        rule,
        after[0].path,
        f"{len(after)} values were measured after {what}: not used.",
        f"{len(after)} valeurs mesurées après {what_fr} : non utilisées.",
        ctx={"count": len(after)},
    )
