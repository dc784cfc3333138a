"""Identifiers of stays: the key of each row, and the stays whose rows do not stand together.

Several identifiers identify a stay together, so that stay 1 of one patient is not stay 1 of
another; it is named by the finest one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sepsis_detect.batch_scoring import cells
from sepsis_detect.batch_scoring.written_numbers import is_missing

INCOMPLETE = "Some of its rows lack an identifier that others have."
SEPARATED = "Its rows do not stand together: sort the file by stay and hour."
_JOINT = "\x1f"  # ASCII unit separator


def keys(columns: Mapping[int, Any], ids: Sequence[int]) -> Any:
    """The key of each row, as Arrow text; null where the finest identifier is missing.

    Args:
        columns: Arrow arrays by position.
        ids: Positions of the identifiers, the finest first.

    Raises:
        ColumnTypeError: An identifier is neither text nor a number.
    """
    finest, *others = [_identifier(columns[at]) for at in ids]
    if not others:
        return finest
    others = [pc.fill_null(other, "") for other in others]
    return pc.binary_join_element_wise(finest, *others, _JOINT)


def parts(key: str) -> list[str]:
    """The identifiers in a key, the finest first."""
    return key.split(_JOINT)


def finest(keys: Any) -> Any:
    """The finest identifier in each key, as Arrow text."""
    return pc.replace_substring_regex(keys, f"{_JOINT}.*", "")


def starts(of_rows: Any) -> list[int]:
    """The first row of each run of equal keys; [0] for no row."""
    changes = pc.not_equal(of_rows[1:], of_rows[:-1]).to_numpy(zero_copy_only=False)
    return [0, *(np.flatnonzero(changes) + 1).tolist()]


def _identifier(column: Any) -> Any:
    coded = cells.texts(column)
    distinct = [
        None if text is None or is_missing(text) else text.strip()
        for text in coded.dictionary.to_pylist()
    ]
    return pa.array(distinct, pa.string()).take(coded.indices)


class Names:
    """The names of the stays of one file, each of one stay alone."""

    def __init__(self) -> None:
        self._key_of: dict[int, int] = {}

    def of(self, key: str) -> str:
        """The finest identifier of a stay; with the others if another stay has the same."""
        finest, *others = parts(key)
        if not others or self._key_of.setdefault(hash(finest), hash(key)) == hash(key):
            return finest
        return f"{finest} ({', '.join(each or '-' for each in others)})"


class StayIndex:
    """The stays of some files, and which of them have rows in several places."""

    def __init__(self) -> None:
        # Hashes: a hundred thousand keys take a few megabytes.
        self._file_of: dict[int, Path | str] = {}
        self._problems: dict[int, str] = {}
        self._met: set[int] = set()
        self._last: tuple[Path | str, str] | None = None
        self._keys_of: dict[int, frozenset[int]] = {}
        self._incomplete: set[int] = set()

    def add(self, path: Path | str, of_rows: Any) -> None:
        """Add the next rows of a file; a stay may go on from those before.

        Args:
            path: The file, or its name in messages.
            of_rows: The key of each row; rows without one are left out.
        """
        known = of_rows.drop_null()
        if not len(known):
            return
        for key in known.take(pa.array(starts(known))).to_pylist():
            if (path, key) != self._last:
                self._add_run(path, hash(key))
                self._add_identifiers(key)
            self._last = (path, key)

    def problem(self, key: str) -> str | None:
        """Why the rows of a stay are not one stay; None if they stand together."""
        return self._problems.get(hash(key))

    def is_met_again(self, key: str) -> bool:
        """Whether rows of this stay were asked about before, which only happens with a problem."""
        is_again = hash(key) in self._met
        if hash(key) in self._problems:
            self._met.add(hash(key))
        return is_again

    def _add_run(self, path: Path | str, key: int) -> None:
        known = self._file_of.get(key)
        self._file_of[key] = path
        if known == path:
            self._problems.setdefault(key, SEPARATED)
        elif known is not None:
            self._problems[key] = (
                f"It has rows in {known} and in {path}: join them if they are one stay, "
                "else give the stays different names."
            )

    def _add_identifiers(self, key: str) -> None:
        """Note the stays of one finest identifier, if one of them lacks another identifier."""
        finest, *others = key.split(_JOINT)
        if not others:
            return
        keys = self._keys_of[hash(finest)] = self._keys_of.get(hash(finest), frozenset()) | {
            hash(key)
        }
        if "" in others:
            self._incomplete.add(hash(finest))
        if len(keys) > 1 and hash(finest) in self._incomplete:
            self._problems |= dict.fromkeys(keys, INCOMPLETE)
