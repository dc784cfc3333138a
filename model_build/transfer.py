"""From one hospital to the other: what a model, and its threshold, are worth where it never was.

A fit on one hospital leaves out its patients of fold 0; they choose the threshold. The first 36
hours of all stays of the other hospital are then judged twice: at that threshold, and at
thresholds that its own patients choose, each fold's on the other folds. With and without the feature that tells time in ICU.
"""

from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model_build.candidates import Learner, boosting, logistic_regression
from model_build.config import Comparison, Recipe
from model_build.dataset import Dataset
from model_build.inference import served_scores
from model_build.metrics import best_threshold
from model_build.store import Store
from model_build.verdict import Bench, to_json
from sepsis_detect.stay import IntArray

Float32Array = NDArray[np.float32]

THRESHOLD_FOLD = 0


def across_hospitals(
    data: Dataset, fold: IntArray, recipe: Recipe, settings: Comparison, store: Store
) -> list[dict[str, Any]]:
    """Judge both directions, two learners, with and without time in ICU.

    Returns:
        For each the names of the hospitals and of the learner, and the figures of the target
        hospital at the source's threshold and after recalibration, ready for JSON.
    """
    rows = []
    pairs = list(permutations(np.unique(data.cohort.hospitals).tolist(), 2))
    for source, target in pairs:
        away = np.flatnonzero((data.hospitals == target) & data.is_uncut)
        bench = Bench.of(data, fold, away, draws=settings.draws, seed=recipe.seed)
        for learner in _learners(recipe, settings):
            for with_time in tqdm((True, False), desc=f"{source} to {target}, {learner.label}"):
                carry = _Carry(learner, data, fold, source, away, with_time)
                name = f"{source}-to-{target}-{learner.name}-{'with' if with_time else 'no'}-time"
                at_home, scores = store.keep(name, carry)
                rows.append(
                    {"source": source, "target": target, "with_icu_time": with_time}
                    | {"name": learner.name, "label": learner.label, "note": learner.note}
                    | _judged(bench, scores, carry.threshold(at_home))
                )
    return rows


def _learners(recipe: Recipe, settings: Comparison) -> tuple[Learner, Learner]:
    fewer = replace(recipe, members=min(recipe.members, settings.transfer_members))
    return (
        logistic_regression(recipe, settings),
        boosting("averaged_boosting", "Averaged boosting", fewer),
    )


def _judged(bench: Bench, scores: Float32Array, source_threshold: float) -> dict[str, Any]:
    recalibrated = bench.verdict(scores).figures()
    return to_json(
        {
            "auroc": recalibrated["auroc"],
            "auprc": recalibrated["auprc"],
            "utility_at_source_threshold": bench.utility(scores >= np.float32(source_threshold)),
            "utility_recalibrated": recalibrated["utility"],
        }
    )


@dataclass(frozen=True)
class _Carry:
    """One fit on the source hospital; called only if its scores are not stored."""

    learner: Learner
    data: Dataset
    fold: IntArray
    source: str
    away: IntArray
    with_time: bool

    @property
    def held_out(self) -> IntArray:
        """Hours of the source hospital that choose the threshold."""
        at_source = (self.data.hospitals == self.source) & self.data.is_uncut
        return np.flatnonzero(at_source & (self.fold == THRESHOLD_FOLD))

    def threshold(self, at_home: Float32Array) -> float:
        """The best for the held-out patients of the source."""
        return best_threshold(self.data.utilities.of(self.held_out), at_home).threshold

    def __call__(self) -> tuple[Float32Array, Float32Array]:
        at_source = self.data.hospitals == self.source
        known = np.flatnonzero(at_source & (self.fold != THRESHOLD_FOLD))
        stakes = self.data.stakes(self.learner.objective, known)[known]
        model = self.learner.fit(self._features(known), stakes, np.arange(len(known)))
        return self._scores(model, self.held_out), self._scores(model, self.away)

    def _features(self, rows: IntArray) -> Float32Array:
        """Without time, its column holds nothing that tells two hours apart."""
        X = self.data.X[rows]
        if not self.with_time:
            X[:, self.data.names.index("icu_hour")] = 0.0
        return X

    def _scores(self, model: Any, rows: IntArray) -> Float32Array:
        graph = self.learner.to_onnx(model).SerializeToString()
        return served_scores(graph, self._features(rows))
