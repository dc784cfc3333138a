"""One candidate on one fold: fitted on the others, exported, scored, checked and timed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_build.config import Comparison
from model_build.data.dataset import Dataset
from model_build.learn.candidates import Boosting, Learner
from model_build.learn.onnx_inference import inference_times, served_scores, timed
from model_build.learn.results_cache import Store
from sepsis_detect.clinical.stay import BoolArray, IntArray

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """One candidate on one fold.

    Attributes:
        scores: Shape (n_judged,), ONNX Runtime's.
        fit_seconds: None where the fit was found ready.
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
class Trial:
    """What is to be done for one fold of one candidate.

    Attributes:
        learner: The candidate.
        data: All hours.
        fold: Shape (n_hours,), of the hour's patient.
        k: The fold held out.
        settings: What is measured.
        kept: Where `train` keeps its fits; a boosting of as many members or fewer is part of them.
    """

    learner: Learner
    data: Dataset
    fold: IntArray
    k: int
    settings: Comparison
    kept: Store

    def __call__(self) -> Result:
        """Do it; only called if the result is not stored."""
        model, fit_seconds = self._fitted()
        graph = self.learner.to_onnx(model).SerializeToString()
        X = self.data.X[self.judged]
        scores = served_scores(graph, X)
        n = min(self.settings.parity_hours, len(X))
        sample = np.linspace(0, len(X) - 1, n).astype(np.intp)
        difference = np.abs(scores[sample] - self.learner.scores(model, X[sample]))
        return Result(
            scores,
            fit_seconds,
            len(graph),
            *inference_times(graph, X[sample], calls=self.settings.single_calls),
            parity=float(difference.max()),
            parity_hours=n,
        )

    @property
    def judged(self) -> BoolArray:
        """Shape (n_hours,): the hours of the fold on which candidates are judged."""
        judged: BoolArray = (self.fold == self.k) & self.data.is_uncut
        return judged

    def _fitted(self) -> tuple[Any, float | None]:
        if isinstance(self.learner, Boosting):
            return self.learner.part_of(self.kept.get(f"fold-{self.k}")), None
        return timed(self._fit)

    def _fit(self) -> Any:
        others = np.flatnonzero(self.fold != self.k)
        stakes = self.data.stakes(self.learner.objective, others)
        return self.learner.fit(self.data.X, stakes, others)
