"""Outcomes: when sepsis began, by request, from a text or parquet file.

Columns: `request_id`, or `input_hmac` where there is none; `septic_at`, a time with offset, or
empty where sepsis did not begin; `patient_index` for requests with several patients, from 0;
identifiers of the stay under their usual names (`docs/files.md`). Other columns are not read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute

from sepsis_detect.batch_scoring import cells, headers, stay_ids
from sepsis_detect.batch_scoring.hour_tables import HourTable, open_hours, readable
from sepsis_detect.batch_scoring.written_numbers import is_missing
from sepsis_detect.errors import BadFileError

REQUEST_ID, INPUT_HMAC = "request_id", "input_hmac"
SEPTIC_AT, PATIENT_INDEX = "septic_at", "patient_index"
EXAMPLE = "2026-11-23T08:00:00+01:00"

Key = tuple[str, int | None]
"""Request id or HMAC, and the patient's position; None: the request has one patient."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one patient of one request.

    Attributes:
        septic_at: When sepsis began, with a time zone; None: it did not.
        stay: Key of the stay; None: not stated.
    """

    septic_at: datetime | None
    stay: str | None


@dataclass(slots=True)
class Outcomes:
    """The outcomes of a file.

    Attributes:
        by_hmac: Whether the keys are HMACs of inputs, not request ids.
        has_stays: Whether the file has an identifier of stays.
        by_key: One outcome for each key.
    """

    by_hmac: bool
    has_stays: bool
    by_key: dict[Key, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Positions of the columns that are read."""

    request: int
    septic_at: int
    patient_index: int | None
    ids: Sequence[int]

    def all(self) -> list[int]:
        stated = [self.request, self.septic_at, self.patient_index, *self.ids]
        return [each for each in stated if each is not None]


def read_outcomes(path: Path) -> Outcomes:
    """Read a file of outcomes.

    Raises:
        BadFileError: It cannot be read, lacks a column, or has a cell that is none; one sentence.
    """
    with readable(path):
        file = open_hours(path)
        columns, by_hmac = _columns(path, file.headers)
        outcomes = Outcomes(by_hmac, has_stays=bool(columns.ids))
        for table in file.tables(columns.all()):
            for row, (key, outcome) in enumerate(_rows(path, table, columns)):
                if outcomes.by_key.setdefault(key, outcome) != outcome:
                    raise BadFileError(
                        f"{path}, {table.place(row)}: another row has another outcome of the same "
                        "request"
                    )
    if not outcomes.by_key:
        raise BadFileError(f"{path} has no row")
    return outcomes


def _columns(path: Path, names: Sequence[str]) -> tuple[_Columns, bool]:
    """The columns, and whether requests are named by HMAC."""
    found: dict[str, int] = {}
    for position, name in enumerate(names):
        ours = _OURS.get(headers.compact(name))
        if ours in found:
            raise BadFileError(f"{path} has the column {ours} twice")
        if ours is not None:
            found[ours] = position
    request = found.get(REQUEST_ID, found.get(INPUT_HMAC))
    if request is None:
        raise BadFileError(f"{path} has neither the column {REQUEST_ID} nor {INPUT_HMAC}")
    if SEPTIC_AT not in found:
        raise BadFileError(f"{path} has no column {SEPTIC_AT}")
    columns = _Columns(request, found[SEPTIC_AT], found.get(PATIENT_INDEX), _id_columns(names))
    return columns, REQUEST_ID not in found


_OURS = {headers.compact(each): each for each in (REQUEST_ID, INPUT_HMAC, SEPTIC_AT, PATIENT_INDEX)}


def _id_columns(names: Sequence[str]) -> list[int]:
    """Positions of the identifiers of stays, the finest first."""
    ranks = {
        at: rank for at, name in enumerate(names) if (rank := headers.id_rank(name)) is not None
    }
    return sorted(ranks, key=lambda at: ranks[at])


def _rows(path: Path, table: HourTable, columns: _Columns) -> Iterator[tuple[Key, Outcome]]:
    requests = _texts(path, table, columns.request)
    moments = _texts(path, table, columns.septic_at)
    none: list[str | None] = [None] * table.n_rows
    indices = none
    if columns.patient_index is not None:
        indices = _texts(path, table, columns.patient_index)
    stays = stay_ids.keys(table.columns, columns.ids).to_pylist() if columns.ids else none
    for row, (request, index, moment, stay) in enumerate(
        zip(requests, indices, moments, stays, strict=True)
    ):
        place = f"{path}, {table.place(row)}"
        if request is None:
            if index is moment is stay is None:
                continue  # a blank row
            raise BadFileError(f"{place}: the request is not named")
        yield (request, _index(place, index)), Outcome(_moment(place, moment), stay)


def _texts(path: Path, table: HourTable, at: int) -> list[str | None]:
    """The cells of a column; None where there is nothing."""
    column = table.columns[at]
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise BadFileError(f"{path}: the column {SEPTIC_AT} has times without offset")
        column = pa.compute.strftime(column.cast(pa.timestamp("us", "UTC"), safe=False), _ISO)
    try:
        found = cells.decoded(cells.texts(column)).to_pylist()
    except (cells.ColumnTypeError, pa.ArrowException) as error:
        raise BadFileError(f"{path}: a column that is read holds {column.type}") from error
    return [None if each is None or is_missing(each) else each.strip() for each in found]


_ISO = "%Y-%m-%dT%H:%M:%S%z"


def _index(place: str, text: str | None) -> int | None:
    if text is None:
        return None
    whole = text.removesuffix(".0")
    if not whole.isdecimal() or len(whole) > 6:
        raise BadFileError(f"{place}: {PATIENT_INDEX} is a whole number from 0 on, not '{text}'")
    return int(whole)


def _moment(place: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadFileError(
            f"{place}: {SEPTIC_AT} is a time such as {EXAMPLE}, or empty; this cell is neither"
        ) from error
    if found.tzinfo is None:
        raise BadFileError(f"{place}: {SEPTIC_AT} lacks its offset, such as +01:00 or Z")
    return found
