"""SOFA by hour, as far as hourly rows show it, and the hours at which it rises by two points.

Sepsis-3 and the challenge's label rest on SOFA of 1996, not on SOFA-2. An item has the worst
points of its measurements in the last 24 hours; without any, those of the last measurement; before
the first measurement 0 points, as Sepsis-3 takes a patient's usual score.

Source: Vincent et al., Intensive Care Med 1996;22:707-710; SpO2/FiO2 in place of PaO2/FiO2:
    Rice et al., Chest 2007;132:410-417 (SpO2/FiO2 = 64 + 0.84 PaO2/FiO2, for SpO2 below 98 %).
"""

import numpy as np

from sepsis_detect.bedside_scores.point_bands import Band, PointTable, item_of
from sepsis_detect.bedside_scores.scores import carried, saturation_ratio
from sepsis_detect.clinical.coherence import drop_incoherent
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, CLINICAL_COLUMNS

WINDOW_HOURS = 24
RISE_POINTS = 2

BANDS = (
    Band("sofa", "coagulation", "Platelets", "<", 150, 1),
    Band("sofa", "coagulation", "Platelets", "<", 100, 1),
    Band("sofa", "coagulation", "Platelets", "<", 50, 1),
    Band("sofa", "coagulation", "Platelets", "<", 20, 1),
    Band("sofa", "liver", "Bilirubin_total", ">=", 1.2, 1),
    Band("sofa", "liver", "Bilirubin_total", ">=", 2.0, 1),
    Band("sofa", "liver", "Bilirubin_total", ">=", 6.0, 1),
    Band("sofa", "liver", "Bilirubin_total", ">=", 12.0, 1),
    Band("sofa", "kidney", "Creatinine", ">=", 1.2, 1),
    Band("sofa", "kidney", "Creatinine", ">=", 2.0, 1),
    Band("sofa", "kidney", "Creatinine", ">=", 3.5, 1),
    Band("sofa", "kidney", "Creatinine", ">=", 5.0, 1),
    Band("sofa", "cardiovascular", "MAP", "<", 70, 1),
)
SATURATION_RATIO_BELOW = (400.0, 316.0)  # of PaO2/FiO2 400 and 300 mm[Hg], one point each

NOT_SEEN = (
    "the Glasgow Coma Scale (4 points)",
    "vasopressors (3 of 4 points of circulation)",
    "urine output (kidney by creatinine alone)",
    "PaO2 and ventilation (lung by SpO2/FiO2, 2 of 4 points)",
)
"""Parts of SOFA that hourly rows do not show."""

ITEMS = {item: BY_CHALLENGE[variable].column for _, item, variable, *_ in BANDS}
"""The column of each item with point bands; the lung's is computed from two."""
VARIABLES_USED = (*dict.fromkeys(band.variable for band in BANDS), "O2Sat", "FiO2")
_points = PointTable([("sofa", item) for item in ITEMS], np.float64, of=item_of, bands=BANDS)


def rises(stay: Stay) -> BoolArray:
    """Shape (n_hours,): hours in which SOFA goes up and is then 2 points above the last 24 h.

    A score that is high from the first row on has not risen.
    """
    score = sofa(stay)
    before = np.append(0, score[:-1])
    goes_up = score > before
    goes_up[stay.starts] = False
    lowest = -_highest_in_window(-score.astype(np.float64), stay, WINDOW_HOURS)
    is_rise: BoolArray = goes_up & (score - lowest >= RISE_POINTS)
    return is_rise


def sofa(stay: Stay) -> IntArray:
    """Shape (n_hours,): SOFA points of what rows show; incoherent values are dropped first."""
    points = _item_points(drop_incoherent(stay))
    worst = _highest_in_window(points, stay, WINDOW_HOURS - 1)
    known = np.where(np.isnan(worst), _last_known(points, stay), worst)
    score: IntArray = np.nan_to_num(known).sum(axis=1).astype(np.intp)
    return score


def _item_points(stay: Stay) -> FloatArray:
    """Shape (n_hours, n_items): points where an item was measured in the hour, NaN elsewhere."""
    points = _points(stay.values[:, CLINICAL_COLUMNS])
    points[np.isnan(stay.values[:, list(ITEMS.values())])] = np.nan
    ratio = saturation_ratio(carried(stay))
    lung = (ratio[:, None] < np.array(SATURATION_RATIO_BELOW)).sum(axis=1).astype(np.float64)
    lung[np.isnan(ratio)] = np.nan
    return np.column_stack([points, lung])


def _highest_in_window(values: FloatArray, stay: Stay, window_hours: int) -> FloatArray:
    """The highest known value of the hour and of the `window_hours` before it, same shape."""
    highest = values.copy()
    hours, rows = stay.icu_hours, np.arange(stay.n_hours)
    for back in range(1, min(window_hours, stay.n_hours - 1) + 1):
        is_within = (rows[back:] - back >= stay.first_rows[back:]) & (
            hours[back:] - hours[:-back] <= window_hours
        )
        at = np.flatnonzero(is_within) + back
        highest[at] = np.fmax(highest[at], values[at - back])
    return highest


def _last_known(points: FloatArray, stay: Stay) -> FloatArray:
    """The last known points of each item in the stay, NaN before the first."""
    rows = np.arange(stay.n_hours)[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(points), -1, rows), axis=0)
    found = np.take_along_axis(points, np.maximum(last, 0), axis=0)
    return np.where(last >= stay.first_rows[:, None], found, np.nan)
