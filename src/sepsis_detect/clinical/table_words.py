"""Words of tables of hours: what columns and cells are named in English, French and German.

`table_words.csv` has them beside the names and labels of `variables.csv`, which are headers too.
The page reads tables with both.
"""

from typing import NamedTuple

from sepsis_detect.clinical.variables import rows_of


class TableWords(NamedTuple):
    """Words of one meaning, in lower case, without accents; one space for other signs.

    Attributes:
        kind: `header`: the name of a variable; `urea`: of `bun`, measured as urea; `ask`: a name
            of several variables, or of one and of something else; `role`: of a column that is no
            variable; `unit`: a unit; `value`: a word in a cell.
        meanings: Canonical names of variables, a role, a UCUM code, or a word that the API accepts.
        words: What is written.
    """

    kind: str
    meanings: tuple[str, ...]
    words: tuple[str, ...]


def _table_words(row: dict[str, str]) -> TableWords:
    return TableWords(
        row["kind"], tuple(row["meanings"].split("|")), tuple(row["words"].split("|"))
    )


TABLE_WORDS = tuple(_table_words(row) for row in rows_of("table_words.csv"))
