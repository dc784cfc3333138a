"""Scores batches of stays: one row out for every hour in.

Each stay is assessed as `include=trend&on_incoherence=drop` of the API does, by the same pipeline.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from sepsis_detect.assessment import pipeline
from sepsis_detect.assessment.pipeline import Assessment, Refusal
from sepsis_detect.assessment.policy import Judgement, OnIncoherence
from sepsis_detect.batch_scoring.stay_files import Batch
from sepsis_detect.clinical import coherence, rules
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.findings import findings
from sepsis_detect.clinical.stay import Float32Array, IntArray, Stay
from sepsis_detect.clinical.variables import ICU_HOUR, N_COLUMNS
from sepsis_detect.prediction.data_sufficiency import LEVELS, Level
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import Location, Problem

PIECE_HOURS = 256  # assessed at a time: intermediate arrays fit into the processor's cache

MAX_HINTS = 20  # dropped values of one variable and rule in a batch whose likely unit is sought

SCHEMA = pa.schema(
    [
        ("patient_id", pa.string()),
        ("icu_hour", pa.float64()),
        ("probability", pa.float32()),
        ("prediction", pa.string()),
        ("data_sufficiency", pa.string()),
    ]
)
VERDICTS = pa.array(["Negative", "Positive"])
SUFFICIENCY = pa.array(LEVELS, pa.string())


@dataclass(slots=True)
class Dropped:
    """Incoherent values that were taken as missing, of stays scored or left without any value.

    Attributes:
        n_total: How many values.
        n_measured: Shape (40,), how many values of each variable there were.
        n_by_rule: How many values by column and rule id; a value may violate several rules.
        likely_units: By column and rule id, the units that each of the first values looks like,
            the likeliest first.
    """

    n_total: int = 0
    n_measured: IntArray = field(default_factory=lambda: np.zeros(N_COLUMNS, dtype=np.intp))
    n_by_rule: Counter[tuple[int, str]] = field(default_factory=Counter)
    likely_units: dict[tuple[int, str], Counter[tuple[str, ...]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def add(self, other: "Dropped") -> None:
        """Add the values of other stays."""
        self.n_total += other.n_total
        self.n_measured += other.n_measured
        self.n_by_rule += other.n_by_rule
        for key, units in other.likely_units.items():
            self.likely_units[key] += units

    def add_stay(self, judgement: Judgement) -> None:
        """Add the values of one scored stay."""
        before, after = judgement.patient.stay, judgement.stay
        if not judgement.dropped or before is None or after is None:
            return
        is_dropped = np.isnan(after.values) & ~np.isnan(before.values)
        self.n_total += int(np.count_nonzero(is_dropped))
        for violation in judgement.dropped:
            for column in violation.columns:
                is_constant = column in coherence.CONSTANTS
                of_rows = (
                    is_dropped[:, column] if is_constant else is_dropped[violation.rows, column]
                )
                self.n_by_rule[column, violation.rule.id] += int(np.count_nonzero(of_rows))
            self._add_likely_unit(before, violation)

    def _add_likely_unit(self, stay: Stay, violation: RuleViolation) -> None:
        if violation.rule not in rules.OUT_OF_RANGE.values():
            return
        units = self.likely_units[violation.columns[0], violation.rule.id]
        n_left = MAX_HINTS - units.total()
        for finding in findings(stay, [violation.at(slice(0, n_left))]) if n_left > 0 else ():
            units[tuple(each["unit"] for each in finding.context.get("likely_units", ()))] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The scores of one batch.

    Attributes:
        table: One row an hour, columns of `SCHEMA`.
        n_stays: How many stays the batch has, without those of which rows came before.
        n_hours_scored: How many hours have a probability.
        n_positive: How many hours are positive.
        n_insufficient: How many hours with a probability rest on too little.
        dropped: The incoherent values that were taken as missing.
        reasons: By patient, why a stay could not be scored.
        notes: How many stays each notice of the reader is about.
    """

    table: Any
    n_stays: int
    n_hours_scored: int
    n_positive: int
    n_insufficient: int
    dropped: Dropped
    reasons: list[tuple[str, str]]
    notes: Counter[str]


@dataclass(frozen=True, slots=True)
class StayOfFile:
    """One stay of a file, as the assessment pipeline takes patients; locations are not used."""

    stay: Stay
    base: Location = ()
    problems: list[Problem] = field(default_factory=list)
    violations: list[RuleViolation] = field(default_factory=list)

    def locate(self, row: int, column: int | None = None) -> Location:
        """No location."""
        return ()

    def value_sent(self, row: int, column: int) -> float | None:
        """No value other than that of the stay."""
        return None

    def unit_sent(self, column: int) -> str | None:
        """No unit other than the canonical one."""
        return None


def score_batch(batch: Batch, model: Model) -> Scored:
    """Score every hour of a batch."""
    stay = batch.stay
    probabilities = np.full(stay.n_hours, np.nan, dtype=np.float32)
    sufficiency = np.zeros(stay.n_hours, dtype=np.intp)
    is_counted = np.zeros(stay.n_hours, dtype=np.bool_)
    reasons, dropped = [], Dropped()
    edges = list(pairwise([*stay.starts.tolist(), stay.n_hours]))
    for patient_id, reason, is_again, (begin, end), result in zip(
        batch.patient_ids,
        batch.reasons,
        batch.is_again,
        edges,
        _assessed(model, stay, edges),
        strict=True,
    ):
        if why := reason or _why_unscored(result):
            reasons += [] if is_again else [(patient_id, why)]
            if reason is None and _has_lost_all(result):
                is_counted[begin:end] = True
                dropped.add_stay(result.judgement)
        elif isinstance(result, Assessment):
            probabilities[begin:end] = result.probabilities
            sufficiency[begin:end] = result.sufficiency_codes
            is_counted[begin:end] = True
            dropped.add_stay(result.judgement)
    dropped.n_measured = np.count_nonzero(~np.isnan(stay.values[is_counted]), axis=0)
    return _scored(batch, model, probabilities, sufficiency, dropped, reasons)


def _scored(
    batch: Batch,
    model: Model,
    probabilities: Float32Array,
    sufficiency: IntArray,
    dropped: Dropped,
    reasons: list[tuple[str, str]],
) -> Scored:
    """The table of a batch and its counts."""
    stay = batch.stay
    is_scored = ~np.isnan(probabilities)
    is_positive = model.is_positive(probabilities)
    lengths = np.diff(stay.starts, append=stay.n_hours)
    stay_of_row = np.repeat(np.arange(stay.n_stays), lengths)
    is_insufficient = is_scored & (sufficiency == LEVELS.index(Level.INSUFFICIENT))
    verdicts = pa.array(is_positive.astype(np.int8), mask=~is_scored)
    table = pa.table(
        [
            pa.array(batch.patient_ids, pa.string()).take(pa.array(stay_of_row)),
            pa.array(stay.icu_hours, from_pandas=True),
            pa.array(probabilities, from_pandas=True),
            VERDICTS.take(verdicts),
            SUFFICIENCY.take(pa.array(sufficiency, mask=~is_scored)),
        ],
        schema=SCHEMA,
    )
    return Scored(
        table=table,
        n_stays=stay.n_stays - sum(batch.is_again),
        n_hours_scored=int(np.count_nonzero(is_scored)),
        n_positive=int(is_positive.sum()),
        n_insufficient=int(is_insufficient.sum()),
        dropped=dropped,
        reasons=reasons,
        notes=Counter(note for note in batch.notes if note is not None),
    )


def _assessed(
    model: Model, stay: Stay, edges: Sequence[tuple[int, int]]
) -> Iterable[Assessment | Refusal]:
    """Assess the stays of a batch, a piece of whole stays at a time."""
    piece: list[StayOfFile] = []
    n_hours = 0
    for begin, end in edges:
        piece.append(StayOfFile(Stay(stay.values[begin:end])))
        n_hours += end - begin
        if n_hours >= PIECE_HOURS or end == stay.n_hours:
            yield from pipeline.assess(model, piece, OnIncoherence.DROP, every_hour=True)
            piece, n_hours = [], 0


def _has_lost_all(result: Assessment | Refusal) -> bool:
    """Whether a stay is not scored because all its values were dropped."""
    return isinstance(result, Refusal) and any(
        each.rule is rules.ALL_MISSING for each in result.judgement.refusals
    )


def _why_unscored(result: Assessment | Refusal) -> str | None:
    """The sentence of the first violation that leaves a stay unscored; None: it is scored."""
    if not isinstance(result, Refusal):
        return None
    judgement = result.judgement
    for violation in judgement.dropped:
        if violation.columns == (ICU_HOUR,):  # why the hour that the rules miss is missing
            return _sentence(judgement.patient.stay, violation)
    return _sentence(judgement.stay, judgement.refusals[0])


def _sentence(stay: Stay | None, violation: RuleViolation) -> str:
    assert stay is not None  # noqa: S101 - a stay of a file has hours
    finding = findings(stay, [violation.up_to(violation.rows[0])])[0]
    has_own_hint = violation.columns == (ICU_HOUR,) and "likely_unit" not in finding.context
    return f"{finding.en} {finding.hint_en}".rstrip() if has_own_hint else finding.en
