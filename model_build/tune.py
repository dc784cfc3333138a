"""Stage `tune`: variations of the recipe, evaluated on the first 36 hours of stays.

No record is cut in these hours, so that a gain there is not the record-length artefact. Each
variation is evaluated twice. Inside: on a third of the patients, fitted on the others; the split is
not that of the report, so that no choice is fitted to the folds of the report. Across: fitted in
one hospital, evaluated in the other. Features and constraints are chosen by what transfers.
"""

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
from model_build.judge.figures import write_json
from model_build.judge.metrics import best_threshold
from model_build.judge.transfer import directions
from model_build.learn.out_of_fold import fit
from model_build.learn.results_cache import ResultsCache
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

log = logging.getLogger(__name__)

SEED = 7  # of the split; the report's is `Recipe.seed`
FOLDS, HELD_OUT = 3, 0  # one fold is evaluated: a fit of a variation takes a minute
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
"""Name of the cached results, label in the report, and the fields of the recipe that differ."""


@dataclass(frozen=True, kw_only=True)
class Variation:
    """A variation of the recipe.

    Attributes:
        name: Of its cached results.
        label: In the report.
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
        work: Folder of the results cache.

    Returns:
        The content of `tuning.json`.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=SEED)
    everything = dataset(cohort, progress=True)
    by_patient = folds(cohort.patient_ids.tolist(), n_folds=FOLDS, seed=SEED)
    fold = by_patient[cohort.stay_of_hour]
    rows = []
    for variation in tqdm(variations(recipe), desc="variations"):
        data = everything.select(variation.recipe.features)
        cache = ResultsCache.open(work, variation.recipe, data)
        figures = _inside(data, variation.recipe, fold, cache)
        figures |= _across(data, variation.recipe, cache)
        log.info("%s: %s", variation.label, figures)
        rows.append({"name": variation.name, "label": variation.label} | figures)
    found = {
        "patients": cohort.stay.n_stays,
        "folds": FOLDS,
        "seed": SEED,
        "variations": rows,
    }
    out.mkdir(parents=True, exist_ok=True)
    write_json(found, out / "tuning.json")
    return found


def _inside(data: Dataset, recipe: Recipe, fold: IntArray, cache: ResultsCache) -> dict[str, Any]:
    """Figures in one fold of a fit on the others."""
    own = data.is_uncut & (fold == HELD_OUT)
    compute = _Margins(data, recipe, np.flatnonzero(fold != HELD_OUT), own)
    return {"inside": _figures(data, cache.get_or_compute(f"tuning-{HELD_OUT}", compute), own)}


def _across(data: Dataset, recipe: Recipe, cache: ResultsCache) -> dict[str, Any]:
    """Figures in one hospital of a fit on all patients of the other."""
    found = {}
    for source, target in directions(data):
        away = data.is_uncut & (data.hospitals == target)
        compute = _Margins(data, recipe, np.flatnonzero(data.hospitals == source), away)
        margins = cache.get_or_compute(f"tuning-{source}-to-{target}", compute)
        found[f"{source} to {target}"] = _figures(data, margins, away)
    return {"across_hospitals": found}


@dataclass(frozen=True)
class _Margins:
    """Margins of some hours by a fit on others; called only if they are not in the cache."""

    data: Dataset
    recipe: Recipe
    known: IntArray
    evaluated: BoolArray

    def __call__(self) -> FloatArray:
        model = fit(self.data, self.recipe, self.known)
        margins: FloatArray = model.decision_function(self.data.X[self.evaluated])
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
