"""Rows of a file as hours: values in canonical units, the key of the stay, cells that are wrong."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sepsis_detect.batch_scoring import cells, hour_columns, hour_tables, stay_ids
from sepsis_detect.batch_scoring.cells import Cells, ColumnTypeError
from sepsis_detect.batch_scoring.hour_columns import ColumnsError
from sepsis_detect.batch_scoring.hour_tables import HourFile, HourTable
from sepsis_detect.batch_scoring.written_numbers import DecimalSigns
from sepsis_detect.clinical.stay import BoolArray, FloatArray
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import (
    AGE,
    ICU_HOUR,
    MEDICAL_UNIT,
    N_COLUMNS,
    SEX,
    SURGICAL_UNIT,
    VARIABLES,
)
from sepsis_detect.errors import BadFileError

FLAGS = (MEDICAL_UNIT, SURGICAL_UNIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files are to be read.

    Attributes:
        conversions: Stated by the user, by column, from the files' unit to the canonical one.
        is_partial_allowed: Whether a column may be absent; its values are then missing.
        others: Names of further columns to read where a file has them.
        names: Stated by the user, by header, the name that a column is to be read as.
        are_words_read: Whether columns are also read by the words of tables (`header_words`);
            the caller then reports what each was taken for.
    """

    conversions: Mapping[int, Conversion] = field(default_factory=dict)
    is_partial_allowed: bool = False
    others: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    are_words_read: bool = False


AS_WRITTEN = Reading()
"""All columns must be there, in canonical units or with a unit in their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourRows:
    """Some rows of a file, in order.

    Attributes:
        values: Shape (n_rows, 40), canonical units.
        keys: The key of the stay of each row, as Arrow text.
        others: Further columns, as Arrow arrays by name.
        wrong: By row, where a cell cannot be read and why; one text a cell.
        notes: By row, how its age was read.
    """

    values: FloatArray
    keys: Any
    others: Mapping[str, Any]
    wrong: Mapping[int, list[str]]
    notes: Mapping[int, str]

    def part(self, begin: int, end: int | None = None) -> "HourRows":
        """Some consecutive rows."""
        end = len(self.values) if end is None else end
        return HourRows(
            values=self.values[begin:end],
            keys=self.keys[begin:end],
            others={name: column[begin:end] for name, column in self.others.items()},
            wrong={row - begin: why for row, why in self.wrong.items() if begin <= row < end},
            notes={row - begin: note for row, note in self.notes.items() if begin <= row < end},
        )

    def followed_by(self, more: "HourRows") -> "HourRows":
        """These rows, then others of the same file."""
        n_rows = len(self.values)
        return HourRows(
            values=np.concatenate([self.values, more.values]),
            keys=pa.concat_arrays([self.keys, more.keys]),
            others={
                name: pa.concat_arrays([column, more.others[name]])
                for name, column in self.others.items()
            },
            wrong={**self.wrong, **{n_rows + row: why for row, why in more.wrong.items()}},
            notes={**self.notes, **{n_rows + row: note for row, note in more.notes.items()}},
        )

    def without_blank(self, place: BoolArray) -> "HourRows":
        """The rows at which `place` is false."""
        if not place.any():
            return self
        kept = pa.array(~place)
        new_row = np.cumsum(~place) - 1
        return HourRows(
            values=self.values[~place],
            keys=self.keys.filter(kept),
            others={name: column.filter(kept) for name, column in self.others.items()},
            wrong={int(new_row[row]): why for row, why in self.wrong.items()},
            notes={int(new_row[row]): note for row, note in self.notes.items()},
        )


class HourReader:
    """Reads the rows of one file.

    Args:
        path: The file, or its name in messages.
        reading: How to read it.
        name: Of its stay, if the file does not identify stays.
        file: The opened file, if it is not one at `path`.
        texts: By column of `VARIABLES`, texts that show the decimal signs; read from the file if
            not given.

    Attributes:
        columns: What its columns are.
        signs: The decimal signs of its texts.

    Raises:
        BadFileError: It is no table, or its columns cannot be those of hours.
        OSError, pa.ArrowException: It cannot be read.
    """

    def __init__(
        self,
        path: Path | str,
        reading: Reading,
        name: str,
        *,
        file: HourFile | None = None,
        texts: Iterable[tuple[int, Iterable[str]]] | None = None,
    ):
        self._path = path
        self._name = name
        self._file = file or hour_tables.open_hours(Path(path))
        try:
            self.columns = hour_columns.hour_columns(
                tuple(self._file.headers),
                tuple(sorted(reading.conversions.items(), key=lambda each: each[0])),
                is_partial_allowed=reading.is_partial_allowed,
                others=reading.others,
                stated_names=tuple(sorted(reading.names.items())),
                are_words_read=reading.are_words_read,
            )
        except ColumnsError as error:
            raise BadFileError(f"{path} {error}") from error
        self.signs = DecimalSigns(
            self.columns.conversions, self._texts if texts is None else lambda: texts
        )

    def stay_keys(self) -> Iterator[Any]:
        """The key of the stay of each row, table by table, null where there is none."""
        for table in self._file.tables(sorted(self.columns.ids)):
            yield self._keys(table)

    def rows(self) -> Iterator[tuple[HourTable, HourRows]]:
        """The rows that are not blank, table by table, with the table.

        Raises:
            BadFileError: A column is of a type that holds no numbers, or a row is of no stay.
        """
        for table in self._file.tables(self.columns.positions):
            values, wrong, notes = self._values(table)
            keys = self._keys(table)
            is_blank = _is_blank(values, wrong)
            if self.columns.ids:
                is_blank &= keys.is_null().to_numpy(zero_copy_only=False)
                self._require_keys(table, keys, is_blank)
            others = {
                name: cells.decoded(table.columns[at]) for name, at in self.columns.others.items()
            }
            found = HourRows(values=values, keys=keys, others=others, wrong=wrong, notes=notes)
            yield table, found.without_blank(is_blank)

    def _keys(self, table: HourTable) -> Any:
        if not self.columns.ids:
            return pa.repeat(self._name, table.n_rows)
        try:
            return stay_ids.keys(table.columns, self.columns.ids)
        except ColumnTypeError as error:
            raise self._refused(self.columns.ids[0], error) from error

    def _require_keys(self, table: HourTable, keys: Any, is_blank: BoolArray) -> None:
        is_lost = keys.is_null().to_numpy(zero_copy_only=False) & ~is_blank
        if is_lost.any():
            place = table.place(int(is_lost.argmax()))
            header = self.columns.headers[self.columns.ids[0]]
            raise BadFileError(f"{self._path}, {place}: no {header}, so that the stay is unknown")

    def _values(
        self, table: HourTable
    ) -> tuple[FloatArray, dict[int, list[str]], Mapping[int, str]]:
        values = np.full((table.n_rows, N_COLUMNS), np.nan)
        wrong: dict[int, list[str]] = {}
        notes: Mapping[int, str] = {}
        for column, at in self.columns.variables.items():
            try:
                found = self._cells(table.columns[at], column)
            except ColumnTypeError as error:
                raise self._refused(at, error) from error
            values[:, column] = found.values
            if conversion := self.columns.conversions.get(column):
                values[:, column] = conversion.to_canonical(found.values)
            self._note(wrong, table, at, found)
            notes = found.notes or notes
        if (at_unit := self.columns.icu_unit) is not None:
            try:
                found = cells.words(table.columns[at_unit], cells.UNIT_WORDS)
            except ColumnTypeError as error:
                raise self._refused(at_unit, error) from error
            values[:, MEDICAL_UNIT], values[:, SURGICAL_UNIT] = 1 - found.values, found.values
            self._note(wrong, table, at_unit, found)
        return values, wrong, notes

    def _cells(self, found: Any, column: int) -> Cells:
        conversion = self.columns.conversions.get(column)
        if column == AGE and (conversion is None or conversion.unit == VARIABLES[AGE].unit):
            return cells.ages(found, self.signs)
        if column == SEX and cells.is_text(found.type):
            return cells.words(found, cells.SEX_WORDS, is_number_allowed=True)
        if column in FLAGS and (cells.is_text(found.type) or pa.types.is_boolean(found.type)):
            return cells.words(found, cells.FLAG_WORDS, is_number_allowed=True)
        return cells.numbers(found, column, self.signs)

    def _note(self, wrong: dict[int, list[str]], table: HourTable, at: int, found: Cells) -> None:
        for row, why in found.wrong.items():
            text = f"{table.place(row)}, column {self.columns.headers[at]}: {why}"
            wrong.setdefault(row, []).append(text)

    def _texts(self) -> Iterator[tuple[int, list[str]]]:
        """All texts in columns of numbers, in parts."""
        for table in self._file.tables(sorted(self.columns.variables.values())):
            for column, at in self.columns.variables.items():
                if cells.is_text(table.columns[at].type):
                    yield column, cells.texts(table.columns[at]).dictionary.to_pylist()

    def _refused(self, at: int, error: ColumnTypeError) -> BadFileError:
        return BadFileError(f"{self._path}, column {self.columns.headers[at]} {error}")


def _is_blank(values: FloatArray, wrong: Mapping[int, list[str]]) -> BoolArray:
    """Shape (n_rows,): whether a row has neither a value nor a wrong cell."""
    is_blank: BoolArray = np.isnan(values[:, ICU_HOUR])
    if is_blank.any():
        is_blank &= np.isnan(values).all(axis=1)
        is_blank[list(wrong)] = False
    return is_blank
