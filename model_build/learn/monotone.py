"""Monotonic constraints: worse values of some variables never lower the predicted risk.

Only levels of a variable are constrained (last value, extremes and means of windows), with the
ratios and score points made of them. Both too low and too high can be bad for other variables
(temperature, leucocytes, potassium, ...): they are not constrained, nor are changes, counts and
ages of values.

Source of the directions: the points of SOFA-2, NEWS2 and qSOFA (docs/adr/0006-bedside-scores.md),
whose bands rise in one direction only.
"""

import re
from collections.abc import Sequence

RISING = (
    "bilirubin_total",
    "bun",
    "creatinine",
    "fio2",
    "heart_rate",
    "lactate",
    "respiratory_rate",
)
FALLING = (
    "base_excess",
    "mean_arterial_pressure",
    "ph",
    "platelets",
    "spo2",
    "systolic_bp",
)
RATIOS = {"shock_index": 1, "modified_shock_index": 1, "spo2_fio2_ratio": -1}
LEVEL = re.compile(r"(?P<variable>.+?)_(last|(min|max|mean)_\d+h)")
POINTS = re.compile(r".+_points(_rise_\d+h)?")


def directions(names: Sequence[str]) -> list[int]:
    """For each feature 1 where the risk may only rise with it, -1 where only fall, 0 where free."""
    return [_direction(name) for name in names]


def _direction(name: str) -> int:
    if name in RATIOS:
        return RATIOS[name]
    if POINTS.fullmatch(name):
        return 1
    level = LEVEL.fullmatch(name)
    variable = level["variable"] if level else ""
    return (variable in RISING) - (variable in FALLING)
