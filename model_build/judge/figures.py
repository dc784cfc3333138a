"""A figure with its confidence interval, and figures as JSON values."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SIGNIFICANT_DIGITS = 6
DECIMALS = 8

Figures = dict[str, Any]
"""Figures by name, nested by group: the content of `metrics.json`, `compare.json`, `tuning.json`
and `validation.json`. This is what `judge` hands to `report`, before or after `json_values`."""


class Figure(NamedTuple):
    """A value and its 95 % confidence interval."""

    value: float
    low: float
    high: float


def json_values(figures: Any) -> Any:
    """The same figures as JSON values: floats of six significant digits, null for unknown ones."""
    match figures:
        case dict():
            return {key: json_values(value) for key, value in figures.items()}
        case Figure():
            return json_values(figures._asdict())
        case list() | tuple():
            return [json_values(value) for value in figures]
        case np.ndarray() | np.generic():
            return json_values(figures.tolist())
        case float():
            return _significant(figures) if np.isfinite(figures) else None
    return figures


def write_json(figures: Figures, path: Path) -> None:
    """Write figures as JSON; the same figures give the same bytes."""
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def rounded(figure: float, digits: int) -> float | None:
    """A figure with this many decimals; None for NaN."""
    return None if np.isnan(figure) else round(figure, digits)


def _significant(figure: float) -> float:
    """Digits below the last decimal are rounding noise; zero has no sign."""
    return round(float(f"{figure:.{SIGNIFICANT_DIGITS}g}"), DECIMALS) + 0.0
