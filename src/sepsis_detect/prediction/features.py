"""Features of hours: the only feature computation, for training, serving and batch scoring.

`compute` is causal: an hour depends on itself and earlier hours alone. It is reproducible: a stay
has the same features alone and among forty thousand, to the last bit, because every operation is
elementwise, a minimum, or a sum in a fixed order (`lookback_windows`).

The last value of a variable is carried forward without limit. Windows, counts and ages look back at
most `LOOKBACK_HOURS`, and time in intensive care is capped at `TIME_CAP_HOURS`: after that hour the
share of septic stays in the training data rises only because the other records are cut there, and
no feature may reveal it (docs/adr/0017-record-cut.md).

Windows contain the last known value at each of their hours: without new measurements a minimum or a
mean approaches the last value; it does not become missing.

An hour without any measurement has the features of the last hour with one, so that the absence of
measurements neither raises nor lowers a risk.

Missing stays missing: before the first measurement a feature is NaN.
"""

from math import prod

import numpy as np

from sepsis_detect.bedside_scores.point_bands import BANDS, PointTable
from sepsis_detect.clinical.stay import Float32Array as Float32Array
from sepsis_detect.clinical.stay import IntArray, Stay
from sepsis_detect.clinical.variables import (
    AGE,
    BY_CHALLENGE,
    HOSPITAL_ADMISSION_HOUR,
    ICU_HOUR,
    LABS,
    MEDICAL_UNIT,
    N_CLINICAL,
    N_COLUMNS,
    SEX,
    SURGICAL_UNIT,
    VARIABLES,
    VITALS,
)
from sepsis_detect.prediction.lookback_windows import NO_ROW, WINDOWS_HOURS, Layout, layout

LOOKBACK_HOURS = WINDOWS_HOURS[-1]
TIME_CAP_HOURS = 36  # the last icu_hour before records of the training data are cut
AGE_90_AND_OVER = 90.0  # years
AGE_90_AND_OVER_IS = 100.0  # years; the code for it in the training data
IONISED_CALCIUM_BELOW = 4.0  # mg/dL; a lower value is another analyte, or in another unit

RATIOS = {
    "shock_index": ("HR", "SBP"),
    "modified_shock_index": ("HR", "MAP"),
    "bun_creatinine_ratio": ("BUN", "Creatinine"),
    "spo2_fio2_ratio": ("O2Sat", "FiO2"),
    "diastolic_systolic_ratio": ("DBP", "SBP"),
}
SCORES = ("sirs", "qsofa", "news2", "sofa2")
STATICS = {
    "age": (AGE,),
    "sex": (SEX,),
    "medical_unit": (MEDICAL_UNIT, SURGICAL_UNIT),
    "hospital_admission_hour": (HOSPITAL_ADMISSION_HOUR,),
    "icu_hour": (ICU_HOUR,),
}

_points = PointTable(SCORES, np.float32)
_numerators = np.array([BY_CHALLENGE[numerator].column for numerator, _ in RATIOS.values()])
_denominators = np.array([BY_CHALLENGE[denominator].column for _, denominator in RATIOS.values()])
_static = np.array([columns[0] for columns in STATICS.values()])
_calcium = BY_CHALLENGE["Calcium"].column
_all_columns = np.arange(N_COLUMNS)
_age, _unit, _hour = (list(STATICS).index(name) for name in ("age", "medical_unit", "icu_hour"))

V, N, S = len(VITALS), N_CLINICAL, len(SCORES)  # vital signs, clinical variables, scores
UNKNOWN = np.float32(np.nan)


def compute(stay: Stay, rows: IntArray | None = None) -> Float32Array:
    """Compute the features of hours.

    Args:
        stay: One stay, or several end to end: coherent, hours increasing within each.
        rows: Rows to compute, by default all. The time depends on their number, and little on the
            length of the stays.

    Returns:
        Shape (n_rows, n_features), columns in the order of `NAMES`, NaN where unknown.
    """
    hourly, sent_rows = _one_row_per_hour(stay)
    if sent_rows is not None:
        rows = sent_rows if rows is None else sent_rows[rows]
    measured_at = _last_with_measurement(hourly)
    if measured_at is not None and rows is not None:
        rows, measured_at = measured_at[rows], None
    quantities = _quantities(_model_values(hourly), hourly, layout(hourly, rows))
    n_rows = len(quantities["last"])
    table = np.concatenate([quantities[name].reshape(n_rows, -1) for name in _COLUMNS], axis=1)
    computed: Float32Array = table.take(_MINUENDS, axis=1)
    computed -= table.take(_SUBTRAHENDS, axis=1)
    return computed if measured_at is None else computed.take(measured_at, axis=0)


def _quantities(values: Float32Array, hourly: Stay, hours: Layout) -> dict[str, Float32Array]:
    """What the features of the selected rows are computed from, by name: shapes in `SHAPES`."""
    last_at = _last_measured(values, hourly)
    last, points = _last_and_points(values, last_at, hours)
    now = hours.selected(last)
    age, previous = _age_and_previous(values, last_at, hours)
    minima = _minima(last, points, hours)
    counts, means = _counts_and_means(values, last, hours)
    return {
        "zero": np.zeros((len(now), 1), np.float32),
        "last": now[:, :N],
        "previous": previous,
        "age": age,
        "points": hours.selected(points),
        "minima": minima,
        "earliest": _earliest(values, last_at, minima),
        "counts": counts,
        "means": means,
        "ratios": now.take(_numerators, axis=1) / now.take(_denominators, axis=1),
        "totals": _totals(age, counts),
        "statics": _statics(now),
    }


W = len(WINDOWS_HOURS)
SHAPES = {
    "zero": (1,),
    "last": (N,),
    "previous": (N,),
    "age": (N,),
    "points": (S,),
    "minima": (W, 3 * N + S),
    "earliest": (N,),
    "counts": (W, N),
    "means": (W, V),
    "ratios": (len(RATIOS),),
    "totals": (4,),
    "statics": (len(STATICS),),
}
"""Quantities of an hour, in the order of the table's columns, and their shapes.

`minima` are those of each clinical variable, of its negative (the negated maximum), of the points,
and of the rows at which a variable is known (the first such row)."""


def _columns() -> dict[str, IntArray]:
    ends = np.cumsum([prod(shape) for shape in SHAPES.values()])
    return {
        name: np.arange(end - prod(shape), end).reshape(shape)
        for (name, shape), end in zip(SHAPES.items(), ends.tolist(), strict=True)
    }


_COLUMNS = _columns()


def _differences() -> tuple[IntArray, IntArray]:
    """For each feature two columns of the table: the feature is their difference."""
    of = _COLUMNS
    zero, minima, counts, means = of["zero"], of["minima"], of["counts"], of["means"]
    mean = dict(zip(WINDOWS_HOURS, means, strict=True))
    count = dict(zip(WINDOWS_HOURS, counts, strict=True))
    longest = minima[-1]
    differences = [
        (of["last"], zero),
        (of["age"], zero),
        (of["last"], of["previous"]),
        (of["last"], of["earliest"]),
        *((window[:V], zero) for window in minima),
        *((zero, window[N : N + V]) for window in minima),  # maxima
        *((window, zero) for window in means),
        (of["last"][:V], mean[24]),
        (mean[6], mean[24]),
        (longest[V:N], zero),
        (zero, longest[N + V : 2 * N]),
        (count[6], zero),
        (count[LOOKBACK_HOURS], zero),
        (of["ratios"], zero),
        (of["points"], zero),
        (of["points"], longest[2 * N : 2 * N + S]),
        (of["totals"], zero),
        (of["statics"], zero),
    ]
    pairs = [np.broadcast_arrays(a, b) for a, b in differences]
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


_MINUENDS, _SUBTRAHENDS = _differences()


def _sources() -> dict[str, tuple[str, ...]]:
    vitals, labs = [v.challenge for v in VITALS], [v.challenge for v in LABS]
    patterns: list[tuple[str, list[str]]] = [
        ("{}_last", vitals + labs),
        ("{}_hours_since", vitals + labs),
        ("{}_change", vitals + labs),
        ("{}_change_36h", vitals + labs),
        *((f"{{}}_min_{hours}h", vitals) for hours in WINDOWS_HOURS),
        *((f"{{}}_max_{hours}h", vitals) for hours in WINDOWS_HOURS),
        *((f"{{}}_mean_{hours}h", vitals) for hours in WINDOWS_HOURS),
        ("{}_over_mean_24h", vitals),
        ("{}_mean_6h_over_24h", vitals),
        ("{}_min_36h", labs),
        ("{}_max_36h", labs),
        ("{}_count_6h", vitals + labs),
        ("{}_count_36h", vitals + labs),
    ]
    sources: dict[str, tuple[str, ...]] = {
        pattern.format(BY_CHALLENGE[challenge].name): (challenge,)
        for pattern, challenges in patterns
        for challenge in challenges
    }
    sources |= RATIOS
    of_score = {
        score: tuple(dict.fromkeys(band.variable for band in BANDS if band.score == score))
        for score in SCORES
    }
    sources |= {f"{score}_points": of_score[score] for score in SCORES}
    sources |= {f"{score}_points_rise_36h": of_score[score] for score in SCORES}
    sources |= {"vitals_measured_now": tuple(vitals)}
    sources |= {"labs_count_6h": tuple(labs), "labs_count_24h": tuple(labs)}
    sources |= {"labs_distinct_24h": tuple(labs)}
    return sources | {
        name: tuple(VARIABLES[column].challenge for column in columns)
        for name, columns in STATICS.items()
    }


SOURCES = _sources()
"""The features in order, and the challenge names of the variables each is computed from."""

NAMES = tuple(SOURCES)


def _one_row_per_hour(stay: Stay) -> tuple[Stay, IntArray | None]:
    """Insert a row for every hour that was not sent.

    A gap longer than the look-back is equivalent to a gap of that length.

    Returns:
        The stay, and the new row of each row sent; None if no row was inserted.
    """
    if stay.n_hours == stay.n_stays:
        return stay, None
    steps = np.diff(stay.icu_hours, prepend=np.nan)
    steps[stay.starts] = 1
    gaps = steps > 1
    if not gaps.any():
        return stay, None
    inserted = np.where(gaps, np.minimum(steps - 1, LOOKBACK_HOURS), 0).astype(np.intp)
    sent_rows = np.arange(stay.n_hours) + np.cumsum(inserted)
    values = np.full((sent_rows[-1] + 1, N_COLUMNS), np.nan)
    values[sent_rows] = stay.values
    return Stay(values, sent_rows[stay.starts]), sent_rows


def _last_with_measurement(hourly: Stay) -> IntArray | None:
    """Shape (n_hours,): for each row the last row with a measurement; None if each has one.

    Before the first measurement of its stay, it is the row itself.
    """
    is_empty = np.isnan(hourly.values[:, :N]).all(axis=1)
    if not is_empty.any():
        return None
    here = np.arange(hourly.n_hours)
    measured_at = np.maximum.accumulate(np.where(is_empty, NO_ROW, here))
    return np.where(measured_at < hourly.first_rows, here, measured_at)


def _model_values(hourly: Stay) -> Float32Array:
    """Shape (n_hours + 1, 40): values as the model knows them; the last row, `NO_ROW`, is NaN."""
    values = np.empty((hourly.n_hours + 1, N_COLUMNS), np.float32)
    values[:NO_ROW], values[NO_ROW] = hourly.values, UNKNOWN
    calcium = values[:, _calcium]
    calcium[calcium < IONISED_CALCIUM_BELOW] = UNKNOWN
    return values


def _last_measured(values: Float32Array, hourly: Stay) -> IntArray:
    """Shape (n_hours + 1, 40): the row of the last measurement in the stay, `NO_ROW` if none."""
    here = np.arange(hourly.n_hours + 1)[:, None]
    here[NO_ROW] = NO_ROW
    last_at = np.where(np.isnan(values), NO_ROW, here)
    if hourly.n_hours > hourly.n_stays:
        rows = last_at[:NO_ROW]
        np.maximum.accumulate(rows, axis=0, out=rows)
        if hourly.n_stays > 1:
            rows[rows < hourly.first_rows[:, None]] = NO_ROW
    return last_at


def _last_and_points(
    values: Float32Array, last_at: IntArray, hours: Layout
) -> tuple[Float32Array, Float32Array]:
    """Last value of each variable and points of the scores, in the layout `hours`."""
    repeats_rows = hours.rows.size > len(values)  # then it is cheaper to compute first
    last = values[last_at if repeats_rows else last_at.take(hours.rows, axis=0), _all_columns]
    points = _points(last.reshape(-1, N_COLUMNS)).reshape(*last.shape[:-1], S)
    if repeats_rows:
        return last.take(hours.rows, axis=0), points.take(hours.rows, axis=0)
    return last, points


def _age_and_previous(
    values: Float32Array, last_at: IntArray, hours: Layout
) -> tuple[Float32Array, Float32Array]:
    """Hours since the last value of each clinical variable, and the measurement before it."""
    at = last_at.take(hours.selected_rows, axis=0)[:, :N]
    age = np.minimum(hours.selected_rows[:, None] - at, LOOKBACK_HOURS).astype(np.float32)
    age[at < 0] = UNKNOWN
    if not hours.n_earlier:
        return age, np.full_like(age, UNKNOWN)
    previous_at = last_at[at - 1, _all_columns[:N]]
    previous_at[(at < 0) | (previous_at < hours.first_rows[:, None])] = NO_ROW
    return age, values[previous_at, _all_columns[:N]]


def _minima(last: Float32Array, points: Float32Array, hours: Layout) -> Float32Array:
    """Shape (n_selected, W, ...), as in `SHAPES`: minima, maxima and first rows in one pass.

    A maximum is the minimum of the negative, and the first row is the smallest one. Row numbers
    are exact as float32 up to sixteen million.
    """
    rows = hours.rows[:, :, None].astype(np.float32)
    known = last[:, :, :N]
    hourly = np.concatenate([known, -known, points, np.where(np.isnan(known), known, rows)], axis=2)
    if hours.n_padding:
        hourly[hours.rows == NO_ROW] = UNKNOWN
    return hours.over_windows(hourly, np.fmin)


def _earliest(values: Float32Array, last_at: IntArray, minima: Float32Array) -> Float32Array:
    """Shape (n_selected, N): the first value known within the longest window."""
    first_at = minima[:, -1, -N:]
    rows = np.where(np.isnan(first_at), NO_ROW, first_at).astype(np.intp)
    columns = _all_columns[:N]
    return values[last_at[rows, columns], columns]


def _counts_and_means(
    values: Float32Array, last: Float32Array, hours: Layout
) -> tuple[Float32Array, Float32Array]:
    """Numbers of measurements of each clinical variable, and means of vital signs, by window."""
    measured = ~np.isnan(values.take(hours.rows, axis=0)[:, :, :N])
    vitals = last[:, :, :V]
    known = ~np.isnan(vitals)
    hourly = [measured, known, np.where(known, vitals, np.float32(0))]
    sums = hours.over_windows(np.concatenate(hourly, axis=2, dtype=np.float32), np.add)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: no value is known
        return sums[:, :, :N], sums[:, :, N + V :] / sums[:, :, N : N + V]


_in_6h, _in_24h = WINDOWS_HOURS.index(6), WINDOWS_HOURS.index(24)
_totals_begin = np.cumsum([0, V, N - V, N - V])


def _totals(age: Float32Array, counts: Float32Array) -> Float32Array:
    """Numbers of vital signs now, laboratory values in 6 and 24 h, distinct ones in 24 h."""
    within_6h, within_24h = counts[:, _in_6h, V:], counts[:, _in_24h, V:]
    parts = [age[:, :V] == 0, within_6h, within_24h, within_24h > 0]
    return np.add.reduceat(np.concatenate(parts, axis=1, dtype=np.float32), _totals_begin, axis=1)


def _statics(last: Float32Array) -> Float32Array:
    """Shape (n_selected, 5): demographic variables and the hour, coded as in the training data."""
    statics = last.take(_static, axis=1)
    age, unit, hour = statics[:, _age], statics[:, _unit], statics[:, _hour]
    age[age >= AGE_90_AND_OVER] = AGE_90_AND_OVER_IS
    np.copyto(unit, 1 - last[:, SURGICAL_UNIT], where=np.isnan(unit))
    np.minimum(hour, TIME_CAP_HOURS, out=hour)
    return statics
