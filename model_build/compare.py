"""Candidates side by side: same patients, same folds, same thresholds' rule, same measurements.

All are judged on the first 36 hours of stays, where no record is cut.
Every score is ONNX Runtime's, of patients that the fit never saw. Each fold of each candidate is
kept, so that an interrupted comparison goes on where it stopped; of the served learner, the fits
that `train` kept are used.
"""

import hashlib
import json
import logging
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tqdm import tqdm

from model_build.config import Comparison, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import septic_stays
from model_build.data.split import folds
from model_build.judge import transfer, trial
from model_build.judge.candidate_figures import Bench, Verdict, to_json
from model_build.judge.transfer import across_hospitals
from model_build.judge.trial import Result, Trial
from model_build.learn import candidates, export, onnx_inference, pipeline_graph
from model_build.learn.candidates import (
    SERVED_LEARNER,
    TIME,
    Learner,
    bedside_labels,
    bedside_scores,
    learners,
)
from model_build.learn.out_of_fold import fit
from model_build.learn.results_cache import Store
from model_build.report.comparison_report import write_report
from sepsis_detect.clinical.stay import IntArray

log = logging.getLogger(__name__)


def compare(
    cohort: Cohort, recipe: Recipe, settings: Comparison, *, out: Path, work: Path
) -> dict[str, Any]:
    """Fit, judge and report all candidates.

    Args:
        cohort: The patients; `recipe.max_patients` of them are used.
        recipe: Of the served learner, with the folds and the seed of all.
        settings: Of the others, and of what is measured.
        out: Folder of the table and the plot.
        work: Where intermediate results stay.

    Returns:
        The figures, as written to `compare.json`.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=recipe.seed)
    everything = dataset(cohort, progress=True)
    by_patient = folds(cohort.patient_ids.tolist(), n_folds=recipe.folds, seed=recipe.seed)
    fold = by_patient[cohort.stay_of_hour]
    trained = Store.open(work, recipe, everything.select(recipe.features))
    store = own_store(trained, settings)
    found = {
        "protocol": _protocol(everything, recipe, settings),
        "candidates": _candidates(everything, fold, recipe, settings, store, trained),
        "across_hospitals": across_hospitals(everything, fold, recipe, settings, store),
    }
    write_report(found, out)
    return found


def _candidates(
    everything: Dataset,
    fold: IntArray,
    recipe: Recipe,
    settings: Comparison,
    store: Store,
    trained: Store,
) -> list[dict[str, Any]]:
    """Bedside scores and learners on the features of the recipe, the served learner last."""
    data = everything.select(recipe.features)
    uncut = np.flatnonzero(data.is_uncut)
    bench = Bench.of(data, fold, uncut, draws=settings.draws, seed=recipe.seed)
    for k in range(recipe.folds):
        trained.keep(f"fold-{k}", partial(fit, data, recipe, np.flatnonzero(fold != k)))
    judged = _bedside(data.cohort, bench)
    for learner in learners(recipe, settings):
        judged.append(_learned(learner, data, fold, bench, settings, store, trained))
    verdict_on_served = judged[-1][1]
    return [
        row
        | to_json(verdict.figures())
        | {"less_than_served": to_json(verdict_on_served.less(verdict))}
        for row, verdict in judged
    ]


def own_store(trained: Store, settings: Comparison) -> Store:
    """Results that the settings and the candidates' code decide, beside those of `train`."""
    modules = (candidates, onnx_inference, pipeline_graph, transfer, trial)
    code = [Path(module.__file__ or "").read_text("utf-8") for module in modules]
    name = "\0".join([json.dumps(asdict(settings)), *code])
    return Store(trained.folder / f"compare-{hashlib.sha256(name.encode()).hexdigest()[:16]}")


Judged = tuple[dict[str, Any], Verdict]


def _bedside(cohort: Cohort, bench: Bench) -> list[Judged]:
    labels, judged = bedside_labels(), []
    for name, scores in tqdm(bedside_scores(cohort).items(), desc="bedside scores"):
        kind = "warning" if name == TIME else "bedside"
        verdict = bench.verdict(scores[bench.hours])
        judged.append(({"name": name, "label": labels[name], "kind": kind}, verdict))
    return judged


def _learned(
    learner: Learner,
    data: Dataset,
    fold: IntArray,
    bench: Bench,
    settings: Comparison,
    store: Store,
    trained: Store,
) -> Judged:
    """Judge a learner out of fold; `trained` is where `train` keeps the fits of the served one."""
    name = _stored_name(learner)
    results = {
        k: store.keep(f"{name}-{k}", Trial(learner, data, fold, k, settings, trained))
        for k in tqdm(np.unique(fold).tolist(), desc=learner.label)
    }
    scores = np.full(len(fold), np.nan, dtype=np.float32)
    for k, result in results.items():
        scores[(fold == k) & data.is_uncut] = result.scores
    verdict = bench.verdict(scores[bench.hours])
    headline = ", ".join(f"{name} {value:.4f}" for name, value in verdict.values.items())
    log.info("%s: %s", learner.label, headline)
    kind = "served" if learner.name == SERVED_LEARNER else "learner"
    return _measured(learner, list(results.values())) | {"kind": kind}, verdict


def _stored_name(learner: Learner) -> str:
    """Of a learner's results: how the boostings are exported decides how long theirs take."""
    if not isinstance(learner, candidates.Boosting):
        return learner.name
    code = Path(export.__file__ or "").read_bytes()
    return f"{learner.name}-{hashlib.sha256(code).hexdigest()[:8]}"


def _measured(learner: Learner, parts: list[Result]) -> dict[str, Any]:
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


def _protocol(data: Dataset, recipe: Recipe, settings: Comparison) -> dict[str, Any]:
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
