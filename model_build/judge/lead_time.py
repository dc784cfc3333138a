"""Lead time: hours from the first alert to onset, and the probability around onset.

Onset is six hours after the label turns on, as in `labels`. Time is counted in rows. An alert is in
time from 12 hours before onset until the hour before it.
"""

from dataclasses import dataclass

import numpy as np

from model_build.data.labels import EARLIEST_USEFUL, LABEL_LEADS_ONSET_BY
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

AROUND_ONSET = range(-24, 7)  # hours since onset
LATEST_IN_TIME = -1.0  # hours since onset
CHANCE_DRAWS = 20  # of other stays, for each septic one
CHANCE_SEED = 2019


def lead_times(since_onset: FloatArray, flags: BoolArray, starts: IntArray) -> FloatArray:
    """Hours from the first alert to onset, for each stay whose label turns on within its hours.

    A stay whose hours here end before the label turns on is left out: whether an alert would
    have come is not known. So is one labelled from its first row: how long before onset it could
    have been flagged is an accident of the record.

    Args:
        since_onset: Shape (n_hours,), from `labels.hours_since_onset`.
        flags: Shape (n_hours,).
        starts: Shape (n_stays,), the first row of each stay.

    Returns:
        Shape (n_septic,): hours, negative after onset, NaN if there is no alert at all.
    """
    turns_on = is_labelled_later(since_onset, starts)
    return _leads(since_onset[starts[turns_on]], _first_alerts(flags, starts)[turns_on])


def lead_times_by_chance(since_onset: FloatArray, flags: BoolArray, starts: IntArray) -> FloatArray:
    """Lead times if each stay of `lead_times` had the alerts of a random stay, hour by hour.

    What alerts give that are as frequent, come as early in the stay and as often in a row, and know
    nothing of the patient. The other stay is at least as long.

    Returns:
        Shape (CHANCE_DRAWS, n_septic): as of `lead_times`.
    """
    n_hours = np.diff(starts, append=len(since_onset))
    of = np.flatnonzero(is_labelled_later(since_onset, starts))
    by_length = np.argsort(n_hours, kind="stable")
    shortest = np.searchsorted(n_hours[by_length], n_hours[of])
    random = np.random.default_rng(CHANCE_SEED)
    others = by_length[random.integers(shortest, len(starts), size=(CHANCE_DRAWS, len(of)))]
    first = _first_alerts(flags, starts)[others]
    return _leads(since_onset[starts[of]], np.where(first < n_hours[of], first, np.inf))


def is_labelled_later(since_onset: FloatArray, starts: IntArray) -> BoolArray:
    """Shape (n_stays,): whether the label turns on within the hours here, after the first row."""
    highest = np.maximum.reduceat(since_onset, starts)
    return (highest >= -LABEL_LEADS_ONSET_BY) & (since_onset[starts] < -LABEL_LEADS_ONSET_BY)


def is_labelled_at_first(since_onset: FloatArray, starts: IntArray) -> BoolArray:
    """Shape (n_stays,): whether the label is on from the first row."""
    is_on: BoolArray = since_onset[starts] >= -LABEL_LEADS_ONSET_BY
    return is_on


def _first_alerts(flags: BoolArray, starts: IntArray) -> FloatArray:
    """Shape (n_stays,): rows from the first one to the first alert; inf if there is none."""
    rows = np.arange(len(flags)) - np.repeat(starts, np.diff(starts, append=len(flags)))
    first: FloatArray = np.minimum.reduceat(np.where(flags, rows, np.inf), starts)
    return first


def _leads(first_hour: FloatArray, rows_to_alert: FloatArray) -> FloatArray:
    leads: FloatArray = np.where(np.isinf(rows_to_alert), np.nan, -(first_hour + rows_to_alert))
    return leads


def highest_in_time(
    since_onset: FloatArray,
    probabilities: FloatArray,
    starts: IntArray,
    *,
    latest: float = LATEST_IN_TIME,
) -> FloatArray:
    """Shape (n_stays,): highest score from 12 hours before onset until `latest`.

    A stay is alerted in time at a threshold up to that score; -inf where no such hour is.
    """
    useful = (since_onset >= EARLIEST_USEFUL) & (since_onset <= latest)
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
