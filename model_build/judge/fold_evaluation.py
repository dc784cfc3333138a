"""Evaluation of one learner on one fold: fit on the others, export, scores, parity, latency."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from model_build.config import Comparison
from model_build.data.dataset import Dataset
from model_build.learn.learners import Boosting, Learner
from model_build.learn.onnx_inference import inference_times, served_scores, session, timed
from model_build.learn.results_cache import ResultsCache
from sepsis_detect.clinical.stay import BoolArray, Float32Array, IntArray


@dataclass(frozen=True)
class FoldResult:
    """Scores and costs of one learner on one fold.

    Attributes:
        scores: Shape (n_judged,), ONNX Runtime's.
        fit_seconds: None where the fit came from the cache.
        artifact_bytes: Of the ONNX graph.
        one_hour_us: Median of calls with one hour, one thread.
        batch_hour_us: Median of calls with 1,000 hours, per hour, one thread.
        parity: Largest difference from scikit-learn on `parity_hours` held-out hours.
        parity_hours: How many.
    """

    scores: Float32Array
    fit_seconds: float | None
    artifact_bytes: int
    one_hour_us: float
    batch_hour_us: float
    parity: float
    parity_hours: int


@dataclass(frozen=True)
class FoldEvaluation:
    """One learner on one fold; called only if its result is not in the cache.

    Attributes:
        learner: The learner.
        data: All hours.
        fold: Shape (n_hours,), of the hour's patient.
        k: The fold held out.
        settings: What is measured.
        training_cache: The fits of `train`; a boosting of as many members or fewer is part of them.
    """

    learner: Learner
    data: Dataset
    fold: IntArray
    k: int
    settings: Comparison
    training_cache: ResultsCache

    def __call__(self) -> FoldResult:
        """Fit, export, score and time."""
        model, fit_seconds = self._fitted()
        graph = self.learner.to_onnx(model).SerializeToString()
        X = self.data.X[self.judged]
        scores = served_scores(session(graph), X)
        n = min(self.settings.parity_hours, len(X))
        sample = np.linspace(0, len(X) - 1, n).astype(np.intp)
        difference = np.abs(scores[sample] - self.learner.scores(model, X[sample]))
        return FoldResult(
            scores,
            fit_seconds,
            len(graph),
            *inference_times(graph, X[sample], calls=self.settings.single_calls),
            parity=float(difference.max()),
            parity_hours=n,
        )

    @property
    def judged(self) -> BoolArray:
        """Shape (n_hours,): the hours of the fold on which learners are compared."""
        judged: BoolArray = (self.fold == self.k) & self.data.is_uncut
        return judged

    def _fitted(self) -> tuple[Any, float | None]:
        if isinstance(self.learner, Boosting):
            return self.learner.part_of(self.training_cache.get(f"fold-{self.k}")), None
        return timed(self._fit)

    def _fit(self) -> Any:
        others = np.flatnonzero(self.fold != self.k)
        signed_weights = self.data.signed_weights(self.learner.objective, others)
        return self.learner.fit(self.data.X, signed_weights, others)
