"""The self-check of an artifact: synthetic rows with scikit-learn's probabilities.

No row is a patient's. All are made from the cuts between bins: random values within their
range, rows whose every value is the last one left of some cut, the same rows one float32 step
further (the first right of it), and rows with all or most values missing.
"""

from typing import Any

import numpy as np

from model_build.learn.ensemble import AveragedGradientBoosting
from sepsis_detect.clinical.stay import Float32Array

N_RANDOM = 12
N_BESIDE = 12  # pairs beside a threshold: last value to the left, first to the right
N_SPARSE = 3
MISSING_SHARE = 0.3
SPARSE_MISSING_SHARE = 0.95


def synthetic_rows(ensemble: AveragedGradientBoosting, *, seed: int) -> Float32Array:
    """Shape (40, n_features): the rows of the self-check."""
    random = np.random.default_rng(seed)
    cuts = ensemble.bins_.cuts
    left = np.stack([_left(cuts, random) for _ in range(N_BESIDE)])
    right = np.nextafter(left, np.float32(np.inf))
    inside = np.stack([_within(cuts, random) for _ in range(N_RANDOM)])
    inside[random.random(inside.shape) < MISSING_SHARE] = np.nan
    sparse = np.stack([_within(cuts, random) for _ in range(N_SPARSE)])
    sparse[random.random(sparse.shape) < SPARSE_MISSING_SHARE] = np.nan
    nothing = np.full((1, len(cuts)), np.nan, dtype=np.float32)
    return np.concatenate([nothing, sparse, inside, left, right])


def _left(cuts: list[Float32Array], random: np.random.Generator) -> Float32Array:
    """Shape (n_features,): one cut of each feature; a value on the cut goes left."""
    return np.array([random.choice(cut) if len(cut) else np.nan for cut in cuts], np.float32)


def _within(cuts: list[Float32Array], random: np.random.Generator) -> Float32Array:
    return np.array(
        [random.uniform(cut[0], cut[-1]) if len(cut) else np.nan for cut in cuts], np.float32
    )


def to_json(ensemble: AveragedGradientBoosting, rows: Float32Array) -> dict[str, Any]:
    """The self-check of an artifact: rows, null for missing, with scikit-learn's answers."""
    return {
        "features": [[decimal(value) for value in row] for row in rows],
        "probabilities": ensemble.predict_proba(rows)[:, 1].tolist(),
    }


def decimal(value: np.float32) -> float | None:
    """A float32 as the shortest decimal that reads back to the same float32; None for NaN."""
    if np.isnan(value):
        return None
    short = float(str(value))
    return short if np.float32(short) == value else float(value)
