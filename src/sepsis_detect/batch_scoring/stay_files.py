"""Reads files of hours (psv, csv, parquet) in batches of whole stays.

One row is one hour; the rows of a patient are contiguous. Columns have the challenge's or the
canonical names, in any order; other columns are ignored. A file without `patient_id` is one
patient named after the file, as in the challenge's records.

Memory does not grow with the file: it holds one batch and the last patient of the batch before.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from sepsis_detect.batch_scoring import delimited_text
from sepsis_detect.batch_scoring.delimited_text import SEPARATORS, shown
from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import (
    ICU_UNITS,
    MEDICAL_UNIT,
    N_COLUMNS,
    SEX,
    SEX_CODES,
    SURGICAL_UNIT,
    VARIABLES,
)
from sepsis_detect.errors import BadFileError

PARQUET = ".parquet"
PATIENT_ID, ICU_UNIT, ICU_HOUR = "patient_id", "icu_unit", "ICULOS"
SEX_WORDS = SEX_CODES | {"f": 0.0, "m": 1.0}
NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d*)?")
UNIT_WORDS = {word: float(index) for index, word in enumerate(ICU_UNITS)}

BATCH_ROWS = 8_192
BUFFER_BYTES = 1024 * 1024
MAX_STAY_ROWS = 100_000  # eleven years: the rows of several patients without an id


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole stays of one file.

    Attributes:
        stay: Their hours end to end, canonical units.
        patient_ids: One per stay.
        is_non_contiguous: One per stay: whether there were rows of this patient before other stays.
    """

    stay: Stay
    patient_ids: list[str]
    is_non_contiguous: list[bool]


def read_stays(
    path: Path,
    *,
    conversions: Mapping[int, Conversion] | None = None,
    is_partial_allowed: bool = False,
) -> Iterator[Batch]:
    """Read a file in batches of whole stays, every row once and in order.

    Args:
        path: A .psv, .csv or .parquet file.
        conversions: By column, from the file's unit to the canonical one.
        is_partial_allowed: Whether a column may be absent; its values are then missing.

    Raises:
        BadFileError: The file cannot be read as hours of patients; one sentence.
    """
    seen: set[int] = set()  # hashes: a hundred thousand ids take a few megabytes
    values, ids = np.empty((0, N_COLUMNS)), pa.array([], pa.string())
    with _readable(path):
        columns = _Columns(_names(path), path, is_partial_allowed=is_partial_allowed)
        for table in _record_batches(path, columns):
            found = columns.values(table)
            for column, conversion in (conversions or {}).items():
                found[:, column] = conversion.to_canonical(found[:, column])
            values = np.concatenate([values, found])
            ids = pa.concat_arrays([ids, columns.patient_ids(table)])
            starts = _starts(ids)
            # The last patient may continue in the next batch.
            if last := starts[-1]:
                yield _batch(values[:last], ids, starts[:-1], seen)
            values, ids = values[last:], ids[last:]
            if len(ids) > MAX_STAY_ROWS:
                raise BadFileError(
                    f"{path} gives one patient more than {MAX_STAY_ROWS:,} rows: "
                    f"is there no column {PATIENT_ID}?"
                )
    if not len(ids):
        raise BadFileError(f"{path} holds no row")
    yield _batch(values, ids, [0], seen)


def count_rows(path: Path) -> int:
    """About how many rows a file holds, for a progress bar; 0 if it cannot be read."""
    try:
        if path.suffix.lower() == PARQUET:
            return int(pa.parquet.read_metadata(path).num_rows)
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(BUFFER_BYTES), b""))
    except (OSError, pa.ArrowException):
        return 0


def shortest_decimals(column: Any) -> FloatArray:
    """A numeric Arrow column as float64, NaN where null.

    A float32 becomes the float64 of its shortest decimal form (36.8, not 36.79999923706055), as in
    the original text and in JSON. Each distinct value is converted once.
    """
    if pa.types.is_float32(column.type) or pa.types.is_float16(column.type):
        coded = column.cast(pa.float32()).dictionary_encode()
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        column = coded.dictionary.cast(pa.string()).cast(pa.float64()).take(coded.indices)
    numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, dtype=np.float64)


def _starts(ids: Any) -> list[int]:
    changes = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    return [0, *(np.flatnonzero(changes) + 1).tolist()]


def _batch(values: FloatArray, ids: Any, starts: list[int], seen: set[int]) -> Batch:
    patient_ids = ids.take(pa.array(starts)).to_pylist()
    is_non_contiguous = []
    for patient_id in patient_ids:
        is_non_contiguous.append(hash(patient_id) in seen)
        seen.add(hash(patient_id))
    return Batch(Stay(values, np.array(starts)), patient_ids, is_non_contiguous)


# --- Columns ------------------------------------------------------------------------------------


class _Columns:
    """The columns of a file by variable.

    Raises:
        BadFileError: A column is missing, or two hold the same variable.
    """

    def __init__(self, names: list[str], path: Path, *, is_partial_allowed: bool):
        self._path = path
        self._id = self._only([name for name in names if _is_patient_id(name)])
        self._unit_words = self._only([name for name in names if name == ICU_UNIT])
        self._sources: dict[int, str] = {}
        for variable in VARIABLES:
            spellings = {variable.challenge, variable.name} - {ICU_UNIT}
            if name := self._only([name for name in names if name in spellings]):
                self._sources[variable.column] = name
        flags = {MEDICAL_UNIT, SURGICAL_UNIT}
        if self._unit_words and flags & set(self._sources):
            raise BadFileError(f"{path} has {ICU_UNIT} beside Unit1 or Unit2: keep one of them")
        known = set(self._sources) | (flags if self._unit_words else set())
        missing = [v.challenge for v in VARIABLES if v.column not in known]
        if ICU_HOUR in missing or (missing and not is_partial_allowed):
            advice = "" if ICU_HOUR in missing else "; --partial takes them as missing"
            raise BadFileError(f"{path} has no column {', '.join(missing)}{advice}")

    @property
    def names(self) -> list[str]:
        """The columns to read."""
        others = [name for name in (self._id, self._unit_words) if name]
        return [*self._sources.values(), *others]

    @property
    def types(self) -> dict[str, Any]:
        """The Arrow type of each column when read from text."""
        words = {self._id, self._unit_words, self._sources.get(SEX)}
        return {name: pa.string() if name in words else pa.float64() for name in self.names}

    def values(self, table: Any) -> FloatArray:
        """Shape (n_rows, 40): the rows of `table` in the file's units."""
        values = np.full((table.num_rows, N_COLUMNS), np.nan)
        for column, name in self._sources.items():
            values[:, column] = self._numbers(table.column(name), name, column)
        if self._unit_words:
            surgical = self._words(table.column(self._unit_words), self._unit_words, UNIT_WORDS)
            values[:, MEDICAL_UNIT], values[:, SURGICAL_UNIT] = 1 - surgical, surgical
        return values

    def patient_ids(self, table: Any) -> Any:
        """One text per row of `table`."""
        if self._id is None:
            return pa.repeat(self._path.stem, table.num_rows)
        ids = table.column(self._id).cast(pa.string())
        if ids.null_count:
            raise BadFileError(f"{self._path} has a row without {self._id}")
        return ids

    def _only(self, found: list[str]) -> str | None:
        if len(found) > 1:
            raise BadFileError(f"{self._path} has two columns for one thing: {', '.join(found)}")
        return found[0] if found else None

    def _numbers(self, found: Any, name: str, column: int) -> FloatArray:
        kind = found.type
        if pa.types.is_null(kind):
            return np.full(len(found), np.nan)
        if column == SEX and _is_text(kind):
            return self._words(found, name, SEX_WORDS, is_number_allowed=True)
        if not (
            pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
        ):
            raise BadFileError(f"{self._path}, column {name} holds {kind}, not numbers")
        numbers = shortest_decimals(found)
        if np.isinf(numbers).any():
            raise BadFileError(f"{self._path}, column {name} holds an infinite number")
        return numbers

    def _words(
        self, found: Any, name: str, codes: Mapping[str, float], *, is_number_allowed: bool = False
    ) -> FloatArray:
        coded = found.cast(pa.string()).dictionary_encode()
        numbers = []
        for word in coded.dictionary.to_pylist():
            text = word.strip().lower()
            is_number = is_number_allowed and NUMBER.fullmatch(text)
            if not is_number and text not in codes:
                raise BadFileError(
                    f"{self._path}, column {name}: '{shown(word)}' is not {' or '.join(codes)}"
                )
            numbers.append(float(text) if is_number else codes[text])
        values = np.array([*numbers, np.nan])
        return np.asarray(values[pc.fill_null(coded.indices, -1).to_numpy()])


def _is_patient_id(name: str) -> bool:
    return name.lower().replace("_", "") == "patientid"


def _is_text(kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


# --- Files --------------------------------------------------------------------------------------


def _names(path: Path) -> list[str]:
    """The names of a file's columns."""
    suffix = path.suffix.lower()
    if suffix not in (PARQUET, *SEPARATORS):
        raise BadFileError(f"{path} is neither .psv, .csv nor .parquet")
    with path.open("rb") as file:
        if not file.read(1):
            raise BadFileError(f"{path} is empty")
    if suffix == PARQUET:
        return [str(name) for name in pa.parquet.read_schema(path).names]
    return delimited_text.column_names(path)


def _record_batches(path: Path, columns: _Columns) -> Iterator[Any]:
    if path.suffix.lower() == PARQUET:
        # With a buffer, a row group is read piece by piece, however large it is.
        with pa.parquet.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
            yield from file.iter_batches(BATCH_ROWS, columns=columns.names)
    else:
        yield from delimited_text.record_batches(path, columns.types)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Convert errors of reading to a `BadFileError` with one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise BadFileError(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise BadFileError(f"{path} is a folder: name the files in it") from error
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path} is not a text in UTF-8") from error
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0].rstrip(".")
        raise BadFileError(f"{path} cannot be read: {reason}") from error
