"""Plots of subgroups and of permutation importance."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_build.judge.figures import Figures
from model_build.report.formatting import variable_name
from model_build.report.plots.style import BLACK, BLUE, GREY, LIGHT, OF_GROUP, WIDTH

SHOWN_VARIABLES = 20
PANELS = {
    "auroc": "AUROC",
    "utility": "utility",
    "predicted_over_observed": "pred./obs.",
    "alerts_per_patient_day": "flagged h/day",
}
IDEAL = {"predicted_over_observed": 1.0}


def subgroups(figures: Figures) -> Figure:
    """Figures of each group with their intervals, one panel a figure."""
    rows: list[tuple[str, Figures, str]] = [("all patients", figures["overall"], BLACK)]
    gaps, places = [0.0], 0.0
    for (_, groups), colour in zip(figures["subgroups"].items(), OF_GROUP, strict=False):
        places += 0.6
        for name, group in groups.items():
            places += 1.0
            gaps.append(places)
            rows.append((name, group, colour))
    figure = Figure(figsize=(WIDTH, 0.8 + 0.235 * (places + 1)), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True, squeeze=False)[0]
    for ax, (name, title) in zip(panels, PANELS.items(), strict=True):
        for at, (_, group, colour) in zip(gaps, rows, strict=True):
            _whisker(ax, at, group.get(name), colour)
        reference = IDEAL.get(name, figures["overall"][name]["value"])
        ax.axvline(reference, color=GREY, linestyle=":", linewidth=1)
        ax.set_title(title)
        ax.grid(visible=False, axis="y")
    panels[0].set_yticks(gaps, [f"{name} ({_septic(group)})" for name, group, _ in rows])
    panels[0].set_ylim(places + 0.7, -0.7)
    return figure


def importance(figures: Figures) -> Figure:
    """Loss of utility and AUROC when a variable is permuted."""
    variables = list(figures["importance"]["variables"].items())[:SHOWN_VARIABLES]
    figure = Figure(figsize=(WIDTH, 0.9 + 0.215 * len(variables)), layout="constrained")
    (left, right) = figure.subplots(1, 2, sharey=True)
    for ax, name in ((left, "utility"), (right, "auroc")):
        for at, (_, losses) in enumerate(variables):
            _whisker(ax, at, losses[name], BLUE)
            ax.barh(at, losses[name]["value"], color=LIGHT, height=0.6)
        ax.axvline(0, color=GREY, linewidth=1)
        ax.set_xlabel(f"{'AUROC' if name == 'auroc' else name} lost")
        ax.grid(visible=False, axis="y")
    left.set_yticks(range(len(variables)), [variable_name(name) for name, _ in variables])
    left.set_ylim(len(variables) - 0.4, -0.6)
    return figure


def _whisker(ax: Axes, at: float, figure: dict[str, float] | None, colour: str) -> None:
    if figure is None or figure["value"] is None:
        return
    if figure["low"] is not None:
        ax.plot([figure["low"], figure["high"]], [at, at], color=colour, linewidth=1.5)
    ax.plot([figure["value"]], [at], "o", color=colour, markersize=4.5)


def _septic(group: Figures) -> str:
    return f"{group['septic_patients']:,.0f}"
