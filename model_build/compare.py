"""Stage `compare`: learners and bedside scores on the same patients, folds, hours and figures.

All are evaluated on the first 36 hours of stays, where no record is cut, with ONNX Runtime's scores
of patients that the fit never saw. The result of each fold is cached, so that an interrupted
comparison resumes where it stopped. For the boostings the fits of `train` are used.
"""

import hashlib
import json
import logging
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tqdm import tqdm

from model_build.config import Comparison, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import septic_stays
from model_build.data.split import folds
from model_build.judge import fold_evaluation, transfer
from model_build.judge.bedside_baselines import TIME, bedside_labels, bedside_scores
from model_build.judge.figures import Figures
from model_build.judge.fold_evaluation import FoldEvaluation, FoldResult
from model_build.judge.learner_figures import EvaluationSet, LearnerFigures, to_json
from model_build.judge.transfer import across_hospitals
from model_build.learn import export, onnx_inference, pipeline_graph
from model_build.learn import learners as learner_module
from model_build.learn.learners import SERVED_LEARNER, Boosting, Learner, learners
from model_build.learn.out_of_fold import fit
from model_build.learn.results_cache import ResultsCache
from model_build.report.comparison_report import write_report
from sepsis_detect.clinical.stay import IntArray

log = logging.getLogger(__name__)


def compare(
    cohort: Cohort, recipe: Recipe, settings: Comparison, *, out: Path, work: Path
) -> Figures:
    """Fit, evaluate and report all learners.

    Args:
        cohort: The patients; `recipe.max_patients` of them are used.
        recipe: Of the served learner; its folds and seed are those of all.
        settings: Of the other learners and of the evaluation.
        out: Folder of the table and the plot.
        work: Folder of the results cache.

    Returns:
        The content of `compare.json`.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=recipe.seed)
    everything = dataset(cohort, progress=True)
    by_patient = folds(cohort.patient_ids.tolist(), n_folds=recipe.folds, seed=recipe.seed)
    fold = by_patient[cohort.stay_of_hour]
    training_cache = ResultsCache.open(work, recipe, everything.select(recipe.features))
    cache = comparison_cache(training_cache, settings)
    found = {
        "protocol": _protocol(everything, recipe, settings),
        "candidates": _learners(everything, fold, recipe, settings, cache, training_cache),
        "across_hospitals": across_hospitals(everything, fold, recipe, settings, cache),
    }
    write_report(found, out)
    return found


def _learners(
    everything: Dataset,
    fold: IntArray,
    recipe: Recipe,
    settings: Comparison,
    cache: ResultsCache,
    training_cache: ResultsCache,
) -> list[Figures]:
    """Rows of bedside scores, then of learners on the recipe's features, the served one last."""
    data = everything.select(recipe.features)
    uncut = np.flatnonzero(data.is_uncut)
    evaluation = EvaluationSet.of(data, fold, uncut, draws=settings.draws, seed=recipe.seed)
    for k in range(recipe.folds):
        training_cache.get_or_compute(
            f"fold-{k}", partial(fit, data, recipe, np.flatnonzero(fold != k))
        )
    rows = _bedside_rows(data.cohort, evaluation)
    for learner in learners(recipe, settings):
        rows.append(_learner_row(learner, data, fold, evaluation, settings, cache, training_cache))
    served = rows[-1][1]
    return [
        row
        | to_json(figures.with_intervals())
        | {"less_than_served": to_json(served.minus(figures))}
        for row, figures in rows
    ]


def comparison_cache(training_cache: ResultsCache, settings: Comparison) -> ResultsCache:
    """The cache for the settings and the present code of the comparison, inside that of `train`."""
    modules = (learner_module, onnx_inference, pipeline_graph, transfer, fold_evaluation)
    code = [Path(module.__file__ or "").read_text("utf-8") for module in modules]
    name = "\0".join([json.dumps(asdict(settings)), *code])
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return ResultsCache(training_cache.folder / f"compare-{digest}")


Row = tuple[Figures, LearnerFigures]


def _bedside_rows(cohort: Cohort, evaluation: EvaluationSet) -> list[Row]:
    labels, rows = bedside_labels(), []
    for name, scores in tqdm(bedside_scores(cohort).items(), desc="bedside scores"):
        kind = "warning" if name == TIME else "bedside"
        figures = evaluation.figures(scores[evaluation.hours])
        rows.append(({"name": name, "label": labels[name], "kind": kind}, figures))
    return rows


def _learner_row(
    learner: Learner,
    data: Dataset,
    fold: IntArray,
    evaluation: EvaluationSet,
    settings: Comparison,
    cache: ResultsCache,
    training_cache: ResultsCache,
) -> Row:
    """Evaluate a learner out of fold; `training_cache` holds the fits of the served one."""
    name = _stored_name(learner)
    results = {
        k: cache.get_or_compute(
            f"{name}-{k}", FoldEvaluation(learner, data, fold, k, settings, training_cache)
        )
        for k in tqdm(np.unique(fold).tolist(), desc=learner.label)
    }
    scores = np.full(len(fold), np.nan, dtype=np.float32)
    for k, result in results.items():
        scores[(fold == k) & data.is_uncut] = result.scores
    figures = evaluation.figures(scores[evaluation.hours])
    headline = ", ".join(f"{name} {value:.4f}" for name, value in figures.values.items())
    log.info("%s: %s", learner.label, headline)
    kind = "served" if learner.name == SERVED_LEARNER else "learner"
    return _costs(learner, list(results.values())) | {"kind": kind}, figures


def _stored_name(learner: Learner) -> str:
    """Of a learner's results; those of boostings also depend on the code of the export."""
    if not isinstance(learner, Boosting):
        return learner.name
    code = Path(export.__file__ or "").read_bytes()
    return f"{learner.name}-{hashlib.sha256(code).hexdigest()[:8]}"


def _costs(learner: Learner, parts: list[FoldResult]) -> Figures:
    seconds = [part.fit_seconds for part in parts if part.fit_seconds is not None]

    def median(name: str) -> float:
        return float(np.median([getattr(part, name) for part in parts]))

    return {
        "name": learner.name,
        "label": learner.label,
        "note": learner.note,
        "fit_seconds": round(float(np.median(seconds)), 1) if seconds else None,
        "artifact_bytes": int(median("artifact_bytes")),
        "one_hour_us": round(median("one_hour_us"), 1),
        "batch_hour_us": round(median("batch_hour_us"), 2),
        "parity": float(f"{max(part.parity for part in parts):.2g}"),
        "parity_hours": sum(part.parity_hours for part in parts),
    }


def _protocol(data: Dataset, recipe: Recipe, settings: Comparison) -> Figures:
    cohort = data.cohort
    return {
        "data_digest": f"sha256:{cohort.digest}",
        "patients": cohort.stay.n_stays,
        "septic_patients": int(septic_stays(cohort.labels, cohort.stay.starts).sum()),
        "hours": cohort.stay.n_hours,
        "judged_hours": int(data.is_uncut.sum()),
        "observed_rate": round(float(data.labels[data.is_uncut].mean()), 5),
        "features": len(recipe.features),
        "folds": recipe.folds,
        "seed": recipe.seed,
        "objective": recipe.objective,
        "draws": settings.draws,
        "onnxruntime": ort.__version__,
    }
