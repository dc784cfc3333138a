"""Reads delimited text (.psv, .csv) as Arrow record batches.

The first line has the names of the columns and is line 1 of messages. A message quotes one wrong
cell, never a whole row of a patient.

Blocks are read here and parsed one by one: pyarrow's own streaming reader keeps a thread that
aborts the process when it ends after an error (https://github.com/apache/arrow/issues/45214).
"""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from sepsis_detect.errors import BadFileError

SEPARATORS = {".psv": "|", ".csv": ","}
OTHER_SEPARATORS = {";": "';'", ",": "','", "|": "'|'", "\t": "tabs"}
MISSING = ["", "NaN", "nan", "NA", "N/A", "null", "NULL", "None"]
BLOCK_BYTES = 512 * 1024  # some six thousand hours
MAX_LINE_BYTES = 100_000
MAX_SHOWN = 40  # characters of a wrong cell

WRONG_CELL = re.compile(
    r"In CSV column #(\d+): Row #(\d+): CSV conversion error to (\w+): (?:invalid value '(.*)')?",
    re.DOTALL,
)


def column_names(path: Path) -> list[str]:
    """Read the first line.

    Raises:
        BadFileError: The line has no names, or no row follows.
        OSError, UnicodeDecodeError: It cannot be read.
    """
    separator = SEPARATORS[path.suffix.lower()]
    with path.open("rb") as file:
        line = file.readline(MAX_LINE_BYTES).decode("utf-8-sig")
        has_more = bool(file.read(1))
    names = [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    if len(names) < 2:
        found = next((f", but {word}" for s, word in OTHER_SEPARATORS.items() if s in line), "")
        raise BadFileError(f"{path} has no '{separator}' in its first line{found}")
    if not has_more:
        raise BadFileError(f"{path} holds no row")
    return names


def record_batches(path: Path, types: Mapping[str, Any]) -> Iterator[Any]:
    """Read columns, block by block.

    Args:
        path: A .psv or .csv file.
        types: The columns to read, with their Arrow types.

    Raises:
        BadFileError: A line has too many or too few cells, or a cell is not of its type.
        OSError, UnicodeDecodeError: It cannot be read.
    """
    names = column_names(path)
    options = pa.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        null_values=MISSING,
        strings_can_be_null=True,
    )
    with path.open("rb") as file:
        n_lines = file.readline(MAX_LINE_BYTES).count(b"\n")
        while block := file.read(BLOCK_BYTES):
            block += file.readline(MAX_LINE_BYTES)
            if not block.isspace():
                yield from _parsed(block, names, options, path, n_lines)
            n_lines += block.count(b"\n")


def shown(text: str) -> str:
    """A cell, cut for a message."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _parsed(
    block: bytes, names: list[str], options: Any, path: Path, n_lines_before: int
) -> list[Any]:
    ragged: list[Any] = []

    def note(row: Any) -> str:
        ragged.append(row)
        return "error"

    try:
        table = pa.csv.read_csv(
            pa.BufferReader(block),
            pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=2 * len(block)),
            pa.csv.ParseOptions(
                delimiter=SEPARATORS[path.suffix.lower()], invalid_row_handler=note
            ),
            options,
        )
        return list(table.combine_chunks().to_batches())
    except pa.ArrowInvalid as error:
        if not (wrong := _wrong(str(error), ragged, names, n_lines_before)):
            raise
        raise BadFileError(f"{path}, {wrong}") from error


def _wrong(message: str, ragged: list[Any], names: list[str], n_lines_before: int) -> str | None:
    if ragged:
        line, found = ragged[0].number + n_lines_before, ragged[0].actual_columns
        return f"line {line}: {found} cells under {len(names)} columns"
    if not (cell := WRONG_CELL.match(message)):
        return None
    column, row, kind, text = cell.groups()
    what = f"'{shown(text)}' is not a number" if kind == "double" else "this is not UTF-8"
    return f"line {int(row) + n_lines_before}, column {names[int(column)]}: {what}"
