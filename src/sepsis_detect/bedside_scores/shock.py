"""Signs of shock at the last hour of a stay: a low mean pressure, or a high lactate.

Thresholds: mean pressure below 65 mm[Hg], the target of the Surviving Sepsis Campaign 2021
(Crit Care Med 2021;49:e1063); lactate above 4 mmol/L, its "high" value. They are not Sepsis-3's
criteria of septic shock, which need vasopressors and a lactate above 2 mmol/L after fluids.
"""

import numpy as np

from sepsis_detect.bedside_scores.scores import LAB_HOURS, VITAL_HOURS
from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE

MIN_MEAN_PRESSURE = 65.0  # mm[Hg]
MAX_LACTATE = 4.0  # mmol/L

_MAP, _SBP, _DBP, _LACTATE = (
    BY_CHALLENGE[name].column for name in ("MAP", "SBP", "DBP", "Lactate")
)


def is_likely(stay: Stay) -> bool:
    """Whether the last hour of one stay shows signs of shock."""
    values = stay.values
    computed = (values[:, _SBP] + 2 * values[:, _DBP]) / 3
    pressures = np.where(np.isnan(values[:, _MAP]), computed, values[:, _MAP])
    pressure = _last(stay, pressures, VITAL_HOURS)
    lactate = _last(stay, values[:, _LACTATE], LAB_HOURS)
    return pressure < MIN_MEAN_PRESSURE or lactate > MAX_LACTATE


def _last(stay: Stay, of_hour: FloatArray, most_hours: float) -> float:
    """The last known value, NaN if it is older than `most_hours`."""
    known = np.flatnonzero(~np.isnan(of_hour))
    if not known.size:
        return np.nan
    at = known[-1]
    is_last_row = at == stay.n_hours - 1  # whose hour may be unknown
    age = 0.0 if is_last_row else stay.icu_hours[-1] - stay.icu_hours[at]
    return float(of_hour[at]) if age <= most_hours else np.nan
