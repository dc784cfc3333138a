"""The report for people: `docs/model/report.md`, its template filled with the figures of a run.

Every number comes from `metrics.json`, `compare.json` or `tuning.json`; the sentences are
`templates/*.md`.
"""

from importlib.resources import files
from typing import Any

from model_build import report_tables as tables
from model_build.words import MISSING, number, percent, percent_with_interval

Figures = dict[str, Any]
Words = dict[str, Any]

WARD_BEDS = 20
FLAT = 0.01  # utility
NOT_TUNED = "Not measured yet: `python -m model_build tune` fits variations of the recipe.\n"
NOT_COMPARED = (
    "Not compared yet: `python -m model_build compare` writes bedside scores, other learners and "
    "transfer between the hospitals.\n"
)


def text(figures: Figures, comparison: Figures | None, tuning: Figures | None = None) -> str:
    """The whole report."""
    return template("report.md").format(
        **_run(figures),
        **_in_short(figures),
        **_accuracy(figures),
        **_thresholds(figures),
        **_alerts(figures),
        **_timing(figures),
        groups=tables.groups(figures),
        **_ablation(figures),
        **_importance(figures),
        comparison=_comparison(comparison),
        tried=_tried(tuning),
    )


def template(name: str) -> str:
    """A text with holes, by the name of its file."""
    return files("model_build").joinpath("templates", name).read_text(encoding="utf-8")


def _run(figures: Figures) -> Words:
    data, model = figures["data"], figures["model"]
    return {
        "name": model["name"],
        "version": model["version"],
        "threshold": percent(model["threshold"], 2),
        "members": model["recipe"]["members"],
        "patients": data["patients"],
        "septic": data["septic_patients"],
        "hours": data["hours"],
        "folds": figures["protocol"]["folds"],
        "draws": figures["draws"],
        "rate": percent(figures["overall"]["observed_rate"]["value"]),
    }


def _in_short(figures: Figures) -> Words:
    by_fold = figures["protocol"]["utility_by_fold"]
    first_60 = tables.first_60_hours(figures)
    return {
        "headlines": tables.headlines(figures),
        "asked": tables.asked(figures),
        "cross_fitted": number(sum(by_fold) / len(by_fold)),
        "by_fold": ", ".join(number(utility) for utility in by_fold),
        "utility_60": number(_value(first_60, "utility")),
        "auroc_60": number(_value(first_60, "auroc")),
    }


def _accuracy(figures: Figures) -> Words:
    overall, curve = figures["overall"], figures["decision_curve"]
    threshold = figures["model"]["threshold"]
    nearest = _nearest(curve["threshold"], threshold)
    rate, ppv = _value(overall, "observed_rate"), _value(overall, "ppv")
    return {
        "auroc": percent(_value(overall, "auroc"), 0),
        "ppv": percent(ppv),
        "lift": MISSING if ppv is None or rate is None else f"{ppv / rate:.1f}",
        "calibration": tables.calibration(figures),
        "benefit": number(1000 * curve["model"][nearest], 1),
    }


def _thresholds(figures: Figures) -> Words:
    curves = figures["utility_by_threshold"]
    thresholds, overall = curves["threshold"], curves["overall"]
    flat = [t for t, u in zip(thresholds, overall, strict=True) if u >= max(overall) - FLAT]
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


def _alerts(figures: Figures) -> Words:
    overall, served = figures["overall"], figures["operating_points"][0]
    by_patient = figures["by_patient"]
    return {
        "alerts": number(_value(overall, "alerts_per_patient_day"), 1),
        "new_alerts": number(served["new_alerts_per_patient_day"], 1),
        "ward_beds": WARD_BEDS,
        "ward": number(WARD_BEDS * served["new_alerts_per_patient_day"], 0),
        "ppv_interval": percent_with_interval(overall.get("ppv")),
        "others": percent_with_interval(by_patient["others_ever_alerted"]),
        "in_time": percent_with_interval(by_patient["septic_alerted_in_time"]),
        "points": tables.operating_points(figures["operating_points"]),
    }


def _timing(figures: Figures) -> Words:
    lead, curve = figures["lead_time"], figures["around_onset"]
    total = sum(lead["patients"].values())
    quartiles = lead["quartiles_of_alerted"]
    means = dict(zip(curve["hour"], curve["mean_of_long"], strict=True))
    return {
        "median": MISSING if quartiles is None else number(quartiles[1], 0),
        "never": percent(lead["patients"]["never"] / total, 0),
        "very_early": percent(lead["patients"]["48 or more"] / total, 0),
        "mean_24": percent(means.get(-24)),
        "mean_6": percent(means.get(-6)),
        "mean_0": percent(means.get(0)),
        "mean_never": percent(curve["never_septic_mean"]),
    }


def _ablation(figures: Figures) -> Words:
    variants = figures["ablation"]["variants"]
    served, uncapped = (
        variants[name]["overall"]["utility"] for name in ("as_served", "icu_hour_uncapped")
    )
    return {
        "ablation": tables.ablation(variants),
        "ablation_members": figures["ablation"]["members"],
        "artefact_gain": f"{uncapped - served:+.3f}",
    }


def _importance(figures: Figures) -> Words:
    found = figures["importance"]
    return {
        "importance": tables.importance(found["variables"]),
        "importance_hours": found["hours"],
        "importance_patients": found["patients"],
    }


def _comparison(comparison: Figures | None) -> str:
    if comparison is None:
        return NOT_COMPARED
    return template("comparison.md").format(
        candidates=tables.candidates(comparison["candidates"]),
        across=tables.across(comparison["across_hospitals"]),
    )


def _tried(tuning: Figures | None) -> str:
    if tuning is None:
        return NOT_TUNED
    return template("tried.md").format(
        patients=tuning["patients"],
        folds=tuning["folds"],
        variations=tables.variations(tuning["variations"]),
    )


def _value(group: Figures, name: str) -> float | None:
    return group[name]["value"] if name in group else None


def _nearest(values: list[float], wanted: float) -> int:
    return min(range(len(values)), key=lambda at: abs(values[at] - wanted))
