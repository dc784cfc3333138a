"""All figures of an evaluation, for the report to draw and to describe."""

from dataclasses import asdict
from typing import Any

import numpy as np

from model_build import config
from model_build.config import Recipe
from model_build.data.dataset import Dataset
from model_build.data.labels import septic_stays
from model_build.judge import calibration_curve
from model_build.judge.alerts import alerts
from model_build.judge.group_figures import Hours, figures, is_enough
from model_build.judge.judgement import Judgement
from model_build.judge.patient_bootstrap import Resampling
from model_build.judge.subgroups import Groups, subgroups
from model_build.judge.threshold_sweep import Sweep, net_benefit_of_always
from model_build.learn.calibration import log_odds
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray
from sepsis_detect.clinical.variables import AGE, CLINICAL_COLUMNS, SEX

MIN_ADULT_AGE = 18.0  # years
CURVE_POINTS = 240
DECISION_THRESHOLDS = np.geomspace(0.002, 0.2, 60)  # probabilities, of the decision curve
LAST_SHOWN_HOUR, HOUR_BIN = 96, 3  # of rates by hour in intensive care
LOGIT_EDGES = np.linspace(-8.5, 1.0, 39)  # bins of the score distributions


def description(data: Dataset, recipe: Recipe, judgement: Judgement) -> dict[str, Any]:
    """Model, data and protocol of an evaluation."""
    cohort = data.cohort
    septic = septic_stays(cohort.labels, cohort.stay.starts)
    of_stay = cohort.stay.values[cohort.stay.starts]
    by_hospital = {
        str(hospital): _counts(data, septic, cohort.hospitals == hospital)
        for hospital in np.unique(cohort.hospitals)
    }
    return {
        "model": {
            "name": config.NAME,
            "version": config.VERSION,
            "features": data.X.shape[1],
            "threshold": judgement.threshold,
            "recipe": asdict(recipe),
        },
        "data": {
            "digest": cohort.digest,
            **_counts(data, septic, np.ones_like(septic)),
            "missing": np.isnan(cohort.stay.values[:, CLINICAL_COLUMNS]).mean(),
            "female": np.mean(of_stay[:, SEX] == 0),
            "age_quartiles": np.nanquantile(of_stay[:, AGE], (0.25, 0.5, 0.75)),
            "under_18": np.count_nonzero(of_stay[:, AGE] < MIN_ADULT_AGE),
            "hours_quartiles": np.quantile(cohort.lengths, (0.25, 0.5, 0.75)),
            "labelled_from_first_row": np.count_nonzero(cohort.labels[cohort.stay.starts]),
            "hospitals": by_hospital,
        },
        "protocol": judgement.metrics["protocol"],
    }


def _counts(data: Dataset, septic: BoolArray, stays: BoolArray) -> dict[str, int]:
    return {
        "patients": int(stays.sum()),
        "septic_patients": int((septic & stays).sum()),
        "hours": int(data.cohort.lengths[stays].sum()),
    }


def evaluation_figures(
    probabilities: Float32Array, data: Dataset, *, threshold: float, draws: int
) -> dict[str, Any]:
    """All figures of scored hours, except ablation and permutation importance.

    Args:
        probabilities: Shape (n_hours,), by a model that never saw the patients.
        data: The same hours; of the challenge's stays only those before the cut.
        threshold: Flagged is `probability >= threshold`.
        draws: Bootstrap draws of patients, for each interval.
    """
    hours = Hours.scored(data, probabilities, threshold)
    resampling = Resampling.of(hours.n_patients, draws=draws)
    starts, since_onset = data.cohort.stay.starts, data.since_onset
    sweep = Sweep.of(hours.probabilities, hours.labels, hours.utilities)
    return {
        "draws": draws,
        "overall": figures(hours, resampling),
        "subgroups": {
            dimension: {name: figures(hours.of(rows), resampling) for name, rows in groups.items()}
            for dimension, groups in subgroups(data).items()
        },
        "curves": _curves(sweep.thinned(CURVE_POINTS)),
        "utility_by_threshold": _utility_by_threshold(hours, sweep, data),
        "calibration": _calibrations(hours, data, resampling),
        "decision_curve": _decision_curve(sweep),
        "scores_by_outcome": _distributions(hours),
    } | alerts(hours, sweep, since_onset, starts, resampling)


def whole_stay_figures(
    probabilities: Float32Array, data: Dataset, *, threshold: float, draws: int
) -> dict[str, Any]:
    """Figures of all hours: with the weights that undo the cut, and unweighted, as published.

    Arguments as of `evaluation_figures`; `data` holds whole stays of the challenge.
    """
    resampling = Resampling.of(data.cohort.stay.n_stays, draws=draws)
    weighted = Hours.scored(data, probabilities, threshold, data.cut_weights)
    unweighted = Hours.scored(data, probabilities, threshold)
    return {
        "all_hours_weighted": figures(weighted, resampling),
        "whole_stays": figures(unweighted, resampling),
        "by_icu_hour": _by_icu_hour(weighted, data),
    }


def _by_icu_hour(hours: Hours, data: Dataset) -> dict[str, Any]:
    """Rate of septic hours, weight and prediction by hour in intensive care and hospital.

    Returns:
        For each hospital lists over bins of `HOUR_BIN` hours: `hour` (the first of the bin),
        `hours`, `rate` (as recorded), `weight` (mean of septic stays' hours), `weighted_rate` and
        `predicted` (under the weights).
    """
    icu_hours = data.cohort.stay.icu_hours
    septic = np.isfinite(data.since_onset)
    found: dict[str, Any] = {}
    for hospital, own in subgroups(data)["hospital"].items():
        columns: dict[str, list[float]] = {}
        for first in range(1, LAST_SHOWN_HOUR, HOUR_BIN):
            rows = own & (icu_hours >= first) & (icu_hours < first + HOUR_BIN)
            weights, labels = hours.weights[rows], hours.labels[rows]
            of_septic = weights[septic[rows]]
            if not len(of_septic) or not weights.any():
                continue
            for name, value in {
                "hour": float(first),
                "hours": float(rows.sum()),
                "rate": float(labels.mean()),
                "weight": float(of_septic.mean()),
                "weighted_rate": float(np.average(labels, weights=weights)),
                "predicted": float(np.average(hours.probabilities[rows], weights=weights)),
            }.items():
                columns.setdefault(name, []).append(value)
        found[hospital] = columns
    return found


def _curves(sweep: Sweep) -> dict[str, FloatArray]:
    return {
        "threshold": sweep.thresholds,
        "sensitivity": sweep.sensitivity,
        "false_alarm_rate": sweep.false_alarm_rate,
        "ppv": sweep.ppv,
        "alerts_per_patient_day": sweep.alerts_per_patient_day,
    }


def _utility_by_threshold(hours: Hours, sweep: Sweep, data: Dataset) -> dict[str, FloatArray]:
    drawn = np.geomspace(0.3, 0.001, CURVE_POINTS)
    curves = {"threshold": drawn, "overall": sweep.at(drawn).utility}
    for name, part in _judged(hours, subgroups(data)["hospital"]).items():
        own = Sweep.of(part.probabilities, part.labels, part.utilities)
        curves[name] = own.at(drawn).utility
    return curves


def _calibrations(hours: Hours, data: Dataset, resampling: Resampling) -> dict[str, Any]:
    groups = {"overall": np.ones(len(hours.labels), dtype=np.bool_)}
    groups |= subgroups(data)["hospital"]
    return {name: calibration(part, resampling) for name, part in _judged(hours, groups).items()}


def _judged(hours: Hours, groups: Groups) -> dict[str, Hours]:
    """The hours of each group that is large enough."""
    parts = {name: hours.of(rows) for name, rows in groups.items()}
    return {name: part for name, part in parts.items() if is_enough(part)}


def calibration(hours: Hours, resampling: Resampling) -> dict[str, Any]:
    """Observed against predicted, in bins with intervals, and a smooth curve."""
    probabilities = hours.probabilities.astype(np.float64)
    bins = calibration_curve.bins_of(probabilities)
    found: dict[str, list[float]] = {key: [] for key in ("predicted", "observed", "low", "high")}
    for k in range(bins.max() + 1):
        own = bins == k
        labelled, n_hours = hours.by_patient(own & (hours.labels == 1)), hours.by_patient(own)
        found["predicted"].append(float(probabilities[own].mean()))
        found["observed"].append(float(hours.labels[own].mean()))
        for key, bound in resampling.ratio(labelled, n_hours)._asdict().items():
            found[key].append(bound)
    return {
        "bins": found,
        "smooth": calibration_curve.smooth(probabilities, hours.labels)._asdict(),
    }


def _decision_curve(sweep: Sweep) -> dict[str, FloatArray]:
    falling = DECISION_THRESHOLDS[::-1]
    always = net_benefit_of_always(falling, sweep.n_labelled / sweep.n_hours)
    return {"threshold": falling, "model": sweep.at(falling).net_benefit, "always": always}


def _distributions(hours: Hours) -> dict[str, FloatArray]:
    """Shares of the labelled and of the other hours in bins of log-odds; the ends are open."""
    logits = np.clip(
        log_odds(hours.probabilities.astype(np.float64)), LOGIT_EDGES[0], LOGIT_EDGES[-1]
    )
    counts = {
        name: np.histogram(logits[hours.labels == label], LOGIT_EDGES)[0]
        for name, label in (("labelled", 1), ("other", 0))
    }
    return {"logit_edges": LOGIT_EDGES} | {name: n / n.sum() for name, n in counts.items()}
