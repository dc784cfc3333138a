"""Bedside scores: SIRS, qSOFA, NEWS2, SOFA-2 and shock indices, shown beside the model's answer.

The data lack parts of every score (mental state, treatments), and values may be missing. A missing
item is unknown, not normal: each score is a range. In its minimum missing items have 0 points, in
its maximum their largest number. The maximum also assumes the upper levels of items that depend on
a treatment not in the data (vasopressors, renal replacement). It assumes neither an alternative
criterion for the same point (PaCO2 and immature cells in SIRS), nor ECMO, which is rare and
evident at the bedside; the notes state this.

A value is carried forward after its measurement: vital signs, inspired oxygen and blood gases for
`VITAL_HOURS`, other laboratory values for `LAB_HOURS`. pH and bicarbonate count together only if
they were measured in the same hour: one sample.

    by_hour(stay)          arrays, every hour of any number of stays (baselines of model_build)
    at_last_hour(stay)     the last hour of one stay: `ScoreResult`, with `as_dict()` for JSON

Source: as in `point_bands`, where the thresholds are. SOFA-2 also: its SpO2/FiO2 bands, used only
below 98 %, and the criteria for renal replacement of its footnote p. Modified shock index:
Liu et al., World J Emerg Med 2012;3(2):114-117.
"""

import operator
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

import numpy as np

from sepsis_detect.bedside_scores.definitions import RATIOS, SCORES, Item, Ratio, Score
from sepsis_detect.bedside_scores.point_bands import (
    BANDS,
    DECIMALS,
    SI_BANDS,
    SI_CUT_OFFS,
    PointTable,
    item_of,
)
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, CLINICAL, N_CLINICAL, VITALS

VITAL_HOURS = 4.0  # a vital sign is carried forward until the fourth hour after it, inclusive
LAB_HOURS = 24.0
CHANGES_LIKE_A_VITAL_SIGN = ("FiO2", "PaCO2", "pH")  # set at the bedside, or follows breathing

SATURATION_BELOW = 98.0  # %; at higher SpO2, SpO2/FiO2 does not reflect gas exchange
SATURATION_RATIO_AT_MOST = (300.0, 250.0)  # SpO2 (%) / FiO2 (fraction), one point each
SUPPORTED_RATIO_AT_MOST = (200.0, 120.0)  # one point more each, under advanced support only
POTASSIUM_AT_LEAST = 6.0  # mmol/L; with raised creatinine, criteria for renal replacement
PH_AT_MOST = 7.20
BICARBONATE_AT_MOST = 12.0  # mmol/L
RENAL_REPLACEMENT_POINTS = 4

_ITEMS = [(score.name, item) for score in SCORES for item in score.items]
_NAMES = [(score, item.name) for score, item in _ITEMS]
_COLUMNS_OF = {
    score.name: slice(at := _NAMES.index((score.name, score.items[0].name)), at + len(score.items))
    for score in SCORES
}
_RESPIRATORY = _NAMES.index(("sofa2", "respiratory"))
_KIDNEY = _NAMES.index(("sofa2", "kidney"))
_MAX_POINTS = np.array([item.max_points for _, item in _ITEMS], dtype=np.float64)
_DEPENDS_ON_TREATMENT = np.array([item.depends_on_treatment for _, item in _ITEMS])
_MEASURABLE = [column for column, (_, item) in enumerate(_ITEMS) if item.variables]
_FIRST_VARIABLES = [BY_CHALLENGE[_ITEMS[at][1].variables[0]].column for at in _MEASURABLE]
_SPO2, _FIO2, _POTASSIUM, _PH, _BICARBONATE = (
    BY_CHALLENGE[name].column for name in ("O2Sat", "FiO2", "Potassium", "pH", "HCO3")
)
_points = PointTable(_NAMES, np.float64, of=item_of, bands=BANDS)
_si_points = PointTable(_NAMES, np.float64, of=item_of, bands=SI_BANDS)
_SI_ITEMS = {"Creatinine": _KIDNEY, "Bilirubin_total": _NAMES.index(("sofa2", "liver"))}

_NEEDED = {name for score in (*SCORES, *RATIOS) for item in score.items for name in item.variables}
_USED = tuple(variable.challenge for variable in CLINICAL if variable.challenge in _NEEDED)
_used = np.array([BY_CHALLENGE[name].column for name in _USED])
_is_brief = (_used < len(VITALS)) | np.isin(_USED, CHANGES_LIKE_A_VITAL_SIGN)
_hours_carried = np.where(_is_brief, VITAL_HOURS, LAB_HOURS)
_PH_USED, _BICARBONATE_USED = _USED.index("pH"), _USED.index("HCO3")

_REACHES: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, ">": operator.gt}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRange:
    """A score in each hour; a ratio is its own minimum and maximum, NaN if unknown.

    Attributes:
        minimum: Shape (n_hours,), missing items with 0 points.
        maximum: Shape (n_hours,), missing items with their largest number of points.
        available: Shape (n_hours,), the number of known items.
    """

    minimum: FloatArray
    maximum: FloatArray
    available: IntArray


def by_hour(stay: Stay) -> dict[str, ScoreRange]:
    """Compute every score in every hour, from that hour and earlier ones; keys are score names."""
    values = carried(stay)
    items = _score_items(values)
    ranges = {}
    for score in SCORES:
        columns = _COLUMNS_OF[score.name]
        ranges[score.name] = ScoreRange(
            minimum=items.minimum[:, columns].sum(axis=1),
            maximum=items.maximum[:, columns].sum(axis=1),
            available=items.is_known[:, columns].sum(axis=1),
        )
    for ratio in RATIOS:
        pair = values[:, [BY_CHALLENGE[item.variables[0]].column for item in ratio.items]]
        value = pair[:, 0] / pair[:, 1]
        available = (~np.isnan(pair)).sum(axis=1)
        ranges[ratio.name] = ScoreRange(minimum=value, maximum=value, available=available)
    return ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value used by an item, in the variable's canonical unit; its age is 0 in the last hour."""

    variable: str
    value: float
    unit: str
    measured_at_icu_hour: int | None
    age_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """An item of a score; `points` is None if unknown, and always for a ratio."""

    item: str
    label_en: str
    label_fr: str
    points: int | None
    maximum: int | None
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResult:
    """A score in the last hour of a stay.

    Attributes:
        value: The minimum, or the ratio; None if no item (for a ratio, not both) is known.
        minimum, maximum: The range of the score; None for an unknown ratio.
        out_of: The largest number of points; None for a ratio.
        is_reached: Whether the score is `threshold_is` (`>=`, `>`) the threshold; None if that
            depends on missing items.
        available, total: Numbers of known items and of all items.
        missing: Names of the missing items.
    """

    score: str
    label_en: str
    label_fr: str
    unit: str
    value: float | None
    minimum: float | None
    maximum: float | None
    out_of: int | None
    threshold: float
    threshold_is: str
    is_reached: bool | None
    available: int
    total: int
    missing: tuple[str, ...]
    items: tuple[ItemResult, ...]
    note_en: str
    note_fr: str

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def at_last_hour(stay: Stay, in_si: Collection[str] = ()) -> list[ScoreResult]:
    """Compute every score in the last hour of one stay, with labels and notes.

    Args:
        stay: Canonical units.
        in_si: Challenge names of the variables that were sent in umol/L: of `SI_CUT_OFFS`, those
            are compared with SOFA-2's cut-offs in umol/L.

    Raises:
        ValueError: There are several stays.
    """
    if stay.n_stays != 1:
        raise ValueError(f"expected one stay, got {stay.n_stays}")
    values, measured_in = _carried_with_rows(stay)
    readings = _readings(
        values[-1, _used], stay.icu_hours[measured_in[-1]], stay.icu_hours.item(-1)
    )
    points = _score_items(values[-1:], in_si)
    results = [_score_result(score, points, readings) for score in SCORES]
    return results + [_ratio_result(ratio, readings) for ratio in RATIOS]


def _score_result(score: Score, points: "_ItemPoints", readings: dict[str, Reading]) -> ScoreResult:
    columns = _COLUMNS_OF[score.name]
    lows, highs, known = (
        rows[0, columns].tolist() for rows in (points.minimum, points.maximum, points.is_known)
    )
    minimum, maximum = int(sum(lows)), int(sum(highs))
    items = tuple(
        _item_result(item, int(low) if is_known else None, int(high), readings)
        for item, low, high, is_known in zip(score.items, lows, highs, known, strict=True)
    )
    return _result(
        score,
        items,
        missing=tuple(item.item for item in items if item.points is None),
        value=minimum if any(known) else None,
        minimum=minimum,
        maximum=maximum,
        out_of=score.max_points,
    )


def _ratio_result(ratio: Ratio, readings: dict[str, Reading]) -> ScoreResult:
    items = tuple(_item_result(item, None, None, readings) for item in ratio.items)
    missing = tuple(item.item for item in items if not item.readings)
    value = None if missing else items[0].readings[0].value / items[1].readings[0].value
    return _result(
        ratio, items, missing=missing, value=value, minimum=value, maximum=value, out_of=None
    )


def _result(
    score: Score,
    items: tuple[ItemResult, ...],
    *,
    missing: tuple[str, ...],
    value: float | None,
    minimum: float | None,
    maximum: float | None,
    out_of: int | None,
) -> ScoreResult:
    is_reached = None
    if minimum is not None and maximum is not None:
        reached = [
            _REACHES[score.threshold_is](each, score.threshold) for each in (minimum, maximum)
        ]
        is_reached = reached[0] if reached[0] == reached[1] else None
    return ScoreResult(
        score=score.name,
        label_en=score.label_en,
        label_fr=score.label_fr,
        unit=score.unit,
        value=value,
        minimum=minimum,
        maximum=maximum,
        out_of=out_of,
        threshold=score.threshold,
        threshold_is=score.threshold_is,
        is_reached=is_reached,
        available=len(items) - len(missing),
        total=len(items),
        missing=missing,
        items=items,
        note_en=score.note_en,
        note_fr=score.note_fr,
    )


def _item_result(
    item: Item, points: int | None, maximum: int | None, readings: dict[str, Reading]
) -> ItemResult:
    return ItemResult(
        item=item.name,
        label_en=item.label_en,
        label_fr=item.label_fr,
        points=points,
        maximum=maximum,
        readings=tuple(readings[name] for name in item.variables if name in readings),
    )


def _readings(values: FloatArray, icu_hours: FloatArray, now: float) -> dict[str, Reading]:
    """The known values of the hour `now` by challenge name; arrays in the order of `_USED`."""
    return {
        name: Reading(
            variable=BY_CHALLENGE[name].name,
            value=value,
            unit=BY_CHALLENGE[name].unit,
            measured_at_icu_hour=None if isnan(hour) else int(hour),
            age_hours=0 if isnan(hour) else int(now - hour),
        )
        for name, value, hour in zip(_USED, values.tolist(), icu_hours.tolist(), strict=True)
        if not isnan(value)
    }


@dataclass(frozen=True, slots=True)
class _ItemPoints:
    """Points of the items of all scores, each of shape (n_hours, n_items)."""

    minimum: FloatArray
    maximum: FloatArray
    is_known: BoolArray


def _score_items(values: FloatArray, in_si: Collection[str] = ()) -> _ItemPoints:
    """Points of every item in every hour; `values` as `carried` returns them."""
    points = _points(values)
    if si_columns := [_SI_ITEMS[name] for name in in_si if name in SI_CUT_OFFS]:
        points[:, si_columns] = _si_points(values)[:, si_columns]
    is_known = points > 0
    is_known[:, _MEASURABLE] |= ~np.isnan(values[:, _FIRST_VARIABLES])
    points[_needs_renal_replacement(values) & (points[:, _KIDNEY] > 0), _KIDNEY] = (
        RENAL_REPLACEMENT_POINTS
    )

    ratio = saturation_ratio(values)
    is_known[:, _RESPIRATORY] = ~np.isnan(ratio)
    points[:, _RESPIRATORY] = _n_reached(ratio, SATURATION_RATIO_AT_MOST)
    maximum = np.where(is_known & ~_DEPENDS_ON_TREATMENT, points, _MAX_POINTS)
    maximum[:, _RESPIRATORY] += is_known[:, _RESPIRATORY] * _n_reached(
        ratio, SUPPORTED_RATIO_AT_MOST
    )
    return _ItemPoints(points, maximum, is_known)


def saturation_ratio(values: FloatArray) -> FloatArray:
    """SpO2 (%) / FiO2 (fraction), NaN if unknown or if SpO2 is too high for it."""
    saturation = values[:, _SPO2]
    ratio = np.where(saturation < SATURATION_BELOW, saturation, np.nan) / values[:, _FIO2]
    return np.round(ratio, DECIMALS)


def _needs_renal_replacement(values: FloatArray) -> BoolArray:
    """Whether the criteria besides raised creatinine are met; unknown means not met."""
    is_acidotic = (values[:, _PH] <= PH_AT_MOST) & (values[:, _BICARBONATE] <= BICARBONATE_AT_MOST)
    return (values[:, _POTASSIUM] >= POTASSIUM_AT_LEAST) | is_acidotic


def _n_reached(ratio: FloatArray, thresholds: tuple[float, ...]) -> IntArray:
    """The number of thresholds at or above the ratio."""
    is_reached: BoolArray = ratio[:, None] <= np.array(thresholds)
    n_reached: IntArray = is_reached.sum(axis=1)
    return n_reached


def carried(stay: Stay) -> FloatArray:
    """Shape (n_hours, 34): values of the scores' variables carried forward, NaN if unknown."""
    values, _ = _carried_with_rows(stay)
    return values


def _carried_with_rows(stay: Stay) -> tuple[FloatArray, IntArray]:
    """Carry each value forward for `_hours_carried`; bicarbonate only with the pH of its hour.

    Returns:
        Values as of `carried`; and rows of shape (n_hours, n_used), at
        which each of the `_USED` variables was last measured, if it was.
    """
    measured = stay.values[:, _used]
    rows = np.arange(stay.n_hours)[:, None]
    last_rows = np.maximum.accumulate(np.where(np.isnan(measured), -1, rows), axis=0)
    is_in_stay = last_rows >= stay.first_rows[:, None]
    last_rows = np.where(is_in_stay, last_rows, rows)
    age_hours = stay.icu_hours[:, None] - stay.icu_hours[last_rows]
    # A single hour may have no icu_hour: its own measurements are valid all the same.
    is_fresh = (age_hours <= _hours_carried) | (last_rows == rows)
    values = np.full((stay.n_hours, N_CLINICAL), np.nan)
    last = np.take_along_axis(measured, last_rows, axis=0)
    is_one_sample = last_rows[:, _BICARBONATE_USED] == last_rows[:, _PH_USED]
    is_fresh[:, _BICARBONATE_USED] &= is_one_sample & is_fresh[:, _PH_USED]
    values[:, _used] = np.where(is_fresh, np.round(last, DECIMALS), np.nan)
    return values, last_rows
