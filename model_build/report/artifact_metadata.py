"""Metadata of the artifact: the JSON under `metadata_props["sepsis_detect"]`.

The format is a contract with `sepsis_detect.prediction.model`. Aggregates only, no row of a
patient.
"""

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import skl2onnx
import sklearn
from numpy.typing import NDArray

import sepsis_detect
from model_build import config
from model_build.config import Recipe
from model_build.data.dataset import Dataset
from model_build.data.labels import septic_stays
from model_build.judge.judgement import Judgement
from model_build.judge.operating_points import operating_points
from model_build.learn import selfcheck
from model_build.learn.drift_reference import drift_reference
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.out_of_fold import OutOfFold

FORMAT = 1
MISSING_IN_MOST = 0.5


def artifact_metadata(
    ensemble: AveragedGradientBoosting,
    dataset: Dataset,
    *,
    recipe: Recipe,
    judgement: Judgement,
    scores: OutOfFold,
) -> dict[str, Any]:
    """Metadata of a fitted model, as JSON values.

    Args:
        ensemble: The model, fitted on all patients.
        dataset: The patients.
        recipe: Of the fit.
        judgement: Threshold and figures.
        scores: Out of fold, for the operating points.
    """
    return {
        "format": FORMAT,
        "name": config.NAME,
        "version": config.VERSION,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "features": list(dataset.names),
        "threshold": judgement.threshold,
        "training": training(dataset, recipe),
        "metrics": judgement.metrics,
        "operating_points": operating_points(scores.probabilities, dataset, judgement.threshold),
        "reference": medians(dataset.X),
        "drift": drift_reference(dataset.X),
        "selfcheck": selfcheck.to_json(
            ensemble, selfcheck.synthetic_rows(ensemble, seed=recipe.seed)
        ),
    }


def training(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    """Data, code, recipe and libraries of the training."""
    cohort = dataset.cohort
    return {
        "data_digest": f"sha256:{cohort.digest}",
        "patients": cohort.stay.n_stays,
        "hours": cohort.stay.n_hours,
        "septic_patients": int(septic_stays(cohort.labels, cohort.stay.starts).sum()),
        "hospitals": {
            str(hospital): int((cohort.hospitals == hospital).sum())
            for hospital in np.unique(cohort.hospitals)
        },
        "code_version": f"{sepsis_detect.__version__}+{code_digest()[:12]}",
        "recipe": asdict(recipe),
        "libraries": {
            "scikit-learn": sklearn.__version__,
            "skl2onnx": skl2onnx.__version__,
            "onnxruntime": ort.__version__,
            "numpy": np.__version__,
        },
    }


def medians(X: NDArray[np.float32]) -> list[float | None]:
    """For each feature the median over all hours; null if missing in more than half of them."""
    medians: list[float | None] = []
    for column in X.T:
        known = column[~np.isnan(column)]
        is_known = len(known) > 0 and len(known) >= MISSING_IN_MOST * len(column)
        medians.append(selfcheck.decimal(np.float32(np.median(known))) if is_known else None)
    return medians


def code_digest() -> str:
    """SHA-256 of the modules and tables that decide what a model is."""
    packages = (Path(sepsis_detect.__file__).parent, Path(__file__).parents[1])
    sha256 = hashlib.sha256()
    for package in packages:
        for path in sorted([*package.rglob("*.py"), *package.rglob("*.csv")]):
            name = path.relative_to(package.parent).as_posix()
            sha256.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return sha256.hexdigest()
