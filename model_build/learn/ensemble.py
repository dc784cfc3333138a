"""The served learner: an ensemble of gradient boostings, each fitted on its own sample of hours.

Each member classifies hours to flag (`Dataset.signed_weights`). Negative hours are subsampled and
reweighted for each member: far faster, and the members differ, which is what averaging needs.

The mean margin of the members is calibrated by a sigmoid fitted on out-of-fold margins.
"""

import copy
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from model_build.config import Recipe
from model_build.data.labels import Labels
from model_build.learn.bins import MAX_BINS, Bins
from model_build.learn.calibration import sigmoid, sigmoid_fit
from model_build.learn.monotone import directions
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray, IntArray

HOURS_AT_A_TIME = 50_000


class AveragedGradientBoosting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped base
    """Mean margin of several HistGradientBoostingClassifier, then a sigmoid.

    Parameters are those of `Recipe`, under scikit-learn's names; `directions` are of
    `monotone.directions`, one a feature, None: all free.

    Attributes:
        bins_: How features are cut; the members know bins only.
        members_: The fitted classifiers.
        slope_, intercept_: The sigmoid; 1 and 0 until `calibrate`.
    """

    def __init__(
        self,
        *,
        n_members: int = 4,
        keep_negatives: float = 0.1,
        max_iter: int = 300,
        learning_rate: float = 0.06,
        max_leaf_nodes: int = 31,
        min_samples_leaf: int = 60,
        l2_regularization: float = 10.0,
        max_features: float = 0.3,
        max_bins: int = MAX_BINS,
        directions: Sequence[int] | None = None,
        random_state: int = 0,
        verbose: bool = False,
    ) -> None:
        self.n_members = n_members
        self.keep_negatives = keep_negatives
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_bins = max_bins
        self.directions = directions
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def of(cls, recipe: Recipe, *, verbose: bool = False) -> Self:
        """The learner that a recipe describes."""
        return cls(
            n_members=recipe.members,
            keep_negatives=recipe.keep_negatives,
            max_iter=recipe.iterations,
            learning_rate=recipe.learning_rate,
            max_leaf_nodes=recipe.leaves,
            min_samples_leaf=recipe.min_samples_leaf,
            l2_regularization=recipe.l2,
            max_features=recipe.max_features,
            max_bins=recipe.max_bins,
            directions=directions(recipe.features) if recipe.is_monotone else None,
            random_state=recipe.seed,
            verbose=verbose,
        )

    def fit(
        self, X: Float32Array, y: BoolArray, sample_weight: FloatArray, rows: IntArray | None = None
    ) -> Self:
        """Fit the members.

        Args:
            X: Shape (n_hours, n_features), float32 as served: a float64 would be split where
                the served number cannot be.
            y: Shape (n_hours,), whether an hour is one to flag.
            sample_weight: Shape (n_hours,), what is at stake; hours of weight 0 are left out.
            rows: Which hours to use; saves a copy of `X`. None: all.

        Raises:
            ValueError: `X` is not float32.
        """
        if X.dtype != np.float32:
            raise ValueError(f"expected float32 features, got {X.dtype}")
        rows = np.arange(len(X)) if rows is None else rows
        rows = rows[sample_weight[rows] > 0]
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = X.shape[1]
        self.slope_, self.intercept_ = 1.0, 0.0
        first, weight = self._draw(0, y, sample_weight, rows)
        self.bins_ = Bins.of(X[first], weight, max_bins=self.max_bins)
        n_cores = os.cpu_count() or 1
        n_at_once = min(n_cores, self.n_members)

        def fit_member(member: int) -> Any:
            # scikit-learn hands a node of a tree to its threads and waits for them: with this
            # few hours it waits for most of the time. A thread for each member does not wait.
            with threadpool_limits(limits=n_cores // n_at_once, user_api="openmp"):
                return self._fit_member(member, X, y, sample_weight, rows)

        with ThreadPoolExecutor(n_at_once) as threads:
            fitted = threads.map(fit_member, range(self.n_members))
            progress = tqdm(fitted, "members", self.n_members, disable=not self.verbose)
            self.members_ = list(progress)
        return self

    def _draw(
        self, member: int, y: BoolArray, sample_weight: FloatArray, rows: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """The hours of a member and their weights, of mean 1."""
        drawn = np.random.default_rng((self.random_state, member)).random(len(rows))
        chosen = rows[y[rows] | (drawn < self.keep_negatives)]
        weight = sample_weight[chosen] / np.where(y[chosen], 1.0, self.keep_negatives)
        return chosen, weight / weight.mean()

    def _fit_member(
        self, member: int, X: Float32Array, y: BoolArray, sample_weight: FloatArray, rows: IntArray
    ) -> Any:
        chosen, weight = self._draw(member, y, sample_weight, rows)
        classifier = HistGradientBoostingClassifier(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            l2_regularization=self.l2_regularization,
            max_features=self.max_features,
            max_bins=MAX_BINS,
            monotonic_cst=self.directions,
            categorical_features=None,
            early_stopping=False,
            random_state=self.random_state + member,
        )
        codes = _without_empty_columns(self.bins_.encode(X[chosen]))
        return classifier.fit(codes, y[chosen].astype(np.int8), weight)

    def decision_function(self, X: Float32Array) -> FloatArray:
        """Shape (n_hours,): the mean margin of the members, before the sigmoid."""
        margins = np.zeros(len(X))
        for first in range(0, len(X), HOURS_AT_A_TIME):
            hours = slice(first, first + HOURS_AT_A_TIME)
            codes = self.bins_.encode(X[hours]).astype(np.float64)
            for member in self.members_:
                margins[hours] += member.decision_function(codes)
        return margins / len(self.members_)

    def calibrate(self, margins: FloatArray, labels: Labels) -> Self:
        """Fit the sigmoid so that probabilities match the observed rate.

        Args:
            margins: Shape (n_hours,), of patients that the members never saw.
            labels: Shape (n_hours,), sepsis begins within six hours or has begun. Unweighted.
        """
        self.slope_, self.intercept_ = sigmoid_fit(margins, labels)
        return self

    def probabilities(self, margins: FloatArray) -> FloatArray:
        """Shape (n_hours,): calibrated probabilities of mean margins."""
        return sigmoid(self.slope_ * margins + self.intercept_)

    def predict_proba(self, X: Float32Array) -> FloatArray:
        """Shape (n_hours, 2): probability of no sepsis and of sepsis."""
        positive = self.probabilities(self.decision_function(X))
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: Float32Array) -> IntArray:
        """Shape (n_hours,): 1 where an hour to flag is the likelier: a mean margin above 0.

        The served decision uses the swept threshold instead.
        """
        return (self.decision_function(X) > 0).astype(np.intp)


def first_members(model: AveragedGradientBoosting, n: int) -> AveragedGradientBoosting:
    """The model that the same fit with `n` members would have given."""
    part = copy.copy(model)
    part.n_members, part.members_ = n, model.members_[:n]
    return part


def _without_empty_columns(codes: Float32Array) -> Float32Array:
    """Put 0 into columns that hold no value at all, in place; nothing will split on them.

    scikit-learn 1.9 fails on such a column, and end-tidal CO2 is never measured in hospital A.
    """
    codes[:, np.isnan(codes).all(axis=0)] = 0.0
    return codes
