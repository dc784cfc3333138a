"""What many tests share: one application, opened once."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.settings import Settings


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """A caller of the application with its default settings and the embedded model."""
    with TestClient(create_app(Settings())) as client:
        yield client
