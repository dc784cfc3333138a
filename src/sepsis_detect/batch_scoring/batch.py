"""Scores batches of stays: one row out for every hour in.

Each stay is assessed as `include=trend&on_incoherence=drop` of the API does, by the same pipeline.
"""

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
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.findings import findings
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import Location, Problem

PIECE_HOURS = 256  # assessed at a time: intermediate arrays fit into the processor's cache

NON_CONTIGUOUS_ROWS = "Its rows do not stand together: only the first ones were scored."

SCHEMA = pa.schema(
    [
        ("patient_id", pa.string()),
        ("icu_hour", pa.float64()),
        ("probability", pa.float32()),
        ("prediction", pa.string()),
    ]
)
VERDICTS = pa.array(["Negative", "Positive"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The scores of one batch.

    Attributes:
        table: One row an hour, columns of `SCHEMA`.
        n_stays: How many stays the batch has.
        n_positive: How many hours are positive.
        n_values_dropped: How many incoherent values were taken as missing.
        reasons: By patient, why a stay could not be scored.
    """

    table: Any
    n_stays: int
    n_positive: int
    n_values_dropped: int
    reasons: list[tuple[str, str]]


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
    reasons, n_values_dropped = [], 0
    edges = list(pairwise([*stay.starts.tolist(), stay.n_hours]))
    for patient_id, is_non_contiguous, (begin, end), result in zip(
        batch.patient_ids,
        batch.is_non_contiguous,
        edges,
        _assessed(model, stay, edges),
        strict=True,
    ):
        n_values_dropped += _n_values_dropped(result.judgement)
        if is_non_contiguous:
            reasons.append((patient_id, NON_CONTIGUOUS_ROWS))
        elif isinstance(result, Refusal):
            reasons.append((patient_id, _reason(result.judgement)))
        else:
            probabilities[begin:end] = result.probabilities
    is_positive = model.is_positive(probabilities)
    lengths = np.diff(stay.starts, append=stay.n_hours)
    stay_of_row = np.repeat(np.arange(stay.n_stays), lengths)
    verdicts = pa.array(is_positive.astype(np.int8), mask=np.isnan(probabilities))
    table = pa.table(
        [
            pa.array(batch.patient_ids, pa.string()).take(pa.array(stay_of_row)),
            pa.array(stay.icu_hours, from_pandas=True),
            pa.array(probabilities, from_pandas=True),
            VERDICTS.take(verdicts),
        ],
        schema=SCHEMA,
    )
    return Scored(
        table=table,
        n_stays=stay.n_stays,
        n_positive=int(is_positive.sum()),
        n_values_dropped=n_values_dropped,
        reasons=reasons,
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


def _n_values_dropped(judgement: Judgement) -> int:
    before, after = judgement.patient.stay, judgement.stay
    if not judgement.dropped or before is None or after is None:
        return 0
    return int(np.count_nonzero(np.isnan(after.values) & ~np.isnan(before.values)))


def _reason(judgement: Judgement) -> str:
    """The sentence of the first violation that refuses a stay."""
    assert judgement.stay is not None  # noqa: S101 - a stay of a file has hours
    violation = judgement.refusals[0]
    return findings(judgement.stay, [violation.up_to(violation.rows[0])])[0].en
