"""Alert figures: operating points, alert burden, patients alerted in time, lead time."""

from dataclasses import asdict
from typing import Any

import numpy as np

from model_build.data.labels import LATEST_USEFUL
from model_build.judge.figures import Figure
from model_build.judge.group_figures import Hours
from model_build.judge.lead_time import (
    LATEST_IN_TIME,
    around_onset,
    highest_in_time,
    is_labelled_at_first,
    lead_times,
    lead_times_by_chance,
    new_alerts,
)
from model_build.judge.metrics import HOURS_IN_A_DAY
from model_build.judge.patient_bootstrap import Resampling
from model_build.judge.threshold_sweep import Sweep
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

TARGET_SENSITIVITIES = (0.5, 0.6, 0.7, 0.8, 0.9)
BURDEN_POINTS = np.geomspace(0.4, 0.002, 120)
LEAD_FROM = {  # hours before onset, from here on
    "after onset": -np.inf,
    "0 to 2": 0.0,
    "3 to 5": 3.0,
    "6 to 11": 6.0,
    "12 to 23": 12.0,
    "24 to 47": 24.0,
    "48 or more": 48.0,
}
NEVER = "never"
EARLY_HOURS = 6.0


def alerts(
    hours: Hours, sweep: Sweep, since_onset: FloatArray, starts: IntArray, resampling: Resampling
) -> dict[str, Any]:
    """Alert figures of scored hours.

    Args:
        hours: All hours of all patients, end to end.
        sweep: Of the same hours.
        since_onset: Shape (n_hours,), from `labels.hours_since_onset`.
        starts: Shape (n_patients,), the first row of each.
        resampling: Of the patients.
    """
    probabilities = hours.probabilities.astype(np.float64)
    highest = highest_in_time(since_onset, probabilities, starts)
    return {
        "operating_points": _operating_points(hours, sweep, highest, starts),
        "alert_burden": _burden(sweep, highest),
        "by_patient": _by_patient(hours, since_onset, starts, resampling),
        "lead_time": _lead_times(since_onset, hours.flags, starts),
        "around_onset": asdict(around_onset(since_onset, probabilities, starts))
        | {"never_septic_mean": probabilities[np.isinf(since_onset)].mean()},
    }


def _operating_points(
    hours: Hours, sweep: Sweep, highest: FloatArray, starts: IntArray
) -> list[dict[str, float]]:
    """The chosen threshold first, then the highest that reach each target sensitivity."""
    reached = [int(np.argmax(sweep.sensitivity >= asked)) for asked in TARGET_SENSITIVITIES]
    thresholds = [float(hours.threshold), *sweep.thresholds[reached].tolist()]
    return [operating_point(hours, sweep, highest, starts, t) for t in thresholds]


def operating_point(
    hours: Hours, sweep: Sweep, highest: FloatArray, starts: IntArray, threshold: float
) -> dict[str, float]:
    """Figures at one threshold.

    Args:
        hours: All hours of all patients, end to end.
        sweep: Of the same hours.
        highest: Shape (n_patients,), from `lead_time.highest_in_time`.
        starts: Shape (n_patients,), the first row of each.
        threshold: Flagged is `probability >= threshold`.
    """
    at = sweep.at(np.array([threshold]))
    flags = hours.probabilities >= np.float32(threshold)
    n_new = float(np.count_nonzero(new_alerts(flags, starts)))
    return {
        "threshold": threshold,
        "sensitivity": float(at.sensitivity[0]),
        "specificity": 1.0 - float(at.false_alarm_rate[0]),
        "ppv": float(at.ppv[0]),
        "npv": 1.0 - float(_missed_rate(at)),
        "alerts_per_patient_day": float(at.alerts_per_patient_day[0]),
        "new_alerts_per_patient_day": n_new / len(flags) * HOURS_IN_A_DAY,
        "septic_patients_alerted_in_time": float(_alerted(highest, np.array([threshold]))[0]),
        "utility": float(at.utility[0]),
    }


def _missed_rate(at: Sweep) -> float:
    """Share of the hours not flagged that is labelled."""
    n_quiet = at.n_hours - int(at.flagged[0])
    return (at.n_labelled - int(at.true_positives[0])) / n_quiet if n_quiet else float("nan")


def _burden(sweep: Sweep, highest: FloatArray) -> dict[str, FloatArray]:
    at = sweep.at(BURDEN_POINTS)
    return {
        "threshold": BURDEN_POINTS,
        "alerts_per_patient_day": at.alerts_per_patient_day,
        "sensitivity": at.sensitivity,
        "septic_patients_alerted_in_time": _alerted(highest, BURDEN_POINTS),
    }


def _alerted(highest: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Shape (n_thresholds,): share of the patients with a useful hour who get an alert in time."""
    reachable = np.sort(highest[np.isfinite(highest)])
    below = np.searchsorted(reachable, thresholds.astype(np.float32), side="left")
    share: FloatArray = 1.0 - below / len(reachable)
    return share


def _by_patient(
    hours: Hours,
    since_onset: FloatArray,
    starts: IntArray,
    resampling: Resampling,
) -> dict[str, Figure]:
    """Shares of septic patients alerted in time or ever, and of others ever alerted."""
    septic = np.isfinite(since_onset[starts])
    ever = hours.by_patient(hours.flags) > 0
    before = hours.by_patient(hours.flags & (since_onset <= -EARLY_HOURS)) > 0
    parts = {
        "septic_alerted_in_time": _reached(hours, since_onset, starts, LATEST_IN_TIME),
        "septic_alerted_until_3_hours_after": _reached(hours, since_onset, starts, LATEST_USEFUL),
        "septic_alerted_6_hours_before": (before & septic, septic),
        "septic_ever_alerted": (ever & septic, septic),
        "others_ever_alerted": (ever & ~septic, ~septic),
    }
    return {
        name: Figure(
            above.sum() / max(below.sum(), 1),
            *resampling.ratio(above.astype(np.float64), below.astype(np.float64)),
        )
        for name, (above, below) in parts.items()
    }


def _reached(
    hours: Hours, since_onset: FloatArray, starts: IntArray, latest: float
) -> tuple[BoolArray, BoolArray]:
    """Patients flagged from 12 hours before onset until `latest`, of those with such an hour."""
    highest = highest_in_time(
        since_onset, hours.probabilities.astype(np.float64), starts, latest=latest
    )
    return highest >= np.float32(hours.threshold), np.isfinite(highest)


def _lead_times(since_onset: FloatArray, flags: BoolArray, starts: IntArray) -> dict[str, Any]:
    """Of the model's alerts, and of as many alerts that know nothing of the patient."""
    return _distribution(lead_times(since_onset, flags, starts)) | {
        "by_chance": _distribution(lead_times_by_chance(since_onset, flags, starts).ravel()),
        "labelled_from_first_row": int(is_labelled_at_first(since_onset, starts).sum()),
    }


def _distribution(leads: FloatArray) -> dict[str, Any]:
    known = leads[~np.isnan(leads)]
    names, begins = list(LEAD_FROM), np.array(list(LEAD_FROM.values()))
    counts = np.bincount(np.searchsorted(begins, known, side="right") - 1, minlength=len(names))
    return {
        "patients": dict(zip(names, counts.tolist(), strict=True))
        | {NEVER: int(np.isnan(leads).sum())},
        "quartiles_of_alerted": np.quantile(known, (0.25, 0.5, 0.75)) if len(known) else None,
    }
