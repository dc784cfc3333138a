"""Style of the plots: one font, few lines, colours for colour-blind readers.

Source of the colours: Okabe & Ito, Color Universal Design, https://jfly.uni-koeln.de/color/.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_build.judge.figures import Figures

BLACK, GREY, LIGHT = "#000000", "#767676", "#D9D9D9"
ORANGE, SKY, GREEN, BLUE = "#E69F00", "#56B4E9", "#009E73", "#0072B2"
VERMILLION, PURPLE = "#D55E00", "#CC79A7"
OF_GROUP = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

WIDTH, HEIGHT = 7.6, 4.2  # inches
SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "svg.hashsalt": "sepsis-detect",
    "svg.fonttype": "path",
    "path.simplify_threshold": 0.2,
}


@contextmanager
def _applied() -> Iterator[None]:
    """Context with this style and no other settings."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def axes(columns: int = 1, *, height: float = HEIGHT, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure with axes side by side."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False, **options)[0])


def save_plot(plot: Callable[[Figures], Figure], figures: Figures, path: Path) -> None:
    """Draw figures as an SVG without date or program, so that equal plots are equal files."""
    with _applied():
        plot(figures).savefig(path, metadata={"Date": None, "Creator": None})


def percent(ax: Axes, *, x: bool = False, y: bool = False, decimals: int = 0) -> None:
    """Label an axis in per cent."""
    for axis in [ax.xaxis] * x + [ax.yaxis] * y:
        axis.set_major_formatter(lambda value, _: f"{100 * value:.{decimals}f} %")


def percent_ticks(ax: Axes, ticks: Sequence[float], *, x: bool = False, y: bool = False) -> None:
    """Set the ticks of a logarithmic axis, labelled in per cent."""
    labels = [f"{100 * tick:g} %" for tick in ticks]
    if x:
        ax.set_xticks(ticks, labels, minor=False)
        ax.set_xticks([], minor=True)
    if y:
        ax.set_yticks(ticks, labels, minor=False)
        ax.set_yticks([], minor=True)


def note(ax: Axes, text: str, at: tuple[float, float], **options: Any) -> None:
    """A text at a point of the plot."""
    settings: dict[str, Any] = {"fontsize": 9, "color": BLACK} | options
    ax.annotate(text, at, **settings)


def mark(ax: Axes, x: float, y: float, label: str, *, offset: tuple[float, float]) -> None:
    """A point with its label."""
    ax.plot([x], [y], "o", color=BLACK, markersize=6, zorder=5)
    note(ax, label, (x, y), xytext=offset, textcoords="offset points")
