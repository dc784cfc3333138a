"""Ablation of the guards against the record-length artefact.

Each variant is fitted anew, fold by fold, by the same recipe with one member; the model as it is
enters with its first member, so that all have as many trees.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from model_build.config import Recipe
from model_build.data.dataset import Dataset
from model_build.judge.judgement import HEADLINE
from model_build.judge.metrics import best_threshold, normalised_utility
from model_build.learn.ensemble import AveragedGradientBoosting, first_members
from model_build.learn.export import to_onnx
from model_build.learn.onnx_inference import served_scores, session
from model_build.learn.out_of_fold import fit
from model_build.learn.results_cache import ResultsCache
from sepsis_detect.clinical.stay import BoolArray, Float32Array, IntArray

FEATURE = "icu_hour"
AS_SERVED = "as_served"
UNGUARDED = "cut_not_undone_icu_hour_uncapped"


def ablation(
    data: Dataset, recipe: Recipe, fold: IntArray, *, work: Path, cache: ResultsCache
) -> dict[str, Any]:
    """Evaluate the variants out of fold, each at its own best threshold.

    Args:
        data: As served.
        recipe: As served.
        fold: Shape (n_hours,).
        work: Folder of the results caches of the variants.
        cache: Of `data` and `recipe`, with the fitted folds.

    Returns:
        `members`, and by variant the utility and the areas, on the first 36 hours and on whole
        stays as publications report them.
    """
    single = replace(recipe, members=1)
    found = {AS_SERVED: _judged(data, fold, lambda k: first_members(cache.get(f"fold-{k}"), 1))}
    for name, variant in variants(data).items():
        kept = ResultsCache.open(work, single, variant)
        found[name] = _judged(variant, fold, partial(_fitted, variant, single, fold, kept))
    return {"members": single.members, "variants": found}


def variants(data: Dataset) -> dict[str, Dataset]:
    """The dataset of each ablation, by name."""
    uncapped = data.with_feature(FEATURE, data.cohort.stay.icu_hours)
    return {
        "without_icu_hour": data.with_feature(FEATURE, np.full(len(data.X), np.nan)),
        "cut_not_undone": replace(data, undo_cut=False),
        UNGUARDED: replace(uncapped, undo_cut=False),
    }


def _fitted(
    data: Dataset, recipe: Recipe, fold: IntArray, cache: ResultsCache, k: int
) -> AveragedGradientBoosting:
    others = np.flatnonzero(fold != k)
    model: AveragedGradientBoosting = cache.get_or_compute(
        f"fold-{k}", lambda: fit(data, recipe, others)
    )
    return model


def _judged(
    data: Dataset, fold: IntArray, model_of: Callable[[int], AveragedGradientBoosting]
) -> dict[str, Any]:
    scores = np.empty(len(fold), dtype=np.float32)
    for k in np.unique(fold).tolist():
        own = fold == k
        scores[own] = served_scores(session(to_onnx(model_of(k))), data.X[own])
    groups = {HEADLINE: data.is_uncut, "whole_stays": np.ones_like(data.is_uncut)}
    return {name: _figures(data, scores, rows) for name, rows in groups.items()}


def _figures(data: Dataset, scores: Float32Array, rows: BoolArray) -> dict[str, float]:
    utilities = data.utilities.of(rows)
    flags = scores[rows] >= np.float32(best_threshold(utilities, scores[rows]).threshold)
    return {
        "utility": normalised_utility(utilities, flags),
        "auroc": float(roc_auc_score(data.labels[rows], scores[rows])),
        "auprc": float(average_precision_score(data.labels[rows], scores[rows])),
    }
