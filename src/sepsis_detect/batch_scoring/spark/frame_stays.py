"""Rows of a distributed frame as batches of whole stays: what runs in each Spark task.

The rows of a patient stand together, sorted by stay and hour. They come as Arrow record batches,
whose borders mean nothing. Memory holds one record batch and the stays of one patient.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sepsis_detect.batch_scoring import stay_ids
from sepsis_detect.batch_scoring.batch import Scored, score_batch
from sepsis_detect.batch_scoring.hour_rows import HourReader, HourRows, Reading
from sepsis_detect.batch_scoring.hour_tables import HourTable
from sepsis_detect.batch_scoring.stay_files import Batch, batch_of
from sepsis_detect.batch_scoring.stay_ids import StayIndex
from sepsis_detect.clinical.variables import ICU_HOUR
from sepsis_detect.prediction.model import Model

NAME = "the frame"
"""What messages call the data."""


@dataclass(frozen=True, slots=True)
class FrameReading:
    """How the rows of a frame are read: the same in every task.

    Attributes:
        headers: The names of all columns of the frame.
        reading: How they are read.
        texts: By column of `VARIABLES`, texts that show the decimal signs of the whole frame.
    """

    headers: tuple[str, ...]
    reading: Reading
    texts: tuple[tuple[int, tuple[str, ...]], ...] = ()

    def reader(self, record_batches: Iterable[Any] = ()) -> HourReader:
        """The reader of some rows.

        Args:
            record_batches: With the columns `columns.positions` of the frame, in that order.

        Raises:
            BadFileError: The columns cannot be those of hours.
        """
        file = _RecordBatches(self.headers, record_batches)
        reader = HourReader(NAME, self.reading, NAME, file=file, texts=self.texts)
        file.hour_at = reader.columns.variables[ICU_HOUR]
        return reader


class _RecordBatches:
    """Arrow record batches as a file of hours that is read once.

    Attributes:
        headers: The names of all columns of the frame.
        hour_at: Position of the hour: a frame has no lines, so that messages name the hour.
    """

    def __init__(self, headers: Sequence[str], record_batches: Iterable[Any]):
        self.headers = list(headers)
        self.hour_at = 0
        self._record_batches = record_batches

    def tables(self, positions: Sequence[int]) -> Iterator[HourTable]:
        for batch in self._record_batches:
            columns = {at: batch.column(place) for place, at in enumerate(positions)}
            yield HourTable(columns, batch.num_rows, _hour_of(columns[self.hour_at]))


def _hour_of(hours: Any) -> Callable[[int], str]:
    return lambda row: f"hour {hours[row]}"


def scored_stays(
    record_batches: Iterable[Any], frame_reading: FrameReading, artifact: bytes
) -> Iterator[Scored]:
    """Score the stays of one task.

    Args:
        record_batches: As of `FrameReading.reader`; the rows of a patient stand together.
        frame_reading: How to read them.
        artifact: Content of the model's file.
    """
    model = _opened(artifact)
    for batch in _whole_stays(frame_reading.reader(record_batches)):
        yield score_batch(batch, model)


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
    index.add(NAME, rows.keys)
    return batch_of(rows, index, stay_ids.Names())


@lru_cache(maxsize=1)
def _opened(artifact: bytes) -> Model:
    """The model, opened once in a process that runs many tasks."""
    return Model(artifact, source=NAME, loaded_at=datetime.now(UTC))
