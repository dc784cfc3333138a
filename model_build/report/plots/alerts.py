"""Plots of alerts: burden, lead time, and the probability around onset."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from model_build.judge.figures import Figures
from model_build.report.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    SKY,
    VERMILLION,
    axes,
    note,
    percent,
)


def alert_burden(figures: Figures) -> Figure:
    """Sensitivity against alerts per patient-day."""
    figure, (ax,) = axes(height=3.8)
    curve, point = figures["alert_burden"], figures["operating_points"][0]
    lines = {
        "septic_patients_alerted_in_time": (GREEN, "septic patients alerted in time"),
        "sensitivity": (BLUE, "septic hours flagged"),
    }
    for name, (colour, label) in lines.items():
        ax.plot(curve["alerts_per_patient_day"], curve[name], color=colour, label=label)
        ax.plot([point["alerts_per_patient_day"]], [point[name]], "o", color=BLACK)
        note(
            ax,
            f"{100 * point[name]:.0f} %",
            (point["alerts_per_patient_day"], point[name]),
            xytext=(6, -12),
            textcoords="offset points",
        )
    ax.axvline(point["alerts_per_patient_day"], color=GREY, linestyle="--", linewidth=1)
    note(ax, "operating point ", (point["alerts_per_patient_day"], 0.02), ha="right", color=GREY)
    ax.set(xlim=(0, 16), ylim=(0, 1.02), ylabel="found")
    ax.set_xlabel("flagged hours per patient and day (24 would be always)")
    percent(ax, y=True)
    ax.legend(loc="lower right")
    return figure


def lead_time(figures: Figures) -> Figure:
    """Lead time of the first alert of each septic patient."""
    figure, (ax,) = axes(height=3.5)
    patients = figures["lead_time"]["patients"]
    before = [name for name in reversed(patients) if name not in ("never", "after onset")]
    if not patients[before[0]]:
        del before[0]  # the longest lead: not possible where only the first hours are judged
    order = [*before, "after onset", "never"]
    total = sum(patients.values())
    shares = [patients[name] / total for name in order]
    colours = [GREY if name in ("after onset", "never") else BLUE for name in order]
    ax.bar(range(len(order)), shares, color=colours, width=0.8)
    by_chance = figures["lead_time"]["by_chance"]["patients"]
    chance = [by_chance[name] / max(sum(by_chance.values()), 1) for name in order]
    ax.plot(
        range(len(order)),
        chance,
        "_",
        color=VERMILLION,
        markersize=32,
        markeredgewidth=2,
        label="with the alerts of a random other stay",
    )
    ax.legend(loc="upper left")
    for at, (name, share) in enumerate(zip(order, shares, strict=True)):
        label = f"{100 * share:.0f} %\n({patients[name]:,})"
        note(
            ax,
            label,
            (at, share),
            ha="center",
            va="bottom",
            xytext=(0, 2),
            textcoords="offset points",
        )
    ax.set_xticks(range(len(order)), order, fontsize=9)
    ax.set_ylim(0, max(*shares, *chance) * 1.3)
    ax.set(xlabel="first alert, in hours before onset of sepsis", ylabel="septic patients")
    ax.grid(visible=False, axis="x")
    percent(ax, y=True)
    return figure


def around_onset(figures: Figures) -> Figure:
    """The probability of septic patients around onset."""
    figure, (ax,) = axes(height=3.9)
    curve = figures["around_onset"]
    ax.fill_between(
        curve["hour"],
        curve["low"],
        curve["high"],
        color=SKY,
        alpha=0.3,
        linewidth=0,
        label="middle half of the septic patients",
    )
    ax.plot(curve["hour"], curve["middle"], color=SKY, label="median")
    ax.plot(curve["hour"], curve["mean"], color=BLUE, label="mean")
    ax.plot(
        curve["hour"],
        [_nan(value) for value in curve["mean_of_long"]],
        color=BLUE,
        linestyle=":",
        label="mean, patients there from -24 h to onset",
    )
    ax.axhline(curve["never_septic_mean"], color=GREY)
    note(
        ax,
        "mean of patients who never become septic",
        (min(curve["hour"]), curve["never_septic_mean"]),
        va="top",
        color=GREY,
        xytext=(0, -3),
        textcoords="offset points",
    )
    threshold = figures["model"]["threshold"]
    ax.axhline(threshold, color=BLACK, linestyle="--", linewidth=1)
    note(ax, "alert from here on", (min(curve["hour"]), threshold), va="bottom")
    ax.axvline(0, color=VERMILLION, linewidth=1)
    ax.axvspan(-6, 0, color=LIGHT, alpha=0.4, linewidth=0)
    top = max(curve["high"]) * 1.5
    note(
        ax,
        "onset",
        (0, top),
        color=VERMILLION,
        ha="left",
        va="top",
        xytext=(3, 0),
        textcoords="offset points",
    )
    note(ax, "6 h to predict", (-3, top), color=GREY, ha="center", va="top")
    ax.set_ylim(0, top)
    ax.set(xlabel="hours since onset of sepsis", ylabel="probability given by the model")
    ax.legend(loc="upper left", ncols=2)
    ax.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    percent(ax, y=True)
    return figure


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value
