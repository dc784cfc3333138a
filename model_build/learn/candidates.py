"""What is compared: scores that a bedside already has, and learners from simple to served.

A learner classifies which hours to flag, each weighing what is at stake, from the
features that the served model sees. Trees that take missing values as they are get them so; the
others get the median of the hours they are fitted on, and learn what is missing from the features
that count measurements.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from model_build.config import Comparison, Objective, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import STAYS_AT_A_TIME
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.export import to_onnx
from model_build.learn.pipeline_graph import pipeline_to_onnx
from sepsis_detect.bedside_scores import scores
from sepsis_detect.bedside_scores.definitions import RATIOS, SCORES
from sepsis_detect.clinical.coherence import drop_incoherent
from sepsis_detect.clinical.stay import FloatArray, IntArray, Stay

Float32Array = NDArray[np.float32]

BEDSIDE = ("sirs", "qsofa", "news2", "sofa2", "shock_index")
SERVED_LEARNER = "averaged_boosting"
TIME = "icu_time"
TIME_LABEL = "Time in ICU alone"


@dataclass(frozen=True, kw_only=True)
class Boosting:
    """Histogram gradient boosting, averaged over the recipe's members.

    Attributes:
        name: Of its cached results.
        label: For people.
        recipe: How it is fitted.
    """

    name: str
    label: str
    recipe: Recipe

    @property
    def objective(self) -> Objective:
        """What it tells apart."""
        return self.recipe.objective

    @property
    def note(self) -> str:
        """What each member was fitted on."""
        members = "1 fit" if self.recipe.members == 1 else f"{self.recipe.members} fits"
        return f"{members}, {_share(self.recipe.keep_negatives)}; missing values as they are"

    def fit(self, X: Float32Array, stakes: FloatArray, rows: IntArray) -> AveragedGradientBoosting:
        """Fit the members, each on its own draw.

        Args:
            X: Shape (n_hours, n_features).
            stakes: Shape (n_hours,), positive for an hour to flag, its size the weight.
            rows: Which hours to use.
        """
        return AveragedGradientBoosting.of(self.recipe).fit(X, stakes > 0, np.abs(stakes), rows)

    def part_of(self, model: AveragedGradientBoosting) -> AveragedGradientBoosting:
        """The model that the same fit with this recipe's members would have given."""
        part = copy.copy(model)
        part.n_members, part.members_ = self.recipe.members, model.members_[: self.recipe.members]
        return part

    def scores(self, model: AveragedGradientBoosting, X: Float32Array) -> FloatArray:
        """Shape (n_hours,): sigmoid of the mean margin; not calibrated, which changes no rank."""
        return model.predict_proba(X)[:, 1]

    def to_onnx(self, model: AveragedGradientBoosting) -> onnx.ModelProto:
        """As the served model is exported."""
        return to_onnx(model)


@dataclass(frozen=True, kw_only=True)
class Imputed:
    """A scikit-learn classifier behind an imputer, and a scaler unless it grows trees.

    Attributes:
        name, label: As of `Boosting`.
        build: Makes the classifier.
        objective, keep_negatives: As of `Recipe`.
        hours_at_most: If there are more, so many are drawn, half of them worth a flag.
        seed: Of the draw.
        scaled: Whether features are brought to mean 0 and variance 1.
    """

    name: str
    label: str
    build: Callable[[], Any]
    objective: Objective
    keep_negatives: float
    seed: int
    hours_at_most: int | None = None
    scaled: bool = True

    @property
    def note(self) -> str:
        """What it was fitted on."""
        if self.hours_at_most is not None:
            return (
                f"at most {self.hours_at_most:,} hours, half of them worth a flag; median imputed"
            )
        return f"{_share(self.keep_negatives)}; median imputed"

    def fit(self, X: Float32Array, stakes: FloatArray, rows: IntArray) -> Pipeline:
        """Draw hours and fit on them; arguments as of `Boosting.fit`."""
        drawn, weight = draw(
            stakes,
            rows,
            keep_negatives=self.keep_negatives,
            hours_at_most=self.hours_at_most,
            seed=self.seed,
        )
        steps: list[tuple[str, Any]] = [
            # A feature that is never measured becomes 0; nothing is learnt from it.
            ("imputer", SimpleImputer(strategy="median", keep_empty_features=True))
        ]
        if self.scaled:
            steps.append(("scaler", StandardScaler()))
        pipeline = Pipeline([*steps, ("classifier", self.build())])
        y = (stakes[drawn] > 0).astype(np.int8)
        return pipeline.fit(X[drawn], y, classifier__sample_weight=weight)

    def scores(self, model: Pipeline, X: Float32Array) -> FloatArray:
        """Shape (n_hours,): the margin, or where there is none the mean vote of the trees."""
        if hasattr(model[-1], "decision_function"):
            return np.asarray(model.decision_function(X), dtype=np.float64)
        return np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)

    def to_onnx(self, model: Pipeline) -> onnx.ModelProto:
        """Imputer, scaler and classifier as one graph."""
        return pipeline_to_onnx(model)


Learner = Boosting | Imputed


def draw(
    stakes: FloatArray,
    rows: IntArray,
    *,
    keep_negatives: float,
    hours_at_most: int | None,
    seed: int,
) -> tuple[IntArray, FloatArray]:
    """Hours to fit on, and their weights, of mean 1.

    Args:
        stakes: Shape (n_hours,), positive for an hour to flag; its size is its weight.
        rows: Which hours may be drawn.
        keep_negatives: Share of the hours not worth a flag that is kept.
        hours_at_most: How many hours in all; None: no limit.
        seed: Of the draw.
    """
    random = np.random.default_rng(seed)
    chosen, weights = [], []
    for kind, share in ((rows[stakes[rows] > 0], 1.0), (rows[stakes[rows] < 0], keep_negatives)):
        n = round(share * len(kind))
        if hours_at_most is not None:
            n = min(n, hours_at_most // 2)
        drawn = np.sort(random.choice(kind, n, replace=False))
        chosen.append(drawn)
        weights.append(np.abs(stakes[drawn]) * len(kind) / max(n, 1))
    weight = np.concatenate(weights)
    return np.concatenate(chosen), weight / weight.mean()


def learners(recipe: Recipe, settings: Comparison) -> list[Learner]:
    """All that are fitted, the served one last."""
    forest = {
        "n_estimators": settings.forest_trees,
        "min_samples_leaf": settings.forest_leaf_hours,
        "random_state": recipe.seed,
        "n_jobs": -1,
    }

    def svm() -> SVC:
        return SVC(C=settings.rbf_svm_c, gamma=settings.rbf_svm_gamma, cache_size=500)

    def random_forest() -> RandomForestClassifier:
        return RandomForestClassifier(**forest)

    def extra_trees() -> ExtraTreesClassifier:
        return ExtraTreesClassifier(max_features=settings.extra_trees_features, **forest)

    def linear_svm() -> LinearSVC:
        return LinearSVC(C=settings.linear_svm_c, random_state=recipe.seed)

    few: dict[str, Any] = {
        "objective": recipe.objective,
        "keep_negatives": settings.keep_negatives,
        "seed": recipe.seed,
    }
    single = replace(recipe, members=1)
    trees = few | {"scaled": False}
    return [
        logistic_regression(recipe, settings),
        Imputed(name="linear_svm", label="Linear SVM", build=linear_svm, **few),
        Imputed(
            name="rbf_svm",
            label="RBF SVM (subsampled)",
            build=svm,
            hours_at_most=settings.rbf_svm_hours,
            **few,
        ),
        Imputed(name="random_forest", label="Random forest", build=random_forest, **trees),
        Imputed(name="extra_trees", label="Extra trees", build=extra_trees, **trees),
        boosting("gradient_boosting", "Gradient boosting (one member)", single),
        boosting(SERVED_LEARNER, "Averaged boosting (served)", recipe),
    ]


def logistic_regression(recipe: Recipe, settings: Comparison) -> Imputed:
    """L2-penalised; Newton's method, since the features are few and strongly correlated."""
    return Imputed(
        name="logistic_regression",
        label="Logistic regression",
        build=lambda: LogisticRegression(C=settings.logistic_c, solver="newton-cholesky"),
        objective=recipe.objective,
        keep_negatives=settings.keep_negatives,
        seed=recipe.seed,
    )


def boosting(name: str, label: str, recipe: Recipe) -> Boosting:
    """The learner of `ensemble`."""
    return Boosting(name=name, label=label, recipe=recipe)


def bedside_scores(cohort: Cohort) -> dict[str, Float32Array]:
    """Scores that need no learning, shape (n_hours,) each, by name.

    Values are dropped by the service's own rules first, as for the features. A missing item adds
    no points, and where a ratio is unknown it is 0: it cannot raise an alarm.
    """
    stay = cohort.stay
    found = {name: np.empty(stay.n_hours, dtype=np.float32) for name in BEDSIDE}
    for first in range(0, stay.n_stays, STAYS_AT_A_TIME):
        starts = stay.starts[first : first + STAYS_AT_A_TIME]
        begin, end = starts[0], stay.last_rows[first + len(starts) - 1] + 1
        by_name = scores.by_hour(drop_incoherent(Stay(stay.values[begin:end], starts - begin)))
        for name, hours in found.items():
            hours[begin:end] = np.nan_to_num(by_name[name].minimum, nan=0.0)
    return found | {TIME: stay.icu_hours.astype(np.float32)}


def bedside_labels() -> dict[str, str]:
    """How the scores of `bedside_scores` are called."""
    labels = {card.name: card.label_en.partition(" (heart")[0] for card in (*SCORES, *RATIOS)}
    return {name: labels[name] for name in BEDSIDE} | {TIME: TIME_LABEL}


def _share(keep_negatives: float) -> str:
    return f"all hours worth a flag and {keep_negatives:.0%} of the others"
