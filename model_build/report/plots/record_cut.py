"""Plot of the cut of the records: rate, weight and prediction by hour in intensive care."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.evaluation import HOUR_BIN, LAST_SHOWN_HOUR
from model_build.judge.figures import Figures
from model_build.report.plots.style import BLACK, BLUE, GREY, ORANGE, WIDTH, note, percent_ticks

RATES = {
    "rate": (BLACK, "-", "septic, as recorded"),
    "weighted_rate": (ORANGE, "-", "septic, under the weights"),
    "predicted": (BLUE, "--", "mean prediction"),
}
TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def record_cut(figures: Figures) -> Figure:
    """Rates above, weights below, a column a hospital."""
    hospitals = figures["by_icu_hour"]
    figure = Figure(figsize=(WIDTH, 4.8), layout="constrained")
    panels = figure.subplots(
        2, len(hospitals), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1)
    )
    for (above, below), (name, along) in zip(panels.T, hospitals.items(), strict=True):
        above.set_title(name)
        _rates(above, along)
        below.plot(_hours(along), along.get("weight", []), color=GREY)
        below.set(xlabel="hour in intensive care", ylim=(0, 1.08))
        for ax in (above, below):
            ax.axvline(UNCUT_HOURS + 0.5, color=GREY, linestyle=":", linewidth=1)
    panels[0, 0].set(yscale="log", ylim=(TICKS[0], 0.6))
    percent_ticks(panels[0, 0], TICKS, y=True)
    panels[0, 0].set_ylabel("share of the hours")
    panels[1, 0].set_ylabel("weight")
    panels[1, 0].set_xticks(range(0, LAST_SHOWN_HOUR + 1, 24))
    note(panels[1, 0], "no record cut", (2, 0.08), color=GREY)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(RATES))
    return figure


def _rates(ax: Axes, along: Figures) -> None:
    for name, (colour, line, label) in RATES.items():
        values = np.array(along.get(name, []), dtype=np.float64)
        values[values <= 0] = np.nan  # a logarithmic axis has no zero
        ax.plot(_hours(along), values, line, color=colour, label=label)


def _hours(along: Figures) -> NDArray[np.float64]:
    """The middle of each bin."""
    return np.array(along.get("hour", []), dtype=np.float64) + (HOUR_BIN - 1) / 2
