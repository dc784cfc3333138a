"""What was tried: a first recipe and variations of it, on a division of the patients of its own.

The report judges the served model on one division; its choices were made on this one, so that no
choice follows the luck of the folds it is reported on. A share of the patients is enough to tell
variations apart, and much faster.

Gains beyond hour 60 alone are the record-length artefact: a variation is worth taking only if the
hours before gain too, or at least do not lose.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score
from tqdm import tqdm

from model_build.cohort import Cohort
from model_build.config import Recipe
from model_build.dataset import Dataset, dataset
from model_build.metrics import best_threshold
from model_build.out_of_fold import fit
from model_build.record_cut import UNCUT_HOURS
from model_build.split import folds
from model_build.store import Store
from sepsis_detect import features
from sepsis_detect.stay import FloatArray, IntArray
from sepsis_detect.variables import LABS

log = logging.getLogger(__name__)

SEED = 7  # of the division and of the choice of patients; the report's is `Recipe.seed`
PATIENTS = 10_000
FOLDS = 3
BEYOND_LOOKBACK_HOURS = 47

Change = Callable[[Dataset], Dataset]


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One thing done otherwise.

    Attributes:
        name: Of its cached results.
        label: For people.
        recipe: How it is fitted.
        change: What becomes of the features.
    """

    name: str
    label: str
    recipe: Recipe
    change: Change = lambda data: data


def variations(recipe: Recipe) -> list[Variation]:
    """The recipe itself first."""
    trees = recipe.members * recipe.iterations
    smaller = {"leaves": recipe.leaves // 2 + 1}
    stiffer = {"min_samples_leaf": recipe.min_samples_leaf * 3, "l2": recipe.l2 * 5}

    def other(name: str, label: str, **changes: Any) -> Variation:
        return Variation(name=name, label=label, recipe=replace(recipe, **changes))

    return [
        Variation(name="first", label="the recipe that was varied", recipe=recipe),
        other(
            "one_fit",
            f"one fit of {trees} small steps instead of the mean of {recipe.members}",
            members=1,
            iterations=trees,
            learning_rate=2 * recipe.learning_rate / recipe.members,
        ),
        other(
            "fewer_longer",
            "half as many members, twice as many steps of half the size",
            members=max(1, recipe.members // 2),
            iterations=recipe.iterations * 2,
            learning_rate=recipe.learning_rate / 2,
        ),
        other("utility", "fitted on what a flag gains, not on the label", objective="utility"),
        other("small_trees", "trees of half as many leaves", **smaller),
        other(
            "stiffer",
            "stronger regularisation: more hours in a leaf, leaves pulled to zero",
            **stiffer,
        ),
        other("small_and_stiff", "both of these", **smaller, **stiffer),
        other(
            "served",
            "both of these, and a quarter fewer members: what is served",
            members=max(1, recipe.members * 3 // 4),
            **smaller,
            **stiffer,
        ),
        other(
            "more_quiet",
            "twice as many quiet hours in each member",
            keep_negatives=min(1.0, recipe.keep_negatives * 2),
        ),
        other(
            "more_features",
            "twice as many features tried at a split",
            max_features=min(1.0, recipe.max_features * 2),
        ),
        Variation(
            name="no_trends",
            label="without trends of laboratory values over 48 h",
            recipe=recipe,
            change=without("_trend_48h"),
        ),
        Variation(
            name="long_differences",
            label="trends replaced by differences from the value known 47 h before",
            recipe=recipe,
            change=with_long_differences,
        ),
    ]


def tune(cohort: Cohort, recipe: Recipe, *, out: Path, work: Path) -> dict[str, Any]:
    """Judge every variation and write `tuning.json`.

    Args:
        cohort: The patients; at most `PATIENTS`, or `recipe.max_patients`, of them are used.
        recipe: The one that is varied.
        out: Folder of `tuning.json`.
        work: Where intermediate results stay.

    Returns:
        What `tuning.json` holds.
    """
    cohort = cohort.sample(min(PATIENTS, recipe.max_patients or PATIENTS), seed=SEED)
    data = dataset(cohort, progress=True)
    by_patient = folds(cohort.patient_ids.tolist(), n_folds=FOLDS, seed=SEED)
    fold = by_patient[cohort.stay_of_hour]
    rows = []
    for variation in tqdm(variations(recipe), desc="variations"):
        figures = _judged(variation, data, fold, work)
        log.info("%s: %s", variation.label, figures["overall"])
        rows.append({"name": variation.name, "label": variation.label} | figures)
    found = {
        "patients": cohort.stay.n_stays,
        "folds": FOLDS,
        "seed": SEED,
        "variations": rows,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "tuning.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def _judged(
    variation: Variation, data: Dataset, fold: IntArray, work: Path
) -> dict[str, dict[str, float]]:
    changed = variation.change(data)
    store = Store.open(work, variation.recipe, changed)
    margins = np.empty(len(fold))
    for k in range(FOLDS):
        own, others = fold == k, np.flatnonzero(fold != k)

        def held_out(own: Any = own, others: IntArray = others) -> FloatArray:
            return fit(changed, variation.recipe, others).decision_function(changed.X[own])

        margins[own] = store.keep(f"tuning-{k}", held_out)
    return {name: _figures(data, margins, rows) for name, rows in periods(data).items()}


def periods(data: Dataset) -> dict[str, Any]:
    """Hours that are judged apart: shape (n_hours,) each."""
    hours = data.cohort.stay.icu_hours
    until = hours <= UNCUT_HOURS
    return {
        "overall": np.ones_like(until),
        "first_60_hours": until,
        "hours_49_to_60": until & (hours > features.LOOKBACK_HOURS),
    }


def _figures(data: Dataset, margins: FloatArray, rows: Any) -> dict[str, float]:
    labels, scores = data.labels[rows], margins[rows].astype(np.float32)
    found = {
        "utility": best_threshold(data.utilities.of(rows), scores).utility,
        "auroc": float(roc_auc_score(labels, scores)),
        "auprc": float(average_precision_score(labels, scores)),
    }
    return {name: round(value, 4) for name, value in found.items()}


def without(ending: str) -> Change:
    """Nothing can split on the features whose names end so."""
    columns = [at for at, name in enumerate(features.NAMES) if name.endswith(ending)]

    def change(data: Dataset) -> Dataset:
        X = data.X.copy()
        X[:, columns] = np.nan
        return replace(data, X=X)

    return change


def with_long_differences(data: Dataset) -> Dataset:
    """Trends that know whether a value was known so long ago, and so how long the record is."""
    X = data.X.copy()
    position = np.arange(len(X)) - data.cohort.stay.first_rows
    is_early = position < BEYOND_LOOKBACK_HOURS
    for lab in LABS:
        last = data.X[:, features.NAMES.index(f"{lab.name}_last")]
        before = np.roll(last, BEYOND_LOOKBACK_HOURS)
        X[:, features.NAMES.index(f"{lab.name}_trend_48h")] = np.where(
            is_early, np.nan, last - before
        )
    return replace(data, X=X)
