"""What was tried: variations of the recipe, judged on the first 36 hours of stays of all patients.

No record is cut in these hours: what gains there is not the record-length artefact. Each
variation is judged twice. Inside: on a third of the patients, fitted on the others; the division
is not the one of the report, so that no choice follows the luck of the folds it is reported on.
Across: fitted in one hospital, judged in the other. Features, and bounds on what a
model may learn, are chosen by what carries over.
"""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score
from tqdm import tqdm

from model_build.config import LEFT_OUT, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.split import folds
from model_build.judge.metrics import best_threshold
from model_build.judge.transfer import directions
from model_build.learn.out_of_fold import fit
from model_build.learn.results_cache import Store
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

log = logging.getLogger(__name__)

SEED = 7  # of the division; the report's is `Recipe.seed`
FOLDS, HELD_OUT = 3, 0  # one of them judges: one fit of a variation takes a minute
DIGITS = 4

Changes = dict[str, Any]
MEMBERS, KEEP_NEGATIVES = 2, 0.08  # of each fit, at most: enough to compare the lines


def seen(variable: str) -> tuple[str, ...]:
    """The variables that stay left out when one is not."""
    return tuple(name for name in LEFT_OUT if name != variable)


VARIATIONS: tuple[tuple[str, str, Changes], ...] = (
    ("every_variable", "every variable seen", {"left_out": ()}),
    (
        "admission_hour",
        "hour of hospital admission seen",
        {"left_out": seen("hospital_admission_hour")},
    ),
    ("calcium", "calcium seen", {"left_out": seen("calcium")}),
    ("no_unit", "kind of unit not seen", {"left_out": (*LEFT_OUT, "icu_unit")}),
    ("no_fio2", "inspired oxygen not seen", {"left_out": (*LEFT_OUT, "fio2")}),
    ("monotone", "worse values may never lower the risk", {"is_monotone": True}),
    ("small_trees", "trees of at most 8 leaves", {"leaves": 8}),
    ("fewer_steps", "half as many steps", {"iterations": 75}),
    (
        "no_ages_and_counts",
        "ages and counts of measurements not seen",
        {"endings_left_out": ("_hours_since", "_count_6h", "_count_36h")},
    ),
    (
        "smaller_steps",
        "twice as many steps of half the size",
        {"iterations": 300, "learning_rate": 0.03},
    ),
    ("utility", "fitted on what a flag gains, not on the label", {"objective": "utility"}),
)
"""Name of the cached results, label for people, and the fields of the recipe that differ."""


@dataclass(frozen=True, kw_only=True)
class Variation:
    """A recipe that is tried.

    Attributes:
        name: Of its cached results.
        label: For people.
        recipe: How it is fitted, and which variables it sees.
    """

    name: str
    label: str
    recipe: Recipe


def variations(recipe: Recipe) -> list[Variation]:
    """The recipe itself, with fewer members, first; what changes nothing is left out."""
    recipe = replace(
        recipe,
        members=min(recipe.members, MEMBERS),
        keep_negatives=min(recipe.keep_negatives, KEEP_NEGATIVES),
    )
    tried = [
        Variation(name=name, label=label, recipe=replace(recipe, **changes))
        for name, label, changes in VARIATIONS
    ]
    first = Variation(name="served", label="the served recipe", recipe=recipe)
    return [first, *(one for one in tried if one.recipe != recipe)]


def tune(cohort: Cohort, recipe: Recipe, *, out: Path, work: Path) -> dict[str, Any]:
    """Judge every variation and write `tuning.json`.

    Args:
        cohort: The patients; `recipe.max_patients` of them are used.
        recipe: The one that is varied.
        out: Folder of `tuning.json`.
        work: Where intermediate results stay.

    Returns:
        What `tuning.json` holds.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=SEED)
    everything = dataset(cohort, progress=True)
    by_patient = folds(cohort.patient_ids.tolist(), n_folds=FOLDS, seed=SEED)
    fold = by_patient[cohort.stay_of_hour]
    rows = []
    for variation in tqdm(variations(recipe), desc="variations"):
        data = everything.select(variation.recipe.features)
        store = Store.open(work, variation.recipe, data)
        figures = _inside(data, variation.recipe, fold, store)
        figures |= _across(data, variation.recipe, store)
        log.info("%s: %s", variation.label, figures)
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


def _inside(data: Dataset, recipe: Recipe, fold: IntArray, store: Store) -> dict[str, Any]:
    """Figures in one fold of a fit on the others."""
    own = data.is_uncut & (fold == HELD_OUT)
    trial = _Margins(data, recipe, np.flatnonzero(fold != HELD_OUT), own)
    return {"inside": _figures(data, store.keep(f"tuning-{HELD_OUT}", trial), own)}


def _across(data: Dataset, recipe: Recipe, store: Store) -> dict[str, Any]:
    """Figures in one hospital of a fit on all patients of the other."""
    found = {}
    for source, target in directions(data):
        away = data.is_uncut & (data.hospitals == target)
        trial = _Margins(data, recipe, np.flatnonzero(data.hospitals == source), away)
        margins = store.keep(f"tuning-{source}-to-{target}", trial)
        found[f"{source} to {target}"] = _figures(data, margins, away)
    return {"across_hospitals": found}


@dataclass(frozen=True)
class _Margins:
    """Margins of some hours by a fit on others; called only if they are not stored."""

    data: Dataset
    recipe: Recipe
    known: IntArray
    judged: BoolArray

    def __call__(self) -> FloatArray:
        model = fit(self.data, self.recipe, self.known)
        margins: FloatArray = model.decision_function(self.data.X[self.judged])
        return margins


def _figures(data: Dataset, margins: FloatArray, rows: BoolArray) -> dict[str, float]:
    """Ranking, and utility at the best threshold, of the hours in `rows`."""
    labels, scores = data.labels[rows], margins.astype(np.float32)
    found = {
        "auroc": float(roc_auc_score(labels, scores)),
        "auprc": float(average_precision_score(labels, scores)),
        "utility": best_threshold(data.utilities.of(rows), scores).utility,
    }
    return {name: round(value, DIGITS) for name, value in found.items()}
