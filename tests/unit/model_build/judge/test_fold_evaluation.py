"""Evaluation of a learner on a fold: no fit saw the patients that it scores."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_build.data.dataset import Dataset
from model_build.data.labels import Utilities
from model_build.judge.fold_evaluation import FoldEvaluation
from model_build.learn.learners import Boosting, Learner
from model_build.learn.out_of_fold import fit
from model_build.learn.results_cache import ResultsCache
from tests.unit.model_build.small_comparison import LEARNERS, SETTINGS
from tests.unit.model_build.small_recipe import RECIPE


def training_cache(folder: Path, data: Dataset, fold: Any) -> ResultsCache:
    """What `train` keeps: the served fit of each fold."""
    cache = ResultsCache(folder)
    for k in range(RECIPE.folds):
        cache.get_or_compute(f"fold-{k}", partial(fit, data, RECIPE, np.flatnonzero(fold != k)))
    return cache


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_no_patient_is_scored_by_a_fit_on_their_fold(
    learner: Learner, data: Dataset, fold: Any, tmp_path: Path
) -> None:
    """One patient keeps the hours; the others of the fold change and must make no difference."""
    patient = data.cohort.stay_of_hour
    mine = patient == patient[np.flatnonzero(fold == 0)[0]]
    others = (fold == 0) & ~mine
    X, flagged = data.X.copy(), data.utilities.flagged.copy()
    X[others] = 40 - X[others]
    flagged[others] *= -1
    changed = replace(data, X=X, utilities=Utilities(flagged, data.utilities.quiet))
    own = mine[(fold == 0) & data.is_uncut]
    before, after = (
        FoldEvaluation(
            learner, these, fold, 0, SETTINGS, training_cache(tmp_path / name, these, fold)
        )().scores
        for name, these in (("before", data), ("after", changed))
    )
    np.testing.assert_allclose(after[own], before[own], rtol=1e-5)
    assert not np.allclose(after[~own], before[~own])


def test_the_fits_of_the_training_are_used_for_the_boostings(
    data: Dataset, fold: Any, tmp_path: Path
) -> None:
    *_, single, served = LEARNERS
    cache = training_cache(tmp_path, data, fold)
    others = np.flatnonzero(fold != 0)
    for learner in (single, served):
        assert isinstance(learner, Boosting)
        found = FoldEvaluation(learner, data, fold, 0, SETTINGS, cache)()
        anew = fit(data, learner.recipe, others)
        X = data.X[(fold == 0) & data.is_uncut]
        np.testing.assert_allclose(found.scores, learner.scores(anew, X), atol=1e-6)
        assert found.fit_seconds is None
