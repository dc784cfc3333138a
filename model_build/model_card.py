"""MODEL_CARD.md: what the model is, for whom, on what it learnt, and where it fails.

Source of the items: TRIPOD+AI, Collins et al., BMJ 2024;385:e078378, doi:10.1136/bmj-2023-078378.
"""

from typing import Any

from model_build import report_tables as tables
from model_build.config import Objective
from model_build.report import template
from model_build.words import MISSING, number, percent, table

Figures = dict[str, Any]

OBJECTIVES: dict[Objective, str] = {
    "label": "They tell the hours labelled septic from the others, every hour weighing the same.",
    "utility": "Each hour weighs what an alert would gain or cost in the challenge's utility.",
}


def text(figures: Figures, comparison: Figures | None) -> str:
    """The whole card."""
    model, data, overall = figures["model"], figures["data"], figures["overall"]
    first_60 = tables.first_60_hours(figures)
    by_patient = figures["by_patient"]
    ppv, in_time = overall["ppv"]["value"], by_patient["septic_alerted_in_time"]["value"]
    return template("model_card.md").format(
        name=model["name"],
        version=model["version"],
        members=model["recipe"]["members"],
        iterations=model["recipe"]["iterations"],
        leaves=model["recipe"]["leaves"],
        features=model["features"],
        objective=OBJECTIVES[model["recipe"]["objective"]],
        threshold=percent(model["threshold"], 2),
        **_data(data),
        per_feature=data["septic_patients"] / model["features"],
        folds=figures["protocol"]["folds"],
        draws=figures["draws"],
        **_columns(overall, ""),
        **_columns(first_60, "_60"),
        across=_across(comparison),
        false_per_true=number((1 - ppv) / ppv, 0) if ppv else MISSING,
        alerts_short=number(overall["alerts_per_patient_day"]["value"], 1),
        others=percent(by_patient["others_ever_alerted"]["value"], 0),
        in_time=percent(in_time, 0),
        missed=percent(1 - in_time, 0),
        ppv_short=percent(ppv),
        **_long_stays(figures["subgroups"]),
        groups=_groups(figures["subgroups"]),
    )


def _data(data: Figures) -> Figures:
    hospitals = (
        f"hospital {name} {of['patients']:,} patients ({of['septic_patients']:,} septic)"
        for name, of in data["hospitals"].items()
    )
    return {
        "patients": data["patients"],
        "hours": data["hours"],
        "septic": data["septic_patients"],
        "septic_share": percent(data["septic_patients"] / data["patients"]),
        "hospitals": ", ".join(hospitals),
        "female": percent(data["female"], 0),
        "age": _quartiles(data["age_quartiles"]),
        "stay": _quartiles(data["hours_quartiles"]),
        "missing": percent(data["missing"], 0),
        "first_row": data["labelled_from_first_row"],
        "under_18": data["under_18"],
        "digest": data["digest"],
    }


def _columns(group: Figures, suffix: str) -> dict[str, str]:
    names = tables.AREAS | tables.CALIBRATION | tables.ALERTS
    return {name + suffix: tables.cell(group, name) for name in names}


def _long_stays(subgroups: Figures) -> dict[str, str]:
    """What long stays look like here; dashes where nobody stays so long."""
    late = subgroups["phase of stay"].get("later", {})
    longest = subgroups["record length"].get("after hour 60")
    share = longest["septic_patients"] / longest["patients"] if longest else None
    return {
        "late_alerts": tables.cell(late, "alerts_per_patient_day"),
        "long_septic": percent(share, 0),
    }


def _groups(subgroups: Figures) -> str:
    columns = ("auroc", "predicted_over_observed", "sensitivity", "ppv")
    rows = [
        [name, f"{group['patients']:,.0f}", *(tables.cell(group, column) for column in columns)]
        for dimension in ("sex", "age", "hospital")
        for name, group in subgroups[dimension].items()
    ]
    header = ["", "patients", "AUROC", "mean predicted / observed", "septic hours flagged", "PPV"]
    return table(header, rows)


def _across(comparison: Figures | None) -> str:
    if comparison is None or not comparison["across_hospitals"]:
        return "Transfer between the hospitals: `python -m model_build compare`."
    rows = [row for row in comparison["across_hospitals"] if row["name"] == "averaged_boosting"]
    parts = [
        f"{row['source']} to {row['target']} AUROC {number(row['auroc']['value'])}, utility "
        f"{number(row['utility_at_source_threshold']['value'])} at the source's threshold and "
        f"{number(row['utility_recalibrated']['value'])} at one chosen anew"
        for row in rows
        if row["with_icu_time"]
    ]
    return f"Fitted in one hospital, judged in the other: {'; '.join(parts)}."


def _quartiles(values: list[float]) -> str:
    low, middle, high = (f"{value:.0f}" for value in values)
    return f"{middle} ({low} to {high})"
