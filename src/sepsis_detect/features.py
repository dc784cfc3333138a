"""Hours in, features out: the one place where features are made.

Training, serving and batch scoring call `compute`. It is causal (an hour sees itself and the
past), and it gives the same bits for a stay alone as for the same stay among forty thousand:
every operation is elementwise, a minimum, or a sum in a fixed order.

Only the last value of a variable is carried on without limit. Everything else, time in intensive
care included, looks back at most `LOOKBACK_HOURS`: in the training data long records are almost
all septic, an artefact of how they were cut, and no feature may tell a long record from another.

Missing stays missing: before the first measurement a feature is NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepsis_detect.points import BANDS, PointTable
from sepsis_detect.stay import BoolArray, IntArray, Stay
from sepsis_detect.variables import (
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

Float32Array = NDArray[np.float32]

LOOKBACK_HOURS = 48
VITAL_WINDOWS_HOURS = (6, 12, 24, 48)
MEAN_WINDOWS_HOURS = (6, 12, 24)
DIFFERENCE_HOURS = 24
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
_age, _unit, _hour = (list(STATICS).index(name) for name in ("age", "medical_unit", "icu_hour"))

V, N = len(VITALS), N_CLINICAL  # how many vital signs, how many clinical variables


def compute(stay: Stay, rows: IntArray | None = None) -> Float32Array:
    """Turn hours into features.

    Args:
        stay: One stay, or several end to end: coherent, hours increasing within each.
        rows: Rows wanted; all of them by default.

    Returns:
        Shape (n_rows, n_features), columns in the order of `NAMES`, NaN where unknown.
    """
    hourly, kept = _hourly(stay)
    if kept is not None:
        rows = kept if rows is None else kept[rows]
    first = hourly.first_rows
    here = np.arange(hourly.n_hours)
    values = hourly.values.astype(np.float32)
    calcium = values[:, _calcium]
    calcium[calcium < IONISED_CALCIUM_BELOW] = np.nan
    measured = ~np.isnan(values)
    last, before, age = _carried(values, measured, here[:, None], first[:, None])
    points = _points(last)
    ratios = last[:, _above] / last[:, _below]
    lowest, highest, lowest_points = _extremes(values[:, :N], points, here - first)
    counts, means = _sums(values, measured, here - first)
    day_before = _earlier(last[:, :N], DIFFERENCE_HOURS, np.nan, here - first)
    pieces = [
        last[:, :N],
        age,
        last[:, :N] - before,
        last[:, :N] - day_before,
        *(lowest[hours][:, :V] for hours in VITAL_WINDOWS_HOURS),
        *(highest[hours][:, :V] for hours in VITAL_WINDOWS_HOURS),
        *(means[hours] for hours in MEAN_WINDOWS_HOURS),
        last[:, :V] - means[24],
        means[6] - means[24],
        lowest[48][:, V:],
        highest[48][:, V:],
        counts[6],
        counts[48],
        ratios,
        points,
        points - lowest_points[24],
        measured[:, :V].sum(axis=1, keepdims=True),
        counts[6][:, V:].sum(axis=1, keepdims=True),
        counts[24][:, V:].sum(axis=1, keepdims=True),
        (counts[24][:, V:] > 0).sum(axis=1, keepdims=True),
        _statics(last),
    ]
    if rows is not None:
        pieces = [piece[rows] for piece in pieces]
    return np.concatenate(pieces, axis=1, dtype=np.float32, casting="same_kind")


def _sources() -> dict[str, tuple[str, ...]]:
    vitals, labs = [v.challenge for v in VITALS], [v.challenge for v in LABS]
    plain: list[tuple[str, list[str]]] = [
        ("{}_last", vitals + labs),
        ("{}_hours_since", vitals + labs),
        ("{}_change", vitals + labs),
        ("{}_difference_24h", vitals + labs),
        *((f"{{}}_min_{hours}h", vitals) for hours in VITAL_WINDOWS_HOURS),
        *((f"{{}}_max_{hours}h", vitals) for hours in VITAL_WINDOWS_HOURS),
        *((f"{{}}_mean_{hours}h", vitals) for hours in MEAN_WINDOWS_HOURS),
        ("{}_over_mean_24h", vitals),
        ("{}_mean_6h_over_24h", vitals),
        ("{}_min_48h", labs),
        ("{}_max_48h", labs),
        ("{}_count_6h", vitals + labs),
        ("{}_count_48h", vitals + labs),
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
    sources |= {f"{score}_points_rise_24h": of_score[score] for score in SCORES}
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


def _carried(
    values: Float32Array, measured: BoolArray, here: IntArray, first: IntArray
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Last value of every column; value before it and hours since it of the clinical ones."""
    seen = np.maximum.accumulate(np.where(measured, here, -1), axis=0)
    is_known = seen >= first
    at = np.where(is_known, seen, here)  # where nothing is known yet, the value here is NaN
    last = np.take_along_axis(values, at, axis=0)
    age = np.where(is_known, here - at, np.nan)[:, :N]
    seen_before = np.concatenate([np.full_like(seen[:1], -1), seen[:-1]])
    at_before = np.take_along_axis(seen_before, at, axis=0)[:, :N]
    is_known_before = at_before >= first
    before = np.take_along_axis(values[:, :N], np.where(is_known_before, at_before, 0), axis=0)
    before = np.where(is_known_before & is_known[:, :N], before, np.float32(np.nan))
    return last, before, np.minimum(age, LOOKBACK_HOURS).astype(np.float32)


def _extremes(
    clinical: Float32Array, points: Float32Array, position: IntArray
) -> tuple[dict[int, Float32Array], dict[int, Float32Array], dict[int, Float32Array]]:
    """Minima and maxima of the clinical variables and minima of the points, by window."""
    # A maximum is the minimum of the negative: one pass for both.
    both = np.concatenate([clinical, -clinical, points], axis=1)
    both[np.isnan(both)] = np.inf
    windows = _windows(both, np.minimum, np.inf, position)
    for window in windows.values():
        window[np.isinf(window)] = np.nan
    return (
        {hours: window[:, :N] for hours, window in windows.items()},
        {hours: -window[:, N : 2 * N] for hours, window in windows.items()},
        {hours: window[:, 2 * N :] for hours, window in windows.items()},
    )


def _sums(
    values: Float32Array, measured: BoolArray, position: IntArray
) -> tuple[dict[int, Float32Array], dict[int, Float32Array]]:
    """How often each clinical variable was measured, and means of the vital signs, by window."""
    vitals = np.where(measured[:, :V], values[:, :V], np.float32(0))
    summed = np.concatenate([measured[:, :N], vitals], axis=1, dtype=np.float32)
    windows = _windows(summed, np.add, 0.0, position)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: nothing was measured
        means = {hours: window[:, N:] / window[:, :V] for hours, window in windows.items()}
    return {hours: window[:, :N] for hours, window in windows.items()}, means


def _windows(
    hourly: Float32Array, combine: np.ufunc, nothing: float, position: IntArray
) -> dict[int, Float32Array]:
    """Combine each hour with those before it over 6, 12, 24 and 48 hours, by doubling."""
    longest = int(position.max())

    def with_earlier(late: Float32Array, early: Float32Array, hours: int) -> Any:
        if longest < hours:
            return late
        return combine(late, _earlier(early, hours, nothing, position))

    window = with_earlier(with_earlier(hourly, hourly, 1), hourly, 2)
    windows = {}
    for hours in (3, 6, 12, 24):
        window = windows[2 * hours] = with_earlier(window, window, hours)
    # Short stays share one array between windows; callers may write into each.
    return {hours: window.copy() for hours, window in windows.items()}


def _earlier(hourly: Float32Array, hours: int, nothing: float, position: IntArray) -> Float32Array:
    """What each hour's stay had so many hours before; `nothing` before it began."""
    shifted = np.full_like(hourly, nothing)
    shifted[hours:] = hourly[:-hours]
    shifted[position < hours] = nothing
    return shifted


def _statics(last: Float32Array) -> Float32Array:
    statics = last[:, _static]
    age, unit, hour = statics[:, _age], statics[:, _unit], statics[:, _hour]
    age[age >= AGE_90_AND_OVER] = AGE_90_AND_OVER_IS
    unknown = np.isnan(unit)
    unit[unknown] = 1 - last[unknown, SURGICAL_UNIT]
    np.minimum(hour, LOOKBACK_HOURS, out=hour)
    return statics
