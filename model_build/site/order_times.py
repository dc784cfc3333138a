"""Times in a column: hours since admission to intensive care, or dates with a time of day."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from sepsis_detect.batch_scoring import cells
from sepsis_detect.batch_scoring.written_numbers import is_missing, read_number
from sepsis_detect.clinical.stay import FloatArray

SECONDS_PER_HOUR = 3600.0
HOUR_UNITS = {"s": 3600.0, "ms": 3600e3, "us": 3600e6, "ns": 3600e9}


class TimeError(ValueError):
    """A cell or a column holds no time; the message goes on after the place.

    Attributes:
        row: The row of the cell; None for the whole column.
    """

    def __init__(self, why: str, row: int | None = None):
        super().__init__(why)
        self.row = row


@dataclass(frozen=True, slots=True)
class Times:
    """The times of some rows.

    Attributes:
        hours: Shape (n_rows,), since admission, or since 1970 in UTC for dates; NaN where missing.
        zone: `hours since admission`, `local time` or `time zone`, the kind of all of them; None
            if all are missing.
    """

    hours: FloatArray
    zone: str | None


SINCE_ADMISSION, LOCAL, ZONED = "hours since admission", "local time", "a time zone"


def read_times(column: Any) -> Times:
    """Read an Arrow array of numbers, timestamps or text.

    Raises:
        TimeError: A cell is neither an hour nor a date with a time of day, or both are mixed.
    """
    column = cells.decoded(column)
    kind = column.type
    if pa.types.is_null(kind):
        return Times(np.full(len(column), np.nan), None)
    if pa.types.is_timestamp(kind):
        ticks = column.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64)
        ticks[column.is_null().to_numpy(zero_copy_only=False)] = np.nan
        return _times(ticks / HOUR_UNITS[kind.unit], ZONED if kind.tz else LOCAL)
    if pa.types.is_date(kind):
        raise TimeError("holds dates without a time of day")
    if cells.is_text(kind):
        return _of_text(cells.texts(column))
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise TimeError(f"holds {kind}, not hours or dates with a time of day")
    hours = cells.shortest_decimals(column)
    if np.isinf(hours).any():
        raise TimeError("an infinite number", int(np.isinf(hours).argmax()))
    return _times(hours, SINCE_ADMISSION)


def _times(hours: FloatArray, zone: str) -> Times:
    return Times(hours, None if np.isnan(hours).all() else zone)


def _of_text(coded: Any) -> Times:
    texts = coded.dictionary.to_pylist()
    rows = coded.indices.to_numpy(zero_copy_only=False)  # NaN where missing
    hours, zones = np.full(len(texts) + 1, np.nan), dict[str, int]()
    for at, text in enumerate(texts):
        if text is None or is_missing(text):
            continue
        try:
            hours[at], zone = _hour(text.strip())
        except TimeError as error:
            raise TimeError(str(error), int((rows == at).argmax())) from error
        zones.setdefault(zone, at)
    if len(zones) > 1:
        zone, at = list(zones.items())[-1]
        why = f"'{cells.shown(texts[at])}' has {zone}, other cells {next(iter(zones))}"
        raise TimeError(why, int((rows == at).argmax()))
    index = np.where(np.isnan(rows.astype(np.float64)), len(texts), rows).astype(np.intp)
    return Times(hours[index], next(iter(zones), None))


def _hour(text: str) -> tuple[float, str]:
    number = read_number(text)
    if not number.is_wrong:
        if number.is_ambiguous:
            raise TimeError(f"'{cells.shown(text)}' may be read in two ways")
        return number.value, SINCE_ADMISSION
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise TimeError(
            f"'{cells.shown(text)}' is neither an hour since admission nor a time such as "
            "2024-03-01 08:30"
        ) from error
    if len(text) <= len("2024-03-01"):
        raise TimeError(f"'{cells.shown(text)}' has no time of day")
    zone = ZONED if time.tzinfo else LOCAL
    return time.replace(tzinfo=time.tzinfo or UTC).timestamp() / SECONDS_PER_HOUR, zone
