"""Writes the files of hours again, row by row, with the column SepsisLabel."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from model_build.data.cohort import LABEL
from model_build.data.labels import Labels
from sepsis_detect.batch_scoring import cells
from sepsis_detect.batch_scoring.hour_columns import HourColumns
from sepsis_detect.batch_scoring.hour_rows import HourReader, Reading
from sepsis_detect.batch_scoring.hour_tables import HourTable, open_hours, readable
from sepsis_detect.batch_scoring.written_numbers import is_missing
from sepsis_detect.batch_scoring.written_tables import written_table
from sepsis_detect.clinical.stay import BoolArray
from sepsis_detect.clinical.variables import ICU_HOUR
from sepsis_detect.errors import BadFileError

PATIENT_ID = "patient_id"


def write_labelled(
    files: Sequence[Path], reading: Reading, n_rows: Sequence[int], labels: Labels, output: Path
) -> None:
    """Write all rows of some files, in their order, with their labels.

    Columns, units and texts are those of the files; blank rows are left out. Files without an
    identifier are one stay each and get `patient_id`, the name of the file.

    Args:
        files: The files of hours.
        reading: As they were read.
        n_rows: Rows of each file.
        labels: Shape (n_hours,), over all files.
        output: .csv or .parquet.

    Raises:
        BadFileError: A file differs from the first, or the output cannot be written.
    """
    if any(output.resolve() == path.resolve() for path in files):
        raise BadFileError(f"{output} is also a file to read: choose another name")
    schema = _schema(files[0], reading)
    first_rows = np.cumsum(n_rows) - n_rows
    with written_table(output, schema) as write:
        for path, begin, n in zip(files, first_rows, n_rows, strict=True):
            _write_file(path, reading, schema, labels[begin : begin + n], write)


def _write_file(
    path: Path, reading: Reading, schema: Any, labels: Labels, write: Callable[[Any], None]
) -> None:
    at = 0
    for columns in _kept_rows(path, reading):
        n_rows = len(next(iter(columns.values())))
        columns[LABEL] = pa.array(labels[at : at + n_rows])
        at += n_rows
        try:
            write(pa.table(columns).select(schema.names).cast(schema))
        except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BadFileError(
                f"{path} has other columns than the first file: label them one by one"
            ) from error
    if at != len(labels):
        raise BadFileError(f"{path} has changed while it was read")


def _schema(path: Path, reading: Reading) -> Any:
    first = next(_kept_rows(path, reading))
    fields = [(name, column.type) for name, column in first.items()]
    return pa.schema([*fields, (LABEL, pa.int8())])


def _kept_rows(path: Path, reading: Reading) -> Iterator[dict[str, Any]]:
    """The columns of the rows that are not blank, table by table, at least once."""
    with readable(path):
        columns = HourReader(path, reading, path.stem).columns
        names = [name if name else f"column_{at + 1}" for at, name in enumerate(columns.headers)]
        for table in open_hours(path).tables(range(len(names))):
            kept = pa.array(~_is_blank(table, columns))
            found = {
                name: cells.decoded(table.columns[at]).filter(kept) for at, name in enumerate(names)
            }
            if not columns.ids:
                name = pa.repeat(path.stem, int(kept.to_numpy(zero_copy_only=False).sum()))
                found = {PATIENT_ID: name} | found
            yield found


def _is_blank(table: HourTable, columns: HourColumns) -> BoolArray:
    """Shape (n_rows,): rows without an id, or of files without ids, without an hour.

    Of all rows that were read, only blank ones lack them.
    """
    at = columns.ids[0] if columns.ids else columns.variables[ICU_HOUR]
    coded = cells.texts(table.columns[at])
    is_text_missing = [text is None or is_missing(text) for text in coded.dictionary.to_pylist()]
    rows = coded.indices.fill_null(len(is_text_missing)).to_numpy(zero_copy_only=False)
    is_blank: BoolArray = np.array([*is_text_missing, True])[rows]
    return is_blank
