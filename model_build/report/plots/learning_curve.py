"""Plot of the learning curve: figures against the number of a hospital's own stays."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_build.judge.figures import Figures
from model_build.report.plots.style import BLUE, GREEN, HEIGHT, PURPLE, VERMILLION, WIDTH, note

TITLES = {"auroc": "AUROC", "utility": "Utility"}
NATIVE, NATIVE_OF_MORE = "native", "native, every variable"


def learning_curve(found: Figures) -> Figure:
    """One row of panels a direction: ranking and utility."""
    directions = list(dict.fromkeys((row["source"], row["target"]) for row in found["rows"]))
    figure = Figure(figsize=(WIDTH, 0.75 * HEIGHT * len(directions)), layout="constrained")
    panels = figure.subplots(len(directions), len(TITLES), squeeze=False)
    for line, (source, target) in zip(panels, directions, strict=True):
        rows = [r for r in found["rows"] if (r["source"], r["target"]) == (source, target)]
        for ax, (name, title) in zip(line, TITLES.items(), strict=True):
            _curve(ax, rows, name)
            ax.set_title(f"{title}, model of {source} in hospital {target}")
    for ax in panels[-1]:
        ax.set_xlabel("own stays that the model was adapted to")
    return figure


def _curve(ax: Axes, rows: list[Figures], name: str) -> None:
    of_label = {row["label"]: row[name]["value"] for row in rows}
    adapted = [row for row in rows if row["label"] not in (NATIVE, NATIVE_OF_MORE)]
    places = range(len(adapted))
    values, lows, highs = ([row[name][key] for row in adapted] for key in ("value", "low", "high"))
    for label, colour in ((NATIVE, GREEN), (NATIVE_OF_MORE, PURPLE)):
        ax.axhline(of_label[label], color=colour, linestyle="--", linewidth=1.2)
        note(ax, label, (0, of_label[label]), color=colour, va="bottom")
    ax.axhline(values[0], color=VERMILLION, linestyle=":", linewidth=1.2)
    note(ax, "as given", (len(adapted) - 1, values[0]), color=VERMILLION, va="bottom", ha="right")
    ax.plot(places, values, "o-", color=BLUE)
    ax.vlines(places, lows, highs, color=BLUE, linewidth=1.2)
    ax.set_xticks(places, [row["label"] for row in adapted])
