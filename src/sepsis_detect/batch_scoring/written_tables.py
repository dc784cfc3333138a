"""Writes tables to .csv or .parquet: to a temporary file beside, renamed when complete."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sepsis_detect.batch_scoring.hour_tables import PARQUET
from sepsis_detect.errors import BadFileError


@contextmanager
def written_table(path: Path, schema: Any) -> Iterator[Callable[[Any], None]]:
    """Open a table to write, part by part.

    Args:
        path: A .csv or .parquet file.
        schema: The Arrow schema of all parts.

    Raises:
        BadFileError: It cannot be written; what was there before is left.
    """
    writers = {PARQUET: pa.parquet.ParquetWriter, ".csv": pa.csv.CSVWriter}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise BadFileError(f"{path} is neither .csv nor .parquet: choose one to write")
    part = path.resolve().with_name(f".sepsis-detect-{token_hex(8)}.part")
    try:
        if path.is_dir():
            raise BadFileError(f"{path} cannot be written: it is a folder")
        with writer(str(part), schema) as opened:
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
