"""Headers by the words of `table_words.csv`, which the page reads too: `FC`, `PAS`, `T°`, `Hb`.

A column is read by its words only if no other column has the variable's own name. The page asks
what a word of several variables (`RR`) is; here it is refused with a sentence if its first variable
is absent, as is urea without a unit. Words of clock times (`hour`) and of wards (`service`) are not
read.
"""

import re
import unicodedata
from collections.abc import Collection

from sepsis_detect.batch_scoring import headers
from sepsis_detect.batch_scoring.headers import NOTHING, HeaderError, Meaning
from sepsis_detect.clinical.table_words import TABLE_WORDS, TableWords
from sepsis_detect.clinical.units import Conversion, conversion
from sepsis_detect.clinical.variables import VARIABLES, Variable

UREA, ASK = "urea", "ask"
_BY_NAME = {variable.name: variable for variable in VARIABLES}
_OF_ROLES = {word for each in TABLE_WORDS if each.kind == "role" for word in each.words}
_WORDS = {
    word: each
    for each in TABLE_WORDS
    if each.kind in ("header", UREA, ASK) and each.meanings != (headers.ICU_UNIT,)
    for word in each.words
    if word not in _OF_ROLES
}


def plain(text: str) -> str:
    """A text in lower case, without accents; one space for other signs."""
    letters = unicodedata.normalize("NFKD", text.lower())
    letters = "".join(each for each in letters if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9]+", " ", letters).strip()


def meaning(header: str, absent: Collection[int], stated: Collection[int]) -> Meaning:
    """The meaning of a header by its words; `NOTHING` if they are not known, or not needed.

    Args:
        header: That has no meaning by itself.
        absent: Columns of `VARIABLES` that no other column of the file has by its own name.
        stated: Columns of `VARIABLES` whose unit the user stated.

    Raises:
        HeaderError: It may be several variables, or its unit is needed or not accepted.
    """
    if (whole := _WORDS.get(plain(header))) is not None:
        return _taken(whole, None, absent, stated)
    for name, unit in headers.in_brackets(header):
        if (found := _WORDS.get(plain(name))) is not None:
            return _taken(found, unit, absent, stated)
    for name, unit in headers.in_two_parts(header):
        found = _WORDS.get(plain(name))
        if found is not None and _conversion(found, _BY_NAME[found.meanings[0]], unit):
            return _taken(found, unit, absent, stated)
    return NOTHING


def _taken(
    words: TableWords, unit: str | None, absent: Collection[int], stated: Collection[int]
) -> Meaning:
    variable = _BY_NAME[words.meanings[0]]
    if variable.column not in absent:
        return NOTHING
    if words.kind == ASK:
        names = ", ".join(words.meanings)
        raise HeaderError(f"it may be {names} or something else: give it the name of what it is")
    if variable.column in headers.WITHOUT_UNIT:
        return Meaning(variable)
    if unit is not None:
        if (chosen := _conversion(words, variable, unit)) is None:
            raise headers.wrong_unit(variable, unit)
        return Meaning(variable, chosen)
    if words.kind == UREA and variable.column not in stated:
        raise HeaderError("its unit is needed, as in: urea (mmol/L), urea (g/L), urea (mg/dL)")
    return Meaning(variable)


def _conversion(words: TableWords, variable: Variable, unit: str) -> Conversion | None:
    of_urea = conversion(variable, f"{unit} (urea)") if words.kind == UREA else None
    return of_urea or conversion(variable, unit) or conversion(variable, f"[{unit}]")
