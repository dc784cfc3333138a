"""Plain patients, many at once: numbers under known names, and the words for sex and unit.

Hospitals' systems write little else. Who is not plain, be it wrong or only unusual, is left to
`patients`, which reads one name after the other and can say what is wrong. Of a plain patient it
reads the same.
"""

from collections.abc import Sequence
from itertools import accumulate, chain
from types import NoneType
from typing import Any, NamedTuple

import numpy as np

from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray
from sepsis_detect.clinical.variables import MEDICAL_UNIT, N_COLUMNS
from sepsis_detect.patient_json.fields import (
    BESIDE_HOURS,
    COLUMNS,
    CONSTANTS,
    EXACT_BELOW,
    HOURS,
    ICU_UNIT,
    IN_A_FLAT_HOUR,
    MAX_HOURS,
    numbers_of,
)

KINDS = frozenset({float, int, NoneType})
MAX_NAMES = len(IN_A_FLAT_HOUR)  # in one object
AT_ONCE = 64  # patients: what was read of them is still in the cache when it is laid out

_constants = np.array(list(CONSTANTS))
_within = np.array(list(CONSTANTS.values()))

Object = dict[str, Any]
NOTHING: Object = {}


class Plain(NamedTuple):
    """What was read of a plain patient.

    Attributes:
        values: Shape (n_hours, 40), as in `Stay`.
        n_strings: Names and words in the patient's text.
    """

    values: FloatArray
    n_strings: int


def read(sent: Sequence[Any]) -> list[Plain | None]:
    """Read patients as `orjson` parsed them; None in the place of each who is not plain."""
    found: list[Plain | None] = []
    for begin in range(0, len(sent), AT_ONCE):
        parts = [_parts(patient) for patient in sent[begin : begin + AT_ONCE]]
        known = [each for each in parts if each is not None]
        plain = iter(_read(known) if known else ())
        found += [None if each is None else next(plain) for each in parts]
    return found


class _Parts(NamedTuple):
    """The hours of one patient, and what stands beside them."""

    hours: list[Object]
    beside: Object


def _parts(patient: Any) -> _Parts | None:
    if type(patient) is not dict:
        return None
    hours = patient.get(HOURS)
    if hours is None:
        # Of more there are strangers, and of those there may be a million.
        return _Parts([patient], NOTHING) if len(patient) <= MAX_NAMES else None
    if type(hours) is not list or not 0 < len(hours) <= MAX_HOURS:
        return None
    if set(map(type, hours)) != {dict} or max(map(len, hours)) > MAX_NAMES:
        return None
    if not patient.keys() <= BESIDE_HOURS:
        return None
    beside = patient.copy()
    del beside[HOURS]
    return _Parts(hours, beside)


def _read(parts: list[_Parts]) -> list[Plain | None]:
    """Lay everything out in one matrix: all hours, then a row for what stands beside each stay."""
    n_hours = [len(each.hours) for each in parts]
    beside = [each.beside for each in parts]
    objects = [*chain.from_iterable(each.hours for each in parts), *beside]
    of_stays = np.arange(len(parts))
    stays = np.concatenate([of_stays.repeat(n_hours), of_stays])
    sizes = list(map(len, objects))
    entries = _Entries(objects, np.arange(len(objects)).repeat(sizes))
    n_strings = np.bincount(stays, sizes) + [each is not NOTHING for each in beside]
    n_strings += np.bincount(stays[entries.word_rows], minlength=len(parts))
    matrix = np.full((len(objects), N_COLUMNS), np.nan)
    matrix.reshape(-1)[entries.rows * N_COLUMNS + entries.columns] = entries.numbers
    is_odd = np.zeros(len(parts), dtype=bool)
    is_odd[stays[entries.odd_rows]] = True
    is_odd[stays[entries.rows_named_twice(matrix)]] = True
    if any(beside):
        is_odd[stays[_spread(matrix, n_hours)]] = True
    told = zip(is_odd.tolist(), accumulate(n_hours), n_hours, n_strings.tolist(), strict=True)
    return [None if odd else Plain(matrix[end - n : end], int(k)) for odd, end, n, k in told]


class _Entries:
    """Names and values of some objects as arrays.

    Args:
        objects: Of JSON.
        rows: Shape (n_entries,): the object of each entry.

    Attributes:
        columns, numbers: Shape (n_entries,); a word may have brought one entry more.
        odd_rows: Objects that hold something else than a known name and a number or word for it.
        word_rows: The object of each word.
    """

    def __init__(self, objects: list[Object], rows: IntArray):
        """Read them."""
        self.rows = rows
        self.odd_rows = self.word_rows = rows[:0]
        names = list(chain.from_iterable(objects))
        values = list(chain.from_iterable(map(dict.values, objects)))
        columns = list(map(COLUMNS.get, names))
        if None in columns or not KINDS.issuperset(map(type, values)):
            self._put_numbers(names, columns, values)
        self.columns = np.array(columns, np.intp)
        self.numbers = np.array(values, np.float64)
        is_large = np.abs(self.numbers) >= EXACT_BELOW
        if np.count_nonzero(is_large):
            self.odd_rows = np.append(self.odd_rows, self.rows[is_large])

    def _put_numbers(self, names: list[str], columns: list[int | None], values: list[Any]) -> None:
        """Put numbers in the place of words, and of whatever is odd."""
        at_odd, at_words, more = [], [], []
        for at, (name, column, value) in enumerate(zip(names, columns, values, strict=True)):
            if column is not None and type(value) in KINDS:
                continue
            meant = numbers_of(name, value) if isinstance(value, str) else ()
            if meant:
                at_words.append(at)
                more += [(at, *each) for each in meant[1:]]
            elif name != ICU_UNIT or value is not None:
                at_odd.append(at)
            columns[at], values[at] = meant[0] if meant else (MEDICAL_UNIT, None)
        columns += [column for _, column, _ in more]
        values += [number for _, _, number in more]
        self.odd_rows, self.word_rows = self.rows[at_odd], self.rows[at_words]
        self.rows = np.append(self.rows, self.rows[[at for at, _, _ in more]])

    def rows_named_twice(self, matrix: FloatArray) -> IntArray | BoolArray:
        """Rows of a matrix that was made of the entries, in which it did not keep every number."""
        is_number, is_kept = self.numbers == self.numbers, matrix == matrix
        if np.count_nonzero(is_number) == np.count_nonzero(is_kept):
            return self.rows[:0]
        n_sent = np.bincount(self.rows[is_number], minlength=len(matrix))
        is_less: BoolArray = n_sent != np.count_nonzero(is_kept, axis=1)
        return is_less


def _spread(matrix: FloatArray, n_hours: list[int]) -> IntArray:
    """Give every hour the constants beside it; the rows of hours that contradict them."""
    rows = matrix[: -len(n_hours)]
    stated = matrix[-len(n_hours) :, _constants].repeat(n_hours, axis=0)
    own = rows.take(_constants, axis=1)
    constants = np.where(own == own, own, stated)
    rows[:, _constants] = constants
    return np.flatnonzero((np.abs(constants - stated) > _within).any(axis=1))
