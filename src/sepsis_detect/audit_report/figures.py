"""Figures of answers whose outcome is known: alerts, calibration, stays alerted in time.

Pure functions of arrays. Each answer weighs 1; a figure without anything below its line is NaN.
"""

from dataclasses import dataclass

import numpy as np

from sepsis_detect.audit_report.joined_answers import ModelAnswers
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

HOURS_IN_A_DAY = 24.0
MAX_HOURS_IN_TIME = 12.0  # an alert is in time in the 12 hours before onset
BINS = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one model.

    Attributes:
        answers: Whose outcome is known.
        septic: Answers on which an alert is right.
        alerts: Positive answers.
        right_alerts: Alerts that are right.
        ppv: Right alerts among alerts.
        sensitivity: Right alerts among septic answers.
        patient_hours: Hours of patients in which there is an answer.
        alerts_per_patient_day: Flagged hours in 24 of these.
        septic_stays: With an answer in the 12 hours before onset.
        in_time: Share of these with an alert then.
        probabilities: Answers with a probability in the log; the three that follow are of these.
        mean_probability: Predicted.
        observed_share: Septic ones among them.
        brier: Mean squared difference of probability and outcome.
    """

    answers: int
    septic: int
    alerts: int
    right_alerts: int
    ppv: float
    sensitivity: float
    patient_hours: int
    alerts_per_patient_day: float
    septic_stays: int
    in_time: float
    probabilities: int
    mean_probability: float
    observed_share: float
    brier: float

    @property
    def predicted_over_observed(self) -> float:
        """Mean probability over observed share; 1 is ideal."""
        return _ratio(self.mean_probability, self.observed_share)


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Answers of similar probability: how many, mean probability, share that is septic."""

    answers: int
    predicted: float
    observed: float


def figures(given: ModelAnswers) -> Figures:
    """The figures of some answers."""
    is_septic = given.is_septic
    n_alerts = int(np.count_nonzero(given.is_positive))
    n_septic = int(np.count_nonzero(is_septic))
    n_right = int(np.count_nonzero(given.is_positive & is_septic))
    n_hours, n_flagged = _patient_hours(given)
    n_stays, n_in_time = _stays_in_time(given)
    is_known = ~np.isnan(given.probabilities)
    probabilities = given.probabilities[is_known]
    observed = is_septic[is_known].astype(np.float64)
    return Figures(
        answers=len(given),
        septic=n_septic,
        alerts=n_alerts,
        right_alerts=n_right,
        ppv=_ratio(n_right, n_alerts),
        sensitivity=_ratio(n_right, n_septic),
        patient_hours=n_hours,
        alerts_per_patient_day=_ratio(n_flagged * HOURS_IN_A_DAY, n_hours),
        septic_stays=n_stays,
        in_time=_ratio(n_in_time, n_stays),
        probabilities=len(probabilities),
        mean_probability=_mean(probabilities),
        observed_share=_mean(observed),
        brier=_mean((probabilities - observed) ** 2),
    )


def calibration(given: ModelAnswers, n_bins: int = BINS) -> list[CalibrationBin]:
    """Bins of as equal a size as ties allow, the least probable first."""
    is_known = ~np.isnan(given.probabilities)
    probabilities, is_septic = given.probabilities[is_known], given.is_septic[is_known]
    if not len(probabilities):
        return []
    inner = np.quantile(probabilities, np.arange(1, n_bins) / n_bins)
    bins = np.searchsorted(inner, probabilities, side="right")
    return [
        CalibrationBin(
            int(np.count_nonzero(rows)),
            float(probabilities[rows].mean()),
            float(is_septic[rows].mean()),
        )
        for rows in (bins == each for each in np.unique(bins))
    ]


def _patient_hours(given: ModelAnswers) -> tuple[int, int]:
    """Hours of patients with an answer, and those with an alert.

    An answer whose stay is not stated is an hour of its own.
    """
    is_stated = given.stays >= 0
    hours = np.column_stack([given.stays, np.floor(given.hours).astype(np.intp)])[is_stated]
    flagged = hours[given.is_positive[is_stated]]
    return (
        len(np.unique(hours, axis=0)) + int(np.count_nonzero(~is_stated)),
        len(np.unique(flagged, axis=0)) + int(np.count_nonzero(given.is_positive[~is_stated])),
    )


def _stays_in_time(given: ModelAnswers) -> tuple[int, int]:
    """Stays with an answer in the 12 hours before onset, and those with an alert then."""
    hours = given.hours_to_sepsis
    is_in_time: BoolArray = (hours > 0) & (hours <= MAX_HOURS_IN_TIME) & (given.stays >= 0)
    answered: IntArray = given.stays[is_in_time]
    alerted: IntArray = given.stays[is_in_time & given.is_positive]
    return len(np.unique(answered)), len(np.unique(alerted))


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
