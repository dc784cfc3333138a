"""Stage `familiarity`: whether the model is less accurate where patients are unlike its training.

Measured on the first 36 hours of stays, with scores of patients that the fit never saw: inside,
the out-of-fold scores of `train`; across, fits in one hospital judged in the other, calibrated and
with a threshold by patients of the source that were left out. Familiarity is always relative to
the hours that the model was fitted on. Definitions and criterion: `judge.familiarity`.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from model_build.config import Comparison, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.judge.familiarity import PATTERN, VALUES, Accuracy, familiarities, numbered
from model_build.judge.familiarity import qualifies as meets_criterion
from model_build.judge.figures import Figures, json_values, write_json
from model_build.judge.group_figures import Hours
from model_build.judge.metrics import best_threshold
from model_build.judge.patient_bootstrap import Resampling
from model_build.judge.transfer import THRESHOLD_FOLD, directions
from model_build.learn.calibration import sigmoid, sigmoid_fit
from model_build.learn.drift_reference import drift_reference
from model_build.learn.out_of_fold import OutOfFold, fit, out_of_fold
from model_build.learn.results_cache import ResultsCache
from model_build.report.plots import style
from model_build.report.plots.familiarity import familiarity as plot
from sepsis_detect.clinical.stay import Float32Array, IntArray

log = logging.getLogger(__name__)

FIGURES = "familiarity.json"
PLOT = "familiarity.svg"
INSIDE = "inside"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Scores of hours that are judged, and the hours the model was fitted on.

    Attributes:
        name: `INSIDE`, or the direction between two hospitals.
        fitted: Rows that familiarity is relative to. Inside these are all, the hours judged
            among them: one patient of thousands moves the reference by less than its digits.
        judged: Rows that are judged.
        probabilities: Shape (n_judged,), calibrated.
        threshold: Of highest utility, chosen on other patients; inside on the same.
    """

    name: str
    fitted: IntArray
    judged: IntArray
    probabilities: Float32Array
    threshold: float

    def measured(self, data: Dataset, settings: Comparison, seed: int) -> Figures:
        """Accuracy by either definition of familiarity."""
        reference = drift_reference(data.X[self.fitted])
        patient, n_patients = numbered(data.cohort.stay_of_hour[self.judged])
        hours = Hours(
            self.probabilities,
            data.labels[self.judged],
            data.utilities.of(self.judged),
            patient,
            self.threshold,
            n_patients,
            np.ones(len(self.judged)),
        )
        resampling = Resampling.of(n_patients, draws=settings.draws, seed=seed)
        found = {
            name: Accuracy(hours, of_hour, resampling).measured()
            for name, of_hour in familiarities(reference, data.X[self.judged]).items()
        }
        return {
            "name": self.name,
            "patients": n_patients,
            "hours": len(self.judged),
            "definitions": found,
        }


def familiarity(
    cohort: Cohort, recipe: Recipe, settings: Comparison, *, out: Path, work: Path
) -> Figures:
    """Measure and write `familiarity.json` and its plot.

    Args:
        cohort: The patients; `recipe.max_patients` of them are used.
        recipe: Of the served model; its fits in the cache are used.
        settings: Members of the fits in one hospital, and draws.
        out: Folder of the results.
        work: Folder of the results cache.

    Returns:
        The content of `familiarity.json`.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=recipe.seed)
    data = dataset(cohort, recipe.features, progress=True)
    cache = ResultsCache.open(work, recipe, data)
    scores = out_of_fold(data, recipe, cache)
    rows = []
    for setting in (_inside(data, scores), *_across(data, scores.fold, recipe, settings, cache)):
        log.info("accuracy by familiarity, %s", setting.name)
        rows.append(json_values(setting.measured(data, settings, recipe.seed)))
    found: Figures = {
        "draws": settings.draws,
        "members_across": _fewer(recipe, settings).members,
        "settings": rows,
        "qualifies": {name: meets_criterion(rows, name) for name in (VALUES, PATTERN)},
    }
    write(found, out)
    return found


def write(found: Figures, out: Path) -> None:
    """Write figures and plot; the same figures give the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(found, out / FIGURES)
    style.save_plot(plot, found, out / PLOT)
    log.info("%s and %s written", out / FIGURES, out / PLOT)


def _inside(data: Dataset, scores: OutOfFold) -> Setting:
    judged = np.flatnonzero(data.is_uncut)
    probabilities = scores.probabilities[judged]
    threshold = best_threshold(data.utilities.of(judged), probabilities).threshold
    return Setting(
        name=INSIDE,
        fitted=np.arange(len(data.X)),
        judged=judged,
        probabilities=probabilities,
        threshold=threshold,
    )


def _fewer(recipe: Recipe, settings: Comparison) -> Recipe:
    return replace(recipe, members=min(recipe.members, settings.transfer_members))


def _across(
    data: Dataset, fold: IntArray, recipe: Recipe, settings: Comparison, cache: ResultsCache
) -> Iterator[Setting]:
    """Fits in one hospital without its patients of one fold, who calibrate."""
    fewer = _fewer(recipe, settings)
    for source, target in directions(data):
        at_source = data.hospitals == source
        fitted = np.flatnonzero(at_source & (fold != THRESHOLD_FOLD))
        model = cache.get_or_compute(
            f"only-{source}-{fewer.members}", partial(fit, data, fewer, fitted)
        )
        left_out = np.flatnonzero(at_source & (fold == THRESHOLD_FOLD) & data.is_uncut)
        judged = np.flatnonzero((data.hospitals == target) & data.is_uncut)
        own, others = (model.decision_function(data.X[rows]) for rows in (left_out, judged))
        slope, intercept = sigmoid_fit(own, data.labels[left_out])
        own, others = (
            sigmoid(slope * margins + intercept).astype(np.float32) for margins in (own, others)
        )
        yield Setting(
            name=f"{source} to {target}",
            fitted=fitted,
            judged=judged,
            probabilities=others,
            threshold=best_threshold(data.utilities.of(left_out), own).threshold,
        )
