"""What time in intensive care is worth: the model without it, and with more of it than is served.

Each variant is fitted anew, fold by fold, by the same recipe with one member; the model as it is
enters with its first member, so that all three have as many trees.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from model_build.config import Recipe
from model_build.dataset import Dataset
from model_build.ensemble import AveragedGradientBoosting
from model_build.export import served_probabilities, session, to_onnx
from model_build.judgement import ARTEFACT_FREE_HOURS
from model_build.metrics import Float32Array, best_threshold, normalised_utility
from model_build.out_of_fold import fit
from model_build.store import Store
from sepsis_detect import features
from sepsis_detect.stay import BoolArray, FloatArray, IntArray

FEATURE = "icu_hour"
AS_SERVED, WITHOUT, UNCAPPED = "as_served", "without_icu_hour", "icu_hour_uncapped"


def ablation(
    data: Dataset, recipe: Recipe, fold: IntArray, *, work: Path, store: Store
) -> dict[str, Any]:
    """Judge the variants out of fold, each at its own best threshold on whole stays.

    Args:
        data: As served.
        recipe: As served.
        fold: Shape (n_hours,).
        work: Where intermediate results stay.
        store: Of `data` and `recipe`; holds the fitted folds.

    Returns:
        `members`, and by variant the utility and the areas, `overall` and on `first_60_hours`.
    """
    single = replace(recipe, members=1)
    found = {AS_SERVED: _judged(data, fold, lambda k: first_member(store.get(f"fold-{k}")))}
    never = np.full(len(data.X), np.nan)
    for name, column in ((WITHOUT, never), (UNCAPPED, data.cohort.stay.icu_hours)):
        variant = with_feature(data, FEATURE, column)
        kept = Store.open(work, single, variant)
        found[name] = _judged(variant, fold, partial(_fitted, variant, single, fold, kept))
    return {"members": single.members, "variants": found}


def first_member(model: AveragedGradientBoosting) -> AveragedGradientBoosting:
    """The model that the same fit with one member would have given."""
    alone = copy.copy(model)
    alone.n_members, alone.members_ = 1, model.members_[:1]
    return alone


def with_feature(data: Dataset, name: str, column: FloatArray) -> Dataset:
    """The same hours with one feature replaced; NaN throughout: nothing can split on it."""
    X = data.X.copy()
    X[:, features.NAMES.index(name)] = column
    return Dataset(data.cohort, X, data.utilities)


def _fitted(
    data: Dataset, recipe: Recipe, fold: IntArray, store: Store, k: int
) -> AveragedGradientBoosting:
    others = np.flatnonzero(fold != k)
    model: AveragedGradientBoosting = store.keep(f"fold-{k}", lambda: fit(data, recipe, others))
    return model


def _judged(
    data: Dataset, fold: IntArray, model_of: Callable[[int], AveragedGradientBoosting]
) -> dict[str, Any]:
    scores = np.empty(len(fold), dtype=np.float32)
    for k in np.unique(fold).tolist():
        own = fold == k
        scores[own] = served_probabilities(session(to_onnx(model_of(k))), data.X[own])
    threshold = best_threshold(data.utilities, scores).threshold
    first_hours = data.cohort.stay.icu_hours <= ARTEFACT_FREE_HOURS
    groups = {"overall": np.ones_like(first_hours), "first_60_hours": first_hours}
    return {name: _figures(data, scores, threshold, rows) for name, rows in groups.items()}


def _figures(
    data: Dataset, scores: Float32Array, threshold: float, rows: BoolArray
) -> dict[str, float]:
    flags = scores[rows] >= np.float32(threshold)
    return {
        "utility": normalised_utility(data.utilities.of(rows), flags),
        "auroc": float(roc_auc_score(data.labels[rows], scores[rows])),
        "auprc": float(average_precision_score(data.labels[rows], scores[rows])),
    }
