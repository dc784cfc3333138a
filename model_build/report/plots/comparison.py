"""Plot of the comparison: figures of every learner and bedside score, with intervals."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_build.judge.figures import Figures
from model_build.report.plots.style import BLUE, GREY, PURPLE, SKY, VERMILLION, axes

TITLES = {"utility": "Utility", "auroc": "AUROC", "auprc": "AUPRC"}
KINDS = {  # shapes say the same as colours
    "bedside": ("bedside score", BLUE, "s"),
    "warning": ("no score at all: a warning", PURPLE, "X"),
    "learner": ("trained model", SKY, "o"),
    "served": ("the served model", VERMILLION, "D"),
}
INCHES_A_ROW = 0.28


def comparison(found: Figures) -> Figure:
    """Draw `compare.json`; a dotted line marks chance."""
    rows = found["candidates"]
    chance = {"utility": 0.0, "auroc": 0.5, "auprc": found["protocol"]["observed_rate"]}
    captions = {
        "utility": "0: never alert, 1: best",
        "auroc": "0.5: chance",
        "auprc": f"{chance['auprc']:.3f}: chance",
    }
    figure, panels = axes(len(TITLES), height=1.2 + INCHES_A_ROW * len(rows), sharey=True)
    for ax, (name, title) in zip(panels, TITLES.items(), strict=True):
        ax.set_title(title)
        ax.set_xlabel(captions[name])
        ax.axvline(chance[name], color=GREY, linestyle=":", linewidth=1.2)
        _dots(ax, rows, name)
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(rows)), [row["label"] for row in rows])
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(KINDS))
    return figure


def _dots(ax: Axes, rows: list[Figures], name: str) -> None:
    for kind, (label, colour, marker) in KINDS.items():
        places = [place for place, row in enumerate(rows) if row["kind"] == kind]
        lows, values, highs = (
            [_or_nan(rows[place][name][key]) for place in places]
            for key in ("low", "value", "high")
        )
        ax.hlines(places, lows, highs, color=colour, linewidth=2)
        ax.plot(values, places, marker, color=colour, markersize=6, label=label)


def _or_nan(number: float | None) -> float:
    return float("nan") if number is None else number
