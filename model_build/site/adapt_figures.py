"""Figures of several models on the same stays, and their differences draw by draw.

Every hour is scored by a model that never saw its patient and flagged at a threshold that its
patient did not choose. Draws of patients are the same for all models, so that a difference has an
interval too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from model_build.data.dataset import Dataset
from model_build.data.labels import EARLIEST_USEFUL
from model_build.judge.evaluation import calibration
from model_build.judge.figures import Figure, Figures
from model_build.judge.group_figures import Hours, figures, ranking
from model_build.judge.judgement import MAX_ALERTS_PER_PATIENT_DAY
from model_build.judge.lead_time import LATEST_IN_TIME
from model_build.judge.metrics import HOURS_IN_A_DAY
from model_build.judge.patient_bootstrap import Resampling, interval
from model_build.judge.threshold_sweep import Sweep
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray

GIVEN, RECALIBRATED, ADAPTED = "given", "recalibrated", "adapted"
Verdict = Literal["better", "unproven", "mixed", "worse"]
BURDEN_POINTS = 160
DIFFERENCES = ("auroc", "auprc", "utility", "sensitivity", "ppv", "alerts_per_patient_day")


@dataclass(frozen=True, slots=True)
class Scored:
    """Answers for hours: shape (n_hours,) each.

    Attributes:
        probabilities: By a model that never saw the patient.
        thresholds: Flagged is `probability >= threshold`.
    """

    probabilities: Float32Array
    thresholds: Float32Array

    def of(self, rows: BoolArray) -> "Scored":
        """The same for some of the hours."""
        return Scored(self.probabilities[rows], self.thresholds[rows])


@dataclass(frozen=True)
class ModelFigures:
    """Figures of one model, and those of `DIFFERENCES` draw by draw.

    Attributes:
        figures: By name, with intervals.
        draws: Shape (1 + n_draws,) each: of all patients, then of each draw.
    """

    figures: Figures
    draws: dict[str, FloatArray]

    def minus(self, other: "ModelFigures") -> dict[str, Figure]:
        """Differences from another model on the same draws."""
        return {name: as_figure(self.draws[name] - other.draws[name]) for name in DIFFERENCES}


def as_figure(draws: FloatArray) -> Figure:
    """A figure from its value on all patients, followed by its draws."""
    return Figure(float(draws[0]), *interval(draws[1:]))


def measured(scored: Scored, data: Dataset, resampling: Resampling) -> ModelFigures:
    """Figures of one model.

    Args:
        scored: Of all hours of `data`.
        data: The hours to judge on: the first 36 of the stays.
        resampling: Of the patients of `data`.
    """
    hours = Hours.scored(data, scored.probabilities, scored.thresholds)
    found = figures(hours, resampling) | {"in_time": _in_time(hours, data, resampling)}
    return ModelFigures(found, drawn_figures(hours, resampling))


def drawn_figures(hours: Hours, resampling: Resampling) -> dict[str, FloatArray]:
    """Figures of `DIFFERENCES` on all patients, then on each draw: shape (1 + n_draws,) each."""
    everybody = np.ones((1, hours.n_patients))
    counts = np.concatenate([everybody, resampling.counts])
    flags, labelled = hours.flags, hours.labels == 1
    best = np.maximum(hours.utilities.gain, 0.0)
    sums = {
        "reached": np.where(flags, hours.utilities.gain, 0.0),
        "best": best,
        "flagged": flags,
        "hours": np.ones(len(flags)),
        "labelled": labelled,
        "true": flags & labelled,
    }
    drawn = {name: counts @ hours.by_patient(of) for name, of in sums.items()}
    auroc, auprc = ranking(hours, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "auroc": auroc,
            "auprc": auprc,
            "utility": drawn["reached"] / drawn["best"],
            "sensitivity": drawn["true"] / drawn["labelled"],
            "ppv": drawn["true"] / drawn["flagged"],
            "alerts_per_patient_day": HOURS_IN_A_DAY * drawn["flagged"] / drawn["hours"],
        }


def _in_time(hours: Hours, data: Dataset, resampling: Resampling) -> Figure:
    """Share of septic patients with a flagged hour in the 12 hours before onset."""
    useful = (data.since_onset >= EARLIEST_USEFUL) & (data.since_onset <= LATEST_IN_TIME)
    reachable = (hours.by_patient(useful) > 0).astype(np.float64)
    reached = (hours.by_patient(useful & hours.flags) > 0).astype(np.float64)
    low, high = resampling.ratio(reached, reachable)
    return Figure(float(reached.sum() / max(reachable.sum(), 1.0)), low, high)


def report_figures(
    data: Dataset, scored: dict[str, Scored], *, is_for_utility: bool, draws: int
) -> Figures:
    """Figures of all models on the first 36 hours, and the adapted less the given one.

    Args:
        data: All hours.
        scored: By name: `GIVEN`, `RECALIBRATED`, `ADAPTED`.
        is_for_utility: Whether the threshold was chosen for utility.
        draws: Bootstrap draws of patients.
    """
    headline = data.of(data.is_uncut)
    resampling = Resampling.of(headline.cohort.stay.n_stays, draws=draws)
    parts = {name: of.of(data.is_uncut) for name, of in scored.items()}
    models = {name: measured(of, headline, resampling) for name, of in parts.items()}
    differences = models[ADAPTED].minus(models[GIVEN])
    given_alerts = float(models[GIVEN].draws["alerts_per_patient_day"][0])
    decisive = decisive_figures(given_alerts, is_for_utility=is_for_utility)
    return {
        "draws": draws,
        "models": {name: of.figures for name, of in models.items()},
        "adapted_minus_given": differences,
        "adapted_minus_recalibrated": models[ADAPTED].minus(models[RECALIBRATED]),
        "verdict": verdict([differences[name] for name in decisive]),
        "decisive": decisive,
        "calibration": {
            name: calibration(Hours.scored(headline, of.probabilities, of.thresholds), resampling)
            for name, of in parts.items()
        },
        "alert_burden": {name: _burden(of, headline) for name, of in parts.items()},
    }


def decisive_figures(given_alerts: float, *, is_for_utility: bool) -> tuple[str, ...]:
    """The figures whose differences say whether the adapted model is better.

    Utility is one of them only on equal terms: where both models serve it, within the alert bound.
    """
    is_equal = is_for_utility and given_alerts <= MAX_ALERTS_PER_PATIENT_DAY
    return ("auroc", "utility") if is_equal else ("auroc",)


def verdict(decisive: list[Figure]) -> Verdict:
    """Whether the adapted model is better, by the intervals of differences.

    `better`: one is surely above 0 and none surely below; `worse`: the reverse; `mixed`: one each
    way; `unproven`: neither.
    """
    is_higher = any(of.low > 0 for of in decisive)
    is_lower = any(of.high < 0 for of in decisive)
    if is_higher:
        return "mixed" if is_lower else "better"
    return "worse" if is_lower else "unproven"


def _burden(scored: Scored, data: Dataset) -> dict[str, FloatArray]:
    """Share of the septic hours found at so many flagged hours a day."""
    sweep = Sweep.of(scored.probabilities, data.labels, data.utilities).thinned(BURDEN_POINTS)
    return {
        "alerts_per_patient_day": sweep.alerts_per_patient_day,
        "sensitivity": sweep.sensitivity,
    }
