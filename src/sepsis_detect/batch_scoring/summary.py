"""The closing lines of the command `score`: what was scored, dropped, left out and not read."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sepsis_detect.batch_scoring.batch import Dropped, Scored
from sepsis_detect.batch_scoring.hour_columns import said
from sepsis_detect.batch_scoring.stay_files import Survey
from sepsis_detect.clinical.variables import VARIABLES

NOTHING_SCORED = 3  # exit status
MAX_STAYS_LISTED = 20  # stays that could not be scored; the rest is counted
MAX_NOTES_LISTED = 20  # ways of writing an age above 89
MAX_RULES_LISTED = 20  # variables and rules of dropped values


@dataclass(slots=True)
class Tally:
    """Counts over all batches."""

    n_stays: int = 0
    n_hours_scored: int = 0
    n_positive: int = 0
    n_insufficient: int = 0
    n_unscored: int = 0
    dropped: Dropped = field(default_factory=Dropped)
    listed: list[tuple[str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def exit_status(self) -> int:
        """Of the command: 0, or `NOTHING_SCORED` if no stay could be scored."""
        return 0 if self.n_hours_scored else NOTHING_SCORED

    def add(self, scored: Scored) -> None:
        """Count one batch."""
        reasons = scored.reasons
        self.add_tally(
            Tally(
                n_stays=scored.n_stays,
                n_hours_scored=scored.n_hours_scored,
                n_positive=scored.n_positive,
                n_insufficient=scored.n_insufficient,
                n_unscored=len(reasons),
                dropped=scored.dropped,
                notes=scored.notes,
                listed=reasons,
            )
        )

    def add_tally(self, other: "Tally") -> None:
        """Add the counts of other batches."""
        self.n_stays += other.n_stays
        self.n_hours_scored += other.n_hours_scored
        self.n_positive += other.n_positive
        self.n_insufficient += other.n_insufficient
        self.n_unscored += other.n_unscored
        self.dropped.add(other.dropped)
        self.notes += other.notes
        self.listed += other.listed[: MAX_STAYS_LISTED - len(self.listed)]


def lines(tally: Tally, output: Path | str, surveyed: Survey) -> Iterator[str]:
    """The closing lines.

    Args:
        tally: Counts of all batches.
        output: What was written.
        surveyed: The survey of the files.
    """
    share = tally.n_positive / max(tally.n_hours_scored, 1)
    yield (
        f"{_counted(tally.n_hours_scored, 'hour')} of "
        f"{_counted(tally.n_stays - tally.n_unscored, 'stay')} scored into {output}: "
        f"{tally.n_positive:,} positive ({share:.1%})"
    )
    if tally.n_insufficient:
        yield (
            f"Insufficient data in {tally.n_insufficient:,} of "
            f"{_counted(tally.n_hours_scored, 'hour')}: Negative does not mean low risk there"
        )
    yield from _dropped_lines(tally.dropped, surveyed.stated)
    for note, n_stays in tally.notes.most_common(MAX_NOTES_LISTED):
        yield f"{_counted(n_stays, 'stay')}: {note}"
    if tally.n_unscored:
        yield f"{tally.n_unscored:,} of {_counted(tally.n_stays, 'stay')} could not be scored:"
        yield from (f"  {patient_id}: {reason}" for patient_id, reason in tally.listed)
        if tally.n_unscored > len(tally.listed):
            yield f"  and {tally.n_unscored - len(tally.listed):,} more"
    if surveyed.by_words:
        taken = ", ".join(f"{header} as {name}" for header, name in surveyed.by_words)
        yield f"Columns read by their words: {taken}"
    if surveyed.unread:
        yield f"Columns not read: {said(surveyed.unread)}"
    if not tally.n_hours_scored:
        yield f"sepsis-detect: no stay could be scored: {output} has no probability"


def _dropped_lines(dropped: Dropped, stated: Collection[int]) -> Iterator[str]:
    if not dropped.n_total:
        return
    were = "was" if dropped.n_total == 1 else "were"
    yield f"{_counted(dropped.n_total, 'incoherent value')} {were} taken as missing:"
    ranked = sorted(dropped.n_by_rule.items(), key=lambda each: (-each[1], each[0]))
    for (column, rule), n_values in ranked[:MAX_RULES_LISTED]:
        name = VARIABLES[column].name
        if name == "icu_unit":
            name = VARIABLES[column].challenge
        n_measured = _counted(int(dropped.n_measured[column]), "value")
        advice = _advice(dropped, column, rule, is_unit_stated=column in stated)
        yield f"  {name}: {n_values:,} of {n_measured} {rule}{advice}"
    if len(ranked) > MAX_RULES_LISTED:
        yield f"  and {len(ranked) - MAX_RULES_LISTED:,} more variables and rules"


def _advice(dropped: Dropped, column: int, rule: str, *, is_unit_stated: bool) -> str:
    """The units that most of the values look like, and the option that states the likeliest."""
    by_value = dropped.likely_units.get((column, rule))
    if not by_value:
        return ""
    units, n_values = by_value.most_common(1)[0]
    if not units or 2 * n_values <= by_value.total():
        return ""
    if is_unit_stated:
        return ": is the stated unit right?"
    option = f"--unit {VARIABLES[column].name}={units[0]}"
    return f", looks like {' or '.join(units)}: {option}"


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
