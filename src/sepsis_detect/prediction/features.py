"""Hours in, features out: the one place where features are made.

Training, serving and batch scoring call `compute`. It is causal (an hour sees itself and the
past), and it gives the same bits for a stay alone as for the same stay among forty thousand:
every operation is elementwise, a minimum, or a sum in a fixed order (`windows`).

Only the last value of a variable is carried on without limit. Windows, counts and ages look back at
most `LOOKBACK_HOURS`, and time in intensive care stops at `TIME_CAP_HOURS`: from the next hour on
the training data hold ever more septic stays for no reason but how they were cut, and no feature
may tell that an hour lies there (docs/adr/0017-record-cut.md).

Windows hold the values known at each of their hours, carried on from the last measurement: where
nothing is measured for a while, a minimum or a mean moves to the last value, not to missing.

An hour in which nothing at all was measured says nothing new: it has the features of the last hour
in which something was. Silence neither raises nor lowers a risk.

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
from sepsis_detect.prediction.lookback_windows import NOTHING, WINDOWS_HOURS, Layout, layout

LOOKBACK_HOURS = WINDOWS_HOURS[-1]
TIME_CAP_HOURS = 36  # the last icu_hour before records of the training data are cut
AGE_90_AND_OVER = 90.0  # years
AGE_90_AND_OVER_IS = 100.0  # years; how the training data code it
IONISED_CALCIUM_BELOW = 4.0  # mg/dL; below lies another analyte, or another unit

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
_above = np.array([BY_CHALLENGE[above].column for above, _ in RATIOS.values()])
_below = np.array([BY_CHALLENGE[below].column for _, below in RATIOS.values()])
_static = np.array([columns[0] for columns in STATICS.values()])
_calcium = BY_CHALLENGE["Calcium"].column
_every_column = np.arange(N_COLUMNS)
_age, _unit, _hour = (list(STATICS).index(name) for name in ("age", "medical_unit", "icu_hour"))

V, N, S = len(VITALS), N_CLINICAL, len(SCORES)  # vital signs, clinical variables, scores
UNKNOWN = np.float32(np.nan)


def compute(stay: Stay, rows: IntArray | None = None) -> Float32Array:
    """Turn hours into features.

    Args:
        stay: One stay, or several end to end: coherent, hours increasing within each.
        rows: Rows wanted; all of them by default. A few cost little, however long the stays.

    Returns:
        Shape (n_rows, n_features), columns in the order of `NAMES`, NaN where unknown.
    """
    hourly, kept = _hourly(stay)
    if kept is not None:
        rows = kept if rows is None else kept[rows]
    measured_at = _last_with_measurement(hourly)
    if measured_at is not None and rows is not None:
        rows, measured_at = measured_at[rows], None
    laid = layout(hourly, rows)
    values = np.empty((hourly.n_hours + 1, N_COLUMNS), np.float32)
    values[:NOTHING], values[NOTHING] = hourly.values, UNKNOWN
    calcium = values[:, _calcium]
    calcium[calcium < IONISED_CALCIUM_BELOW] = UNKNOWN
    last_at = _last_measured(values, hourly)
    last, points = _last_and_points(values, last_at, laid)
    now = laid.wanted(last)
    age, before = _earlier(values, last_at, laid)
    minima = _minima(last, points, laid)
    counts, means = _counts_and_means(values, last, laid)
    known = {
        "nothing": np.zeros((len(now), 1), np.float32),
        "last": now[:, :N],
        "before": before,
        "age": age,
        "points": laid.wanted(points),
        "minima": minima,
        "earliest": _earliest(values, last_at, minima),
        "counts": counts,
        "means": means,
        "ratios": now.take(_above, axis=1) / now.take(_below, axis=1),
        "totals": _totals(age, counts),
        "statics": _statics(now),
    }
    table = np.concatenate([known[name].reshape(len(now), -1) for name in _COLUMNS], axis=1)
    computed: Float32Array = table.take(_FROM, axis=1)
    computed -= table.take(_LESS, axis=1)
    return computed if measured_at is None else computed.take(measured_at, axis=0)


W = len(WINDOWS_HOURS)
SHAPES = {
    "nothing": (1,),
    "last": (N,),
    "before": (N,),
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
"""What is known of an hour, in columns: names and shapes; `minima` are of each clinical variable,
of its negative, of the points, and of the row at which a variable is known."""


def _columns() -> dict[str, IntArray]:
    ends = np.cumsum([prod(shape) for shape in SHAPES.values()])
    return {
        name: np.arange(end - prod(shape), end).reshape(shape)
        for (name, shape), end in zip(SHAPES.items(), ends.tolist(), strict=True)
    }


_COLUMNS = _columns()


def _differences() -> tuple[IntArray, IntArray]:
    """Each feature is one column of what is known less another: which ones, in order."""
    of = _COLUMNS
    zero, minima, counts, means = of["nothing"], of["minima"], of["counts"], of["means"]
    mean = dict(zip(WINDOWS_HOURS, means, strict=True))
    count = dict(zip(WINDOWS_HOURS, counts, strict=True))
    longest = minima[-1]
    differences = [
        (of["last"], zero),
        (of["age"], zero),
        (of["last"], of["before"]),
        (of["last"], of["earliest"]),
        *((window[:V], zero) for window in minima),
        *((zero, window[N : N + V]) for window in minima),  # a maximum: of the negative, negated
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


_FROM, _LESS = _differences()


def _sources() -> dict[str, tuple[str, ...]]:
    vitals, labs = [v.challenge for v in VITALS], [v.challenge for v in LABS]
    plain: list[tuple[str, list[str]]] = [
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
        for pattern, challenges in plain
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
"""For each feature, the challenge names of the variables it is made of, in the features' order."""

NAMES = tuple(SOURCES)


def _hourly(stay: Stay) -> tuple[Stay, IntArray | None]:
    """Give every hour a row; also where the rows that were sent went, None if nothing moved.

    A gap longer than the look-back is as good as one of that length.
    """
    if stay.n_hours == stay.n_stays:
        return stay, None
    steps = np.diff(stay.icu_hours, prepend=np.nan)
    steps[stay.starts] = 1
    gaps = steps > 1
    if not gaps.any():
        return stay, None
    inserted = np.where(gaps, np.minimum(steps - 1, LOOKBACK_HOURS), 0).astype(np.intp)
    kept = np.arange(stay.n_hours) + np.cumsum(inserted)
    values = np.full((kept[-1] + 1, N_COLUMNS), np.nan)
    values[kept] = stay.values
    return Stay(values, kept[stay.starts]), kept


def _last_with_measurement(hourly: Stay) -> IntArray | None:
    """Shape (n_hours,): for each row the last one with a measurement, itself or one before it.

    Before the first measurement of its stay a row stands for itself. None: every row does.
    """
    is_empty = np.isnan(hourly.values[:, :N]).all(axis=1)
    if not is_empty.any():
        return None
    here = np.arange(hourly.n_hours)
    measured_at = np.maximum.accumulate(np.where(is_empty, NOTHING, here))
    return np.where(measured_at < hourly.first_rows, here, measured_at)


def _last_measured(values: Float32Array, hourly: Stay) -> IntArray:
    """Shape (n_hours + 1, 40): the row at which its stay measured each variable last."""
    here = np.arange(hourly.n_hours + 1)[:, None]
    here[NOTHING] = NOTHING
    last_at = np.where(np.isnan(values), NOTHING, here)
    if hourly.n_hours > hourly.n_stays:
        rows = last_at[:NOTHING]
        np.maximum.accumulate(rows, axis=0, out=rows)
        if hourly.n_stays > 1:
            rows[rows < hourly.first_rows[:, None]] = NOTHING
    return last_at


def _last_and_points(
    values: Float32Array, last_at: IntArray, laid: Layout
) -> tuple[Float32Array, Float32Array]:
    """Last value of each variable and points of the scores, as `laid` has the rows."""
    is_spread = laid.rows.size > len(values)  # then it is cheaper to lay out what was computed
    last = values[last_at if is_spread else last_at.take(laid.rows, axis=0), _every_column]
    points = _points(last.reshape(-1, N_COLUMNS)).reshape(*last.shape[:-1], S)
    if is_spread:
        return last.take(laid.rows, axis=0), points.take(laid.rows, axis=0)
    return last, points


def _earlier(
    values: Float32Array, last_at: IntArray, laid: Layout
) -> tuple[Float32Array, Float32Array]:
    """Hours since the last value of each clinical variable, and the value before it."""
    at = last_at.take(laid.wanted_rows, axis=0)[:, :N]
    age = np.minimum(laid.wanted_rows[:, None] - at, LOOKBACK_HOURS).astype(np.float32)
    age[at < 0] = UNKNOWN
    if not laid.longest:
        return age, np.full_like(age, UNKNOWN)
    before_at = last_at[at - 1, _every_column[:N]]
    before_at[(at < 0) | (before_at < laid.first_rows[:, None])] = NOTHING
    return age, values[before_at, _every_column[:N]]


def _minima(last: Float32Array, points: Float32Array, laid: Layout) -> Float32Array:
    """Shape (n_wanted, W, ...), as in `SHAPES`: one pass for all that is a minimum.

    A maximum is the minimum of the negative, and what came first has the smallest row; rows are
    exact as float32 up to sixteen million.
    """
    rows = laid.rows[:, :, None].astype(np.float32)
    known = last[:, :, :N]
    hourly = np.concatenate([known, -known, points, np.where(np.isnan(known), known, rows)], axis=2)
    if laid.n_above:
        hourly[laid.rows == NOTHING] = UNKNOWN
    return laid.over_windows(hourly, np.fmin)


def _earliest(values: Float32Array, last_at: IntArray, minima: Float32Array) -> Float32Array:
    """Shape (n_wanted, N): the first value known within the longest window."""
    first_at = minima[:, -1, -N:]
    rows = np.where(np.isnan(first_at), NOTHING, first_at).astype(np.intp)
    columns = _every_column[:N]
    return values[last_at[rows, columns], columns]


def _counts_and_means(
    values: Float32Array, last: Float32Array, laid: Layout
) -> tuple[Float32Array, Float32Array]:
    """How often each clinical variable was measured, and means of the vital signs, by window."""
    measured = ~np.isnan(values.take(laid.rows, axis=0)[:, :, :N])
    vitals = last[:, :, :V]
    known = ~np.isnan(vitals)
    hourly = [measured, known, np.where(known, vitals, np.float32(0))]
    sums = laid.over_windows(np.concatenate(hourly, axis=2, dtype=np.float32), np.add)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: nothing is known
        return sums[:, :, :N], sums[:, :, N + V :] / sums[:, :, N : N + V]


_in_6h, _in_24h = WINDOWS_HOURS.index(6), WINDOWS_HOURS.index(24)
_totals_begin = np.cumsum([0, V, N - V, N - V])


def _totals(age: Float32Array, counts: Float32Array) -> Float32Array:
    """Vital signs measured now, laboratory values within 6 and 24 hours, different ones in 24."""
    within_6h, within_24h = counts[:, _in_6h, V:], counts[:, _in_24h, V:]
    parts = [age[:, :V] == 0, within_6h, within_24h, within_24h > 0]
    return np.add.reduceat(np.concatenate(parts, axis=1, dtype=np.float32), _totals_begin, axis=1)


def _statics(last: Float32Array) -> Float32Array:
    statics = last.take(_static, axis=1)
    age, unit, hour = statics[:, _age], statics[:, _unit], statics[:, _hour]
    age[age >= AGE_90_AND_OVER] = AGE_90_AND_OVER_IS
    np.copyto(unit, 1 - last[:, SURGICAL_UNIT], where=np.isnan(unit))
    np.minimum(hour, TIME_CAP_HOURS, out=hour)
    return statics
