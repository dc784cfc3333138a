"""Files of hours as Arrow tables: text or parquet, told by the suffix."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet

from sepsis_detect.batch_scoring.delimited_text import SEPARATORS, DelimitedText
from sepsis_detect.errors import BadFileError

PARQUET = ".parquet"
BATCH_ROWS = 8_192
BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HourTable:
    """Some whole rows.

    Attributes:
        columns: Arrow arrays by position of the column in the file.
        n_rows: How many rows.
        place: The place of a row, as messages say it: `line 7`.
    """

    columns: dict[int, Any]
    n_rows: int
    place: Callable[[int], str]


class HourFile(Protocol):
    """An opened file.

    Attributes:
        headers: The names of its columns, in order.
    """

    headers: list[str]

    def tables(self, positions: Sequence[int]) -> Iterator[HourTable]:
        """Read some columns, table by table.

        Raises:
            BadFileError: The file cannot be read.
        """


class _TextFile:
    def __init__(self, path: Path):
        self._text = DelimitedText(path)
        self.headers = self._text.headers

    def tables(self, positions: Sequence[int]) -> Iterator[HourTable]:
        for block in self._text.blocks(positions):
            columns = {at: block.table.column(str(at)).chunk(0) for at in positions}
            yield HourTable(columns, block.table.num_rows, block.place)


class _ParquetFile:
    def __init__(self, path: Path):
        self._path = path
        with path.open("rb") as file:
            if not file.read(1):
                raise BadFileError(f"{path} is empty")
        self.headers = [str(name) for name in pa.parquet.read_schema(path).names]

    def tables(self, positions: Sequence[int]) -> Iterator[HourTable]:
        names = [self.headers[at] for at in positions]
        n_before = 0
        # With a buffer, a row group is read piece by piece, however large it is.
        with pa.parquet.ParquetFile(self._path, buffer_size=BUFFER_BYTES) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=names):
                columns = {at: batch.column(self.headers[at]) for at in positions}
                yield HourTable(columns, batch.num_rows, _row_after(n_before))
                n_before += batch.num_rows


def open_hours(path: Path) -> HourFile:
    """Open a file; its header is read.

    Raises:
        BadFileError: It cannot be read as a table; one sentence.
    """
    suffix = path.suffix.lower()
    if suffix not in (PARQUET, *SEPARATORS):
        raise BadFileError(f"{path} is neither .psv, .csv, .tsv, .txt nor .parquet")
    return _ParquetFile(path) if suffix == PARQUET else _TextFile(path)


def count_rows(path: Path) -> int:
    """About how many rows a file holds, for a progress bar; 0 if it cannot be read."""
    try:
        if path.suffix.lower() == PARQUET:
            return int(pa.parquet.read_metadata(path).num_rows)
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(BUFFER_BYTES), b""))
    except (OSError, pa.ArrowException):
        return 0


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Convert errors of reading to a `BadFileError` with one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise BadFileError(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise BadFileError(f"{path} is a folder: name the files in it") from error
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path} is not a text in UTF-8") from error
    except (OSError, pa.ArrowException, csv.Error) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        reason = getattr(error, "strerror", None) or lines[0].rstrip(".")
        raise BadFileError(f"{path} cannot be read: {reason}") from error


def _row_after(n_before: int) -> Callable[[int], str]:
    return lambda row: f"row {n_before + row + 1}"
