"""Comparison of the shadow model with the served one, on the same patients."""

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from sepsis_detect.clinical.stay import BoolArray
from sepsis_detect.prediction.features import Float32Array

POSITIVE, NEGATIVE = "Positive", "Negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Answers of one model for some patients.

    Attributes:
        probabilities: Shape (n,), NaN where the model failed.
        is_positive: Shape (n,), probability at or above the model's threshold.
    """

    probabilities: Float32Array
    is_positive: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowScores:
    """What the shadow model answers for the patients of one call.

    Attributes:
        name, version: Of the shadow model.
        scores: Its answers, in the order of the patients.
    """

    name: str
    version: str
    scores: Scores

    def decision(self, row: int) -> str | None:
        """Decision for one patient; None where the model failed."""
        if np.isnan(self.scores.probabilities[row]):
            return None
        return POSITIVE if self.scores.is_positive[row] else NEGATIVE


@dataclass(frozen=True, slots=True)
class PendingShadowScores:
    """Scores of the shadow model for the patients of one request, once they are there.

    Attributes:
        future: Of all patients of one call; it is always completed.
        first_row: Of the request's patients among them.
    """

    future: "Future[ShadowScores]"
    first_row: int = 0


@dataclass(slots=True)
class ShadowComparison:
    """Sums over the patients of one minute."""

    n: int = 0
    n_unscored: int = 0
    n_served_positive: int = 0
    n_shadow_positive: int = 0
    n_disagreements: int = 0
    sum_of_differences: float = 0.0
    largest_difference: float = 0.0

    def add(self, served: Scores, shadow: Scores) -> None:
        """Compare two models on the same patients."""
        is_scored = ~np.isnan(shadow.probabilities)
        n = int(np.count_nonzero(is_scored))
        self.n_unscored += len(is_scored) - n
        if not n:
            return
        differences = (shadow.probabilities - served.probabilities)[is_scored]
        served_positive = served.is_positive[is_scored]
        shadow_positive = shadow.is_positive[is_scored]
        self.n += n
        self.n_served_positive += int(np.count_nonzero(served_positive))
        self.n_shadow_positive += int(np.count_nonzero(shadow_positive))
        self.n_disagreements += int(np.count_nonzero(served_positive != shadow_positive))
        self.sum_of_differences += float(np.sum(differences, dtype=np.float64))
        self.largest_difference = max(self.largest_difference, float(np.max(np.abs(differences))))

    def metrics(self) -> dict[str, float]:
        """Metrics by name; differences are the shadow's probability less the served one's."""
        found: dict[str, float] = {}
        if self.n_unscored:
            found["ShadowUnscored"] = self.n_unscored
        if self.n:
            found |= {
                "ShadowPredictions": self.n,
                "ServedPositiveShare": round(self.n_served_positive / self.n, 4),
                "ShadowPositiveShare": round(self.n_shadow_positive / self.n, 4),
                "ShadowDisagreement": round(self.n_disagreements / self.n, 4),
                "ShadowMeanDifference": round(self.sum_of_differences / self.n, 6),
                "ShadowLargestDifference": round(self.largest_difference, 6),
            }
        return found
