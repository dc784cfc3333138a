"""Shared fixtures: the application, the embedded model, S3, and the container image."""

import gc
import logging
import os
import subprocess
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.prediction.model import Model
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import logs, metrics
from tests.faulty_s3 import FaultyS3, faulty_s3
from tools.containers import is_engine_here

IMAGE = "sepsis-detect:under-test"
# Folders whose tests share fixtures that take long to set up.
SHARED_FOLDERS = ("tests/infra/deployment/", "tests/infra/templates/", "tests/spark/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile`, but all tests of a folder in `SHARED_FOLDERS` run in one process."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # no types

    class LoadFolderScheduling(LoadFileScheduling):  # type: ignore[misc]  # untyped base
        def _split_scope(self, nodeid: str) -> str:  # xdist's documented method to override
            file: str = super()._split_scope(nodeid)
            return next((folder for folder in SHARED_FOLDERS if file.startswith(folder)), file)

    return LoadFolderScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what all tests need: thousands of them take it a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    """Restore handlers and levels after each test, which may close its log stream."""
    root = logging.getLogger()
    before = (root.handlers, root.level, logs.logger.level)
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    logs.logger.setLevel(before[2])


@pytest.fixture(scope="session", autouse=True)
def metrics_only_on_demand() -> Iterator[None]:
    """No thread of an application logs its metrics while a test of another reads the log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "FLUSH_SECONDS", 86_400.0)
        yield


@pytest.fixture
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subprocesses without coverage, for tests that start many short ones covered elsewhere."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """A client of the application with default settings and the embedded model."""
    with TestClient(create_app(Settings())) as client:
        yield client


@pytest.fixture(scope="session")
def embedded_model() -> Model:
    """The model of this package."""
    return Model.embedded(loaded_at=datetime.now(UTC))


@pytest.fixture(scope="session")
def real_s3() -> Iterator[FaultyS3]:
    """Moto's S3 in a separate process, behind a proxy that injects faults."""
    with faulty_s3() as s3:
        yield s3


@pytest.fixture
def s3(real_s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """An empty bucket without faults, and the environment variables to reach it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in real_s3.environment.items():
        monkeypatch.setenv(name, value)
    real_s3.begin()
    yield real_s3
    real_s3.show(None)
    # Abandoned requests drop their sockets: collect them here, not during a later test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def image() -> str:
    """The container image of the current code.

    Without a container engine its tests are skipped, except in CI, where they fail.
    """
    if not is_engine_here():
        if "CI" in os.environ:
            pytest.fail("no container engine answers `docker info`")
        pytest.skip("no container engine answers `docker info`")
    done = subprocess.run(
        ["make", "image", f"IMAGE={IMAGE}"],
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return IMAGE
