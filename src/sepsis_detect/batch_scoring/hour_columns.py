"""The columns of one file of hours: which variables it has, in which units, and who is who."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sepsis_detect.batch_scoring import header_words, headers
from sepsis_detect.batch_scoring.headers import HeaderError, Meaning
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import (
    ICU_HOUR,
    MEDICAL_UNIT,
    N_COLUMNS,
    SURGICAL_UNIT,
    VARIABLES,
    Variable,
)


class ColumnsError(ValueError):
    """The columns cannot be those of hours of patients; the message goes on after the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourColumns:
    """The columns of a file, by their position in it.

    Attributes:
        headers: All headers.
        variables: Position by column of `VARIABLES`.
        conversions: By column of `VARIABLES`, from the file's unit to the canonical one.
        icu_unit: Position of the column with the words `medical` and `surgical`.
        ids: Positions of the identifiers, the finest first.
        id_candidates: If there is no identifier: positions of columns that may be one.
        others: Positions of further columns that the caller asked for, by name.
        unread: Headers that are not read, each with the name it resembles.
        by_words: Headers that are read by their words, each with what it was taken for.
    """

    headers: tuple[str, ...]
    variables: dict[int, int]
    conversions: dict[int, Conversion]
    icu_unit: int | None
    ids: tuple[int, ...]
    id_candidates: tuple[int, ...]
    others: dict[str, int]
    unread: tuple[tuple[str, str | None], ...]
    by_words: tuple[tuple[str, str], ...] = ()

    @property
    def positions(self) -> list[int]:
        """The columns to read, by position."""
        icu_unit = [] if self.icu_unit is None else [self.icu_unit]
        named = [*self.ids, *self.id_candidates, *self.others.values()]
        return sorted({*self.variables.values(), *icu_unit, *named})


@lru_cache(maxsize=256)
def hour_columns(
    names: tuple[str, ...],
    stated: tuple[tuple[int, Conversion], ...] = (),
    *,
    is_partial_allowed: bool = False,
    others: tuple[str, ...] = (),
    stated_names: tuple[tuple[str, str], ...] = (),
    are_words_read: bool = False,
) -> HourColumns:
    """The columns of a file with these headers.

    Args:
        names: The headers.
        stated: Conversions stated by the user, by column of `VARIABLES`.
        is_partial_allowed: Whether variables other than the hour may be absent.
        others: Further columns to read where the file has them.
        stated_names: By header, the name that a column is to be read as.
        are_words_read: Whether columns are also read by the words of tables (`header_words`).

    Raises:
        ColumnsError: A column is missing, two hold the same variable, or units contradict.
    """
    read_as = [dict(stated_names).get(name, name) for name in names]
    others_at = _others(read_as, others)
    meanings = {
        at: _meaning(name) for at, name in enumerate(read_as) if at not in others_at.values()
    }
    by_words: dict[int, Meaning] = {}
    if are_words_read:
        absent = set(range(N_COLUMNS)) - set(_variables(names, meanings))
        by_words = _by_words(read_as, meanings, absent, dict(stated))
        meanings |= by_words
    variables = _variables(names, meanings)
    icu_unit = _one(names, [at for at, each in meanings.items() if each.is_icu_unit])
    if icu_unit is not None and {MEDICAL_UNIT, SURGICAL_UNIT} & set(variables):
        raise ColumnsError("has icu_unit beside Unit1 or Unit2: keep one of them")
    ids = [(each.id_rank, at) for at, each in meanings.items() if each.id_rank is not None]
    unread = _unread(names, meanings, set(variables), has_id=bool(ids))
    _require_all(set(variables), unread, icu_unit, is_partial_allowed=is_partial_allowed)
    is_unread = [at for at, each in meanings.items() if each is headers.NOTHING]
    conversions = _conversions(names, variables, meanings, dict(stated))
    columns = HourColumns(
        headers=names,
        variables=variables,
        conversions=conversions,
        icu_unit=icu_unit,
        ids=tuple(at for _, at in sorted(ids)),
        id_candidates=tuple(at for at in is_unread if not ids and headers.is_like_an_id(names[at])),
        others=others_at,
        unread=unread,
        by_words=tuple(
            (names[at], _taken_for(each.variable, conversions)) for at, each in by_words.items()
        ),
    )
    _refuse_repeated(columns)
    return columns


def said(unread: Iterable[tuple[str, str | None]]) -> str:
    """Columns that are not read, each with what it may have meant."""
    return ", ".join(
        f"{header} (did you mean {near}?)" if near else header for header, near in unread
    )


def _meaning(name: str) -> Meaning:
    try:
        return headers.meaning(name)
    except HeaderError as error:
        raise ColumnsError(f"column {name}: {error}") from error


def _by_words(
    read_as: Sequence[str],
    meanings: Mapping[int, Meaning],
    absent: set[int],
    stated: Mapping[int, Conversion],
) -> dict[int, Meaning]:
    """The columns that have a meaning only by their words."""
    found = {}
    for at, each in meanings.items():
        if each is headers.NOTHING:
            try:
                found[at] = header_words.meaning(read_as[at], absent, stated)
            except HeaderError as error:
                raise ColumnsError(f"column {read_as[at]}: {error}") from error
    return {at: each for at, each in found.items() if each is not headers.NOTHING}


def _taken_for(variable: Variable | None, conversions: Mapping[int, Conversion]) -> str:
    assert variable is not None  # noqa: S101 - words name variables
    conversion = conversions.get(variable.column)
    unit = conversion.unit if conversion else variable.unit
    return variable.name if unit == "1" else f"{variable.name} in {unit}"


def _others(names: Sequence[str], others: Sequence[str]) -> dict[str, int]:
    """Positions of further columns; letter case, spaces and underscores do not matter."""
    found = {}
    for other in others:
        wanted = headers.compact(other)
        at = _one(names, [at for at, name in enumerate(names) if headers.compact(name) == wanted])
        if at is not None:
            found[other] = at
    return found


def _variables(names: Sequence[str], meanings: Mapping[int, Meaning]) -> dict[int, int]:
    at_variable: dict[int, list[int]] = {}
    for at, each in meanings.items():
        if each.variable is not None:
            at_variable.setdefault(each.variable.column, []).append(at)
    for found in at_variable.values():
        _one(names, found)
    return {column: at_variable[column][0] for column in sorted(at_variable)}


def _one(names: Sequence[str], found: Sequence[int]) -> int | None:
    if len(found) > 1:
        twice = ", ".join(names[at] for at in found)
        raise ColumnsError(f"has two columns for one thing: {twice}")
    return found[0] if found else None


def _unread(
    names: Sequence[str], meanings: Mapping[int, Meaning], variables: set[int], *, has_id: bool
) -> tuple[tuple[str, str | None], ...]:
    """Headers without meaning, and the names they resemble that the file does not have."""
    absent = {variable.name for variable in VARIABLES if variable.column not in variables}
    absent |= set() if has_id else set(headers.STAY_IDS)
    found = []
    for at, each in meanings.items():
        if each is headers.NOTHING and names[at].strip():
            near = headers.nearest(names[at])
            found.append((names[at], near if near in absent else None))
    return tuple(found)


def _require_all(
    variables: set[int],
    unread: Sequence[tuple[str, str | None]],
    icu_unit: int | None,
    *,
    is_partial_allowed: bool,
) -> None:
    known = variables | (set() if icu_unit is None else {MEDICAL_UNIT, SURGICAL_UNIT})
    needed = [ICU_HOUR] if is_partial_allowed else range(N_COLUMNS)
    missing = [VARIABLES[column] for column in needed if column not in known]
    is_hour_missing = ICU_HOUR not in known
    if not missing:
        return
    advice = "" if is_hour_missing else "; --partial takes them as missing"
    if likely := [each for each in unread if each[1]]:
        advice += f". Not read: {said(likely)}"
    raise ColumnsError(f"has no column {', '.join(v.challenge for v in missing)}{advice}")


def _conversions(
    names: Sequence[str],
    variables: Mapping[int, int],
    meanings: Mapping[int, Meaning],
    stated: dict[int, Conversion],
) -> dict[int, Conversion]:
    in_headers = {
        column: each
        for column, at in variables.items()
        if (each := meanings[at].conversion) is not None
    }
    for column, each in in_headers.items():
        if stated.get(column, each) != each:
            raise ColumnsError(
                f"column {names[variables[column]]} is in {each.unit}, "
                f"and --unit states {stated[column].unit}: which one is right?"
            )
    return stated | in_headers


def _refuse_repeated(columns: HourColumns) -> None:
    """Refuse a header that occurs twice if it is read; parquet files have columns by name."""
    n_times = Counter(columns.headers)
    for at in columns.positions:
        if n_times[name := columns.headers[at]] > 1:
            raise ColumnsError(f"has {n_times[name]} columns {name}: keep one of them")
