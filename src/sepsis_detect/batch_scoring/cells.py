"""Cells of a file as numbers: text, words and numbers of any Arrow type.

A cell that cannot be read costs its stay, not the file: it is reported by row. A column of
another type, such as dates, refuses the file.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

import numpy as np
import pyarrow as pa

from sepsis_detect.batch_scoring.written_numbers import (
    THOUSAND,
    WRONG,
    DecimalSigns,
    Number,
    is_missing,
    read_number,
)
from sepsis_detect.clinical import deidentified_ages
from sepsis_detect.clinical.deidentified_ages import CODES, TAKEN_AS
from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.clinical.table_words import TABLE_WORDS
from sepsis_detect.clinical.variables import AGE, ICU_UNITS, SEX_CODES, number


def _codes(codes: Mapping[str, float]) -> dict[str, float]:
    """Codes of words, with the further words for them that tables have."""
    further = {
        word: codes[each.meanings[0]]
        for each in TABLE_WORDS
        if each.kind == "value" and each.meanings[0] in codes
        for word in each.words
        if not word.isdigit()
    }
    return {**codes, **further}


SEX_WORDS = _codes(SEX_CODES)
UNIT_WORDS = _codes({word: float(index) for index, word in enumerate(ICU_UNITS)})
FLAG_WORDS = {"false": 0.0, "true": 1.0}
TEXT_TYPES = frozenset(
    [
        *(pa.string(), pa.large_string(), pa.string_view()),
        *(pa.binary(), pa.large_binary(), pa.binary_view()),
    ]
)
MAX_SHOWN = 40  # characters of a wrong cell


class ColumnTypeError(ValueError):
    """A column has a type that holds no numbers; the message says which."""


@dataclass(frozen=True, slots=True)
class Cells:
    """One column of some rows.

    Attributes:
        values: Shape (n_rows,), in the unit of the file; NaN where missing or wrong.
        wrong: By row, why its cell cannot be read.
        notes: By row, how its cell was read, where that needs a sentence.
    """

    values: FloatArray
    wrong: Mapping[int, str]
    notes: Mapping[int, str] = field(default_factory=dict)


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


def texts(column: Any) -> Any:
    """A column as dictionary-coded text, null where missing.

    Raises:
        ColumnTypeError: It has a type without a text, such as a list.
    """
    is_coded = pa.types.is_dictionary(column.type)
    if is_coded and pa.types.is_string(column.type.value_type):
        return column
    column = decoded(column)
    if pa.types.is_nested(column.type):
        raise ColumnTypeError(f"holds {column.type}")
    return column.cast(pa.string()).dictionary_encode()


def decoded(column: Any) -> Any:
    """A column without dictionary coding."""
    is_coded = pa.types.is_dictionary(column.type)
    return column.dictionary_decode() if is_coded else column


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is text; bytes are, as some programs write text so."""
    return (kind.value_type if pa.types.is_dictionary(kind) else kind) in TEXT_TYPES


def numbers(column: Any, variable: int, signs: DecimalSigns) -> Cells:
    """Read a column of numbers.

    Args:
        column: An Arrow array.
        variable: Column of `VARIABLES`.
        signs: The decimal signs of the file.

    Raises:
        ColumnTypeError: It holds neither numbers nor text.
    """
    if column.null_count == len(column):
        return _nothing(column)
    if is_text(column.type):
        return _numbers_in_text(texts(column), variable, signs)
    column = decoded(column)
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise ColumnTypeError(f"holds {kind}, not numbers")
    values = shortest_decimals(column)
    is_infinite = np.isinf(values)
    if not is_infinite.any():
        return Cells(values, {})
    wrong = dict.fromkeys(np.flatnonzero(is_infinite).tolist(), "an infinite number")
    return Cells(np.where(is_infinite, np.nan, values), wrong)


def ages(column: Any, signs: DecimalSigns) -> Cells:
    """Read a column of ages in years; those of de-identified data above 89 are 90 and noted.

    Raises:
        ColumnTypeError: It holds neither numbers nor text.
    """
    if not is_text(column.type):
        return _with_ages_above_89(numbers(column, AGE, signs), {})
    coded = texts(column)
    written = coded.dictionary.to_pylist()
    above = {at: text for at, text in enumerate(written) if deidentified_ages.is_above_89(text)}
    if above:
        taken_as = [f"{TAKEN_AS:.0f}" if at in above else text for at, text in enumerate(written)]
        column = pa.DictionaryArray.from_arrays(coded.indices, pa.array(taken_as, pa.string()))
        at_code = coded.indices.fill_null(-1).to_numpy()
        rows = np.flatnonzero(np.isin(at_code, list(above)))
        above = {row: above[at_code[row]] for row in rows.tolist()}
    return _with_ages_above_89(numbers(column, AGE, signs), above)


def _with_ages_above_89(found: Cells, written: Mapping[int, str]) -> Cells:
    """Ages with those that are codes for any age above 89, and with the notes of all of them."""
    is_code = (found.values >= CODES.start) & (found.values < CODES.stop)
    if not (written or is_code.any()):
        return found
    codes = {row: number(found.values[row]) for row in np.flatnonzero(is_code).tolist()}
    notes = {
        row: deidentified_ages.sentences(shown(text))[0]
        for row, text in {**written, **codes}.items()
    }
    return Cells(np.where(is_code, TAKEN_AS, found.values), found.wrong, notes)


def words(column: Any, codes: Mapping[str, float], *, is_number_allowed: bool = False) -> Cells:
    """Read a column of words, or of numbers where these are allowed.

    Args:
        column: An Arrow array.
        codes: The number of each word; the first ones are named when another word is found.
        is_number_allowed: Whether a cell may be a number too.

    Raises:
        ColumnTypeError: It holds neither words nor numbers.
    """
    if column.null_count == len(column):
        return _nothing(column)
    coded = texts(column)
    found = [_word(text, codes, is_number_allowed) for text in coded.dictionary.to_pylist()]
    expected = " or ".join(list(codes)[:2])
    return _taken(coded, found, lambda text: f"'{shown(text)}' is not {expected}")


def shown(text: str) -> str:
    """A cell, cut for a message."""
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _nothing(column: Any) -> Cells:
    return Cells(np.full(len(column), np.nan), {})


def _word(text: str, codes: Mapping[str, float], is_number_allowed: bool) -> Number:
    plain = unicodedata.normalize("NFKD", text.strip().lower())
    code = codes.get("".join(letter for letter in plain if not unicodedata.combining(letter)))
    if code is not None:
        return Number(code)
    if is_missing(text):
        return Number(nan)
    return read_number(text) if is_number_allowed else WRONG


def _numbers_in_text(coded: Any, variable: int, signs: DecimalSigns) -> Cells:
    found = [read_number(text) for text in coded.dictionary.to_pylist()]
    if len(found) == 1 and isnan(found[0].value) and not found[0].is_wrong:
        return _nothing(coded)
    ambiguous = signs.ambiguous(variable, found)
    if ambiguous:
        found = [each._replace(is_wrong=True) if each in ambiguous else each for each in found]
    return _taken(coded, found, _why_no_number)


def _why_no_number(text: str) -> str:
    read = read_number(text)
    if not read.is_ambiguous:
        return f"'{shown(text)}' is not a number"
    thousands, decimal = number(read.value * THOUSAND), number(read.value)
    return f"'{text}' may be {thousands} or {decimal}: write it without a sign for thousands"


def _taken(coded: Any, found: Sequence[Number], why: Callable[[str], str]) -> Cells:
    """The values of the rows from those of the distinct texts."""
    indices = coded.indices.fill_null(len(found)) if coded.null_count else coded.indices
    at = indices.to_numpy()
    values = np.array([nan if each.is_wrong else each.value for each in found] + [nan])
    if not any(each.is_wrong for each in found):
        return Cells(values[at], {})
    is_wrong = np.array([each.is_wrong for each in found] + [False])
    distinct = coded.dictionary.to_pylist()
    rows = np.flatnonzero(is_wrong[at])
    return Cells(values[at], {int(row): why(distinct[at[row]]) for row in rows})
