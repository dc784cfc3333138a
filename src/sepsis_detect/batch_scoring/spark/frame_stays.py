"""Rows of a distributed frame as batches of whole stays: what runs in each Spark task.

The rows of a patient stand together, sorted by stay and hour; without identifiers, the rows of a
file do, in its order. They come as Arrow record batches, whose borders mean nothing. Memory holds
one record batch and the stays of one patient or file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from sepsis_detect.batch_scoring import stay_ids
from sepsis_detect.batch_scoring.batch import Scored, score_batch
from sepsis_detect.batch_scoring.hour_columns import HourColumns
from sepsis_detect.batch_scoring.hour_rows import HourReader, HourRows, Reading
from sepsis_detect.batch_scoring.hour_tables import HourTable
from sepsis_detect.batch_scoring.one_stay import MAX_STAY_ROWS
from sepsis_detect.batch_scoring.stay_files import Batch, batch_of, gathered, the_one_stay
from sepsis_detect.batch_scoring.stay_ids import StayIndex
from sepsis_detect.clinical.variables import ICU_HOUR
from sepsis_detect.prediction.model import Model


@dataclass(frozen=True, slots=True)
class FrameReading:
    """How the rows of a frame are read: the same in every task.

    Attributes:
        headers: The names of all columns of the frame.
        reading: How they are read.
        name: What messages call the frame.
        texts: By column of `VARIABLES`, texts that show the decimal signs of the whole frame.
        repeated_names: The names that several files without identifiers have.
    """

    headers: tuple[str, ...]
    reading: Reading
    name: str
    texts: tuple[tuple[int, tuple[str, ...]], ...] = ()
    repeated_names: frozenset[str] = frozenset()

    def reader(self, record_batches: Iterable[Any] = ()) -> HourReader:
        """The reader of some rows.

        Args:
            record_batches: With the columns `columns.positions` of the frame, in that order;
                further ones are not read.

        Raises:
            BadFileError: The columns cannot be those of hours.
        """
        file = _RecordBatches(self.headers, record_batches)
        reader = HourReader(self.name, self.reading, self.name, file=file, texts=self.texts)
        file.columns = reader.columns
        return reader

    def reader_of_file(self, uri: str, record_batches: list[Any]) -> HourReader:
        """The reader of all rows of one file; its texts show its decimal signs."""
        name = stem(uri)
        name = uri if name in self.repeated_names else name
        file = _RecordBatches(self.headers, record_batches)
        reader = HourReader(uri, self.reading, name, file=file)
        file.columns = reader.columns
        return reader


class _RecordBatches:
    """Arrow record batches as a file of hours, read as often as they can be.

    Attributes:
        headers: The names of all columns of the frame.
        columns: Which of them the record batches have.
    """

    columns: HourColumns

    def __init__(self, headers: Sequence[str], record_batches: Iterable[Any]):
        self.headers = list(headers)
        self._record_batches = record_batches

    def tables(self, positions: Sequence[int]) -> Iterator[HourTable]:
        place_of = {at: place for place, at in enumerate(self.columns.positions)}
        hour_place = place_of[self.columns.variables[ICU_HOUR]]
        for batch in self._record_batches:
            columns = {at: batch.column(place_of[at]) for at in positions}
            # A frame has no lines: messages name the hour.
            yield HourTable(columns, batch.num_rows, _hour_of(batch.column(hour_place)))


def _hour_of(hours: Any) -> Callable[[int], str]:
    return lambda row: f"hour {hours[row]}"


def scored_stays(
    record_batches: Iterable[Any], frame_reading: FrameReading, artifact: bytes
) -> Iterator[Scored]:
    """Score the stays of one task.

    Args:
        record_batches: As of `FrameReading.reader`; the rows of a patient stand together. Without
            identifiers, a last column has the URI of the file of each row.
        frame_reading: How to read them.
        artifact: Content of the model's file.
    """
    model = _opened(artifact)
    reader = frame_reading.reader(record_batches)
    is_identified = bool(reader.columns.ids)
    batches = _whole_stays(reader) if is_identified else _of_files(record_batches, frame_reading)
    for batch in gathered(batches):
        yield score_batch(batch, model)


def stem(uri: str) -> str:
    """The name of a file without its suffix: that of the stay in it."""
    return PurePosixPath(unquote(uri)).stem


def _of_files(record_batches: Iterable[Any], frame_reading: FrameReading) -> Iterator[Batch]:
    """The one stay of each file."""
    runs = (run for batch in record_batches if batch.num_rows for run in _runs(batch))
    for uri, of_file in groupby(runs, key=itemgetter(0)):
        # A file of more rows is refused: no more of them are kept.
        rows = list(_first_rows((part for _, part in of_file), MAX_STAY_ROWS + 1))
        yield the_one_stay(uri, frame_reading.reader_of_file(uri, rows))


def _runs(record_batch: Any) -> Iterator[tuple[str, Any]]:
    """The URI and the rows of each file in a record batch."""
    uris = record_batch.column(record_batch.num_columns - 1)
    for begin, end in pairwise([*stay_ids.starts(uris), record_batch.num_rows]):
        yield uris[begin].as_py(), record_batch.slice(begin, end - begin)


def _first_rows(record_batches: Iterable[Any], n_rows: int) -> Iterator[Any]:
    for batch in record_batches:
        yield batch.slice(0, n_rows)
        n_rows -= batch.num_rows
        if n_rows <= 0:
            return


def _whole_stays(reader: HourReader) -> Iterator[Batch]:
    pending: HourRows | None = None
    for _, rows in reader.rows():
        pending = rows if pending is None else pending.followed_by(rows)
        # The last patient may go on in the next record batch.
        if starts := stay_ids.starts(stay_ids.finest(pending.keys))[1:]:
            yield _batch(pending.part(0, starts[-1]))
            pending = pending.part(starts[-1])
    if pending is not None and len(pending.values):
        yield _batch(pending)


def _batch(rows: HourRows) -> Batch:
    """All stays of some patients: no other task or batch has rows of them."""
    index = StayIndex()
    index.add("", rows.keys)
    return batch_of(rows, index, stay_ids.Names())


@lru_cache(maxsize=1)
def _opened(artifact: bytes) -> Model:
    """The model, opened once in a process that runs many tasks."""
    return Model(artifact, source="driver", loaded_at=datetime.now(UTC))
