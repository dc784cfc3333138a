"""Words of tables of hours: one meaning each, in the form in which they are compared."""

from collections import Counter

from sepsis_detect.clinical.table_words import TABLE_WORDS
from sepsis_detect.clinical.units import CONVERSIONS
from sepsis_detect.clinical.variables import VARIABLES

NAMES = {variable.name for variable in VARIABLES}
UNITS = {unit for each in CONVERSIONS.values() for unit in each} | {each.unit for each in VARIABLES}
HEADERS = ("header", "urea", "ask")


def test_a_header_has_one_meaning() -> None:
    words = Counter(word for each in TABLE_WORDS if each.kind in HEADERS for word in each.words)
    assert [word for word, n in words.items() if n > 1] == []


def test_meanings_are_variables_roles_units_and_words_of_the_api() -> None:
    meant: dict[str, set[str]] = {}
    for each in TABLE_WORDS:
        meant.setdefault(each.kind, set()).update(each.meanings)
    for kind in HEADERS:
        assert meant[kind] <= NAMES
    assert meant["header"] == NAMES
    assert meant["role"] == {"time", "date", "corner", "unit"}
    assert meant["value"] == {"female", "male", "medical", "surgical"}
    assert meant["unit"] <= UNITS


def test_words_are_in_lower_case_without_accents_and_signs() -> None:
    for each in TABLE_WORDS:
        for word in each.words:
            assert word == " ".join(word.split()) == word.lower()
            assert word.replace(" ", "").isalnum()
            assert word.isascii()
