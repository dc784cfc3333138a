"""The learners that `compare` fits: linear models, support vector machines, forests, boosting.

Each classifies which hours to flag, with sample weights, from the features that the served model
sees. Boosting takes missing values as they are. The others get the median of the hours they are
fitted on; which values are missing they learn from the features that count measurements.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from model_build.config import Comparison, Objective, Recipe
from model_build.learn.ensemble import AveragedGradientBoosting, first_members
from model_build.learn.export import to_onnx
from model_build.learn.pipeline_graph import pipeline_to_onnx
from sepsis_detect.clinical.stay import Float32Array, FloatArray, IntArray

SERVED_LEARNER = "averaged_boosting"


@dataclass(frozen=True, kw_only=True)
class Boosting:
    """Histogram gradient boosting, averaged over the recipe's members.

    Attributes:
        name: Of its cached results.
        label: In the report.
        recipe: How it is fitted.
    """

    name: str
    label: str
    recipe: Recipe

    @property
    def objective(self) -> Objective:
        """What it classifies."""
        return self.recipe.objective

    @property
    def note(self) -> str:
        """The hours that each member was fitted on, for the report."""
        members = "1 fit" if self.recipe.members == 1 else f"{self.recipe.members} fits"
        return f"{members}, {_share(self.recipe.keep_negatives)}; missing values as they are"

    def fit(
        self, X: Float32Array, signed_weights: FloatArray, rows: IntArray
    ) -> AveragedGradientBoosting:
        """Fit the members, each on its own draw.

        Args:
            X: Shape (n_hours, n_features).
            signed_weights: Shape (n_hours,), from `Dataset.signed_weights`.
            rows: The hours to fit on.
        """
        return AveragedGradientBoosting.of(self.recipe).fit(
            X, signed_weights > 0, np.abs(signed_weights), rows
        )

    def part_of(self, model: AveragedGradientBoosting) -> AveragedGradientBoosting:
        """The model that the same fit with this recipe's members would have given."""
        return first_members(model, self.recipe.members)

    def scores(self, model: AveragedGradientBoosting, X: Float32Array) -> FloatArray:
        """Shape (n_hours,): sigmoid of the mean margin; not calibrated, which changes no rank."""
        return model.predict_proba(X)[:, 1]

    def to_onnx(self, model: AveragedGradientBoosting) -> onnx.ModelProto:
        """The ONNX graph, exported as the served model is."""
        return to_onnx(model)


@dataclass(frozen=True, kw_only=True)
class Imputed:
    """A pipeline of median imputer, optional standard scaler, and a scikit-learn classifier.

    Attributes:
        name, label: As of `Boosting`.
        build: Makes the classifier.
        objective, keep_negatives: As of `Recipe`.
        seed: Of the random sample of hours.
        max_hours: Size of the sample, half of it hours to flag; None: no limit.
        is_scaled: Whether features are standardised.
    """

    name: str
    label: str
    build: Callable[[], Any]
    objective: Objective
    keep_negatives: float
    seed: int
    max_hours: int | None = None
    is_scaled: bool = True

    @property
    def note(self) -> str:
        """The hours that it was fitted on, for the report."""
        if self.max_hours is not None:
            return f"at most {self.max_hours:,} hours, half of them worth a flag; median imputed"
        return f"{_share(self.keep_negatives)}; median imputed"

    def fit(self, X: Float32Array, signed_weights: FloatArray, rows: IntArray) -> Pipeline:
        """Sample hours and fit on them; arguments as of `Boosting.fit`."""
        sampled, weight = sample(
            signed_weights,
            rows,
            keep_negatives=self.keep_negatives,
            max_hours=self.max_hours,
            seed=self.seed,
        )
        steps: list[tuple[str, Any]] = [
            # A feature that is never measured becomes 0, a constant.
            ("imputer", SimpleImputer(strategy="median", keep_empty_features=True))
        ]
        if self.is_scaled:
            steps.append(("scaler", StandardScaler()))
        pipeline = Pipeline([*steps, ("classifier", self.build())])
        y = (signed_weights[sampled] > 0).astype(np.int8)
        return pipeline.fit(X[sampled], y, classifier__sample_weight=weight)

    def scores(self, model: Pipeline, X: Float32Array) -> FloatArray:
        """Shape (n_hours,): the margin, or for forests the probability of class 1."""
        if hasattr(model[-1], "decision_function"):
            return np.asarray(model.decision_function(X), dtype=np.float64)
        return np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)

    def to_onnx(self, model: Pipeline) -> onnx.ModelProto:
        """Imputer, scaler and classifier as one graph."""
        return pipeline_to_onnx(model)


Learner = Boosting | Imputed


def sample(
    signed_weights: FloatArray,
    rows: IntArray,
    *,
    keep_negatives: float,
    max_hours: int | None,
    seed: int,
) -> tuple[IntArray, FloatArray]:
    """A random sample of hours to fit on, and their weights, of mean 1.

    Args:
        signed_weights: Shape (n_hours,), from `Dataset.signed_weights`.
        rows: The hours to sample from.
        keep_negatives: Share of the hours not to flag that is kept.
        max_hours: Of the whole sample; None: no limit.
        seed: Of the sample.
    """
    random = np.random.default_rng(seed)
    chosen, weights = [], []
    for kind, share in (
        (rows[signed_weights[rows] > 0], 1.0),
        (rows[signed_weights[rows] < 0], keep_negatives),
    ):
        n = round(share * len(kind))
        if max_hours is not None:
            n = min(n, max_hours // 2)
        sampled = np.sort(random.choice(kind, n, replace=False))
        chosen.append(sampled)
        weights.append(np.abs(signed_weights[sampled]) * len(kind) / max(n, 1))
    weight = np.concatenate(weights)
    return np.concatenate(chosen), weight / weight.mean()


def learners(recipe: Recipe, settings: Comparison) -> list[Learner]:
    """All learners of the comparison, the served one last."""
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
    trees = few | {"is_scaled": False}
    return [
        logistic_regression(recipe, settings),
        Imputed(name="linear_svm", label="Linear SVM", build=linear_svm, **few),
        Imputed(
            name="rbf_svm",
            label="RBF SVM (subsampled)",
            build=svm,
            max_hours=settings.rbf_svm_hours,
            **few,
        ),
        Imputed(name="random_forest", label="Random forest", build=random_forest, **trees),
        Imputed(name="extra_trees", label="Extra trees", build=extra_trees, **trees),
        Boosting(name="gradient_boosting", label="Gradient boosting (one member)", recipe=single),
        Boosting(name=SERVED_LEARNER, label="Averaged boosting (served)", recipe=recipe),
    ]


def logistic_regression(recipe: Recipe, settings: Comparison) -> Imputed:
    """L2-penalised, by Newton's method: the features are few and strongly correlated."""
    return Imputed(
        name="logistic_regression",
        label="Logistic regression",
        build=lambda: LogisticRegression(C=settings.logistic_c, solver="newton-cholesky"),
        objective=recipe.objective,
        keep_negatives=settings.keep_negatives,
        seed=recipe.seed,
    )


def _share(keep_negatives: float) -> str:
    return f"all hours worth a flag and {keep_negatives:.0%} of the others"
