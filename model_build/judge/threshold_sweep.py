"""Threshold sweep: counts and utility at every threshold.

ROC, precision-recall and utility curve, net benefit and alert burden are computed from one `Sweep`.

Source of net benefit: Vickers & Elkin, Med Decis Making 2006;26(6):565-574,
    doi:10.1177/0272989X06295361.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from model_build.data.labels import Labels, Utilities
from model_build.judge.metrics import HOURS_IN_A_DAY, best_and_never
from sepsis_detect.clinical.stay import Float32Array, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Sweep:
    """Counts of hours at falling thresholds; flagged is `probability >= threshold`.

    Attributes:
        thresholds: Shape (n,), falling.
        flagged: Shape (n,), hours flagged.
        true_positives: Shape (n,), flagged hours that are labelled.
        utility: Shape (n,), normalised.
        n_hours: Of all hours.
        n_labelled: Of all hours, those labelled.
    """

    thresholds: FloatArray
    flagged: IntArray
    true_positives: IntArray
    utility: FloatArray
    n_hours: int
    n_labelled: int

    @classmethod
    def of(cls, probabilities: Float32Array, labels: Labels, utilities: Utilities) -> Self:
        """Sweep over every probability that occurs."""
        order = np.argsort(-probabilities, kind="stable")
        scores = probabilities[order]
        # Equal scores are flagged together: only the last of each tie can be a cut.
        cuts = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
        best, never = best_and_never(utilities)
        return cls(
            scores[cuts].astype(np.float64),
            cuts + 1,
            np.cumsum(labels[order], dtype=np.intp)[cuts],
            np.cumsum(utilities.gain[order])[cuts] / (best - never),
            len(labels),
            int(labels.sum()),
        )

    def at(self, thresholds: FloatArray) -> Self:
        """The same at other thresholds, without NaN where nothing is flagged."""
        found = np.searchsorted(-self.thresholds, -thresholds, side="right") - 1
        none = found < 0

        def pick(counts: IntArray) -> IntArray:
            return np.where(none, 0, counts[found])

        utility = np.where(none, 0.0, self.utility[found])
        return type(self)(
            thresholds,
            pick(self.flagged),
            pick(self.true_positives),
            utility,
            self.n_hours,
            self.n_labelled,
        )

    def thinned(self, n: int) -> Self:
        """At most about `n` of the thresholds: half evenly spread, half dense at the top."""
        last = len(self.thresholds) - 1
        even = np.linspace(0, last, n // 2)
        dense = np.geomspace(1, last + 1, n - n // 2) - 1
        chosen = np.unique(np.concatenate([even, dense]).round().astype(np.intp))
        return self.at(self.thresholds[chosen])

    @property
    def sensitivity(self) -> FloatArray:
        """Shape (n,): share of the labelled hours that is flagged."""
        return self.true_positives / self.n_labelled

    @property
    def false_alarm_rate(self) -> FloatArray:
        """Shape (n,): share of the other hours that is flagged."""
        return (self.flagged - self.true_positives) / (self.n_hours - self.n_labelled)

    @property
    def ppv(self) -> FloatArray:
        """Shape (n,): share of the flagged hours that is labelled; NaN where none is flagged."""
        ratio = self.true_positives / np.maximum(self.flagged, 1)
        return np.where(self.flagged > 0, ratio, np.nan)

    @property
    def alerts_per_patient_day(self) -> FloatArray:
        """Shape (n,): flagged hours in 24 hours of a patient."""
        return self.flagged / self.n_hours * HOURS_IN_A_DAY

    @property
    def net_benefit(self) -> FloatArray:
        """Shape (n,): true positives minus false ones at the odds of the threshold, per hour."""
        false_positives = self.flagged - self.true_positives
        odds = self.thresholds / (1.0 - self.thresholds)
        return (self.true_positives - false_positives * odds) / self.n_hours


def net_benefit_of_always(thresholds: FloatArray, rate: float) -> FloatArray:
    """Net benefit of flagging every hour, where a share `rate` of the hours is labelled."""
    odds = thresholds / (1.0 - thresholds)
    benefit: FloatArray = rate - (1.0 - rate) * odds
    return benefit
