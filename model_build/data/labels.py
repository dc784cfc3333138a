"""The utility of the PhysioNet/CinC Challenge 2019, by hour, from the labels.

Time is counted in rows of the stay, as the challenge's own code does, and sepsis begins six rows
after the label turns on. A septic stay rewards a flag from 12 hours before onset to 3 hours after,
most of all 6 hours before, and punishes silence from 6 hours before onset on.

Source: Reyna et al., Crit Care Med 2020;48(2):210-217, doi:10.1097/CCM.0000000000004145, and the
    challenge's evaluate_sepsis_score.py, whose constants these are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

Labels = NDArray[np.int8]

LABEL_LEADS_ONSET_BY = 6  # hours
EARLIEST_USEFUL = -12  # hours from onset
BEST = -6  # hours from onset
LATEST_USEFUL = 3  # hours from onset
BEST_REWARD = 1.0
FALSE_ALARM = -0.05
WORST_MISS = -2.0


@dataclass(frozen=True, slots=True)
class Utilities:
    """The utility of either answer, hour by hour.

    Attributes:
        flagged: Shape (n_hours,), utility of answering "sepsis".
        quiet: Shape (n_hours,), utility of not answering "sepsis".
    """

    flagged: FloatArray
    quiet: FloatArray

    @property
    def gain(self) -> FloatArray:
        """Shape (n_hours,): utility of flagging minus that of not flagging."""
        return self.flagged - self.quiet

    def of(self, rows: IntArray | BoolArray) -> "Utilities":
        """The same for some of the hours."""
        return Utilities(self.flagged[rows], self.quiet[rows])

    def weighted(self, weights: FloatArray) -> "Utilities":
        """Both utilities times the weight of each hour."""
        return Utilities(self.flagged * weights, self.quiet * weights)


def utilities(labels: Labels, starts: IntArray) -> Utilities:
    """Utility of both answers for every hour of stays laid end to end.

    Args:
        labels: Shape (n_hours,), the challenge's SepsisLabel.
        starts: Shape (n_stays,), the first row of each stay.
    """
    since = hours_since_onset(labels, starts)
    is_septic = np.isfinite(since)
    is_early, is_late = since <= BEST, since <= LATEST_USEFUL
    rising = np.maximum((since - EARLIEST_USEFUL) / (BEST - EARLIEST_USEFUL), FALSE_ALARM)
    progress = (since - BEST) / (LATEST_USEFUL - BEST)
    falling = BEST_REWARD * (1.0 - progress)
    flagged = np.select([~is_septic, is_early, is_late], [FALSE_ALARM, rising, falling], 0.0)
    quiet = np.where(~is_septic | is_early | ~is_late, 0.0, WORST_MISS * progress)
    return Utilities(flagged, quiet)


def hours_since_onset(labels: Labels, starts: IntArray) -> FloatArray:
    """Shape (n_hours,): rows since sepsis began, negative before; -inf where it never does."""
    n_hours = len(labels)
    rows = np.arange(n_hours)
    first_labelled = np.minimum.reduceat(np.where(labels == 1, rows, n_hours), starts)
    onset = np.where(first_labelled < n_hours, first_labelled + LABEL_LEADS_ONSET_BY, np.inf)
    since: FloatArray = rows - np.repeat(onset, np.diff(starts, append=n_hours))
    return since


def septic_stays(labels: Labels, starts: IntArray) -> BoolArray:
    """Shape (n_stays,): whether the label ever turns on."""
    is_septic: BoolArray = np.maximum.reduceat(labels, starts) == 1
    return is_septic
