"""The plots of the report, drawn from `metrics.json` alone: same figures, same bytes."""

from pathlib import Path
from typing import Any

from model_build.report.plots import accuracy, alarms, along_the_stay, groups, style

PLOTS = {
    "record_cut": along_the_stay.record_cut,
    "discrimination": accuracy.discrimination,
    "utility": accuracy.utility,
    "calibration": accuracy.calibration,
    "decision_curve": accuracy.decision_curve,
    "scores": accuracy.scores,
    "alert_burden": alarms.alert_burden,
    "lead_time": alarms.lead_time,
    "around_onset": alarms.around_onset,
    "subgroups": groups.subgroups,
    "importance": groups.importance,
}
"""By the name of the file, without `.svg`."""


def write(figures: dict[str, Any], folder: Path) -> None:
    """Draw every plot into a folder."""
    for name, draw in PLOTS.items():
        with style.applied():
            style.save(draw(figures), folder / f"{name}.svg")
