"""Hours to be labelled, and the orders of each of their stays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_build.data.cohort import LABEL
from model_build.data.stay_files import refuse_unreadable
from model_build.site.label import StayOrders
from model_build.site.order_times import SINCE_ADMISSION, TimeError, read_times
from model_build.site.orders import Orders
from sepsis_detect.batch_scoring import headers, stay_ids
from sepsis_detect.batch_scoring.hour_columns import HourColumns
from sepsis_detect.batch_scoring.hour_rows import HourReader, Reading
from sepsis_detect.batch_scoring.hour_tables import readable
from sepsis_detect.batch_scoring.stay_files import Batch, read_stays, survey
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.errors import BadFileError

ADMISSION_NAMES = (
    *("icu_admission_time", "icu_admission", "icu_admitted_at", "intime", "icu_intime"),
    *("icu_admit_time", "admission_time", "admitted_at", "visit_detail_start_datetime"),
)
WHOLE_NUMBER = re.compile(r"^(\d+)\.0+$")
MAX_HOURS_OFF = 7 * 24  # of most orders from the hours of their stays


@dataclass(frozen=True, slots=True)
class LabelHours:
    """The stays of the files of hours, in the order of the files.

    Attributes:
        stay: Their hours end to end, canonical units.
        keys: One per stay: its identifiers, the finest first.
        ranks: The rank in `headers.STAY_IDS` of each identifier; empty if the files have none.
        id_names: The headers of these identifiers.
        admissions: Shape (n_stays,), hours since 1970; NaN where not known.
        zone: The kind of the admission times, as of `order_times.Times`.
        n_rows: Rows of each file.
    """

    stay: Stay
    keys: list[list[str]]
    ranks: tuple[int, ...]
    id_names: tuple[str, ...]
    admissions: FloatArray
    zone: str | None
    n_rows: list[int]


@dataclass(frozen=True, slots=True)
class Matched:
    """Orders by stay.

    Attributes:
        orders: One for each stay.
        n_unmatched: Orders of stays that are not among the hours.
        n_without_end: Antibiotics that are used and whose end is not known.
        n_antibiotics, n_cultures: Orders that are used.
        median_duration_hours: Of the antibiotics with an end; NaN without any.
    """

    orders: list[StayOrders]
    n_unmatched: int
    n_without_end: int
    n_antibiotics: int
    n_cultures: int
    median_duration_hours: float


def read_hours(files: Sequence[Path], reading: Reading) -> LabelHours:
    """Read the stays of some files.

    Args:
        files: As for `sepsis-detect score`.
        reading: How to read them; further columns are added.

    Raises:
        BadFileError: A file cannot be read as hours of stays, or is labelled already.
    """
    for at, path in enumerate(files):
        if path.resolve() in [other.resolve() for other in files[:at]]:
            raise BadFileError(f"{path} is named twice")
    columns = [_columns(path, reading) for path in files]
    first = columns[0]
    ranks = [_ranks(each, reading) for each in columns]
    for path, each in zip(files, ranks, strict=True):
        if each != ranks[0]:
            raise BadFileError(f"{path} identifies stays by other columns than {files[0]}")
    reading = replace(reading, is_partial_allowed=True, others=ADMISSION_NAMES)
    surveyed = survey(files, reading)
    batches: list[Batch] = []
    n_rows, admissions = [], []
    zones: set[str] = set()
    for path in files:
        found = list(read_stays(path, reading, surveyed))
        refuse_unreadable(path, found)
        n_rows.append(sum(batch.stay.n_hours for batch in found))
        for batch in found:
            hours, zone = _admissions(path, batch)
            admissions.append(hours)
            zones |= {zone} if zone else set()
        batches += found
    if len(zones) > 1:
        raise BadFileError(f"admission times are of several kinds: {' and '.join(sorted(zones))}")
    return LabelHours(
        stay=Stay.end_to_end([batch.stay for batch in batches]),
        keys=[stay_ids.parts(key) for batch in batches for key in batch.keys],
        ranks=ranks[0],
        id_names=tuple(first.headers[at] for at in first.ids),
        admissions=np.concatenate(admissions),
        zone=next(iter(zones), None),
        n_rows=n_rows,
    )


def _columns(path: Path, reading: Reading) -> HourColumns:
    with readable(path):
        columns = HourReader(path, reading, path.stem).columns
    if any(headers.compact(name) == headers.compact(LABEL) for name in columns.headers):
        raise BadFileError(f"{path} has a column {LABEL} already")
    return columns


def _ranks(columns: HourColumns, reading: Reading) -> tuple[int, ...]:
    names = [columns.headers[at] for at in columns.ids]
    found = [headers.meaning(reading.names.get(name, name)).id_rank for name in names]
    return tuple(rank for rank in found if rank is not None)


def _admissions(path: Path, batch: Batch) -> tuple[FloatArray, str | None]:
    """The admission time of each stay."""
    n_stays = batch.stay.n_stays
    if not batch.others:
        return np.full(n_stays, np.nan), None
    if len(batch.others) > 1:
        raise BadFileError(f"{path} has two admission times: {', '.join(batch.others)}")
    (name, column), *_ = batch.others.items()
    try:
        times = read_times(column)
    except TimeError as error:
        raise BadFileError(f"{path}, column {name}: {error}") from error
    if times.zone == SINCE_ADMISSION:
        raise BadFileError(f"{path}, column {name} holds numbers, not dates with a time of day")
    first = np.fmin.reduceat(times.hours, batch.stay.starts)
    changes = np.abs(times.hours - first[_stay_of_hour(batch.stay)]) > 0
    if changes.any():
        at = int(_stay_of_hour(batch.stay)[int(changes.argmax())])
        raise BadFileError(f"{path}, stay {batch.patient_ids[at]}: {name} changes within the stay")
    return first, times.zone


def _stay_of_hour(stay: Stay) -> IntArray:
    lengths = np.diff(stay.starts, append=stay.n_hours)
    return np.repeat(np.arange(stay.n_stays), lengths)


# --- Which order belongs to which stay ----------------------------------------------------------


def match(hours: LabelHours, orders: Orders) -> Matched:
    """Give each stay its orders, in hours since its admission.

    Raises:
        BadFileError: Orders and hours do not belong together; one sentence.
    """
    stays = _stays_of(hours, orders)
    is_known = stays >= 0
    if not is_known.any():
        raise BadFileError(f"{orders.path}: no order belongs to a stay of the hours")
    starts, ends = _since_admission(hours, orders, stays)
    _require_near(hours, orders, stays, starts)
    is_used = is_known & orders.is_used
    is_antibiotic = is_used & ~orders.is_culture
    is_culture = is_used & orders.is_culture
    durations = (ends - starts)[is_antibiotic & ~np.isnan(ends)]
    return Matched(
        orders=_by_stay(hours.stay.n_stays, stays, starts, ends, is_antibiotic, is_culture),
        n_unmatched=int((~is_known).sum()),
        n_without_end=int((is_antibiotic & np.isnan(ends)).sum()),
        n_antibiotics=int(is_antibiotic.sum()),
        n_cultures=int(is_culture.sum()),
        median_duration_hours=float(np.median(durations)) if len(durations) else np.nan,
    )


def _by_stay(
    n_stays: int,
    stays: IntArray,
    starts: FloatArray,
    ends: FloatArray,
    is_antibiotic: BoolArray,
    is_culture: BoolArray,
) -> list[StayOrders]:
    order = np.lexsort((starts, stays))
    antibiotics, cultures = order[is_antibiotic[order]], order[is_culture[order]]
    edges = np.arange(n_stays + 1)
    of_antibiotics = np.searchsorted(stays[antibiotics], edges)
    of_cultures = np.searchsorted(stays[cultures], edges)
    pairs = np.column_stack([starts, ends])[antibiotics]
    return [
        StayOrders(
            pairs[of_antibiotics[at] : of_antibiotics[at + 1]],
            starts[cultures][of_cultures[at] : of_cultures[at + 1]],
        )
        for at in range(n_stays)
    ]


def _stays_of(hours: LabelHours, orders: Orders) -> IntArray:
    """Shape (n_orders,): the stay of each order, -1 if it is not among the hours."""
    if not orders.ids:
        if len(hours.keys) == 1:
            return np.zeros(len(orders.hours), dtype=np.intp)
        raise BadFileError(f"{orders.path} has no column that identifies stays, such as stay_id")
    common = [rank for rank in hours.ranks if rank in orders.ids]
    if common:
        places = [hours.ranks.index(rank) for rank in common]
    else:  # patient_id here, stay_id there
        common, places = [min(orders.ids)], [0]
    keys = [tuple(_plain(key[place]) for place in places) for key in hours.keys]
    if len(set(keys)) < len(keys):
        raise BadFileError(
            f"{orders.path} does not say which stay of a patient an order belongs to: "
            f"it needs the column {hours.id_names[0]}"
        )
    index: Mapping[tuple[str, ...], int] = {key: at for at, key in enumerate(keys)}
    wanted = zip(*(map(_plain, orders.ids[rank]) for rank in common), strict=True)
    return np.array([index.get(key, -1) for key in wanted], dtype=np.intp)


def _plain(text: str) -> str:
    """An identifier without the decimals that a column of floats adds to it."""
    return WHOLE_NUMBER.sub(r"\1", text)


def _since_admission(
    hours: LabelHours, orders: Orders, stays: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Start and end of each order, in hours since admission; NaN for stays that are unknown."""
    admitted = np.where(stays >= 0, 0.0, np.nan)
    if orders.zone != SINCE_ADMISSION:
        if hours.zone is None:
            raise BadFileError(
                f"{orders.path} has dates, and the hours no admission times: add a column "
                f"{ADMISSION_NAMES[0]} to the hours, or give hours since admission"
            )
        if hours.zone != orders.zone:
            raise BadFileError(
                f"{orders.path} has times in {orders.zone}, the admission times of the hours "
                f"are in {hours.zone}"
            )
        admitted = np.where(stays >= 0, hours.admissions[stays], np.nan)
        if np.isnan(admitted[stays >= 0]).any():
            raise BadFileError(f"{orders.path} has orders of a stay without admission time")
    return orders.hours - admitted, orders.ends - admitted


def _require_near(hours: LabelHours, orders: Orders, stays: IntArray, starts: FloatArray) -> None:
    """Refuse orders most of which lie far from the hours of their stays: minutes, another clock."""
    known = stays >= 0
    icu_hours = hours.stay.icu_hours
    after = starts[known] - icu_hours[hours.stay.last_rows][stays[known]]
    before = icu_hours[hours.stay.starts][stays[known]] - starts[known]
    if np.median(np.maximum(after, before)) > MAX_HOURS_OFF:
        raise BadFileError(
            f"{orders.path}: most orders lie more than {MAX_HOURS_OFF // 24} days from the hours "
            "of their stays: are their times hours since admission to intensive care?"
        )
