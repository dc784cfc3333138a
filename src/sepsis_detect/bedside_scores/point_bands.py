"""Point tables of the bedside scores: each threshold once, for `scores` and for `features`.

A band adds its points when the value passes its threshold; bands of one sign add up, so NEWS2's
2 points from 21 breaths and 3 from 25 are written +2 at 21 and +1 at 25. Items that look at two
variables together (SOFA-2 breathing and renal replacement) are in `scores`.

Sources:
    SIRS: ACCP/SCCM, Crit Care Med 1992;20:864-874.
    qSOFA: Seymour et al., JAMA 2016;315(8):762-774.
    NEWS2: Royal College of Physicians, 2017 (scale 1 for oxygen saturation).
    SOFA-2: Ranzani et al., JAMA 2025, doi:10.1001/jama.2025.20516.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sepsis_detect.clinical.variables import BY_CHALLENGE

T = TypeVar("T", np.float32, np.float64)


class Band(NamedTuple):
    """`points` when the variable `is_at` (`<`, `<=`, `>`, `>=`) the threshold.

    `charted_in`, for `<=` and `>=`, is the step to which the chart has the value rounded first,
    halves up; 0: it is compared as it is.
    """

    score: str
    item: str
    variable: str
    is_at: str
    threshold: float
    points: int
    charted_in: float = 0.0


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
    Band("news2", "respiratory_rate", "Resp", "<=", 11, 1),
    Band("news2", "respiratory_rate", "Resp", "<=", 8, 2),
    Band("news2", "respiratory_rate", "Resp", ">=", 21, 2),
    Band("news2", "respiratory_rate", "Resp", ">=", 25, 1),
    Band("news2", "spo2", "O2Sat", "<=", 95, 1),
    Band("news2", "spo2", "O2Sat", "<=", 93, 1),
    Band("news2", "spo2", "O2Sat", "<=", 91, 1),
    Band("news2", "oxygen", "FiO2", ">", 0.21, 2),
    Band("news2", "systolic_bp", "SBP", "<=", 110, 1),
    Band("news2", "systolic_bp", "SBP", "<=", 100, 1),
    Band("news2", "systolic_bp", "SBP", "<=", 90, 1),
    Band("news2", "systolic_bp", "SBP", ">=", 220, 3),
    Band("news2", "heart_rate", "HR", "<=", 50, 1),
    Band("news2", "heart_rate", "HR", "<=", 40, 2),
    Band("news2", "heart_rate", "HR", ">=", 91, 1),
    Band("news2", "heart_rate", "HR", ">=", 111, 1),
    Band("news2", "heart_rate", "HR", ">=", 131, 1),
    Band("news2", "temperature", "Temp", "<=", 36.0, 1, charted_in=0.1),
    Band("news2", "temperature", "Temp", "<=", 35.0, 2, charted_in=0.1),
    Band("news2", "temperature", "Temp", ">=", 38.1, 1, charted_in=0.1),
    Band("news2", "temperature", "Temp", ">=", 39.1, 1, charted_in=0.1),
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


def score_of(band: Band) -> str:
    """Name the score of a band."""
    return band.score


def item_of(band: Band) -> tuple[str, str]:
    """Name the score and the item of a band."""
    return band.score, band.item


class PointTable(Generic[T]):
    """The bands as arrays, so that all scores are answered at once.

    Args:
        columns: What to count, in the order of the columns returned: names of scores, or what
            `of` returns. A column that no band belongs to stays 0.
        dtype: float32 or float64: that of the values that will be scored.
        of: To which column a band belongs.
    """

    def __init__(
        self,
        columns: Sequence[Hashable],
        dtype: type[T],
        *,
        of: Callable[[Band], Hashable] = score_of,
    ) -> None:
        bands = [band for band in BANDS if of(band) in columns]
        self._columns = np.array([BY_CHALLENGE[band.variable].column for band in bands])
        self._signs: NDArray[T] = np.array([_sign(band) for band in bands], dtype)
        self._thresholds: NDArray[T] = np.array(
            [_passed_above(band, dtype) for band in bands], dtype
        )
        self._points: NDArray[T] = np.array(
            [[band.points * (of(band) == column) for column in columns] for band in bands], dtype
        )
        self._alternatives = [
            (columns.index(of(bands[numbers[0]])), numbers) for numbers in _alternatives(bands)
        ]

    def __call__(self, values: NDArray[T]) -> NDArray[T]:
        """Points of each column, what is missing counting nothing.

        Args:
            values: Shape (n_hours, >= 34), canonical units, NaN where missing.

        Returns:
            Shape (n_hours, n_columns), whole numbers.
        """
        passed = values.take(self._columns, axis=1) * self._signs > self._thresholds
        points: NDArray[T] = passed @ self._points
        for column, numbers in self._alternatives:
            points[:, column] -= passed[:, numbers[0]] & passed[:, numbers[1]]
        return points


def _sign(band: Band) -> int:
    return 1 if ">" in band.is_at else -1


def _passed_above(band: Band, dtype: type[T]) -> Any:
    """Threshold on sign * value that serves all four comparisons as one `>`."""
    sign = _sign(band)
    # 38.1 on a chart in tenths is reached at 38.05; 36.0 is left there too, at 36.05.
    threshold = dtype(sign * round(band.threshold - sign * band.charted_in / 2, 6))
    includes_threshold = ("=" in band.is_at) ^ (bool(band.charted_in) and sign < 0)
    # "At least t" is "more than the number before t".
    return np.nextafter(threshold, dtype(-np.inf)) if includes_threshold else threshold


def _alternatives(bands: list[Band]) -> list[list[int]]:
    """Bands that give the one point of their item on either of two variables, by number."""
    found = []
    for item in dict.fromkeys(item_of(band) for band in bands):
        numbers = [number for number, band in enumerate(bands) if item_of(band) == item]
        if len({bands[number].variable for number in numbers}) > 1:
            assert len(numbers) == 2  # noqa: S101 - either of two
            found.append(numbers)
    return found
