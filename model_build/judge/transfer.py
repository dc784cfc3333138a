"""From one hospital to the other: what a model, and its threshold, are worth where it never was.

A fit on one hospital leaves out its patients of fold 0; they choose the threshold. The first 36
hours of all stays of the other hospital are then judged twice: at that threshold, and at
thresholds that its own patients choose, each fold's on the other folds.

The served recipe, the recipe before it and a logistic regression go the same way; so that a
difference between them has an interval, all are judged on the same draws of patients.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model_build import config
from model_build.config import RECIPE, Comparison, Recipe
from model_build.data.dataset import Dataset
from model_build.judge.candidate_figures import Bench, Verdict, to_json
from model_build.judge.metrics import best_threshold
from model_build.learn.candidates import Learner, boosting, logistic_regression
from model_build.learn.onnx_inference import served_scores
from model_build.learn.results_cache import Store
from sepsis_detect.clinical.stay import IntArray

Float32Array = NDArray[np.float32]

THRESHOLD_FOLD = 0
SERVED = "served"
BEFORE = "before"
LABELS = {SERVED: "the served recipe", BEFORE: "the recipe before"}


def recipes(recipe: Recipe) -> dict[str, tuple[Recipe, bool]]:
    """By name: a recipe, and whether its fits undo the cut of the records; the served one first."""
    before = config.BEFORE if recipe == RECIPE else replace(recipe, left_out=())
    return {SERVED: (recipe, True), BEFORE: (before, False)}


def across_hospitals(
    data: Dataset, fold: IntArray, recipe: Recipe, settings: Comparison, store: Store
) -> list[dict[str, Any]]:
    """Judge every model in both directions.

    Args:
        data: With the features of all recipes.
        fold: Shape (n_hours,).
        recipe: The served one.
        settings: Of the learners, and of what is measured.
        store: Holds the scores of each fit.

    Returns:
        For each the names of the hospitals and of the model, the figures of the target hospital
        at the source's threshold and after recalibration, and the served recipe's less its own,
        ready for JSON.
    """
    rows = []
    for source, target in directions(data):
        away = np.flatnonzero((data.hospitals == target) & data.is_uncut)
        bench = Bench.of(data, fold, away, draws=settings.draws, seed=recipe.seed)
        verdicts: dict[str, Verdict] = {}
        for model in tqdm(_models(recipe, settings), desc=f"{source} to {target}"):
            carry = _Carry(model, data, fold, source, away)
            at_home, scores = store.keep(f"{source}-to-{target}-{model.stored_name}", carry)
            verdict = verdicts[model.name] = bench.verdict(scores)
            rows.append(
                {"source": source, "target": target}
                | {"name": model.name, "label": model.label, "note": model.learner.note}
                | _judged(verdict)
                | _at_source_threshold(bench, scores, carry.threshold(at_home))
                | _less_than_served(model.name, verdict, verdicts[SERVED])
            )
    return rows


def directions(data: Dataset) -> list[tuple[str, str]]:
    """Pairs of source and target hospital."""
    return list(permutations(np.unique(data.cohort.hospitals).tolist(), 2))


@dataclass(frozen=True, kw_only=True)
class _Model:
    """What is fitted in one hospital.

    Attributes:
        name: In `compare.json`.
        label: For people.
        learner: How it is fitted.
        recipe: Whose features it sees.
        undo_cut: Whether its fit undoes the cut of the records.
    """

    name: str
    label: str
    learner: Learner
    recipe: Recipe
    undo_cut: bool

    @property
    def stored_name(self) -> str:
        """Of its results: another recipe gives other ones."""
        of = json.dumps([asdict(self.recipe), self.undo_cut])
        return f"{self.name}-{hashlib.sha256(of.encode()).hexdigest()[:8]}"

    def view(self, data: Dataset, rows: IntArray) -> Float32Array:
        """Shape (n_rows, n_features): what it sees of some hours."""
        columns = np.array([data.names.index(name) for name in self.recipe.features])
        seen: Float32Array = data.X[np.ix_(rows, columns)]
        return seen


def _models(recipe: Recipe, settings: Comparison) -> list[_Model]:
    """The served one first: the others are held against it."""
    models = []
    for name, (of, undo_cut) in recipes(recipe).items():
        fewer = replace(of, members=min(of.members, settings.transfer_members))
        learner = boosting(name, LABELS[name], fewer)
        models.append(
            _Model(name=name, label=LABELS[name], learner=learner, recipe=fewer, undo_cut=undo_cut)
        )
    simple = logistic_regression(recipe, settings)
    label = f"{simple.label.lower()}, same features"
    return [
        *models,
        _Model(name=simple.name, label=label, learner=simple, recipe=recipe, undo_cut=True),
    ]


def _judged(verdict: Verdict) -> dict[str, Any]:
    figures = verdict.figures()
    return to_json(
        {
            "auroc": figures["auroc"],
            "auprc": figures["auprc"],
            "utility_recalibrated": figures["utility"],
        }
    )


def _at_source_threshold(bench: Bench, scores: Float32Array, threshold: float) -> dict[str, Any]:
    flags = scores >= np.float32(threshold)
    return to_json({"utility_at_source_threshold": bench.utility(flags)})


def _less_than_served(name: str, verdict: Verdict, served: Verdict) -> dict[str, Any]:
    """The served recipe's figures less these, draw by draw; None for itself."""
    return {"less_than_served": None if name == SERVED else to_json(served.less(verdict))}


@dataclass(frozen=True)
class _Carry:
    """One fit on the source hospital; called only if its scores are not stored."""

    model: _Model
    data: Dataset
    fold: IntArray
    source: str
    away: IntArray

    @property
    def held_out(self) -> IntArray:
        """Hours of the source hospital that choose the threshold."""
        at_source = (self.data.hospitals == self.source) & self.data.is_uncut
        return np.flatnonzero(at_source & (self.fold == THRESHOLD_FOLD))

    def threshold(self, at_home: Float32Array) -> float:
        """The best for the held-out patients of the source."""
        return best_threshold(self.data.utilities.of(self.held_out), at_home).threshold

    def __call__(self) -> tuple[Float32Array, Float32Array]:
        learner, view = self.model.learner, self.model.view
        at_source = self.data.hospitals == self.source
        known = np.flatnonzero(at_source & (self.fold != THRESHOLD_FOLD))
        data = replace(self.data, undo_cut=self.model.undo_cut)
        stakes = data.stakes(learner.objective, known)[known]
        fitted = learner.fit(view(data, known), stakes, np.arange(len(known)))
        graph = learner.to_onnx(fitted).SerializeToString()
        at_home, away = (
            served_scores(graph, view(data, rows)) for rows in (self.held_out, self.away)
        )
        return at_home, away
