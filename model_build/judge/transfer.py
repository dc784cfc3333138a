"""Transfer between hospitals: models fitted in one hospital and evaluated in the other.

A fit on the source hospital leaves out its patients of fold 0; they choose the threshold. The first
36 hours of all stays of the target hospital are then evaluated twice: at that threshold, and at
cross-fitted thresholds of the target itself.

Compared are the served recipe, the recipe before it and a logistic regression, on the same draws of
patients, so that differences have intervals too.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from itertools import permutations

import numpy as np
from tqdm import tqdm

from model_build import config
from model_build.config import RECIPE, Comparison, Recipe
from model_build.data.dataset import Dataset
from model_build.judge.figures import Figures
from model_build.judge.learner_figures import EvaluationSet, LearnerFigures, to_json
from model_build.judge.metrics import best_threshold
from model_build.learn.learners import Boosting, Learner, logistic_regression
from model_build.learn.onnx_inference import served_scores, session
from model_build.learn.results_cache import ResultsCache
from sepsis_detect.clinical.stay import Float32Array, IntArray

THRESHOLD_FOLD = 0
SERVED = "served"
BEFORE = "before"
LABELS = {SERVED: "the served recipe", BEFORE: "the recipe before"}


def recipes(recipe: Recipe) -> dict[str, tuple[Recipe, bool]]:
    """By name: a recipe, and whether its fits undo the cut of the records; the served one first."""
    before = config.BEFORE if recipe == RECIPE else replace(recipe, left_out=())
    return {SERVED: (recipe, True), BEFORE: (before, False)}


def across_hospitals(
    data: Dataset, fold: IntArray, recipe: Recipe, settings: Comparison, cache: ResultsCache
) -> list[Figures]:
    """Evaluate every model in both directions.

    Args:
        data: With the features of all recipes.
        fold: Shape (n_hours,).
        recipe: The served one.
        settings: Of the learners, and of what is measured.
        cache: Holds the scores of each fit.

    Returns:
        For each the names of the hospitals and of the model, the figures of the target hospital
        at the source's threshold and after recalibration, and the served recipe's less its own,
        ready for JSON.
    """
    rows = []
    for source, target in directions(data):
        target_hours = np.flatnonzero((data.hospitals == target) & data.is_uncut)
        evaluation = EvaluationSet.of(
            data, fold, target_hours, draws=settings.draws, seed=recipe.seed
        )
        by_model: dict[str, LearnerFigures] = {}
        for model in tqdm(_models(recipe, settings), desc=f"{source} to {target}"):
            source_fit = _SourceFit(model, data, fold, source, target_hours)
            source_scores, scores = cache.get_or_compute(
                f"{source}-to-{target}-{model.stored_name}", source_fit
            )
            figures = by_model[model.name] = evaluation.figures(scores)
            rows.append(
                {"source": source, "target": target}
                | {"name": model.name, "label": model.label, "note": model.learner.note}
                | _in_target(figures)
                | _at_source_threshold(evaluation, scores, source_fit.threshold(source_scores))
                | _less_than_served(model.name, figures, by_model[SERVED])
            )
    return rows


def directions(data: Dataset) -> list[tuple[str, str]]:
    """Pairs of source and target hospital."""
    return list(permutations(np.unique(data.cohort.hospitals).tolist(), 2))


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A model to be fitted in one hospital.

    Attributes:
        name: In `compare.json`.
        label: In the report.
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
        """Of its cached results: it changes with the recipe."""
        of = json.dumps([asdict(self.recipe), self.undo_cut])
        return f"{self.name}-{hashlib.sha256(of.encode()).hexdigest()[:8]}"

    def view(self, data: Dataset, rows: IntArray) -> Float32Array:
        """Shape (n_rows, n_features): the features that it sees, of some hours."""
        columns = np.array([data.names.index(name) for name in self.recipe.features])
        seen: Float32Array = data.X[np.ix_(rows, columns)]
        return seen


def _models(recipe: Recipe, settings: Comparison) -> list[_Model]:
    """All models of the comparison, the served one first."""
    models = []
    for name, (of, undo_cut) in recipes(recipe).items():
        fewer = replace(of, members=min(of.members, settings.transfer_members))
        learner = Boosting(name=name, label=LABELS[name], recipe=fewer)
        models.append(
            _Model(name=name, label=LABELS[name], learner=learner, recipe=fewer, undo_cut=undo_cut)
        )
    simple = logistic_regression(recipe, settings)
    label = f"{simple.label.lower()}, same features"
    return [
        *models,
        _Model(name=simple.name, label=label, learner=simple, recipe=recipe, undo_cut=True),
    ]


def _in_target(figures: LearnerFigures) -> Figures:
    found = figures.with_intervals()
    return to_json(
        {
            "auroc": found["auroc"],
            "auprc": found["auprc"],
            "utility_recalibrated": found["utility"],
        }
    )


def _at_source_threshold(
    evaluation: EvaluationSet, scores: Float32Array, threshold: float
) -> Figures:
    flags = scores >= np.float32(threshold)
    return to_json({"utility_at_source_threshold": evaluation.utility(flags)})


def _less_than_served(name: str, figures: LearnerFigures, served: LearnerFigures) -> Figures:
    """The served recipe's figures less these, draw by draw; None for itself."""
    return {"less_than_served": None if name == SERVED else to_json(served.minus(figures))}


@dataclass(frozen=True)
class _SourceFit:
    """One fit on the source hospital; called only if its scores are not in the cache."""

    model: _Model
    data: Dataset
    fold: IntArray
    source: str
    target_hours: IntArray

    @property
    def held_out(self) -> IntArray:
        """Hours of the source hospital that choose the threshold."""
        at_source = (self.data.hospitals == self.source) & self.data.is_uncut
        return np.flatnonzero(at_source & (self.fold == THRESHOLD_FOLD))

    def threshold(self, source_scores: Float32Array) -> float:
        """The best for the held-out patients of the source."""
        return best_threshold(self.data.utilities.of(self.held_out), source_scores).threshold

    def __call__(self) -> tuple[Float32Array, Float32Array]:
        learner, view = self.model.learner, self.model.view
        at_source = self.data.hospitals == self.source
        known = np.flatnonzero(at_source & (self.fold != THRESHOLD_FOLD))
        data = replace(self.data, undo_cut=self.model.undo_cut)
        signed_weights = data.signed_weights(learner.objective, known)[known]
        fitted = learner.fit(view(data, known), signed_weights, np.arange(len(known)))
        graph = learner.to_onnx(fitted).SerializeToString()
        source_scores, target_hours = (
            served_scores(session(graph), view(data, rows))
            for rows in (self.held_out, self.target_hours)
        )
        return source_scores, target_hours
