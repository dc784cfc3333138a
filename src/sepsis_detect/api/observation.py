"""Observation of one call of the assessment: counted by the metrics, scored by the shadow."""

from collections.abc import Callable

from sepsis_detect.clinical.stay import IntArray
from sepsis_detect.model_delivery.shadow import Shadow
from sepsis_detect.prediction.model import Model
from sepsis_detect.prediction.predictor import Predictions
from sepsis_detect.telemetry.metrics import Metrics
from sepsis_detect.telemetry.shadow_comparison import PendingShadowScores


class Observation:
    """An observer of `assessment.pipeline.assess`, for one call.

    Attributes:
        shadow_scores: What the shadow will answer for the patients of the call; None without a
            shadow, or when it cannot score now.
    """

    __slots__ = ("_metrics", "_shadow", "shadow_scores")

    def __init__(self, metrics: Metrics, shadow: Shadow | None):
        """Observe for `metrics` and `shadow`."""
        self._metrics = metrics
        self._shadow = shadow
        self.shadow_scores: PendingShadowScores | None = None

    def __call__(self, model: Model, predictions: Predictions, last: IntArray | slice) -> None:
        """Take the predictions of the call."""
        self._metrics.predicted(model, predictions, last)
        if self._shadow is not None:
            self.shadow_scores = self._shadow.submit(predictions, last)

    def shadow_scores_from(self, row: int) -> PendingShadowScores | None:
        """Scores of one request among several, from the row of its first patient."""
        if self.shadow_scores is None:
            return None
        return PendingShadowScores(self.shadow_scores.future, row)


NewObservation = Callable[[], Observation]
