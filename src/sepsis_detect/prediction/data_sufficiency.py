"""Data sufficiency: how much an answer rests on, from what was measured in the last 36 hours.

The levels are those between which the out-of-fold figures differ (`docs/model/report.md`, groups
by data sufficiency): with fewer vital signs the model recognises next to none of the septic hours.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sepsis_detect.clinical.stay import BoolArray, Float32Array, IntArray
from sepsis_detect.prediction import features

VITAL_SIGNS = (
    ("respiratory_rate",),
    ("temperature",),
    ("heart_rate",),
    ("systolic_bp", "mean_arterial_pressure"),  # either one
    ("spo2",),
)
LABORATORY = (
    *("wbc", "creatinine", "bun", "lactate", "platelets", "ph", "bilirubin_total"),
    *("glucose", "potassium", "hemoglobin", "bicarbonate", "paco2", "base_excess", "hematocrit"),
    *("chloride", "magnesium", "phosphate", "aptt", "ast", "alkaline_phosphatase"),
)
"""Laboratory values that count, those that help most first."""
MIN_VITAL_SIGNS, MIN_LABORATORY = 4, 4  # of a sufficient answer
FEW_VITAL_SIGNS = 3  # of a limited one: with fewer, or without any laboratory value, insufficient


class Level(StrEnum):
    """How much an answer rests on."""

    SUFFICIENT = "sufficient"
    LIMITED = "limited"
    INSUFFICIENT = "insufficient"


LEVELS = tuple(Level)


@dataclass(frozen=True, slots=True)
class DataSufficiency:
    """How much the answer for one hour rests on.

    Attributes:
        level: See `levels`.
        missing: Variables that would help most to be sufficient, by canonical name; empty where
            the level is sufficient.
    """

    level: Level
    missing: tuple[str, ...]


_SIGNS = [name for names in VITAL_SIGNS for name in names]
AGES = tuple(f"{name}_hours_since" for name in (*_SIGNS, *LABORATORY))
"""Features that the data sufficiency is made of."""
_COLUMNS = np.array([features.NAMES.index(name) for name in AGES])
_SIGN_STARTS = np.cumsum([0, *map(len, VITAL_SIGNS[:-1])])
_SUFFICIENT = DataSufficiency(Level.SUFFICIENT, ())


def levels(n_vital_signs: IntArray, n_laboratory: IntArray) -> tuple[BoolArray, BoolArray]:
    """Which hours are sufficient, and which are insufficient; shape (n_hours,) each.

    Args:
        n_vital_signs: Shape (n_hours,), how many of `VITAL_SIGNS` are known.
        n_laboratory: Shape (n_hours,), how many of `LABORATORY` are known.
    """
    is_sufficient = (n_vital_signs >= MIN_VITAL_SIGNS) & (n_laboratory >= MIN_LABORATORY)
    n_needed = FEW_VITAL_SIGNS + (n_laboratory == 0)  # without laboratory values, one more sign
    return is_sufficient, n_vital_signs < n_needed


def known(ages: Float32Array) -> tuple[BoolArray, BoolArray]:
    """Which of `VITAL_SIGNS` and of `LABORATORY` were measured in the lookback window.

    Args:
        ages: Shape (n_hours, n_ages), the features `AGES`; NaN: never measured.

    Returns:
        Shapes (n_hours, n_vital_signs) and (n_hours, n_laboratory).
    """
    is_known = ages < features.LOOKBACK_HOURS
    signs = np.logical_or.reduceat(is_known[:, : len(_SIGNS)], _SIGN_STARTS, axis=1)
    return signs, is_known[:, len(_SIGNS) :]


@dataclass(frozen=True, slots=True)
class Sufficiencies:
    """The data sufficiency of many hours.

    Attributes:
        signs: Shape (n_hours, n_vital_signs), which are known.
        laboratory: Shape (n_hours, n_laboratory), which are known.
        codes: Shape (n_hours,), the position of each hour's level in `LEVELS`.
    """

    signs: BoolArray
    laboratory: BoolArray
    codes: IntArray

    def at(self, row: int) -> DataSufficiency:
        """The data sufficiency of one hour."""
        level = LEVELS[self.codes[row]]
        if level is Level.SUFFICIENT:
            return _SUFFICIENT
        return DataSufficiency(level, _missing(self.signs[row], self.laboratory[row]))


def data_sufficiencies(X: Float32Array) -> Sufficiencies:
    """The data sufficiency of each hour; `X` has shape (n_hours, n_features), all features."""
    signs, laboratory = known(X.take(_COLUMNS, axis=1))
    is_sufficient, is_insufficient = levels(
        np.count_nonzero(signs, axis=1), np.count_nonzero(laboratory, axis=1)
    )
    codes = np.where(is_sufficient, 0, np.where(is_insufficient, 2, 1))
    return Sufficiencies(signs, laboratory, codes)


def _missing(signs: BoolArray, laboratory: BoolArray) -> tuple[str, ...]:
    """Vital signs that are not known, then laboratory values up to `MIN_LABORATORY`."""
    n_needed = max(0, MIN_LABORATORY - int(np.count_nonzero(laboratory)))
    absent = [LABORATORY[at] for at in np.flatnonzero(~laboratory).tolist()]
    return (*(VITAL_SIGNS[at][0] for at in np.flatnonzero(~signs).tolist()), *absent[:n_needed])
