"""Orders of antibiotics and cultures, one row an order, matched with the stays they belong to.

| column | |
|---|---|
| a stay or patient id | as in the file of hours |
| `kind` | antibiotic or culture |
| `time` | hours since admission to intensive care, as `ICULOS`; or a date with a time of day |
| `end` | of an antibiotic, where it is known |
| `route` | of an antibiotic; other than intravenous ones are not used |

The names of `NAMES` are read too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model_build.site.order_times import TimeError, Times, read_times
from sepsis_detect.batch_scoring import cells, headers, stay_ids
from sepsis_detect.batch_scoring.cells import ColumnTypeError
from sepsis_detect.batch_scoring.headers import HeaderError
from sepsis_detect.batch_scoring.hour_tables import HourTable, open_hours, readable
from sepsis_detect.clinical.stay import BoolArray, FloatArray
from sepsis_detect.errors import BadFileError

KIND, TIME, END, ROUTE = "kind", "time", "end", "route"
NAMES = {
    KIND: ("kind", "type", "order_type", "order_kind", "category", "class"),
    TIME: (
        *("time", "hour", "icu_hour", "iculos", "start", "start_hour", "start_time", "hours"),
        *("order_time", "order_hour", "ordered_at", "time_hours", "datetime", "date_time"),
        *("timestamp", "charttime", "hours_since_icu_admission", "hour_since_icu_admission"),
    ),
    END: ("end", "end_hour", "end_time", "stop", "stop_hour", "stop_time", "ended_at"),
    ROUTE: ("route", "route_of_administration", "administration_route", "voie"),
}
"""Accepted names of each column; letter case, spaces and underscores do not matter."""

ANTIBIOTIC, CULTURE = "antibiotic", "culture"
KIND_WORDS = {
    **dict.fromkeys(("antibiotic", "antibiotics", "abx", "antimicrobial", "ivantibiotic"), 0),
    **dict.fromkeys(("ivantibiotics", "antibiotique", "antibiotiques", "antibiotikum"), 0),
    **dict.fromkeys(("culture", "cultures", "bloodculture", "bloodcultures", "hemoculture"), 1),
    **dict.fromkeys(("hemocultures", "blutkultur", "blutkulturen", "bodyfluidculture"), 1),
}
"""0 antibiotic, 1 culture; texts as `headers.compact` makes them."""
INTRAVENOUS = ("iv", "intraven", "intravein", "perfusion", "infusion")
"""How the text of an intravenous route begins."""
INTRAVENOUS_CODES = ("47625008", "4171047")  # SNOMED CT, OMOP


@dataclass(slots=True)
class Orders:
    """The orders of one file, row by row.

    Attributes:
        path: The file.
        ids: By rank in `headers.STAY_IDS`, the texts of an identifier; empty without any.
        is_culture: Shape (n,); all others are antibiotics.
        is_used: Shape (n,), False for antibiotics that are not intravenous.
        hours: Shape (n,), times as of `order_times.Times`.
        ends: Shape (n,), NaN where not known.
        zone: The kind of time, as of `order_times.Times`.
        other_routes: Routes that are not intravenous, counted.
        n_without_route: Antibiotics whose route is not known; they are used.
    """

    path: Path
    ids: dict[int, list[str]]
    is_culture: BoolArray
    is_used: BoolArray
    hours: FloatArray
    ends: FloatArray
    zone: str | None
    other_routes: Counter[str] = field(default_factory=Counter)
    n_without_route: int = 0


def read_orders(path: Path) -> Orders:
    """Read a file of orders.

    Raises:
        BadFileError: It cannot be read as orders; one sentence.
    """
    with readable(path):
        file = open_hours(path)
        at, ids = _columns(path, file.headers)
        tables = list(file.tables(sorted({*at.values(), *ids.values()})))
        parts = [_part(path, table, at, ids) for table in tables if table.n_rows]
    if not parts:
        raise BadFileError(f"{path} holds no row")
    zones = {part.zone for part in parts if part.zone}
    if len(zones) > 1:
        raise BadFileError(f"{path} has times of several kinds: {' and '.join(sorted(zones))}")
    return _joined(parts)


def _joined(parts: Sequence[Orders]) -> Orders:
    first = parts[0]
    return Orders(
        path=first.path,
        ids={rank: [text for part in parts for text in part.ids[rank]] for rank in first.ids},
        is_culture=np.concatenate([part.is_culture for part in parts]),
        is_used=np.concatenate([part.is_used for part in parts]),
        hours=np.concatenate([part.hours for part in parts]),
        ends=np.concatenate([part.ends for part in parts]),
        zone=next((part.zone for part in parts if part.zone), None),
        other_routes=sum((part.other_routes for part in parts), Counter[str]()),
        n_without_route=sum(part.n_without_route for part in parts),
    )


# --- Columns ------------------------------------------------------------------------------------


def _columns(path: Path, names: Sequence[str]) -> tuple[dict[str, int], dict[int, int]]:
    """Positions of the columns by name, and of the identifiers by rank."""
    compact = [headers.compact(name) for name in names]
    at = {}
    for column, accepted in NAMES.items():
        wanted = {headers.compact(name) for name in accepted}
        found = [place for place, name in enumerate(compact) if name in wanted]
        if len(found) > 1:
            both = ", ".join(names[place] for place in found)
            raise BadFileError(f"{path} has two columns for {column}: {both}")
        if found:
            at[column] = found[0]
        elif column in (KIND, TIME):
            raise BadFileError(
                f"{path} has no column {column}: it needs {KIND}, {TIME} and the id of the stay; "
                f"{END} and {ROUTE} where they are known"
            )
    taken = set(at.values())
    ids = {
        rank: place
        for place, name in enumerate(names)
        if place not in taken and (rank := _id_rank(name)) is not None
    }
    return at, ids


def _id_rank(name: str) -> int | None:
    try:
        return headers.meaning(name).id_rank
    except HeaderError:  # a variable with a unit that is none of its own: no identifier
        return None


def _part(path: Path, table: HourTable, at: Mapping[str, int], ids: Mapping[int, int]) -> Orders:
    is_culture = _kinds(path, table, at[KIND])
    hours, ends = _hours(path, table, at)
    texts, n_without_route, others = [None] * table.n_rows, 0, Counter[str]()
    if ROUTE in at:
        texts = cells.texts(table.columns[at[ROUTE]]).dictionary_decode().to_pylist()
    is_used = np.ones(table.n_rows, dtype=bool)
    for row in np.flatnonzero(~is_culture).tolist():
        if not (text := texts[row]) or not text.strip():
            n_without_route += 1
        elif not _is_intravenous(text):
            is_used[row] = False
            others[text.strip()] += 1
    return Orders(
        path=path,
        ids={rank: _ids(path, table, place) for rank, place in ids.items()},
        is_culture=is_culture,
        is_used=is_used,
        hours=hours.hours,
        ends=ends,
        zone=hours.zone,
        other_routes=others,
        n_without_route=n_without_route,
    )


def _kinds(path: Path, table: HourTable, at: int) -> BoolArray:
    codes = []
    for row, text in enumerate(_texts(path, table, at)):
        code = KIND_WORDS.get(headers.compact(text or ""))
        if code is None:
            shown = f"'{cells.shown(text)}'" if text else "nothing"
            raise BadFileError(
                f"{path}, {table.place(row)}: {shown} is neither {ANTIBIOTIC} nor {CULTURE}"
            )
        codes.append(code)
    is_culture: BoolArray = np.array(codes) == 1
    return is_culture


def _ids(path: Path, table: HourTable, at: int) -> list[str]:
    found: list[str | None] = stay_ids.keys(table.columns, [at]).to_pylist()
    for row, text in enumerate(found):
        if text is None:
            raise BadFileError(f"{path}, {table.place(row)}: the order has no id of a stay")
    return [str(text) for text in found]


def _texts(path: Path, table: HourTable, at: int) -> list[str | None]:
    try:
        found: list[str | None] = cells.texts(table.columns[at]).dictionary_decode().to_pylist()
    except ColumnTypeError as error:
        raise BadFileError(f"{path}, {error}") from error
    return found


def _is_intravenous(text: str) -> bool:
    plain = headers.compact(text)
    return plain.startswith(INTRAVENOUS) or plain in INTRAVENOUS_CODES


def _hours(path: Path, table: HourTable, at: Mapping[str, int]) -> tuple[Times, FloatArray]:
    starts = _read(path, table, at[TIME], TIME)
    if np.isnan(starts.hours).any():
        row = int(np.isnan(starts.hours).argmax())
        raise BadFileError(f"{path}, {table.place(row)}: the order has no time")
    if END not in at:
        return starts, np.full(table.n_rows, np.nan)
    ends = _read(path, table, at[END], END)
    if ends.zone and ends.zone != starts.zone:
        raise BadFileError(f"{path}: {TIME} is in {starts.zone}, {END} in {ends.zone}")
    is_before = ends.hours < starts.hours
    if is_before.any():
        row = int(is_before.argmax())
        raise BadFileError(f"{path}, {table.place(row)}: the order ends before it begins")
    return starts, ends.hours


def _read(path: Path, table: HourTable, at: int, name: str) -> Times:
    try:
        return read_times(table.columns[at])
    except TimeError as error:
        place = "" if error.row is None else f", {table.place(error.row)}"
        raise BadFileError(f"{path}{place}, {name}: {error}") from error
