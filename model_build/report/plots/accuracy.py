"""Plots of accuracy: ranking, utility, calibration, net benefit, distribution of scores."""

import numpy as np
from matplotlib.figure import Figure

from model_build.judge.figures import Figures
from model_build.report.plots.style import (
    BLACK,
    BLUE,
    GREY,
    OF_GROUP,
    SKY,
    VERMILLION,
    axes,
    mark,
    note,
    percent,
    percent_ticks,
)

MIN_SHOWN_SENSITIVITY = 0.002  # with fewer hours the precision is noise
MIN_TOP = 0.1  # of the axis, true alerts per 1,000 hours, where the net benefit is never positive


def discrimination(figures: Figures) -> Figure:
    """ROC and precision-recall curve, with the operating point."""
    figure, (roc, pr) = axes(2, height=3.9)
    curves, overall, point = figures["curves"], figures["overall"], figures["operating_points"][0]
    rate = overall["observed_rate"]["value"]
    roc.plot([0, *curves["false_alarm_rate"]], [0, *curves["sensitivity"]], color=BLUE)
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    note(roc, "no better than chance", (0.52, 0.44), rotation=38, color=GREY)
    here = (1 - point["specificity"], point["sensitivity"])
    mark(roc, *here, "operating point", offset=(8, -10))
    roc.set(xlabel="non-septic hours flagged", ylabel="septic hours flagged (sensitivity)")
    roc.set_title(f"AUROC {_interval(overall['auroc'])}")
    shown = np.array(curves["sensitivity"]) >= MIN_SHOWN_SENSITIVITY
    pr.plot(
        np.array(curves["sensitivity"])[shown],
        np.array(curves["ppv"], dtype=float)[shown],
        color=BLUE,
    )
    pr.axhline(rate, color=GREY, linestyle=":", linewidth=1)
    note(pr, f"chance: {100 * rate:.1f} %", (0.02, rate), color=GREY, va="bottom")
    if point["ppv"] is not None:  # where no hour is flagged
        mark(pr, point["sensitivity"], point["ppv"], "operating point", offset=(4, 6))
    pr.set(xlabel="septic hours flagged (sensitivity)", ylabel="flagged hours that are right (PPV)")
    pr.set_ylim(0, 0.5)
    pr.set_title(f"AUPRC {_interval(overall['auprc'])}")
    for ax in (roc, pr):
        percent(ax, x=True, y=True)
    return figure


def utility(figures: Figures) -> Figure:
    """Utility against threshold, overall and by hospital."""
    figure, (ax,) = axes(height=3.7)
    curves = figures["utility_by_threshold"]
    threshold = figures["model"]["threshold"]
    drawn = dict(zip(_but_threshold(curves), (BLACK, *OF_GROUP), strict=False))
    for name, colour in drawn.items():
        label = "both hospitals" if name == "overall" else name
        ax.plot(curves["threshold"], curves[name], color=colour, label=label)
    ax.axvline(threshold, color=GREY, linestyle="--", linewidth=1)
    ax.axhline(0, color=GREY, linewidth=1)
    note(
        ax,
        f"threshold served: {100 * threshold:.2f} %",
        (threshold, -0.28),
        rotation=90,
        ha="right",
        va="bottom",
        color=GREY,
    )
    ax.set_xscale("log")
    percent_ticks(ax, (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2), x=True)
    highest = max(value for name in drawn for value in curves[name])
    ax.set_ylim(-0.3, highest + 0.08)
    ax.set(xlabel="alert from this probability on", ylabel="utility (0: never alert, 1: best)")
    ax.legend(loc="upper right")
    return figure


def calibration(figures: Figures) -> Figure:
    """Observed against predicted, overall and in each hospital."""
    groups = figures["calibration"]
    of_hospital = figures["subgroups"]["hospital"]
    figure, panels = axes(len(groups), height=3.4, sharex=True, sharey=True)
    ticks = (0.001, 0.01, 0.1)
    for ax, (name, curve) in zip(panels, groups.items(), strict=True):
        bins, smooth = curve["bins"], curve["smooth"]
        own = figures["overall"] if name == "overall" else of_hospital[name]
        ax.plot([1e-4, 1], [1e-4, 1], color=GREY, linestyle=":", linewidth=1)
        ax.plot(smooth["predicted"], smooth["observed"], color=SKY, linewidth=2.5)
        below, above = _whiskers(bins)
        ax.errorbar(
            bins["predicted"],
            bins["observed"],
            (below, above),
            fmt="o",
            color=BLUE,
            markersize=4,
            linewidth=1,
        )
        ax.set(xscale="log", yscale="log", xlim=(2e-4, 0.4), ylim=(2e-4, 0.4))
        percent_ticks(ax, ticks, x=True, y=True)
        ax.set_title("both hospitals" if name == "overall" else name)
        note(
            ax,
            f"slope {_value(own, 'calibration_slope'):.2f}\n"
            f"predicted/observed {_value(own, 'predicted_over_observed'):.2f}",
            (0.04, 0.97),
            xycoords="axes fraction",
            va="top",
        )
        ax.set_xlabel("predicted")
    panels[0].set_ylabel("observed: hours labelled septic")
    return figure


def decision_curve(figures: Figures) -> Figure:
    """Net benefit of following the model, of always and of never alerting."""
    figure, (ax,) = axes(height=3.7)
    curve = figures["decision_curve"]
    per_thousand = {name: 1000 * np.array(curve[name]) for name in ("model", "always")}
    ax.plot(curve["threshold"], per_thousand["always"], color=VERMILLION, label="alert always")
    ax.axhline(0, color=GREY, label="alert never")
    ax.plot(curve["threshold"], per_thousand["model"], color=BLUE, label="alert with the model")
    ax.axvline(figures["model"]["threshold"], color=GREY, linestyle="--", linewidth=1)
    top = max(*per_thousand["model"], MIN_TOP)
    note(
        ax,
        "threshold served",
        (figures["model"]["threshold"], top * 1.05),
        rotation=90,
        ha="right",
        va="top",
        color=GREY,
    )
    ax.set_xscale("log")
    percent_ticks(ax, (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2), x=True)
    ax.set_ylim(-0.15 * top, 1.1 * top)
    ax.set(
        xlabel="probability from which an alert is thought worth it",
        ylabel="net benefit: true alerts per\n1,000 hours, less the price of false ones",
    )
    ax.legend(loc="upper right")
    return figure


def scores(figures: Figures) -> Figure:
    """Distribution of the probability over labelled and other hours."""
    figure, (ax,) = axes(height=3.5)
    spread = figures["scores_by_outcome"]
    edges = np.array(spread["logit_edges"])
    shown = {"other": (GREY, "other hours"), "labelled": (VERMILLION, "hours labelled septic")}
    for name, (colour, label) in shown.items():
        ax.stairs(spread[name], edges, color=colour, fill=True, alpha=0.35, label=label)
        ax.stairs(spread[name], edges, color=colour, linewidth=1.5)
    threshold = figures["model"]["threshold"]
    ax.axvline(_logit(threshold), color=BLACK, linestyle="--", linewidth=1)
    note(
        ax,
        f" alert from {100 * threshold:.2f} % on",
        (_logit(threshold), ax.get_ylim()[1]),
        va="top",
    )
    ticks = np.array([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    ax.set_xticks([_logit(tick) for tick in ticks], [f"{100 * tick:g} %" for tick in ticks])
    ax.set(xlabel="probability given by the model", ylabel="share of the hours")
    percent(ax, y=True)
    ax.legend(loc="upper right")
    return figure


def _but_threshold(curves: Figures) -> list[str]:
    return [name for name in curves if name != "threshold"]


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _whiskers(bins: dict[str, list[float]]) -> tuple[list[float], list[float]]:
    """Lengths below and above each point, never negative."""
    observed = np.array(bins["observed"])
    low, high = (np.array(bins[key], dtype=float) for key in ("low", "high"))
    below, above = np.fmax(observed - low, 0), np.fmax(high - observed, 0)
    return below.tolist(), above.tolist()


def _value(group: Figures, name: str) -> float:
    return float(group[name]["value"])


def _logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))
