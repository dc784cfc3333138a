"""Plot of accuracy by familiarity: AUROC in each fifth of the hours, by definition."""

from matplotlib.figure import Figure

from model_build.judge.figures import Figures
from model_build.report.plots.style import OF_GROUP, axes

TITLES = {"values": "Familiar values", "pattern": "Familiar pattern of what is known"}
APART = 0.1  # between the settings, of the distance between two fifths


def familiarity(found: Figures) -> Figure:
    """One panel a definition, one line a setting."""
    figure, panels = axes(len(TITLES), sharey=True)
    for ax, (definition, title) in zip(panels, TITLES.items(), strict=True):
        for at, setting in enumerate(found["settings"]):
            fifths = setting["definitions"][definition]["fifths"]
            known = [(k, of["auroc"]) for k, of in enumerate(fifths) if "auroc" in of]
            places = [k + 1 + (at - 1) * APART for k, _ in known]
            colour = OF_GROUP[at]
            ax.plot(places, [of["value"] for _, of in known], "o-", color=colour)
            lows, highs = ([of[key] for _, of in known] for key in ("low", "high"))
            ax.vlines(places, lows, highs, color=colour, linewidth=1.2, label=setting["name"])
        ax.set_title(title)
        ax.set_xlabel("fifth of the hours, the least familiar first")
        ax.set_xticks(range(1, 6))
    panels[0].set_ylabel("AUROC")
    panels[0].legend(loc="lower right")
    return figure
