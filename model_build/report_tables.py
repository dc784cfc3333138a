"""The tables of the report, in Markdown."""

from typing import Any, NamedTuple

from model_build.words import (
    MISSING,
    number,
    percent,
    percent_with_interval,
    table,
    variable_name,
    with_interval,
)

Figures = dict[str, Any]
Rows = list[list[str]]

BOTH = "both hospitals"
AREAS = {"utility": "utility", "auroc": "AUROC", "auprc": "AUPRC"}
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


class Asked(NamedTuple):
    """What a figure had to reach, set before the model was trained."""

    name: str
    title: str
    low: float
    high: float = float("inf")


ASKED_OVERALL = (
    Asked("utility", "utility at least .43", 0.43),
    Asked("auroc", "AUROC at least .845", 0.845),
    Asked("auprc", "AUPRC at least .12", 0.12),
)
ASKED_EVERYWHERE = (
    Asked("calibration_slope", "calibration slope .9 to 1.1", 0.9, 1.1),
    Asked("predicted_over_observed", "mean predicted within 5 % of observed", 0.95, 1.05),
)


def first_60_hours(figures: Figures) -> Figures:
    """The figures that the record-length artefact cannot lift."""
    found: Figures = figures["subgroups"]["record length"]["first 60 hours"]
    return found


def headlines(figures: Figures) -> str:
    """Whole stays, the first 60 hours, and each hospital side by side."""
    columns = {
        "whole stays": figures["overall"],
        "first 60 hours of stays": first_60_hours(figures),
        **figures["subgroups"]["hospital"],
    }
    rows = [
        [title, *(cell(group, name) for group in columns.values())]
        for name, title in (AREAS | CALIBRATION | ALERTS).items()
    ]
    return table(["", *columns], rows)


def asked(figures: Figures) -> str:
    """What was asked for, and whether it is reached."""
    groups = {BOTH: figures["overall"]} | figures["subgroups"]["hospital"]
    rows = [_asked(one, BOTH, figures["overall"]) for one in ASKED_OVERALL]
    rows += [_asked(one, name, of) for name, of in groups.items() for one in ASKED_EVERYWHERE]
    return table(["asked", "where", "found", "reached"], rows)


def _asked(one: Asked, where: str, group: Figures) -> list[str]:
    value = group.get(one.name, {}).get("value")
    if value is None:
        return [one.title, where, MISSING, "unknown"]
    verdict = "yes" if one.low <= value <= one.high else "**no**"
    return [one.title, where, cell(group, one.name), verdict]


def calibration(figures: Figures) -> str:
    """Slope, intercept and mean ratio, overall and by hospital."""
    groups = {BOTH: figures["overall"]} | figures["subgroups"]["hospital"]
    rows = [[name, *(cell(of, key) for key in CALIBRATION)] for name, of in groups.items()]
    return table(["", *CALIBRATION.values()], rows)


def operating_points(points: list[dict[str, float]]) -> str:
    """What other thresholds would give; the served one first."""
    header = ["threshold", "septic hours flagged", "in time", "specificity", "PPV", "NPV"]
    header += ["flagged hours per day", "new alerts per day", "utility"]
    rows = [
        [
            percent(point["threshold"], 2) + (" (served)" if at == 0 else ""),
            percent(point["sensitivity"]),
            percent(point["septic_patients_alerted_in_time"]),
            percent(point["specificity"]),
            percent(point["ppv"]),
            percent(point["npv"], 2),
            number(point["alerts_per_patient_day"], 1),
            number(point["new_alerts_per_patient_day"], 2),
            number(point["utility"]),
        ]
        for at, point in enumerate(points)
    ]
    return table(header, rows)


GROUP_COLUMNS = {
    **AREAS,
    "calibration_slope": "slope",
    "predicted_over_observed": "predicted / observed",
    "ppv": "PPV",
    "sensitivity": "septic hours flagged",
    "alerts_per_patient_day": "flagged hours per day",
}


def groups(figures: Figures) -> str:
    """Every group with its intervals."""
    header = ["", "patients", "septic", "septic hours", *GROUP_COLUMNS.values()]
    rows = [_group("everybody", figures["overall"])]
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
    "as_served": "as served: time in ICU up to 48 h",
    "without_icu_hour": "without time in ICU",
    "icu_hour_uncapped": "time in ICU uncapped (not served)",
}


PLACES = {"overall": "whole stays", "first_60_hours": "first 60 h"}


def ablation(variants: Figures) -> str:
    """With, without and with uncapped time in ICU."""
    header = ["", *(f"{name}, {where}" for where in PLACES.values() for name in AREAS.values())]
    rows = [
        [title, *(number(variants[name][place][key]) for place in PLACES for key in AREAS)]
        for name, title in VARIANTS.items()
    ]
    return table(header, rows)


def variations(rows: list[Figures]) -> str:
    """What else was tried, from `tuning.json`."""
    places = PLACES | {"hours_49_to_60": "hours 49 to 60"}
    header = ["", *(f"{name}, {where}" for where in places.values() for name in AREAS.values())]
    lines = [
        [row["label"], *(number(row[place][key]) for place in places for key in AREAS)]
        for row in rows
    ]
    return table(header, lines)


def importance(variables: Figures) -> str:
    """What each variable is worth."""
    rows = [
        [variable_name(name), *(with_interval(losses[key], 4) for key in ("utility", "auroc"))]
        for name, losses in variables.items()
    ]
    return table(["variable", "utility lost", "AUROC lost"], rows)


def candidates(rows: list[Figures]) -> str:
    """Bedside scores and learners, from `compare.json`."""
    lines = [[row["label"], *(with_interval(row[name]) for name in AREAS)] for row in rows]
    return table(["", *AREAS.values()], lines)


ACROSS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "utility_at_source_threshold": "utility at the source's threshold",
    "utility_recalibrated": "utility, threshold chosen anew",
}


def across(rows: list[Figures]) -> str:
    """One hospital's model in the other, from `compare.json`."""
    lines = [
        [
            f"{row['source']} to {row['target']}, {row['label']}"
            f"{'' if row['with_icu_time'] else ', without time in ICU'}",
            *(with_interval(row[name]) for name in ACROSS),
        ]
        for row in rows
    ]
    return table(["from, to", *ACROSS.values()], lines)


def cell(group: Figures, name: str) -> str:
    """A figure of a group with its interval, in per cent where it is a share."""
    figure = group.get(name)
    if name in ("sensitivity", "ppv"):
        return percent_with_interval(figure)
    return with_interval(figure, 1 if name == "alerts_per_patient_day" else 3)
