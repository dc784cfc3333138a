"""The model card MODEL_CARD.md: model, intended use, training data, validation and limits.

Source of the items: TRIPOD+AI, Collins et al., BMJ 2024;385:e078378, doi:10.1136/bmj-2023-078378.
"""

from model_build.config import Objective
from model_build.data.record_cut import FIRST_CUT_HOUR, LAST_CUT_HOUR, UNCUT_HOURS
from model_build.judge.figures import Figures
from model_build.judge.judgement import MAX_ALERTS_PER_PATIENT_DAY
from model_build.judge.transfer import BEFORE, SERVED
from model_build.report import report_tables as tables
from model_build.report.external_figures import HEADER, sentence, side_by_side
from model_build.report.formatting import (
    MISSING,
    number,
    percent,
    table,
    template,
    variable_names,
    what_changed,
    with_interval,
)
from model_build.report.validation_tables import cell

OBJECTIVES: dict[Objective, str] = {
    "label": "They tell the hours labelled septic from the others.",
    "utility": "Each hour weighs what an alert would gain or cost in the challenge's utility.",
}
PATIENT = {
    "age": "age",
    "sex": "sex",
    "icu_unit": "kind of unit",
    "hospital_admission_hour": "admission time",
}


def text(
    figures: Figures, comparison: Figures | None = None, external: Figures | None = None
) -> str:
    """The whole model card; figures that are None have not been measured yet."""
    data, overall, by_patient = figures["data"], figures["overall"], figures["by_patient"]
    ppv, in_time = overall["ppv"]["value"], by_patient["septic_alerted_in_time"]["value"]
    return template("model_card.md").format(
        what_changed=what_changed(),
        uncut=UNCUT_HOURS,
        first_cut=FIRST_CUT_HOUR,
        last_cut=LAST_CUT_HOUR,
        **_model(figures["model"]),
        **_data(data),
        per_feature=data["septic_patients"] / figures["model"]["features"],
        folds=figures["protocol"]["folds"],
        draws=figures["draws"],
        validation=_validation(figures),
        whole_utility=tables.cell(figures["whole_stays"], "utility"),
        whole_auroc=tables.cell(figures["whole_stays"], "auroc"),
        across=_across(comparison),
        external=sentence(external),
        outside=_outside(figures, external),
        long_stays=long_stays(external),
        false_per_true=number((1 - ppv) / ppv, 0) if ppv else MISSING,
        alerts_short=number(overall["alerts_per_patient_day"]["value"], 1),
        others=percent(by_patient["others_ever_alerted"]["value"], 0),
        in_time=percent(in_time, 0),
        until_after=percent(by_patient["septic_alerted_until_3_hours_after"]["value"], 0),
        missed=percent(1 - in_time, 0),
        ppv_short=percent(ppv),
        groups=_groups(figures["subgroups"]),
    )


def _outside(figures: Figures, external: Figures | None) -> str:
    return "" if external is None else table(HEADER, side_by_side(external, figures))


def long_stays(external: Figures | None) -> str:
    """Alerts and calibration after day 2, which only other hospitals can show."""
    if external is None:
        return "This has not been measured outside yet: do not rely on it after day 2."
    late = external["by_day"]["after hour 48"]
    return (
        "In other hospitals after hour 48 the model flags "
        f"{cell(late, 'alerts_per_patient_day', 1)} hours per patient and day, and predicts "
        f"{cell(late, 'predicted_over_observed')} times the observed share of septic hours."
    )


def _model(model: Figures) -> Figures:
    recipe = model["recipe"]
    left_out = recipe["left_out"]
    seen = [words for name, words in PATIENT.items() if name not in left_out]
    return {
        "name": model["name"],
        "version": model["version"],
        "members": recipe["members"],
        "iterations": recipe["iterations"],
        "leaves": recipe["leaves"],
        "features": model["features"],
        "of_patient": ", ".join(seen),
        "objective": OBJECTIVES[recipe["objective"]],
        "threshold": percent(model["threshold"], 2),
        "most_alerts": MAX_ALERTS_PER_PATIENT_DAY,
        "left_out": _left_out(left_out),
    }


def _left_out(names: list[str]) -> str:
    """Variables that the model does not see, with the reason."""
    return template("left_out.md").format(names=variable_names(names)) if names else ""


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


def _validation(figures: Figures) -> str:
    columns = {tables.FIRST_HOURS: "overall", tables.UNDONE: "all_hours_weighted"}
    rows = [
        [title, *(tables.cell(figures[group], name) for group in columns.values())]
        for name, title in (tables.AREAS | tables.CALIBRATION | tables.ALERTS).items()
    ]
    return table(["", *columns], rows)


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
    rows = {(r["source"], r["target"], r["name"]): r for r in comparison["across_hospitals"]}
    parts = [
        f"{source} to {target} AUROC {with_interval(row['auroc'])}, "
        f"{_against(rows[source, target, BEFORE])}, utility "
        f"{number(row['utility_at_source_threshold']['value'])} at the source's threshold and "
        f"{number(row['utility_recalibrated']['value'])} at one chosen anew"
        for (source, target, name), row in rows.items()
        if name == SERVED
    ]
    where = f"Fitted in one hospital, judged on the first {UNCUT_HOURS} hours in the other"
    return f"{where}: {'; '.join(parts)}."


def _against(before: Figures) -> str:
    difference = with_interval(before["less_than_served"]["auroc"])
    return (
        f"against {number(before['auroc']['value'])} of the recipe before (difference {difference})"
    )


def _quartiles(values: list[float]) -> str:
    low, middle, high = (f"{value:.0f}" for value in values)
    return f"{middle} ({low} to {high})"
