"""Point bands of the bedside scores, for `scores` and `features`.

A band adds its points beyond its threshold. Bands of one direction add up: NEWS2's 2 points from
21 breaths per minute and 3 from 25 are +2 at 21 and +1 at 25. Items with two variables together
(SOFA-2 respiratory, renal replacement) are in `scores`.

Sources:
    SIRS: ACCP/SCCM, Crit Care Med 1992;20:864-874.
    qSOFA: Seymour et al., JAMA 2016;315(8):762-774.
    NEWS2: Royal College of Physicians, 2017 (scale 1 for oxygen saturation).
    SOFA-2: Ranzani et al., JAMA 2025, doi:10.1001/jama.2025.20516.

`BANDS` are also features of the model, which is fitted with them: they change only with a new
model. The chart of NEWS2 has whole numbers, and temperature to tenths: a fraction is rounded first.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sepsis_detect.clinical import units
from sepsis_detect.clinical.variables import BY_CHALLENGE

DECIMALS = 4  # finer than any measurement; removes errors of unit conversion and float32

T = TypeVar("T", np.float32, np.float64)


class Band(NamedTuple):
    """Points of an item if its variable compares (`<`, `<=`, `>`, `>=`) with the threshold.

    `rounded_to`, for `<=` and `>=`, is the step to which the value is rounded first, halves up, as
    on the score's chart; 0: not rounded.
    """

    score: str
    item: str
    variable: str
    comparison: str
    threshold: float
    points: int
    rounded_to: float = 0.0


BANDS = (
    Band("sirs", "temperature", "Temp", ">", 38.0, 1),
    Band("sirs", "temperature", "Temp", "<", 36.0, 1),
    Band("sirs", "heart_rate", "HR", ">", 90, 1),
    Band("sirs", "breathing", "Resp", ">", 20, 1),
    Band("sirs", "breathing", "PaCO2", "<", 32, 1),
    Band("sirs", "white_cells", "WBC", ">", 12, 1),
    Band("sirs", "white_cells", "WBC", "<", 4, 1),
    Band("qsofa", "respiratory_rate", "Resp", ">=", 22, 1),
    Band("qsofa", "systolic_bp", "SBP", "<=", 100, 1),
    Band("news2", "respiratory_rate", "Resp", "<=", 11, 1, rounded_to=1.0),
    Band("news2", "respiratory_rate", "Resp", "<=", 8, 2, rounded_to=1.0),
    Band("news2", "respiratory_rate", "Resp", ">=", 21, 2, rounded_to=1.0),
    Band("news2", "respiratory_rate", "Resp", ">=", 25, 1, rounded_to=1.0),
    Band("news2", "spo2", "O2Sat", "<=", 95, 1, rounded_to=1.0),
    Band("news2", "spo2", "O2Sat", "<=", 93, 1, rounded_to=1.0),
    Band("news2", "spo2", "O2Sat", "<=", 91, 1, rounded_to=1.0),
    Band("news2", "oxygen", "FiO2", ">", 0.21, 2),
    Band("news2", "systolic_bp", "SBP", "<=", 110, 1, rounded_to=1.0),
    Band("news2", "systolic_bp", "SBP", "<=", 100, 1, rounded_to=1.0),
    Band("news2", "systolic_bp", "SBP", "<=", 90, 1, rounded_to=1.0),
    Band("news2", "systolic_bp", "SBP", ">=", 220, 3, rounded_to=1.0),
    Band("news2", "heart_rate", "HR", "<=", 50, 1, rounded_to=1.0),
    Band("news2", "heart_rate", "HR", "<=", 40, 2, rounded_to=1.0),
    Band("news2", "heart_rate", "HR", ">=", 91, 1, rounded_to=1.0),
    Band("news2", "heart_rate", "HR", ">=", 111, 1, rounded_to=1.0),
    Band("news2", "heart_rate", "HR", ">=", 131, 1, rounded_to=1.0),
    Band("news2", "temperature", "Temp", "<=", 36.0, 1, rounded_to=0.1),
    Band("news2", "temperature", "Temp", "<=", 35.0, 2, rounded_to=0.1),
    Band("news2", "temperature", "Temp", ">=", 38.1, 1, rounded_to=0.1),
    Band("news2", "temperature", "Temp", ">=", 39.1, 1, rounded_to=0.1),
    Band("sofa2", "coagulation", "Platelets", "<=", 150, 1),
    Band("sofa2", "coagulation", "Platelets", "<=", 100, 1),
    Band("sofa2", "coagulation", "Platelets", "<=", 80, 1),
    Band("sofa2", "coagulation", "Platelets", "<=", 50, 1),
    Band("sofa2", "liver", "Bilirubin_total", ">", 1.2, 1),
    Band("sofa2", "liver", "Bilirubin_total", ">", 3.0, 1),
    Band("sofa2", "liver", "Bilirubin_total", ">", 6.0, 1),
    Band("sofa2", "liver", "Bilirubin_total", ">", 12.0, 1),
    Band("sofa2", "kidney", "Creatinine", ">", 1.2, 1),
    Band("sofa2", "kidney", "Creatinine", ">", 2.0, 1),
    Band("sofa2", "kidney", "Creatinine", ">", 3.5, 1),
    Band("sofa2", "cardiovascular", "MAP", "<", 70, 1),
)

SI_UNIT = "umol/L"
SI_CUT_OFFS = {
    "Creatinine": {1.2: 110.0, 2.0: 170.0, 3.5: 300.0},
    "Bilirubin_total": {1.2: 20.6, 3.0: 51.3, 6.0: 102.6, 12.0: 205.0},
}
"""The cut-offs that SOFA-2 prints in umol/L beside those in mg/dL, which they do not equal."""


def _in_si(band: Band) -> Band:
    cut_off = SI_CUT_OFFS.get(band.variable, {}).get(band.threshold)
    conversion = units.conversion(BY_CHALLENGE[band.variable], SI_UNIT)
    if band.score != "sofa2" or cut_off is None or conversion is None:
        return band
    return band._replace(threshold=round(conversion.converted(cut_off), DECIMALS))


SI_BANDS = tuple(_in_si(band) for band in BANDS)


def score_of(band: Band) -> str:
    """The score of a band."""
    return band.score


def item_of(band: Band) -> tuple[str, str]:
    """The score and the item of a band."""
    return band.score, band.item


class PointTable(Generic[T]):
    """The bands as arrays, which compute the points of all scores at once.

    Args:
        columns: The columns of the result: names of scores, or other values of `of`. A column
            without a band is 0.
        dtype: float32 or float64: that of the values.
        of: The column of a band.
        bands: What gives points.
    """

    def __init__(
        self,
        columns: Sequence[Hashable],
        dtype: type[T],
        *,
        of: Callable[[Band], Hashable] = score_of,
        bands: Iterable[Band] = BANDS,
    ) -> None:
        bands = [band for band in bands if of(band) in columns]
        self._columns = np.array([BY_CHALLENGE[band.variable].column for band in bands])
        self._signs: NDArray[T] = np.array([_sign(band) for band in bands], dtype)
        self._thresholds: NDArray[T] = np.array(
            [_exclusive_threshold(band, dtype) for band in bands], dtype
        )
        self._points: NDArray[T] = np.array(
            [[band.points * (of(band) == column) for column in columns] for band in bands], dtype
        )
        self._alternatives = [
            (columns.index(of(bands[first])), first, second)
            for first, second in _alternatives(bands)
        ]

    def __call__(self, values: NDArray[T]) -> NDArray[T]:
        """Points of each column; a missing value has 0 points.

        Args:
            values: Shape (n_hours, >= 34), canonical units, NaN where missing.

        Returns:
            Shape (n_hours, n_columns), whole numbers.
        """
        passed = values.take(self._columns, axis=1) * self._signs > self._thresholds
        points: NDArray[T] = passed @ self._points
        for column, first, second in self._alternatives:
            points[:, column] -= passed[:, first] & passed[:, second]
        return points


def _sign(band: Band) -> int:
    return 1 if ">" in band.comparison else -1


def _exclusive_threshold(band: Band, dtype: type[T]) -> Any:
    """The threshold for sign * value, so that all four comparisons are `>`."""
    sign = _sign(band)
    # Rounded to tenths, 38.05 is 38.1 and reaches it; 36.05 is 36.1 and no longer at most 36.0.
    threshold = dtype(sign * round(band.threshold - sign * band.rounded_to / 2, 6))
    includes_threshold = ("=" in band.comparison) ^ (bool(band.rounded_to) and sign < 0)
    # "At least t" is "more than the number before t".
    return np.nextafter(threshold, dtype(-np.inf)) if includes_threshold else threshold


def _alternatives(bands: list[Band]) -> list[tuple[int, int]]:
    """Indices of two bands of one item with different variables: together they give one point."""
    found = []
    for item in dict.fromkeys(item_of(band) for band in bands):
        indices = [index for index, band in enumerate(bands) if item_of(band) == item]
        if len({bands[index].variable for index in indices}) > 1:
            first, second = indices
            found.append((first, second))
    return found
