"""Plots of an adaptation: the given model against the adapted one, on the same stays."""

from pathlib import Path

from matplotlib.figure import Figure

from model_build.judge.figures import Figures
from model_build.report.plots import accuracy, style
from model_build.report.plots.comparison import TITLES
from model_build.report.plots.style import BLUE, GREY, SKY, VERMILLION, axes, percent

DRAWN = {  # shapes say the same as colours
    "given": ("s", GREY),
    "recalibrated": ("o", SKY),
    "adapted": ("D", VERMILLION),
}
INSET = 0.6  # of the rows above the first and below the last


def figures(found: Figures) -> Figure:
    """Ranking and utility of each model, with intervals."""
    figure, panels = axes(len(TITLES), height=2.2, sharey=True)
    for ax, (name, title) in zip(panels, TITLES.items(), strict=True):
        for place, (model, (shape, colour)) in enumerate(DRAWN.items()):
            of = found["models"][model][name]
            ax.hlines([place], [of["low"]], [of["high"]], color=colour, linewidth=2)
            ax.plot([of["value"]], [place], shape, color=colour, markersize=7)
        ax.set_title(title)
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(DRAWN)), list(DRAWN))
    panels[0].set_ylim(len(DRAWN) - 1 + INSET, -INSET)
    return figure


def calibration(found: Figures) -> Figure:
    """Observed against predicted, of the given and of the adapted model."""
    shown = {name: found["calibration"][name] for name in ("given", "adapted")}
    of_models = {"hospital": found["models"]}
    return accuracy.calibration({"calibration": shown, "subgroups": of_models, "overall": {}})


def alert_burden(found: Figures) -> Figure:
    """Septic hours flagged against flagged hours a day; points: the thresholds in use."""
    figure, (ax,) = axes(height=3.8)
    for model in ("given", "adapted"):
        shape, colour = DRAWN[model]
        curve, of = found["alert_burden"][model], found["models"][model]
        ax.plot(curve["alerts_per_patient_day"], curve["sensitivity"], color=colour, label=model)
        at = of["alerts_per_patient_day"]["value"], of["sensitivity"]["value"]
        ax.plot([at[0]], [at[1]], shape, color=colour, markersize=8)
    ax.plot([0, 24], [0, 1], color=BLUE, linestyle=":", linewidth=1, label="chance")
    ax.set(xlim=(0, 16), ylim=(0, 1.02), ylabel="septic hours flagged")
    ax.set_xlabel("flagged hours per patient and day (24 would be always)")
    percent(ax, y=True)
    ax.legend(loc="lower right")
    return figure


PLOTS = {"figures": figures, "calibration": calibration, "alert_burden": alert_burden}
"""By the name of the file, without `.svg`."""


def write(found: Figures, folder: Path) -> None:
    """Draw every plot into a folder."""
    for name, draw in PLOTS.items():
        style.save_plot(draw, found, folder / f"{name}.svg")
