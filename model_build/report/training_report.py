"""The training report `docs/model/report.md`: templates filled with the figures of a run.

Every number comes from `metrics.json`, `compare.json`, `tuning.json`, `learning_curve.json`,
`familiarity.json` or `external/validation.json`; the sentences are in `templates/*.md`.
"""

from typing import Any

from model_build.data.record_cut import FIRST_CUT_HOUR, LAST_CUT_HOUR, UNCUT_HOURS
from model_build.judge.ablation import AS_SERVED, UNGUARDED
from model_build.judge.alerts import NEVER
from model_build.judge.figures import Figures
from model_build.judge.judgement import HEADLINE, MAX_ALERTS_PER_PATIENT_DAY
from model_build.report import familiarity_report, learning_curve_report
from model_build.report import report_tables as tables
from model_build.report.external_figures import report_section
from model_build.report.formatting import (
    MISSING,
    number,
    percent,
    percent_with_interval,
    template,
    value_of,
    variable_names,
    what_changed,
)
from model_build.report.lead_time_fields import lead_time_fields, share_alerted
from model_build.report.targets import targets

Fields = dict[str, Any]
"""Values for the fields of a template."""

WARD_BEDS = 20
MAX_UTILITY_LOSS = 0.01  # within which thresholds count as equally good
DAY_HOURS = 24.0
NOT_TUNED = "Not measured yet: `python -m model_build tune` fits variations of the recipe.\n"
NOT_COMPARED = (
    "Not compared yet: `python -m model_build compare` writes bedside scores, other learners and "
    "transfer between the hospitals.\n"
)


def text(
    figures: Figures,
    comparison: Figures | None = None,
    tuning: Figures | None = None,
    external: Figures | None = None,
    learning_curve: Figures | None = None,
    familiarity: Figures | None = None,
) -> str:
    """The whole report; figures that are None have not been measured yet."""
    return template("report.md").format(
        **_run(figures),
        **_in_short(figures),
        asked=targets(figures, comparison),
        external=report_section(external, figures),
        learning_curve=learning_curve_report.section(learning_curve),
        record_cut=tables.record_cut(figures),
        **_accuracy(figures),
        **_thresholds(figures),
        **_alerts(figures),
        **_timing(figures),
        groups=tables.groups(figures),
        **_guards(figures),
        **_importance(figures),
        familiarity=familiarity_report.section(familiarity),
        comparison=_comparison(comparison),
        tried=_tried(tuning),
    )


def _run(figures: Figures) -> Fields:
    data, model = figures["data"], figures["model"]
    return {
        "what_changed": what_changed(),
        "uncut": UNCUT_HOURS,
        "first_cut": FIRST_CUT_HOUR,
        "last_cut": LAST_CUT_HOUR,
        "name": model["name"],
        "version": model["version"],
        "threshold": percent(model["threshold"], 2),
        "members": model["recipe"]["members"],
        "patients": data["patients"],
        "septic": data["septic_patients"],
        "hours": data["hours"],
        "judged_hours": figures["overall"]["hours"],
        "folds": figures["protocol"]["folds"],
        "draws": figures["draws"],
        "rate": percent(value_of(figures["overall"], "observed_rate")),
    }


def _in_short(figures: Figures) -> Fields:
    by_fold = figures["protocol"]["utility_by_fold"]
    return {
        "headlines": tables.headlines(figures),
        "most_alerts": MAX_ALERTS_PER_PATIENT_DAY,
        "cross_fitted": number(sum(by_fold) / len(by_fold)),
        "by_fold": ", ".join(number(utility) for utility in by_fold),
    }


def _accuracy(figures: Figures) -> Fields:
    overall, curve = figures["overall"], figures["decision_curve"]
    threshold = figures["model"]["threshold"]
    nearest = _nearest(curve["threshold"], threshold)
    rate, ppv = value_of(overall, "observed_rate"), value_of(overall, "ppv")
    return {
        "auroc": percent(value_of(overall, "auroc"), 0),
        "ppv": percent(ppv),
        "lift": MISSING if ppv is None or rate is None else f"{ppv / rate:.1f}",
        "calibration": tables.calibration(figures),
        "benefit": number(1000 * curve["model"][nearest], 1),
    }


def _thresholds(figures: Figures) -> Fields:
    curves = figures["utility_by_threshold"]
    thresholds, overall = curves["threshold"], curves["overall"]
    flat = [
        t for t, u in zip(thresholds, overall, strict=True) if u >= max(overall) - MAX_UTILITY_LOSS
    ]
    best = (
        f"{name} {percent(thresholds[utilities.index(max(utilities))], 1)} "
        f"(utility {number(max(utilities))})"
        for name, utilities in curves.items()
        if name not in ("threshold", "overall")
    )
    return {
        "flat_from": percent(min(flat)),
        "flat_to": percent(max(flat)),
        "best_thresholds": ", ".join(best),
    }


def _alerts(figures: Figures) -> Fields:
    overall, served = figures["overall"], figures["operating_points"][0]
    by_patient = figures["by_patient"]
    return {
        "alerts": number(value_of(overall, "alerts_per_patient_day"), 1),
        "new_alerts": number(served["new_alerts_per_patient_day"], 1),
        "ward_beds": WARD_BEDS,
        "ward": number(WARD_BEDS * served["new_alerts_per_patient_day"], 0),
        "ppv_interval": percent_with_interval(overall.get("ppv")),
        "others": percent_with_interval(by_patient["others_ever_alerted"]),
        "in_time": percent_with_interval(by_patient["septic_alerted_in_time"]),
        "until_after": percent_with_interval(by_patient["septic_alerted_until_3_hours_after"]),
        "points": tables.operating_points(figures["operating_points"]),
    }


def _timing(figures: Figures) -> Fields:
    lead, curve = figures["lead_time"], figures["around_onset"]
    means = dict(zip(curve["hour"], curve["mean_of_long"], strict=True))
    return {
        **lead_time_fields(lead),
        "never": percent(lead["patients"][NEVER] / sum(lead["patients"].values()), 0),
        "very_early": percent(share_alerted(lead["patients"], hours_before=DAY_HOURS), 0),
        "mean_24": percent(means.get(-24)),
        "mean_6": percent(means.get(-6)),
        "mean_0": percent(means.get(0)),
        "mean_never": percent(curve["never_septic_mean"]),
    }


def _guards(figures: Figures) -> Fields:
    found = figures["ablation"]
    return {
        "ablation": tables.ablation(found["variants"]),
        "ablation_members": found["members"],
        "guards": _without_guards(found["variants"]),
    }


def _without_guards(variants: Figures) -> str:
    if UNGUARDED not in variants:
        return ""
    gain = {
        place: variants[UNGUARDED][place]["utility"] - variants[AS_SERVED][place]["utility"]
        for place in tables.PLACES
    }
    return (
        f" Without both, utility changes by {gain['whole_stays']:+.3f} on whole stays, which no "
        f"hospital would ever see, and by {gain[HEADLINE]:+.3f} on the first {UNCUT_HOURS} hours."
    )


def _importance(figures: Figures) -> Fields:
    found = figures["importance"]
    return {
        "importance": tables.importance(found["variables"]),
        "importance_hours": found["hours"],
        "importance_patients": found["patients"],
        "left_out": _left_out(figures["model"]["recipe"]),
    }


def _left_out(recipe: Figures) -> str:
    """Which variables the model does not see."""
    if not recipe["left_out"]:
        return ""
    why = "[why](../../MODEL_CARD.md#model)"
    return f" Left out of the model: {variable_names(recipe['left_out'])} ({why})."


def _comparison(comparison: Figures | None) -> str:
    if comparison is None:
        return NOT_COMPARED
    return template("comparison.md").format(
        uncut=UNCUT_HOURS,
        candidates=tables.comparison(comparison["candidates"]),
        across=tables.transfer(comparison["across_hospitals"]),
    )


def _tried(tuning: Figures | None) -> str:
    if tuning is None:
        return NOT_TUNED
    return template("tried.md").format(
        patients=tuning["patients"],
        folds=tuning["folds"],
        uncut=UNCUT_HOURS,
        variations=tables.variations(tuning["variations"]),
    )


def _nearest(values: list[float], wanted: float) -> int:
    return min(range(len(values)), key=lambda at: abs(values[at] - wanted))
