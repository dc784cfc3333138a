"""Scores stays in Apache Spark: a DataFrame of hours in, a DataFrame of scores out.

The same reading, rules, features and model as the command `score`, so that the scores are the same
bits. Rows may be in any order: each patient's rows are brought together, sorted by hour, and
streamed as Arrow record batches (`mapInArrow`) through the pipeline. The artifact is read once, by
the driver, so that all tasks use the same model.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark import AccumulatorParam, TaskContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql
from pyspark.sql.types import StringType

from sepsis_detect.batch_scoring import cells, stay_files, stay_ids, summary
from sepsis_detect.batch_scoring.batch import SCHEMA
from sepsis_detect.batch_scoring.hour_columns import HourColumns
from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.batch_scoring.spark.frame_stays import FrameReading, scored_stays, stem
from sepsis_detect.batch_scoring.summary import Tally
from sepsis_detect.clinical.units import stated_conversions
from sepsis_detect.clinical.variables import ICU_HOUR
from sepsis_detect.errors import BadFileError, ModelArtifactError
from sepsis_detect.model_delivery.candidate import too_large
from sepsis_detect.model_delivery.follower import source_of
from sepsis_detect.model_delivery.store import START_FETCH_SECONDS
from sepsis_detect.prediction.model import EMBEDDED_MODEL, Model
from sepsis_detect.settings import read_settings

SPARK_TYPES = {pa.string(): "string", pa.float64(): "double", pa.float32(): "float"}
SCORES = ", ".join(f"{field.name} {SPARK_TYPES[field.type]}" for field in SCHEMA)
"""The columns of the scores, in Spark's words."""

SPACES = r"^\s+|\s+$"


class Summary:
    """What was scored, dropped and left out: complete after the action that computes the scores.

    A task that runs again replaces its counts, so that retries count once.
    """

    def __init__(self, session: SparkSession):
        self.by_task = session.sparkContext.accumulator({}, _ByTask())
        self._columns: HourColumns | None = None

    def begin(self, columns: HourColumns) -> None:
        """Note the columns of the frame."""
        self._columns = columns

    def tally(self) -> Tally:
        """The counts of all tasks."""
        tally = Tally()
        for _, part in sorted(self.by_task.value.items()):
            tally.add_tally(part)
        return tally

    def lines(self, output: str) -> list[str]:
        """The closing lines, as those of `score`.

        Raises:
            ValueError: No scores have been computed with this summary.
        """
        if self._columns is None:
            raise ValueError("no scores have been computed with this summary")
        tally = self.tally()
        columns = self._columns
        surveyed = stay_files.Survey(
            stay_ids.StayIndex(),
            {},
            columns.unread,
            frozenset(columns.conversions),
            columns.by_words,
        )
        return list(summary.lines(tally, output, surveyed))


class _ByTask(AccumulatorParam[dict[int, Tally]]):
    def zero(self, value: dict[int, Tally]) -> dict[int, Tally]:
        return {}

    def addInPlace(self, value1: dict[int, Tally], value2: dict[int, Tally]) -> dict[int, Tally]:  # noqa: N802 - Spark's name
        return value1 | value2


def score(
    frame: DataFrame,
    *,
    units: Sequence[str] = (),
    is_partial_allowed: bool = False,
    are_files_stays: bool = False,
    name: str = "the frame",
    summary: Summary | None = None,
) -> DataFrame:
    """Score every hour of a frame.

    Args:
        frame: One row an hour, the columns of the command `score`, a column that identifies stays
            among them; rows in any order.
        units: `variable=unit` for columns that are not in the canonical unit.
        is_partial_allowed: Whether the frame may lack columns.
        are_files_stays: Whether the frame may lack an identifier: each of the files it is read from
            is then one stay, as for `score`.
        name: What messages call the frame.
        summary: Is filled when the scores are computed.

    Returns:
        One row an hour, the columns of `SCORES`; an hour of a stay that cannot be scored has no
        probability.

    Raises:
        BadFileError: The columns cannot be those of hours of stays. A task fails with it where a
            row is of no stay.
        SettingsError: A unit is not accepted.
        ModelArtifactError, ModelSourceError: The model of `SEPSIS_MODEL_URI` cannot be used.
    """
    reading = Reading(
        conversions=stated_conversions(units),
        is_partial_allowed=is_partial_allowed,
        are_words_read=True,
    )
    frame_reading = FrameReading(tuple(frame.columns), reading, name)
    columns = frame_reading.reader().columns
    if columns.ids:
        frame = frame.toDF(*(f"c{at}" for at in range(len(frame.columns))))
        texts = _decimal_signs(frame, frame_reading, columns)
        frame_reading = replace(frame_reading, texts=texts)
        stays = _sorted_stays(frame, columns)
    elif are_files_stays:
        n_files = Counter(stem(uri) for uri in frame.inputFiles())
        repeated = frozenset(each for each, n in n_files.items() if n > 1)
        frame_reading = replace(frame_reading, repeated_names=repeated)
        stays = _rows_of_files(frame, columns)
    else:
        raise BadFileError(
            f"{name} has no column that identifies stays, such as stay_id or patient_id"
        )
    artifact = frame.sparkSession.sparkContext.broadcast(_artifact())
    if summary is not None:
        summary.begin(columns)
    task = partial(_scored, frame_reading, artifact, None if summary is None else summary.by_task)
    return stays.mapInArrow(task, SCORES)


def _rows_of_files(frame: DataFrame, columns: HourColumns) -> DataFrame:
    """The columns that are read, and the URI of the file; its rows in one task, in its order."""
    names = [frame.columns[at].replace("`", "``") for at in columns.positions]
    read = [sql.col(f"`{name}`").alias(f"c{place}") for place, name in enumerate(names)]
    order = [
        sql.col("_metadata.file_path").alias("uri"),
        sql.col("_metadata.file_block_start").alias("block"),
        sql.monotonically_increasing_id().alias("row"),
    ]
    placed = frame.select(*read, *order).repartition("uri")
    return placed.sortWithinPartitions("uri", "block", "row").drop("block", "row")


def _sorted_stays(frame: DataFrame, columns: HourColumns) -> DataFrame:
    """The columns that are read; the rows of a patient in one task, by stay and hour."""
    finest, *others = (
        sql.regexp_replace(sql.col(f"c{at}").cast("string"), SPACES, "") for at in columns.ids
    )
    hour = sql.col(f"c{columns.variables[ICU_HOUR]}").cast("string")
    order = [finest, *others, sql.regexp_replace(hour, ",", ".").try_cast("double")]
    names = [f"k{place}" for place in range(len(order))]
    read = [sql.col(f"c{at}") for at in columns.positions]
    keyed = frame.select(*read, *(key.alias(name) for key, name in zip(order, names, strict=True)))
    placed = keyed.repartition(names[0]).sortWithinPartitions(*names)
    return placed.select(*read)


def _decimal_signs(
    frame: DataFrame, frame_reading: FrameReading, columns: HourColumns
) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """By column, texts that show the decimal signs of the frame; one pass, only over texts."""
    is_text = [isinstance(field.dataType, StringType) for field in frame.schema.fields]
    of_texts = {column: at for column, at in columns.variables.items() if is_text[at]}
    if not of_texts:
        return ()
    texts = frame.select(*(sql.col(f"c{at}") for at in of_texts.values()))
    found = texts.mapInArrow(
        partial(_telling_texts, frame_reading, tuple(of_texts)), "column int, text string"
    ).distinct()
    by_column: dict[int, list[str]] = {column: [] for column in of_texts}
    for row in found.collect():
        by_column[row["column"]].append(row["text"])
    signs = frame_reading.reader().signs
    return tuple((column, tuple(signs.telling(column, by_column[column]))) for column in by_column)


def _artifact() -> bytes:
    """The content of the model's file, if it is acceptable."""
    uri = read_settings().model_uri
    if uri is None:
        return EMBEDDED_MODEL.read_bytes()
    fetched = source_of(uri).fetch(None, timeout_seconds=START_FETCH_SECONDS)
    assert fetched is not None  # noqa: S101 - no ETag was given
    if fetched.content is None:
        raise ModelArtifactError(too_large(fetched.n_bytes))
    Model(fetched.content, source=uri, loaded_at=datetime.now(UTC))
    return fetched.content


# --- In each task -------------------------------------------------------------------------------


def _telling_texts(
    frame_reading: FrameReading, columns: Sequence[int], record_batches: Iterable[Any]
) -> Iterator[Any]:
    signs = frame_reading.reader().signs
    for batch in record_batches:
        found = [
            (column, text)
            for place, column in enumerate(columns)
            for text in signs.telling(
                column, cells.texts(batch.column(place)).dictionary.to_pylist()
            )
        ]
        yield pa.RecordBatch.from_arrays(
            [
                pa.array([column for column, _ in found], pa.int32()),
                pa.array([text for _, text in found], pa.string()),
            ],
            names=["column", "text"],
        )


def _scored(
    frame_reading: FrameReading, artifact: Any, by_task: Any, record_batches: Iterable[Any]
) -> Iterator[Any]:
    tally = Tally()
    for scored in scored_stays(record_batches, frame_reading, artifact.value):
        tally.add(scored)
        yield from scored.table.cast(SCHEMA).to_batches()
    context = TaskContext.get()
    if by_task is not None and context is not None:
        by_task.add({context.partitionId(): tally})
