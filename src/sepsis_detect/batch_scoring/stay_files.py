"""Reads files of hours (text or parquet) in batches of whole stays.

One row is one hour; the rows of a stay stand together, in order. Columns may be in any order and
have any of the names of `headers`; other columns are not read. Rows without any value are left
out. A file without a column that identifies stays is one stay, named after the file, as the
challenge's records are; if its rows cannot be of one stay it is refused.

A stay with a cell that cannot be read is read with the reason, and does not stop the others.
Memory does not grow with the file: it holds one batch and the last stay of the batch before.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sepsis_detect.batch_scoring import stay_ids
from sepsis_detect.batch_scoring.hour_rows import AS_WRITTEN, HourReader, HourRows, Reading
from sepsis_detect.batch_scoring.hour_tables import BATCH_ROWS, readable
from sepsis_detect.batch_scoring.one_stay import OneStay
from sepsis_detect.batch_scoring.stay_ids import StayIndex
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.errors import BadFileError


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole stays of one file.

    Attributes:
        stay: Their hours end to end, canonical units.
        patient_ids: One per stay: its finest identifier, or the name of its file.
        reasons: One per stay: why it could not be read as it was meant; None if it was.
        is_again: One per stay: whether rows of the same stay came before, in another place.
        others: The further columns that were asked for, as Arrow arrays by name.
        keys: One per stay, as of `stay_ids.keys`; empty for batches that were joined.
        notes: One per stay: how its age was read, where that needs a sentence; else None.
    """

    stay: Stay
    patient_ids: list[str]
    reasons: list[str | None]
    is_again: list[bool]
    others: Mapping[str, Any]
    keys: Sequence[str] = ()
    notes: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of files that are read together, before their values are read.

    Attributes:
        index: Where the rows of the stays stand.
        names: Of the files that do not identify stays, the name of their stay.
        unread: Headers of columns that are not read, each with the name it resembles.
        stated: Columns of `VARIABLES` whose unit is stated, in a header or by the user.
        by_words: Headers that are read by their words, each with what it was taken for.
    """

    index: StayIndex
    names: Mapping[Path, str]
    unread: Sequence[tuple[str, str | None]]
    stated: frozenset[int]
    by_words: Sequence[tuple[str, str]] = ()


def survey(paths: Sequence[Path], reading: Reading) -> Survey:
    """Read headers and identifiers of files; errors as of `read_stays`."""
    index = StayIndex()
    unread: dict[tuple[str, str | None], None] = {}
    by_words: dict[tuple[str, str], None] = {}
    stated: set[int] = set()
    one_stay_files = []
    for path in paths:
        with readable(path):
            reader = HourReader(path, reading, path.stem)
            unread |= dict.fromkeys(reader.columns.unread)
            by_words |= dict.fromkeys(reader.columns.by_words)
            stated |= set(reader.columns.conversions)
            if not reader.columns.ids:
                one_stay_files.append(path)
                continue
            for keys in reader.stay_keys():
                index.add(path, keys)
    n_files = Counter(path.stem for path in one_stay_files)
    names = {path: path.stem if n_files[path.stem] == 1 else str(path) for path in one_stay_files}
    return Survey(index, names, list(unread), frozenset(stated), list(by_words))


def read_stays(
    path: Path, reading: Reading = AS_WRITTEN, surveyed: Survey | None = None
) -> Iterator[Batch]:
    """Read a file in batches of whole stays, every row once and in order.

    Args:
        path: A file of text or parquet.
        reading: How to read it.
        surveyed: The survey of all files that are read together; of this one if not given.

    Raises:
        BadFileError: The file cannot be read as hours of stays; one sentence.
    """
    if surveyed is None:
        surveyed = survey([path], reading)
    index = surveyed.index
    with readable(path):
        reader = HourReader(path, reading, surveyed.names.get(path, path.stem))
        if not reader.columns.ids:
            yield the_one_stay(path, reader)
            return
        names = stay_ids.Names()
        pending: HourRows | None = None
        for _, rows in reader.rows():
            pending = rows if pending is None else pending.followed_by(rows)
            if starts := stay_ids.starts(pending.keys)[1:]:
                # The last stay may go on in the next table.
                yield batch_of(pending.part(0, starts[-1]), index, names)
                pending = pending.part(starts[-1])
        yield batch_of(_known(path, pending), index, names)


def the_one_stay(path: Path | str, reader: HourReader) -> Batch:
    """The one stay of a file without identifiers; errors as of `read_stays`."""
    one_stay = OneStay(path, reader.columns)
    pending: HourRows | None = None
    for table, rows in reader.rows():
        pending = rows if pending is None else pending.followed_by(rows)
        one_stay.check_candidates(table)
        one_stay.check_length(pending.values)
    pending = _known(path, pending)
    one_stay.check(pending.values)
    return batch_of(pending, StayIndex(), stay_ids.Names())


def _known(path: Path | str, rows: HourRows | None) -> HourRows:
    if rows is None or not len(rows.values):
        raise BadFileError(f"{path} holds no row")
    return rows


def gathered(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Join small batches, such as files of one patient each: many hours at once are faster."""
    found: list[Batch] = []
    n_hours = 0
    for batch in batches:
        found.append(batch)
        n_hours += batch.stay.n_hours
        if n_hours >= BATCH_ROWS // 2:
            yield _joined(found)
            found, n_hours = [], 0
    if found:
        yield _joined(found)


def _joined(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    return Batch(
        Stay.end_to_end([batch.stay for batch in batches]),
        [patient_id for batch in batches for patient_id in batch.patient_ids],
        [reason for batch in batches for reason in batch.reasons],
        [each for batch in batches for each in batch.is_again],
        {},
        notes=[each for batch in batches for each in batch.notes],
    )


def batch_of(rows: HourRows, index: StayIndex, names: stay_ids.Names) -> Batch:
    """Whole stays as a batch.

    Args:
        rows: Of whole stays, in order.
        index: Of all rows that are read together.
        names: Of the stays before.
    """
    starts = stay_ids.starts(rows.keys)
    keys = rows.keys.take(pa.array(starts)).to_pylist()
    wrong = _first_wrong(rows, starts)
    return Batch(
        Stay(rows.values, np.array(starts)),
        [names.of(key) for key in keys],
        [index.problem(key) or wrong.get(at) for at, key in enumerate(keys)],
        [index.is_met_again(key) for key in keys],
        rows.others,
        keys,
        _notes(rows, starts),
    )


def _notes(rows: HourRows, starts: Sequence[int]) -> list[str | None]:
    """By stay, the first note of its rows."""
    found: list[str | None] = [None] * len(starts)
    for row in sorted(rows.notes, reverse=True):
        found[int(np.searchsorted(starts, row, side="right")) - 1] = rows.notes[row]
    return found


def _first_wrong(rows: HourRows, starts: Sequence[int]) -> dict[int, str]:
    """By stay, its first cell that cannot be read, and how many there are more."""
    found: dict[int, list[str]] = {}
    for row in sorted(rows.wrong):
        at = int(np.searchsorted(starts, row, side="right")) - 1
        found.setdefault(at, []).extend(rows.wrong[row])
    return {at: texts[0] + _more_cells(len(texts) - 1) for at, texts in found.items()}


def _more_cells(n_cells: int) -> str:
    if not n_cells:
        return ""
    return f" (and {n_cells:,} more {'cell' if n_cells == 1 else 'cells'})"
