"""Stage `train`: out-of-fold scores, threshold, final fit, export and acceptance check.

No model is evaluated on patients it was fitted on. The served model is fitted on all patients by
the same recipe; its sigmoid and threshold are those of the out-of-fold scores.
"""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from model_build.config import Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import dataset
from model_build.judge.judgement import judge, table
from model_build.learn.export import to_onnx, with_metadata
from model_build.learn.out_of_fold import fit, out_of_fold
from model_build.learn.results_cache import ResultsCache
from model_build.report.artifact_metadata import artifact_metadata
from sepsis_detect.prediction.model import Model

log = logging.getLogger(__name__)


def train(cohort: Cohort, recipe: Recipe, *, out: Path, work: Path) -> Model:
    """Train, evaluate, export and accept a model.

    Args:
        cohort: The patients; `recipe.max_patients` of them are used.
        recipe: How the model is fitted.
        out: File of the artifact; replaced atomically at the end.
        work: Folder of the results cache.

    Returns:
        The model, opened as by the service.

    Raises:
        ParityError: ONNX Runtime does not answer as scikit-learn on some held-out hour.
        ModelArtifactError: The service would not accept the artifact.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=recipe.seed)
    data = dataset(cohort, recipe.features, progress=True)
    log.info("%d patients, %d hours, %d features", cohort.stay.n_stays, *data.X.shape)
    cache = ResultsCache.open(work, recipe, data)
    scores = out_of_fold(data, recipe, cache)
    judgement = judge(scores, data)
    log.info("%s", table(judgement))
    final = cache.get_or_compute("final", lambda: fit(data, recipe, np.arange(len(data.X))))
    final.slope_, final.intercept_ = scores.slope, scores.intercept
    metadata = artifact_metadata(final, data, recipe=recipe, judgement=judgement, scores=scores)
    artifact = with_metadata(to_onnx(final), metadata)
    model = Model(artifact, source=str(out), loaded_at=datetime.now(UTC))
    write_artifact(artifact, out)
    return model


def write_artifact(artifact: bytes, out: Path) -> None:
    """Write the file atomically."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    partial.write_bytes(artifact)
    partial.replace(out)
    log.info("%s: %.2f MB", out, len(artifact) / 1e6)
