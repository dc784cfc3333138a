"""The plots of the report, drawn from `metrics.json` alone: same figures, same bytes."""

from pathlib import Path
from typing import Any

from model_build.report.plots import accuracy, alerts, groups, record_cut, style

PLOTS = {
    "record_cut": record_cut.record_cut,
    "discrimination": accuracy.discrimination,
    "utility": accuracy.utility,
    "calibration": accuracy.calibration,
    "decision_curve": accuracy.decision_curve,
    "scores": accuracy.scores,
    "alert_burden": alerts.alert_burden,
    "lead_time": alerts.lead_time,
    "around_onset": alerts.around_onset,
    "subgroups": groups.subgroups,
    "importance": groups.importance,
}
"""By the name of the file, without `.svg`."""


def write(figures: dict[str, Any], folder: Path) -> None:
    """Draw every plot into a folder."""
    for name, draw in PLOTS.items():
        style.save_plot(draw, figures, folder / f"{name}.svg")
