"""Another operating point for an artifact: its threshold is moved, and nothing else.

The artifact's table of operating points says what a threshold gives, in patients that the model
was not fitted on. A threshold between two rows gets figures interpolated between them, marked so.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from sepsis_detect.errors import ModelArtifactError, SettingsError
from sepsis_detect.prediction.model import ModelMetadata, OperatingPoint

SUFFIX = re.compile(r"-t[0-9.e-]+$")  # of a version whose threshold was moved
MAX_ALERTS_PER_DAY = 24.0  # flagged hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the operating point shall give; one of the three is not None.

    Attributes:
        threshold: The probability itself.
        alerts_per_day: At most so many flagged hours per patient and day.
        sensitivity: At least this share of the septic hours flagged.
    """

    threshold: float | None = None
    alerts_per_day: float | None = None
    sensitivity: float | None = None


def wanted(threshold: str | None, alerts_per_day: str | None, sensitivity: str | None) -> Wanted:
    """Read the options; one of them is not None.

    Raises:
        SettingsError: The value is no number, or out of range.
    """
    return Wanted(
        threshold=_number("--threshold", threshold, 1.0),
        alerts_per_day=_number("--alerts-per-day", alerts_per_day, MAX_ALERTS_PER_DAY),
        sensitivity=_number("--sensitivity", sensitivity, 1.0),
    )


def moved(
    metadata: dict[str, Any], known: ModelMetadata, wanted: Wanted
) -> tuple[dict[str, Any], OperatingPoint | None]:
    """The metadata at another operating point.

    Args:
        metadata: Of an accepted artifact, as JSON values.
        known: The same, read.
        wanted: What the operating point shall give.

    Returns:
        Metadata with threshold, version and order of the operating points changed, and what the
        threshold gives; None: the artifact has no operating points.

    Raises:
        ModelArtifactError: The artifact does not know such an operating point.
    """
    points = [point for point in known.operating_points or [] if not point.is_interpolated]
    point = _point(points, wanted)
    threshold = float(np.float32(wanted.threshold)) if point is None else point.threshold
    if np.float32(threshold) == np.float32(known.threshold):
        raise ModelArtifactError(f"its threshold is {threshold:.5g} already")
    changed = metadata | {
        "version": f"{SUFFIX.sub('', known.version)}-t{threshold:.6g}",
        "threshold": threshold,
        "metrics_threshold": metadata.get("metrics_threshold", known.threshold),
    }
    if point is not None:
        changed["operating_points"] = _rows(metadata["operating_points"], point)
    return changed, point


def _rows(rows: list[dict[str, Any]], point: OperatingPoint) -> list[dict[str, Any]]:
    """The table with a row first, as the served one; the others fall."""
    measured = [row for row in rows if not row.get("is_interpolated")]
    measured.sort(key=lambda row: -float(row["threshold"]))
    served = [row for row in measured if row["threshold"] == point.threshold]
    others = [row for row in measured if row["threshold"] != point.threshold]
    return [*(served or [point.model_dump()]), *others]


def _point(points: list[OperatingPoint], wanted: Wanted) -> OperatingPoint | None:
    if wanted.threshold is not None:
        return _at(points, float(np.float32(wanted.threshold))) if points else None
    if not points:
        raise ModelArtifactError("it has no operating points: state --threshold")
    if wanted.alerts_per_day is not None:
        return _within(points, wanted.alerts_per_day)
    return _reaching(points, wanted.sensitivity or 0.0)


def _within(points: list[OperatingPoint], alerts_per_day: float) -> OperatingPoint:
    """The lowest threshold that flags at most so many hours a day."""
    fitting = [p for p in points if p.alerts_per_patient_day <= alerts_per_day]
    if not fitting:
        fewest = min(point.alerts_per_patient_day for point in points)
        raise ModelArtifactError(
            f"its operating points flag at least {fewest:.2f} hours per patient and day, "
            f"not {alerts_per_day:g}"
        )
    return min(fitting, key=lambda point: point.threshold)


def _reaching(points: list[OperatingPoint], sensitivity: float) -> OperatingPoint:
    """The highest threshold that flags at least this share of the septic hours."""
    fitting = [point for point in points if point.sensitivity >= sensitivity]
    if not fitting:
        most = max(point.sensitivity for point in points)
        raise ModelArtifactError(
            f"its operating points flag at most {100 * most:.1f} % of the septic hours, "
            f"not {100 * sensitivity:g} %"
        )
    return max(fitting, key=lambda point: point.threshold)


def _at(points: list[OperatingPoint], threshold: float) -> OperatingPoint:
    """What a threshold gives: a row of the table, or between two of them."""
    rising = sorted(points, key=lambda point: point.threshold)
    for point in rising:
        if np.float32(point.threshold) == np.float32(threshold):
            return point
    lowest, highest = rising[0].threshold, rising[-1].threshold
    if not lowest < threshold < highest:
        raise ModelArtifactError(
            f"its operating points are known from {lowest:.5g} to {highest:.5g}: what "
            f"{threshold:.5g} would give is not known"
        )
    after = next(k for k, point in enumerate(rising) if point.threshold > threshold)
    return _between(rising[after - 1], rising[after], threshold)


def _between(below: OperatingPoint, above: OperatingPoint, threshold: float) -> OperatingPoint:
    """Figures between two rows, linear in the threshold."""
    share = (threshold - below.threshold) / (above.threshold - below.threshold)

    def figure(low: float, high: float) -> float:
        return round(low + share * (high - low), 6)

    return OperatingPoint(
        threshold=threshold,
        sensitivity=figure(below.sensitivity, above.sensitivity),
        ppv=None if below.ppv is None or above.ppv is None else figure(below.ppv, above.ppv),
        alerts_per_patient_day=figure(below.alerts_per_patient_day, above.alerts_per_patient_day),
        in_time=figure(below.in_time, above.in_time),
        utility=figure(below.utility, above.utility),
        is_interpolated=True,
    )


def _number(option: str, text: str | None, largest: float) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= largest:
        raise SettingsError(f"{option}: '{text}' is not a number above 0 and up to {largest:g}")
    return value
