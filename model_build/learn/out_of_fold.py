"""Out-of-fold scores: every hour is scored by a model that was not fitted on its patient.

The sigmoid is fitted on the out-of-fold margins of the first 36 hours of stays; the probabilities
are those of the exported graphs, and each is compared with scikit-learn's.
"""

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from model_build.config import Recipe
from model_build.data.dataset import Dataset
from model_build.data.split import folds
from model_build.learn.calibration import sigmoid_fit
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.export import require_parity, to_onnx
from model_build.learn.onnx_inference import served_scores, session
from model_build.learn.results_cache import ResultsCache
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold scores of a dataset.

    Attributes:
        fold: Shape (n_hours,).
        margins: Shape (n_hours,), scikit-learn's, before the sigmoid.
        probabilities: Shape (n_hours,), ONNX Runtime's, calibrated.
        slope, intercept: The sigmoid.
        parity: The largest difference from scikit-learn's probability.
    """

    fold: IntArray
    margins: FloatArray
    probabilities: NDArray[np.float32]
    slope: float
    intercept: float
    parity: float


def out_of_fold(data: Dataset, recipe: Recipe, cache: ResultsCache) -> OutOfFold:
    """Fit each fold on the others, calibrate on all margins, score with the exported graphs.

    Raises:
        ParityError: ONNX Runtime does not answer as scikit-learn on some hour.
    """
    cohort = data.cohort
    by_patient = folds(cohort.patient_ids.tolist(), n_folds=recipe.folds, seed=recipe.seed)
    fold = by_patient[cohort.stay_of_hour]
    margins = np.empty(len(fold))
    for k in range(recipe.folds):
        margins[fold == k] = cache.get_or_compute(
            f"margins-{k}", _Margins(data, recipe, cache, fold, k)
        )
        log.info("fold %d of %d: %s", k + 1, recipe.folds, _auroc(data, margins, fold == k))
    slope, intercept = sigmoid_fit(margins[data.is_uncut], data.labels[data.is_uncut])
    probabilities = np.empty(len(fold), dtype=np.float32)
    parity = 0.0
    for k in range(recipe.folds):
        model, held_out = cache.get(f"fold-{k}"), fold == k
        model.slope_, model.intercept_ = slope, intercept
        served = served_scores(session(to_onnx(model)), data.X[held_out])
        parity = max(parity, require_parity(served, model.probabilities(margins[held_out])))
        probabilities[held_out] = served
    log.info("ONNX equals scikit-learn on %d held-out hours: %.1g at most", len(fold), parity)
    return OutOfFold(fold, margins, probabilities, slope, intercept, parity)


def fit(data: Dataset, recipe: Recipe, rows: IntArray) -> AveragedGradientBoosting:
    """Fit the recipe's learner on some of the hours, whole stays, with the weights of the cut."""
    signed_weights = data.signed_weights(recipe.objective, rows)
    learner = AveragedGradientBoosting.of(recipe, verbose=True)
    return learner.fit(data.X, signed_weights > 0, np.abs(signed_weights), rows)


@dataclass(frozen=True)
class _Margins:
    """Margins of one fold by a fit on the others; called only if they are not in the cache."""

    data: Dataset
    recipe: Recipe
    cache: ResultsCache
    fold: IntArray
    k: int

    def __call__(self) -> FloatArray:
        others, own = np.flatnonzero(self.fold != self.k), self.fold == self.k
        model = self.cache.get_or_compute(
            f"fold-{self.k}", lambda: fit(self.data, self.recipe, others)
        )
        margins: FloatArray = model.decision_function(self.data.X[own])
        return margins


def _auroc(data: Dataset, margins: FloatArray, held_out: BoolArray) -> str:
    hours = held_out & data.is_uncut
    area = roc_auc_score(data.labels[hours], margins[hours])
    return f"AUROC {area:.4f} on the first 36 hours"
