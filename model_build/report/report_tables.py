"""The tables of the report, in Markdown."""

from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.evaluation import HOUR_BIN
from model_build.judge.figures import Figures
from model_build.judge.judgement import HEADLINE
from model_build.report.formatting import (
    number,
    percent,
    percent_with_interval,
    table,
    variable_name,
    with_interval,
)

Rows = list[list[str]]

BOTH = "both hospitals"
FIRST_HOURS = f"first {UNCUT_HOURS} hours"
UNDONE = "all hours, cut undone"
WHOLE_STAYS = "whole stays"
AREAS = {"auroc": "AUROC", "auprc": "AUPRC", "utility": "utility"}
CALIBRATION = {
    "calibration_slope": "calibration slope",
    "calibration_in_the_large": "calibration intercept",
    "predicted_over_observed": "mean predicted / observed",
}
ALERTS = {
    "sensitivity": "septic hours flagged",
    "ppv": "flagged hours that are septic (PPV)",
    "alerts_per_patient_day": "flagged hours per patient and day",
}


def headlines(figures: Figures) -> str:
    """Headline figures by population: first 36 hours, cut undone, hospitals, whole stays."""
    columns = {
        FIRST_HOURS: figures["overall"],
        UNDONE: figures["all_hours_weighted"],
        **{f"{name}, {FIRST_HOURS}": of for name, of in figures["subgroups"]["hospital"].items()},
        f"{WHOLE_STAYS} (what publications report)": figures["whole_stays"],
    }
    rows = [
        [title, *(cell(group, name) for group in columns.values())]
        for name, title in (AREAS | CALIBRATION | ALERTS).items()
    ]
    return table(["", *columns], rows)


def calibration(figures: Figures) -> str:
    """Slope, intercept and mean ratio, overall and by hospital."""
    groups = {BOTH: figures["overall"]} | figures["subgroups"]["hospital"]
    rows = [[name, *(cell(of, key) for key in CALIBRATION)] for name, of in groups.items()]
    return table(["", *CALIBRATION.values()], rows)


def operating_points(points: list[Figures]) -> str:
    """Figures at several thresholds, the served one first."""
    header = ["threshold", "septic hours flagged", "PPV", "flagged hours per patient and day"]
    rows = [
        [
            percent(point["threshold"], 2) + (" (served)" if at == 0 else ""),
            percent(point["sensitivity"]),
            percent(point["ppv"]),
            number(point["alerts_per_patient_day"], 1),
            percent(point["septic_patients_alerted_in_time"]),
            number(point["utility"]),
        ]
        for at, point in enumerate(points)
    ]
    return table([*header, "septic patients alerted in time", "utility"], rows)


EVERY_FOURTH_BIN = 4 * HOUR_BIN


def record_cut(figures: Figures) -> str:
    """Rate, weight and prediction by hour in intensive care: every fourth bin of the plot."""
    header = ["", "ICU hours", "septic hours as recorded", "weight", "under the weights"]
    rows = [
        [
            hospital,
            f"{hour:.0f} to {hour + HOUR_BIN - 1:.0f}",
            percent(along["rate"][at], 2),
            number(along["weight"][at], 2),
            percent(along["weighted_rate"][at], 2),
            percent(along["predicted"][at], 2),
        ]
        for hospital, along in figures["by_icu_hour"].items()
        for at, hour in enumerate(along.get("hour", []))
        if hour % EVERY_FOURTH_BIN == 1
    ]
    return table([*header, "prediction"], rows)


GROUP_COLUMNS = {
    **AREAS,
    "calibration_slope": "slope",
    "predicted_over_observed": "predicted / observed",
    "ppv": "PPV",
    "sensitivity": "septic hours flagged",
    "alerts_per_patient_day": "flagged hours per day",
}


def groups(figures: Figures) -> str:
    """Figures of every subgroup, with intervals."""
    header = ["", "patients", "septic", "septic hours", *GROUP_COLUMNS.values()]
    rows = [_group("all patients", figures["overall"])]
    for dimension, members in figures["subgroups"].items():
        rows.append([f"**{dimension}**", *[""] * (len(header) - 1)])
        rows += [_group(name, group) for name, group in members.items()]
    return table(header, rows)


def _group(name: str, group: Figures) -> list[str]:
    return [
        name,
        f"{group['patients']:,.0f}",
        f"{group['septic_patients']:,.0f}",
        percent(group.get("observed_rate", {}).get("value"), 2),
        *(cell(group, column) for column in GROUP_COLUMNS),
    ]


VARIANTS = {
    "as_served": "as served",
    "without_icu_hour": "without time in intensive care",
    "cut_not_undone": "cut not undone",
    "cut_not_undone_icu_hour_uncapped": "cut not undone, time in intensive care uncapped",
}
PLACES = {HEADLINE: FIRST_HOURS, "whole_stays": WHOLE_STAYS}


def ablation(variants: Figures) -> str:
    """Ablation figures; variants that were not fitted are left out."""
    header = ["", *(f"{name}, {where}" for where in PLACES.values() for name in AREAS.values())]
    rows = [
        [title, *(number(variants[name][place][key]) for place in PLACES for key in AREAS)]
        for name, title in VARIANTS.items()
        if name in variants
    ]
    return table(header, rows)


def variations(rows: list[Figures]) -> str:
    """Variations of the recipe, from `tuning.json`."""
    directions = list(dict.fromkeys(name for row in rows for name in row["across_hospitals"]))
    header = [
        *(f"{name}, inside" for name in AREAS.values()),
        *(f"AUROC, {direction}" for direction in directions),
    ]
    lines = [
        [
            row["label"],
            *(number(row["inside"][key]) for key in AREAS),
            *(number(row["across_hospitals"][of]["auroc"]) for of in directions),
        ]
        for row in rows
    ]
    return table(["", *header], lines)


def importance(variables: Figures) -> str:
    """Permutation importance of each variable."""
    rows = [
        [variable_name(name), *(with_interval(losses[key], 4) for key in ("utility", "auroc"))]
        for name, losses in variables.items()
    ]
    return table(["variable", "utility lost", "AUROC lost"], rows)


def comparison(rows: list[Figures]) -> str:
    """Bedside scores and learners, from `compare.json`."""
    lines = [[row["label"], *(with_interval(row[name]) for name in AREAS)] for row in rows]
    return table(["", *AREAS.values()], lines)


ACROSS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "utility_at_source_threshold": "utility at the source's threshold",
    "utility_recalibrated": "utility, threshold chosen anew",
}


def transfer(rows: list[Figures]) -> str:
    """Transfer between the hospitals, from `compare.json`."""
    lines = [
        [
            f"{row['source']} to {row['target']}, {row['label']}",
            *(with_interval(row[name]) for name in ACROSS),
            with_interval(row["less_than_served"]["auroc"]) if row["less_than_served"] else "",
        ]
        for row in rows
    ]
    return table(["from, to", *ACROSS.values(), "AUROC, served minus this"], lines)


def cell(group: Figures, name: str) -> str:
    """A figure of a group with its interval, in per cent where it is a share."""
    figure = group.get(name)
    if name in ("sensitivity", "ppv"):
        return percent_with_interval(figure)
    return with_interval(figure, 1 if name == "alerts_per_patient_day" else 3)
