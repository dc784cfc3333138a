"""The plots of a validation on other stays, drawn from `validation.json` alone."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_build.judge.figures import Figures
from model_build.report.plots import accuracy, alerts, style
from model_build.report.plots.style import BLUE, GREY, SKY, VERMILLION, axes, note, percent

APART = 0.16  # between two series of one day, in days
LEFT, RIGHT = -APART, APART


def by_day(figures: Figures) -> Figure:
    """By day of stay: flagged hours, and observed and predicted share of septic hours."""
    figure, (alerts, septic) = axes(2, height=3.6)
    known, others = figures["by_day"], (figures["unlabelled"] or {}).get("by_day", {})
    days = [*known, *(day for day in others if day not in known)]
    place = {day: float(at) for at, day in enumerate(days)}
    name = "alerts_per_patient_day"
    _series(alerts, place, known, name, LEFT if others else 0.0, ("o", BLUE, "labelled stays"))
    if others:
        _series(alerts, place, others, name, RIGHT, ("s", SKY, "unlabelled stays"))
        alerts.legend(loc="best")
    for limit in figures["limits"]:
        if (limit["figure"], limit["bound"]) == (name, "max"):
            alerts.axhline(limit["limit"], color=GREY, linestyle="--", linewidth=1)
            note(alerts, "stated maximum", (-0.45, limit["limit"]), color=GREY, va="bottom")
    alerts.set_title("Flagged hours per patient and day")
    _series(septic, place, known, "mean_predicted", LEFT, ("o", BLUE, "predicted"))
    _series(septic, place, known, "observed_rate", RIGHT, ("D", VERMILLION, "observed"))
    septic.set_title("Septic hours")
    septic.legend(loc="best")
    percent(septic, y=True, decimals=1)
    for ax in (alerts, septic):
        ax.set_xticks(range(len(days)), [day.replace(" and ", "\nand ") for day in days])
        ax.set_xlim(-0.5, len(days) - 0.5)
        ax.set_ylim(bottom=0)
        ax.grid(visible=False, axis="x")
    return figure


def _series(
    ax: Axes,
    place: dict[str, float],
    groups: Figures,
    name: str,
    shift: float,
    drawn: tuple[str, str, str],
) -> None:
    """A mark and an interval for each day; shapes say the same as colours."""
    shape, colour, label = drawn
    at = [place[day] + shift for day in groups]
    found = [group[name] for group in groups.values()]
    ax.plot(at, [of["value"] for of in found], shape, color=colour, label=label)
    ax.vlines(at, [of["low"] for of in found], [of["high"] for of in found], color=colour)


def calibration(figures: Figures) -> Figure:
    """Observed against predicted, all stays together."""
    together = {"overall": figures["calibration"]["overall"]}
    figure = accuracy.calibration(figures | {"calibration": together})
    figure.axes[0].set_title("all stays")
    return figure


ANYHOW = {
    "by_day": by_day,
    "alert_burden": alerts.alert_burden,
    "lead_time": alerts.lead_time,
}
WHERE_ENOUGH = {
    "discrimination": accuracy.discrimination,
    "calibration": calibration,
    "decision_curve": accuracy.decision_curve,
}
"""Only with enough septic patients."""
PLOTS = ANYHOW | WHERE_ENOUGH
"""By the name of the file, without `.svg`."""


def write(figures: Figures, folder: Path) -> None:
    """Draw the plots; those of ranking and calibration only with enough septic patients."""
    for name, draw in (PLOTS if "auroc" in figures["overall"] else ANYHOW).items():
        style.save_plot(draw, figures, folder / f"{name}.svg")
