"""Numbers as programs and people write them in tables: decimal signs, thousands, missing values.

One sign followed by exactly three digits (`1,234`, `150.000`) is a number of two readings. The
cells of a file decide: `DecimalSigns` says what its columns show, and what they do not.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from math import isfinite, isnan, nan
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical.coherence import USUAL_HIGH, USUAL_LOW
from sepsis_detect.clinical.rules import WHOLE_NUMBERS
from sepsis_detect.clinical.units import Conversion

MISSING = frozenset(
    {
        "",
        "nan",
        "nat",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "<na>",
        "null",
        "none",
        "-",
        "--",
        "–",
        "—",
        ".",
    }
)
"""Texts of a missing value, in lower case."""

_ONE_SIGN = re.compile(r"([+-]?)([0-9]*)(?:([.,])([0-9]*))?([eE][+-]?[0-9]{1,4})?")
_GROUPED = re.compile(r"([+-]?)([0-9]{1,3})([.,' ’])([0-9]{3}(?:\3[0-9]{3})*)(?:([.,])([0-9]*))?")
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "−": "-"})
_OTHER = {".": ",", ",": "."}
THOUSAND = 1000.0


class Number(NamedTuple):
    """One cell, read.

    Attributes:
        value: With its sign taken as a decimal sign; NaN if the cell is missing or no number.
        sign: `.` or `,`, which the cell has or shows to be the decimal sign; empty for a cell
            without either.
        is_ambiguous: Whether the sign may separate thousands as well.
        is_wrong: Whether the text is neither a number nor a missing value.
    """

    value: float
    sign: str = ""
    is_ambiguous: bool = False
    is_wrong: bool = False


WRONG = Number(nan, is_wrong=True)


def is_missing(text: str) -> bool:
    """Whether a text means that there is no value."""
    return text.strip().lower() in MISSING


@lru_cache(maxsize=65_536)
def read_number(text: str) -> Number:
    """Read one cell."""
    if is_missing(text):
        return Number(nan)
    text = text.translate(_SPACES).strip()
    found = _ONE_SIGN.fullmatch(text)
    if found is None or not (found[2] or found[4]):
        return _grouped(text)
    minus, whole, sign, fraction, exponent = (part or "" for part in found.groups())
    value = float(f"{minus}{whole}.{fraction or 0}{exponent}" if sign else text)
    if not isfinite(value):
        return WRONG
    is_ambiguous = len(fraction) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0" and not exponent
    return Number(value, sign, is_ambiguous)


def _grouped(text: str) -> Number:
    """Read groups of thousands that are no decimals: `1,234,567`, `1.234,5`, `1 234`."""
    found = _GROUPED.fullmatch(text)
    if found is None or found[3] == found[5]:
        return WRONG
    minus, first, group, others, sign, fraction = (part or "" for part in found.groups())
    value = float(f"{minus}{first}{others.replace(group, '')}.{fraction or 0}")
    return Number(value, sign or _OTHER.get(group, ""))


class DecimalSigns:
    """The decimal signs of a file, as its cells show them.

    A column shows a sign surely where not exactly three digits follow it, or a zero comes before
    (`36.8`, `0.125`). It shows one likely where the number is usual with decimals and not with
    thousands (`88.000` beats a minute).

    Args:
        conversions: By column, from the file's unit to the canonical one.
        texts: All texts of the file, in parts by column; read only if a cell needs it.
    """

    def __init__(
        self,
        conversions: Mapping[int, Conversion],
        texts: Callable[[], Iterable[tuple[int, Iterable[str]]]],
    ):
        self._conversions = conversions
        self._texts = texts
        self._sure: dict[int, set[str]] = {}
        self._likely: dict[int, set[str]] = {}
        self._is_surveyed = False

    def ambiguous(self, column: int, numbers: Sequence[Number]) -> set[Number]:
        """The cells that neither their column nor their variable decides.

        Args:
            column: Column of `VARIABLES`.
            numbers: Distinct cells of that column.
        """
        doubtful = {number for number in numbers if number.is_ambiguous}
        if not doubtful:
            return doubtful
        sure = {
            number.sign for number in numbers if not (number.is_ambiguous or isnan(number.value))
        }
        doubtful = {number for number in doubtful if number.sign not in sure}
        if column in WHOLE_NUMBERS and "" in sure:  # 999 and 1,000 are not written as decimals
            return doubtful
        if doubtful and not self._is_surveyed:
            for at, texts in self._texts():
                self._note(at, {read_number(text) for text in texts})
            self._is_surveyed = True
        return {number for number in doubtful if not self._is_decimal(column, number.sign)}

    def telling(self, column: int, texts: Iterable[str]) -> list[str]:
        """The texts of a column that show as much as all of them: two for each sign at most."""
        found: dict[tuple[str, bool], str] = {}
        for text in sorted(texts):
            number = read_number(text)
            is_sure = not number.is_ambiguous
            if number.sign and (is_sure or self._is_usual_with_decimals_only(column, number.value)):
                found.setdefault((number.sign, is_sure), text)
        return list(found.values())

    def _note(self, column: int, numbers: set[Number]) -> None:
        sure = self._sure.setdefault(column, set())
        likely = self._likely.setdefault(column, set())
        for number in numbers:
            if number.sign and not number.is_ambiguous:
                sure.add(number.sign)
            elif number.is_ambiguous and self._is_usual_with_decimals_only(column, number.value):
                likely.add(number.sign)

    def _is_decimal(self, column: int, sign: str) -> bool:
        if sign in self._sure[column]:
            return True
        in_file = set().union(*self._sure.values())
        if _OTHER[sign] in in_file and sign not in in_file:
            return False
        return sign in self._likely[column]

    def _is_usual_with_decimals_only(self, column: int, value: float) -> bool:
        both = np.array([value, value * THOUSAND])
        if conversion := self._conversions.get(column):
            both = conversion.to_canonical(both)
        is_usual = (both >= USUAL_LOW[column]) & (both <= USUAL_HIGH[column])
        return bool(is_usual[0] and not is_usual[1])
