"""Lead time: hours from the first alert to onset, and the probability around onset.

Onset is six hours after the label turns on, as in `labels`. Time is counted in rows.
"""

from dataclasses import dataclass

import numpy as np

from model_build.data.labels import EARLIEST_USEFUL, LABEL_LEADS_ONSET_BY, LATEST_USEFUL
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

AROUND_ONSET = range(-24, 7)  # hours since onset


def lead_times(since_onset: FloatArray, flags: BoolArray, starts: IntArray) -> FloatArray:
    """Hours from the first alert to onset, for each stay with a septic hour.

    A stay whose hours here end before the label turns on is left out: whether an alert would
    have come is not known.

    Args:
        since_onset: Shape (n_hours,), from `labels.hours_since_onset`.
        flags: Shape (n_hours,).
        starts: Shape (n_stays,), the first row of each stay.

    Returns:
        Shape (n_septic,): hours, negative after onset, NaN if there is no alert at all.
    """
    earliest = np.minimum.reduceat(np.where(flags, since_onset, np.inf), starts)
    septic = np.maximum.reduceat(since_onset, starts) >= -LABEL_LEADS_ONSET_BY
    lead: FloatArray = np.where(np.isinf(earliest[septic]), np.nan, -earliest[septic])
    return lead


def highest_in_time(
    since_onset: FloatArray, probabilities: FloatArray, starts: IntArray
) -> FloatArray:
    """Shape (n_stays,): highest score while an alert is useful; -inf where no hour is.

    Useful is from 12 hours before onset to 3 after; a stay is alerted in time at a threshold
    up to its highest score then.
    """
    useful = (since_onset >= EARLIEST_USEFUL) & (since_onset <= LATEST_USEFUL)
    highest: FloatArray = np.maximum.reduceat(np.where(useful, probabilities, -np.inf), starts)
    return highest


def new_alerts(flags: BoolArray, starts: IntArray) -> BoolArray:
    """Shape (n_hours,): flagged hours whose hour before is not, or that begin a stay."""
    before = np.roll(flags, 1)
    before[starts] = False
    return flags & ~before


@dataclass(frozen=True, slots=True)
class AroundOnset:
    """The score of septic stays, hour by hour: shape (n,) each.

    Attributes:
        hour: Since onset.
        stays: With a row at that hour.
        mean, low, middle, high: Mean, quartiles and median of the probability.
        mean_of_long: Mean over the stays that are there from 24 hours before onset until onset;
            the others join or leave on the way, and move the mean by doing so.
    """

    hour: IntArray
    stays: IntArray
    mean: FloatArray
    low: FloatArray
    middle: FloatArray
    high: FloatArray
    mean_of_long: FloatArray


def around_onset(
    since_onset: FloatArray, probabilities: FloatArray, starts: IntArray
) -> AroundOnset:
    """Probabilities from 24 hours before onset to 6 after; hours in no stay are left out."""
    n_hours = np.diff(starts, append=len(since_onset))
    begins, ends = since_onset[starts], since_onset[starts + n_hours - 1]
    is_long = np.repeat((begins <= AROUND_ONSET[0]) & (ends >= 0), n_hours)
    rows = {hour: np.flatnonzero(since_onset == hour) for hour in AROUND_ONSET}
    known = {hour: at for hour, at in rows.items() if len(at)}
    scores = [probabilities[at] for at in known.values()]
    quartiles = np.array([np.quantile(of, (0.25, 0.5, 0.75)) for of in scores]).reshape(-1, 3)
    low, middle, high = quartiles.T
    return AroundOnset(
        np.array(list(known), dtype=np.intp),
        np.array([len(of) for of in scores]),
        np.array([of.mean() for of in scores]),
        low,
        middle,
        high,
        np.array([_mean(probabilities[at[is_long[at]]]) for at in known.values()]),
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
