"""Permutation importance of each variable on held-out hours.

All features made of a variable are permuted together between hours of the same fold, so that they
are consistent with each other but not with the patient. A ratio or a score belongs to each of
its variables; the counts of all measurements are a group of their own.

Source: Breiman, Mach Learn 2001;45:5-32, doi:10.1023/A:1010933404324.
"""

from typing import Any

import numpy as np
from tqdm import tqdm

from model_build.data.dataset import Dataset
from model_build.data.split import rank
from model_build.judge.figures import Figure
from model_build.judge.group_figures import Hours, ranking
from model_build.judge.patient_bootstrap import Resampling, interval
from model_build.learn.export import to_onnx
from model_build.learn.onnx_inference import served_scores, session
from model_build.learn.out_of_fold import OutOfFold
from model_build.learn.results_cache import ResultsCache
from sepsis_detect.clinical.stay import BoolArray, Float32Array, IntArray
from sepsis_detect.clinical.variables import BY_CHALLENGE, LABS, VITALS
from sepsis_detect.prediction import features

PATIENTS = 3000
SEED = 7
MEASUREMENT_COUNTS = "measurement_counts"
ALL_VITALS = tuple(variable.challenge for variable in VITALS)
ALL_LABS = tuple(variable.challenge for variable in LABS)


def variable_groups(names: tuple[str, ...]) -> dict[str, IntArray]:
    """Columns of the features of each variable; the measurement counts are a group of their own."""
    groups: dict[str, list[int]] = {}
    for column, feature in enumerate(names):
        sources = features.SOURCES[feature]
        is_count = sources in (ALL_VITALS, ALL_LABS)
        of = [MEASUREMENT_COUNTS] if is_count else [BY_CHALLENGE[s].name for s in sources]
        for name in dict.fromkeys(of):
            groups.setdefault(name, []).append(column)
    return {name: np.array(columns) for name, columns in groups.items()}


def importance(
    data: Dataset, scores: OutOfFold, cache: ResultsCache, *, threshold: float, draws: int
) -> dict[str, Any]:
    """Loss of utility and of AUROC for each variable, the greatest loss of utility first.

    Returns:
        `patients` and `hours` of the sample, and by variable `utility` and `auroc`: `Figure`.
    """
    rows = sample(data)
    patient = np.unique(data.cohort.stay_of_hour[rows], return_inverse=True)[1]
    resampling = Resampling.of(patient.max() + 1, draws=draws)
    true = _hours(data, rows, patient, scores.probabilities[rows], threshold)
    area, areas = _areas(true, resampling)
    losses: dict[str, dict[str, Figure]] = {}
    permuted = _Permuted(data, scores, cache, rows)
    for name, columns in tqdm(variable_groups(data.names).items(), desc="variables"):
        false = _hours(data, rows, patient, permuted(columns), threshold)
        false_area, false_areas = _areas(false, resampling)
        losses[name] = {
            "utility": _utility_lost(true, false, resampling),
            "auroc": Figure(area - false_area, *interval(areas - false_areas)),
        }
    ordered = sorted(losses, key=lambda name: -losses[name]["utility"].value)
    return {
        "patients": int(patient.max() + 1),
        "hours": int(rows.sum()),
        "variables": {name: losses[name] for name in ordered},
    }


def sample(data: Dataset) -> BoolArray:
    """Shape (n_hours,): the first 36 hours of `PATIENTS` patients, chosen by a hash of the id."""
    ids = data.cohort.patient_ids
    ranks = np.array([rank(f"importance:{i}", SEED) for i in ids], dtype=np.uint64)
    chosen = np.zeros(len(ids), dtype=np.bool_)
    chosen[np.argsort(ranks)[:PATIENTS]] = True
    return chosen[data.cohort.stay_of_hour] & data.is_uncut


class _Permuted:
    """Held-out probabilities with some features permuted within each fold."""

    def __init__(
        self, data: Dataset, scores: OutOfFold, cache: ResultsCache, rows: BoolArray
    ) -> None:
        fold = scores.fold[rows]
        random = np.random.default_rng(SEED)
        self._X = data.X[rows]
        self._folds = []
        for k in range(int(scores.fold.max()) + 1):
            model, own = cache.get(f"fold-{k}"), np.flatnonzero(fold == k)
            model.slope_, model.intercept_ = scores.slope, scores.intercept
            self._folds.append((session(to_onnx(model)), own, random.permutation(own)))

    def __call__(self, columns: IntArray) -> Float32Array:
        probabilities = np.empty(len(self._X), dtype=np.float32)
        for runtime, own, other in self._folds:
            if len(own):
                X = self._X[own]
                X[:, columns] = self._X[other][:, columns]
                probabilities[own] = served_scores(runtime, X)
        return probabilities


def _hours(
    data: Dataset, rows: BoolArray, patient: IntArray, scores: Float32Array, threshold: float
) -> Hours:
    return Hours(
        scores,
        data.labels[rows],
        data.utilities.of(rows),
        patient,
        threshold,
        int(patient.max()) + 1,
        np.ones(len(scores)),
    )


def _areas(hours: Hours, resampling: Resampling) -> tuple[float, np.ndarray[Any, Any]]:
    once = np.ones((1, hours.n_patients))
    return float(ranking(hours, once)[0, 0]), ranking(hours, resampling.counts)[0]


def _utility_lost(true: Hours, false: Hours, resampling: Resampling) -> Figure:
    quiet = true.utilities.quiet
    best = true.by_patient(np.maximum(true.utilities.flagged, quiet) - quiet)
    lost = true.by_patient(
        true.utilities.gain * (true.flags.astype(np.float64) - false.flags.astype(np.float64))
    )
    return Figure(float(lost.sum() / best.sum()), *resampling.ratio(lost, best))
