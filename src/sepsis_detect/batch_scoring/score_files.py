"""The command `score`: files of hours in, one file of scores out, row by row in the same order.

Incoherent values are set to missing, as `on_incoherence=drop` does. A stay that cannot be scored
(its hours are out of order, a cell is no number, it has no measurement) keeps its rows, without a
probability, and is listed at the end. The output appears only when it is complete.
"""

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sepsis_detect.batch_scoring.batch import SCHEMA, Scored, score_batch
from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.batch_scoring.hour_tables import count_rows
from sepsis_detect.batch_scoring.stay_files import Batch, gathered, read_stays, survey
from sepsis_detect.batch_scoring.summary import Tally, lines
from sepsis_detect.batch_scoring.written_tables import written_table
from sepsis_detect.clinical.units import stated_conversions
from sepsis_detect.errors import BadFileError, SettingsError
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.prediction.model import Model
from sepsis_detect.settings import read_settings

N_THREADS = min(os.cpu_count() or 1, 4)
MAX_BATCHES_IN_MEMORY = 2 * N_THREADS


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
        0; 3 if no stay could be scored. Those that could not are listed on standard error.

    Raises:
        BadFileError: A file cannot be read or written; nothing is left behind.
        SettingsError: A unit is not accepted.
    """
    reading = Reading(
        conversions=stated_conversions(stated_units),
        is_partial_allowed=is_partial_allowed,
        are_words_read=True,
    )
    _require_different(files, output)
    models = ModelStore(read_settings())
    if models.fallback is not None:  # another model than the one of the settings
        raise SettingsError(f"the model is not to be had ({models.fallback})")
    model = models.current
    tally = Tally()
    surveyed = survey(files, reading)
    batches = (batch for path in files for batch in read_stays(path, reading, surveyed))
    with (
        written_table(output, SCHEMA) as write,
        ThreadPoolExecutor(N_THREADS) as pool,
        _progress(files, is_quiet=is_quiet) as bar,
    ):
        for scored in _in_order(pool, gathered(batches), model):
            write(scored.table)
            bar.update(scored.table.num_rows)
            tally.add(scored)
    print(*lines(tally, output, surveyed), sep="\n", file=sys.stderr)
    return tally.exit_status


def _require_different(files: Sequence[Path], output: Path) -> None:
    seen: set[Path] = set()
    for path in files:
        if path.resolve() in seen:
            raise BadFileError(f"{path} is named twice")
        seen.add(path.resolve())
    if output.resolve() in seen:
        raise BadFileError(f"{output} is also a file to read: choose another name")


# --- Many batches -------------------------------------------------------------------------------


def _in_order(pool: ThreadPoolExecutor, batches: Iterable[Batch], model: Model) -> Iterator[Scored]:
    pending: deque[Future[Scored]] = deque()
    for batch in batches:
        pending.append(pool.submit(score_batch, batch, model))
        if len(pending) >= MAX_BATCHES_IN_MEMORY:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


# --- Output and progress bar --------------------------------------------------------------------


def _progress(files: Sequence[Path], *, is_quiet: bool) -> Any:
    is_shown = sys.stderr.isatty() and not is_quiet
    total = sum(count_rows(path) for path in files) if is_shown else None
    # The bar is removed at the end: the summary or one error sentence follows.
    return tqdm(
        total=total, desc="scoring", unit="h", unit_scale=True, leave=False, disable=not is_shown
    )
