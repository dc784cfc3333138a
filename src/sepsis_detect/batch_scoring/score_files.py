"""Score files of hours: one row out for every row in, in the same order.

Incoherent values are set to missing, as `on_incoherence=drop` does. A stay that cannot be scored
(its hours are out of order, or it holds no measurement) keeps its rows, without a probability, and
is named at the end. The output appears only when it is complete.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from tqdm import tqdm

from sepsis_detect.batch_scoring.stay_files import (
    BATCH_ROWS,
    PARQUET,
    Batch,
    count_rows,
    read_stays,
)
from sepsis_detect.clinical import coherence
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.findings import findings
from sepsis_detect.clinical.stay import BoolArray, Float32Array, IntArray, Stay
from sepsis_detect.clinical.units import stated_conversions
from sepsis_detect.errors import BadFileError, SettingsError
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.prediction import predictor
from sepsis_detect.prediction.model import Model
from sepsis_detect.settings import read_settings

N_THREADS = min(os.cpu_count() or 1, 4)
N_WAITING = 2 * N_THREADS  # batches in memory, so that it does not grow with the file
PIECE_HOURS = 256  # predicted at a time: what is computed of them fits into the cache
N_NAMED = 20  # stays named one by one; the rest is counted

TORN = "Its rows do not stand together: only the first ones were scored."

SCHEMA = pa.schema(
    [
        ("patient_id", pa.string()),
        ("icu_hour", pa.float64()),
        ("probability", pa.float32()),
        ("prediction", pa.string()),
    ]
)
WORDS = pa.array(["Negative", "Positive"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One batch answered.

    Attributes:
        table: One row an hour, columns of `SCHEMA`.
        reasons: By patient, why a stay could not be scored.
    """

    table: Any
    n_stays: int
    n_positive: int
    n_values_dropped: int
    reasons: list[tuple[str, str]]


@dataclass(slots=True)
class Tally:
    """What happened, for the closing lines."""

    n_stays: int = 0
    n_hours: int = 0
    n_positive: int = 0
    n_values_dropped: int = 0
    n_unscored: int = 0
    named: list[tuple[str, str]] = field(default_factory=list)

    def add(self, scored: Scored) -> None:
        """Count one batch."""
        self.n_stays += scored.n_stays
        self.n_hours += scored.table.num_rows
        self.n_positive += scored.n_positive
        self.n_values_dropped += scored.n_values_dropped
        self.n_unscored += len(scored.reasons)
        self.named += scored.reasons[: N_NAMED - len(self.named)]


def score_files(
    files: Sequence[Path],
    output: Path,
    *,
    stated_units: Sequence[str] = (),
    is_partial_allowed: bool = False,
    is_quiet: bool = False,
) -> int:
    """Score files into one output.

    Args:
        files: .psv, .csv or .parquet.
        output: .csv or .parquet.
        stated_units: `variable=unit` for columns that are not in the canonical unit.
        is_partial_allowed: Whether a file may lack columns.
        is_quiet: Whether to show no progress bar; it is only ever shown on a terminal.

    Returns:
        0. Stays that could not be scored are named on standard error.

    Raises:
        BadFileError: A file cannot be read or written; nothing is left behind.
        SettingsError: A unit is not accepted.
    """
    conversions = stated_conversions(stated_units)
    if any(output.resolve() == path.resolve() for path in files):
        raise BadFileError(f"{output} is also a file to read: choose another name")
    models = ModelStore(read_settings())
    if models.fallback is not None:  # these files would be scored by another model than meant
        raise SettingsError(f"the model is not to be had ({models.fallback})")
    model = models.current
    tally = Tally()
    batches = (
        batch
        for path in files
        for batch in read_stays(
            path, conversions=conversions, is_partial_allowed=is_partial_allowed
        )
    )
    with (
        _output(output) as write,
        ThreadPoolExecutor(N_THREADS) as pool,
        _progress(files, is_quiet=is_quiet) as bar,
    ):
        for scored in _in_order(pool, _gathered(batches), model):
            write(scored.table)
            bar.update(scored.table.num_rows)
            tally.add(scored)
    _report(tally, output)
    return 0


def score_batch(batch: Batch, model: Model) -> Scored:
    """Answer every hour of a batch, as `include=trend&on_incoherence=drop` does."""
    sent = batch.stay
    refusals = [violation for violation in coherence.scan(sent) if violation.is_refusal]
    stay = coherence.drop(sent, refusals) if refusals else sent
    reasons = {at: TORN for at, is_torn in enumerate(batch.is_torn) if is_torn}
    if refusals:
        reasons = _reasons(stay, refusals) | reasons
    is_fit = np.isin(np.arange(stay.n_stays), list(reasons), invert=True)
    part, rows = _part(stay, is_fit)
    probabilities = np.full(stay.n_hours, np.nan, dtype=np.float32)
    if part:
        probabilities[rows] = _every_hour(model, part)
    is_positive = model.is_positive(probabilities)
    of_row = np.repeat(np.arange(stay.n_stays), _lengths(stay))
    table = pa.table(
        [
            pa.array(batch.patient_ids, pa.string()).take(pa.array(of_row)),
            pa.array(sent.icu_hours, from_pandas=True),
            pa.array(probabilities, from_pandas=True),
            WORDS.take(pa.array(is_positive.astype(np.int8), mask=~rows)),
        ],
        schema=SCHEMA,
    )
    return Scored(
        table=table,
        n_stays=stay.n_stays,
        n_positive=int(is_positive.sum()),
        n_values_dropped=int((np.isnan(stay.values) & ~np.isnan(sent.values)).sum()),
        reasons=[(batch.patient_ids[at], reason) for at, reason in sorted(reasons.items())],
    )


def _every_hour(model: Model, stay: Stay) -> Float32Array:
    """Shape (n_hours,): probabilities, from a piece of the stays after the other."""
    begins = np.searchsorted(stay.starts, np.arange(0, stay.n_hours, PIECE_HOURS))
    stays = [*np.unique(begins[begins < stay.n_stays]).tolist(), stay.n_stays]
    rows = [*stay.starts.tolist(), stay.n_hours]
    return np.concatenate(
        [
            predictor.predict_every_hour(
                model,
                Stay(stay.values[rows[a] : rows[b]], stay.starts[a:b] - rows[a]),
            ).probabilities
            for a, b in pairwise(stays)
        ]
    )


def _reasons(stay: Stay, refusals: Sequence[RuleViolation]) -> dict[int, str]:
    """Why stays are still unfit after the refused values were dropped, by their place."""
    touched = np.zeros(stay.n_stays, dtype=bool)
    for violation in refusals:
        touched[_stays_of(stay, violation.rows)] = True
    part, _ = _part(stay, touched)
    places = np.flatnonzero(touched)
    reasons: dict[int, str] = {}
    for violation in coherence.scan(part) if part else ():
        if violation.is_refusal and part:
            stays, first = np.unique(_stays_of(part, violation.rows), return_index=True)
            for at, index in zip(places[stays].tolist(), first.tolist(), strict=True):
                reasons.setdefault(at, _sentence(part, violation, slice(index, index + 1)))
    return reasons


def _sentence(stay: Stay, violation: RuleViolation, chosen: slice) -> str:
    numbers = {name: values[chosen] for name, values in violation.numbers.items()}
    return findings(stay, [violation._replace(rows=violation.rows[chosen], numbers=numbers)])[0].en


def _stays_of(stay: Stay, rows: IntArray) -> IntArray:
    return np.searchsorted(stay.starts, rows, side="right") - 1


def _lengths(stay: Stay) -> IntArray:
    return np.diff(stay.starts, append=stay.n_hours)


def _part(stay: Stay, is_chosen: BoolArray) -> tuple[Stay | None, BoolArray]:
    """Some of the stays, None for none of them, and which rows are theirs."""
    lengths = _lengths(stay)
    rows = np.repeat(is_chosen, lengths)
    if is_chosen.all():
        return stay, rows
    if not is_chosen.any():
        return None, rows
    kept = lengths[is_chosen]
    return Stay(stay.values[rows], np.cumsum(kept) - kept), rows


# --- Many batches -------------------------------------------------------------------------------


def _gathered(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Join small batches, such as files of one patient each: many hours at once are cheaper."""
    waiting: list[Batch] = []
    n_hours = 0
    for batch in batches:
        waiting.append(batch)
        n_hours += batch.stay.n_hours
        if n_hours >= BATCH_ROWS // 2:
            yield _joined(waiting)
            waiting, n_hours = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    return Batch(
        Stay.end_to_end([batch.stay for batch in batches]),
        [patient_id for batch in batches for patient_id in batch.patient_ids],
        [is_torn for batch in batches for is_torn in batch.is_torn],
    )


def _in_order(pool: ThreadPoolExecutor, batches: Iterable[Batch], model: Model) -> Iterator[Scored]:
    waiting: deque[Future[Scored]] = deque()
    for batch in batches:
        waiting.append(pool.submit(score_batch, batch, model))
        if len(waiting) >= N_WAITING:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


# --- What the command line says and writes ------------------------------------------------------


@contextmanager
def _output(path: Path) -> Iterator[Callable[[Any], None]]:
    """Write to a neighbour of `path` that takes its name only when all is written."""
    writers = {PARQUET: pa.parquet.ParquetWriter, ".csv": pa.csv.CSVWriter}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise BadFileError(f"{path} is neither .csv nor .parquet: choose one to write")
    part = path.resolve().with_name(f".sepsis-detect-{token_hex(8)}.part")
    try:
        if path.is_dir():
            raise BadFileError(f"{path} cannot be written: it is a folder")
        with writer(str(part), SCHEMA) as opened:
            yield opened.write_table
        part.replace(path.resolve())
    except FileNotFoundError as error:
        raise BadFileError(f"{path} cannot be written: there is no folder {path.parent}") from error
    except (OSError, pa.ArrowException) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error)
        raise BadFileError(f"{path} cannot be written: {reason.splitlines()[0]}") from error
    finally:
        part.unlink(missing_ok=True)


def _progress(files: Sequence[Path], *, is_quiet: bool) -> Any:
    is_shown = sys.stderr.isatty() and not is_quiet
    total = sum(count_rows(path) for path in files) if is_shown else None
    # Not left on the screen: what follows is one sentence or the closing lines.
    return tqdm(
        total=total, desc="scoring", unit="h", unit_scale=True, leave=False, disable=not is_shown
    )


def _report(tally: Tally, output: Path) -> None:
    lines = [
        f"{tally.n_hours:,} hours of {tally.n_stays:,} stays scored into {output}: "
        f"{tally.n_positive:,} positive ({tally.n_positive / tally.n_hours:.1%})"
    ]
    if tally.n_values_dropped:
        lines.append(f"{tally.n_values_dropped:,} incoherent values were taken as missing")
    if tally.n_unscored:
        lines.append(f"{tally.n_unscored:,} stays could not be scored:")
        lines += [f"  {patient_id}: {reason}" for patient_id, reason in tally.named]
        if tally.n_unscored > len(tally.named):
            lines.append(f"  and {tally.n_unscored - len(tally.named):,} more")
    print("\n".join(lines), file=sys.stderr)  # noqa: T201
