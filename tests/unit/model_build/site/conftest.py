"""Fixtures of the tests of adaptation: a given model, stays, and an adaptation to them."""

from pathlib import Path

import pytest

from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset
from model_build.site.adapt import Adapted, adapt, site_data
from model_build.site.given_model import GivenModel
from tests.unit.model_build.site.small_site import SETTINGS, UTILITY, write_given
from tests.unit.model_build.synthetic_cohort import synthetic_cohort


@pytest.fixture(scope="session")
def given_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of the given model."""
    return write_given(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="session")
def given(given_file: Path) -> GivenModel:
    return GivenModel.read(given_file)


@pytest.fixture(scope="session")
def stays() -> Cohort:
    """150 stays, some 50 septic; tests do not change them."""
    return synthetic_cohort(150, seed=7)


@pytest.fixture(scope="session")
def own(given: GivenModel, stays: Cohort) -> Dataset:
    """The same as a dataset of the given model's features."""
    return site_data(stays, given.features, progress=False)


@pytest.fixture(scope="session")
def adapted(given: GivenModel, stays: Cohort) -> Adapted:
    """The given model adapted to them."""
    return adapt(given, stays, rule=UTILITY, site_name="St Elsewhere", settings=SETTINGS)
