"""Figures of one group of hours, with patient-bootstrap intervals.

Values are those of `metrics.summary`. Ranking is recomputed in each draw; ratios of sums follow
from sums by patient; the calibration slope of a draw is one Newton step from the fitted one, which
is exact to the third digit and spares a logistic regression on a million hours.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from model_build.data.dataset import Dataset
from model_build.data.labels import Labels, Utilities
from model_build.judge.figures import Figure
from model_build.judge.metrics import HOURS_IN_A_DAY, summary
from model_build.judge.patient_bootstrap import Interval, Resampling, interval
from model_build.learn.calibration import log_odds, sigmoid, sigmoid_fit
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray, IntArray

MIN_SEPTIC_PATIENTS = 10


@dataclass(frozen=True)
class Hours:
    """Scored hours: shape (n_hours,) each.

    Attributes:
        probabilities: As served.
        labels: Sepsis begins within six hours or has begun.
        utilities: Of either answer.
        patient: The number of the patient, from 0.
        threshold: Flagged is `probability >= threshold`; shape (n_hours,) where it differs.
        n_patients: How many there are, whether in these hours or not.
        weights: Of the hours.
    """

    probabilities: Float32Array
    labels: Labels
    utilities: Utilities
    patient: IntArray
    threshold: float | Float32Array
    n_patients: int
    weights: FloatArray

    @classmethod
    def scored(
        cls,
        data: Dataset,
        probabilities: Float32Array,
        threshold: float | Float32Array,
        weights: FloatArray | None = None,
    ) -> Self:
        """All hours of a dataset; without `weights` they weigh 1."""
        return cls(
            probabilities,
            data.labels,
            data.utilities,
            data.cohort.stay_of_hour,
            threshold,
            data.cohort.stay.n_stays,
            np.ones(len(probabilities)) if weights is None else weights,
        )

    @property
    def flags(self) -> BoolArray:
        """Shape (n_hours,): whether each is flagged."""
        return self.probabilities >= np.float32(self.threshold)

    def of(self, rows: BoolArray) -> "Hours":
        """The same for some of the hours."""
        return Hours(
            self.probabilities[rows],
            self.labels[rows],
            self.utilities.of(rows),
            self.patient[rows],
            self.threshold if isinstance(self.threshold, float) else self.threshold[rows],
            self.n_patients,
            self.weights[rows],
        )

    def by_patient(self, of_hour: FloatArray | BoolArray | Labels) -> FloatArray:
        """Shape (n_patients,): the weighted sum over each patient's hours."""
        sums = np.bincount(self.patient, of_hour * self.weights, minlength=self.n_patients)
        return np.asarray(sums, dtype=np.float64)


def figures(hours: Hours, resampling: Resampling) -> dict[str, Figure | float]:
    """Figures of `metrics.summary` with their intervals, and counts of patients and hours.

    Groups with too few septic patients have counts only.
    """
    labelled = hours.by_patient(hours.labels)
    counts: dict[str, Figure | float] = {
        "patients": float(len(np.unique(hours.patient))),
        "septic_patients": float(np.count_nonzero(labelled)),
        "hours": float(hours.weights.sum()),
    }
    if not is_enough(hours):
        return counts
    values = summary(
        hours.probabilities, hours.labels, hours.utilities, hours.threshold, hours.weights
    )
    intervals = _ratios(hours, labelled, resampling) | _ranking(hours, resampling)
    intervals |= _calibration(hours, values, resampling)
    return counts | {name: Figure(values[name], *of) for name, of in intervals.items()}


def is_enough(hours: Hours) -> bool:
    """Whether a group has enough septic patients, non-septic hours, and hours of positive gain.

    Hours long after onset gain nothing: without others the utility is undefined.
    """
    n_septic = np.count_nonzero(hours.by_patient(hours.labels))
    has_both = (hours.labels == 0).any() and (hours.utilities.gain > 0).any()
    return bool(n_septic >= MIN_SEPTIC_PATIENTS and has_both)


def _ratios(hours: Hours, labelled: FloatArray, resampling: Resampling) -> dict[str, Interval]:
    utilities, flags = hours.utilities, hours.flags
    n_hours = hours.by_patient(np.ones(len(flags)))
    flagged, true_positives = hours.by_patient(flags), hours.by_patient(flags & (hours.labels == 1))
    predicted = hours.by_patient(hours.probabilities.astype(np.float64))
    best = hours.by_patient(np.maximum(utilities.flagged, utilities.quiet) - utilities.quiet)
    reached = hours.by_patient(np.where(flags, utilities.gain, 0.0))
    return {
        "observed_rate": resampling.ratio(labelled, n_hours),
        "utility": resampling.ratio(reached, best),
        "predicted_over_observed": resampling.ratio(predicted, labelled),
        "alerts_per_patient_day": resampling.ratio(flagged * HOURS_IN_A_DAY, n_hours),
        "ppv": resampling.ratio(true_positives, flagged),
        "sensitivity": resampling.ratio(true_positives, labelled),
    }


def _ranking(hours: Hours, resampling: Resampling) -> dict[str, Interval]:
    draws = ranking(hours, resampling.counts)
    return {"auroc": interval(draws[0]), "auprc": interval(draws[1])}


def ranking(hours: Hours, counts: FloatArray) -> FloatArray:
    """Areas under the ROC and the precision-recall curve, each patient weighing its count.

    Args:
        hours: To rank.
        counts: Shape (n_draws, n_patients).

    Returns:
        Shape (2, n_draws); NaN where a draw holds only one kind of hour.
    """
    order = np.argsort(-hours.probabilities, kind="stable")
    scores, patient, weights = (
        of[order] for of in (hours.probabilities, hours.patient, hours.weights)
    )
    labelled = np.flatnonzero(hours.labels[order])
    # Hours of equal score count together: those ahead of a tie, and those up to its end.
    ahead = np.searchsorted(-scores, -scores[labelled], side="left")
    up_to = np.searchsorted(-scores, -scores[labelled], side="right")
    labelled_ahead = np.searchsorted(labelled, ahead, side="left")
    labelled_up_to = np.searchsorted(labelled, up_to, side="left")
    found = np.empty((2, len(counts)))
    for draw, count in enumerate(counts):
        weight = count[patient] * weights
        flagged = np.append(0.0, np.cumsum(weight))
        true_positives = np.append(0.0, np.cumsum(weight[labelled]))
        n_labelled, n_others = true_positives[-1], flagged[-1] - true_positives[-1]
        false_positives = (
            flagged[up_to]
            - true_positives[labelled_up_to]
            + flagged[ahead]
            - true_positives[labelled_ahead]
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            below = 1.0 - false_positives / 2 / n_others
            precision = true_positives[labelled_up_to] / flagged[up_to]
            share = weight[labelled] / n_labelled
            found[:, draw] = (share * below).sum(), share[share > 0] @ precision[share > 0]
    return found


def _calibration(
    hours: Hours, values: dict[str, float], resampling: Resampling
) -> dict[str, Interval]:
    logits, ones = log_odds(hours.probabilities.astype(np.float64)), np.ones(len(hours.labels))
    shift = values["calibration_in_the_large"]
    shifts = _newton_steps(hours, ones[:, None], logits + shift, resampling)[:, 0]
    slope, intercept = sigmoid_fit(logits, hours.labels, hours.weights)
    columns = np.column_stack([logits, ones])
    slopes = _newton_steps(hours, columns, slope * logits + intercept, resampling)[:, 0]
    return {
        "calibration_slope": interval(slope + slopes),
        "calibration_in_the_large": interval(shift + shifts),
    }


def _newton_steps(
    hours: Hours, columns: FloatArray, fitted_logits: FloatArray, resampling: Resampling
) -> FloatArray:
    """Shape (n_draws, n_columns): from a fit on all hours towards that on each draw."""
    expected = sigmoid(fitted_logits)
    residual, curvature = hours.labels - expected, expected * (1.0 - expected)
    k = range(columns.shape[1])
    gradient = np.stack([hours.by_patient(residual * columns[:, i]) for i in k], axis=-1)
    hessian = np.stack(
        [hours.by_patient(curvature * columns[:, i] * columns[:, j]) for i in k for j in k], axis=-1
    )
    gradients = resampling.sums(gradient)
    hessians = resampling.sums(hessian).reshape(-1, len(k), len(k))
    steps = np.full_like(gradients, np.nan)
    solvable = np.linalg.matrix_rank(hessians) == len(k)
    steps[solvable] = np.linalg.solve(hessians[solvable], gradients[solvable][..., None])[..., 0]
    return steps
