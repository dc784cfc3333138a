"""Fixtures: the templates of the environments under test."""

import pytest

from tests.infra.conftest import Synthesise, Template
from tests.infra.templates.reading import EVERYTHING, PROD, SHADOWED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A longer time-out, since CDK is slow to start."""
    for item in items:
        if "tests/infra/templates/" in item.nodeid:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="package")
def dev(synthesise: Synthesise) -> Template:
    return synthesise()


@pytest.fixture(scope="package")
def prod(synthesise: Synthesise) -> Template:
    return synthesise(**PROD)


@pytest.fixture(scope="package")
def shadowed(synthesise: Synthesise) -> Template:
    return synthesise(**SHADOWED)


@pytest.fixture(scope="package")
def everything(synthesise: Synthesise) -> Template:
    return synthesise(**EVERYTHING)
