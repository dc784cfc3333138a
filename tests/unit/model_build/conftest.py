"""Fixtures of the tests of model_build: one thread per fit, synthetic datasets, an evaluation."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.split import folds
from model_build.evaluate import evaluate
from model_build.judge.figures import Figures
from model_build.validate import validate
from sepsis_detect.clinical.stay import IntArray
from tests.unit.model_build.small_artifact import DRAWS, a_model
from tests.unit.model_build.small_recipe import RECIPE
from tests.unit.model_build.synthetic_cohort import synthetic_cohort


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Fits of this size are slower with a second thread."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def data() -> Dataset:
    """Sixty patients; tests do not change it."""
    return dataset(synthetic_cohort())


@pytest.fixture(scope="session")
def large_data() -> Dataset:
    """150 patients; tests do not change it."""
    return dataset(synthetic_cohort(150))


@pytest.fixture(scope="session")
def fold(data: Dataset) -> IntArray:
    """Shape (n_hours,): the fold of each hour of `data`, by the recipe."""
    ids = data.cohort.patient_ids.tolist()
    by_patient = folds(ids, n_folds=RECIPE.folds, seed=RECIPE.seed)
    return np.asarray(by_patient[data.cohort.stay_of_hour])


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, large_data: Dataset) -> Path:
    """A folder with what the stage `evaluate` writes in `first`, and its cache in `work`."""
    out = tmp_path_factory.mktemp("report")
    evaluate(large_data.cohort, RECIPE, out=out / "first", work=out / "work", draws=20)
    return out


@pytest.fixture(scope="session")
def measured(evaluated: Path) -> Figures:
    """The content of `metrics.json`."""
    text = (evaluated / "first/docs/model/metrics.json").read_text("utf-8")
    found: Figures = json.loads(text)
    return found


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    """A hundred stays to validate on; tests do not change them."""
    return synthetic_cohort(100)


@pytest.fixture(scope="session")
def validation(cohort: Cohort) -> Figures:
    """The content of `validation.json` for the small artifact on `cohort`."""
    return validate(a_model(), cohort, unlabelled=cohort, about="Made-up stays", draws=DRAWS)
