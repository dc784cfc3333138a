"""The plots of the data report, from its figures alone."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_build.judge.figures import Figures
from model_build.report.formatting import variable_name
from model_build.report.plots.style import BLUE, GREY, LIGHT, VERMILLION, axes, percent

ROW_INCHES = 0.2
SHOWN = (-1.0, 2.0)  # 0 and 1: lowest and highest decile of training


def measured(figures: Figures) -> Figure:
    """Share of hours with a recent value, by variable, here and in training."""
    variables = figures["variables"]
    figure, (ax,) = axes(height=ROW_INCHES * len(variables) + 1)
    for row, of in enumerate(variables.values()):
        training = of["training"]
        if training is not None:
            ax.plot([of["recent"], training["recent"]], [row, row], color=LIGHT, zorder=1)
            ax.plot([training["recent"]], [row], "D", color=GREY, markersize=5)
        ax.plot([of["recent"]], [row], "o", color=BLUE, markersize=5)
    ax.plot([], [], "o", color=BLUE, label="here")
    ax.plot([], [], "D", color=GREY, label="training")
    figure.legend(loc="outside lower center", ncols=2)
    ax.set_title("Hours with a value in the last 36 h")
    ax.set_xlim(-0.02, 1.02)
    percent(ax, x=True)
    _label_rows(ax, list(variables))
    return figure


def distributions(figures: Figures) -> Figure:
    """Median and outer deciles of recent values, relative to those of training."""
    variables = {
        name: of
        for name, of in figures["variables"].items()
        if of["training"] and of["deciles"] and _width(of["training"]["deciles"])
    }
    figure, (ax,) = axes(height=ROW_INCHES * max(len(variables), 1) + 1.2)
    ax.axvspan(0, 1, color=LIGHT, alpha=0.6, linewidth=0)
    for row, of in enumerate(variables.values()):
        low, median, high = (_relative(each, of["training"]["deciles"]) for each in of["deciles"])
        colour = BLUE if 0 <= median <= 1 else VERMILLION
        ax.hlines(row, low, high, color=colour)
        ax.plot([median], [row], "o" if colour == BLUE else "D", color=colour, markersize=5)
        middle = _relative(of["training"]["deciles"][1], of["training"]["deciles"])
        ax.plot([middle], [row], "|", color=GREY, markersize=9)
    ax.plot([], [], "o-", color=BLUE, label="here: median, 10 to 90 %")
    ax.plot([], [], "D-", color=VERMILLION, label="median outside")
    ax.plot([], [], "|", color=GREY, markersize=9, linestyle="none", label="median of training")
    figure.legend(loc="outside lower center", ncols=3)
    ax.set_title("Values of the last 36 h; grey: 10 to 90 % of training")
    ax.set_xlim(*SHOWN)
    ax.set_xticks([0, 1], ["10 %", "90 %"])
    _label_rows(ax, list(variables))
    return figure


def _label_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), [variable_name(name) for name in names], fontsize=8)
    ax.set_ylim(max(len(names), 1) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")


def _width(deciles: list[float]) -> float:
    return deciles[-1] - deciles[0]


def _relative(value: float, deciles: list[float]) -> float:
    """0 at the lowest decile of training, 1 at the highest; cut at the edges of the plot."""
    at = (value - deciles[0]) / _width(deciles)
    return min(max(at, SHOWN[0]), SHOWN[1])


PLOTS = {"measured": measured, "distributions": distributions}
"""By the name of the file, without `.svg`."""
