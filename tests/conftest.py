"""What many tests share: one application, opened once; the image, built once."""

import gc
import logging
import os
import subprocess
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import logs
from tests.faulty_s3 import FaultyS3, faulty_s3
from tools.containers import is_engine_here

IMAGE = "sepsis-detect:under-test"
# Folders whose tests share what takes long to make.
SHARING = ("tests/infra/deployment/", "tests/infra/templates/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile`, but a folder whose tests share something is like one file."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    if config.getvalue("dist") != "loadfile":
        return None
    by_file = LoadFileScheduling(config, log)
    file_of = by_file._split_scope
    by_file._split_scope = lambda test: next(
        (folder for folder in SHARING if test.startswith(folder)), file_of(test)
    )
    return by_file


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    """What a test configures, it configures for itself: a stream of its own is closed after it."""
    root = logging.getLogger()
    before = (root.handlers, root.level, logs.logger.level)
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    logs.logger.setLevel(before[2])


@pytest.fixture
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage leaves alone what this test starts: many short processes, measured elsewhere."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """A caller of the application with its default settings and the embedded model."""
    with TestClient(create_app(Settings())) as client:
        yield client


@pytest.fixture(scope="session")
def real_s3() -> Iterator[FaultyS3]:
    """Moto's S3 in a process of its own, behind a proxy with the faults of S3."""
    with faulty_s3() as s3:
        yield s3


@pytest.fixture
def s3(real_s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """An empty bucket without a fault, and the environment that leads there."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in real_s3.environment.items():
        monkeypatch.setenv(name, value)
    real_s3.begin()
    yield real_s3
    real_s3.show(None)
    # Questions that were left to themselves drop their sockets: here, not within a later test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def image() -> str:
    """The image of the code as it is now.

    Without a container engine tests of the image are skipped, save in CI: there it must be one.
    """
    if not is_engine_here():
        if "CI" in os.environ:
            pytest.fail("no container engine answers `docker info`")
        pytest.skip("no container engine answers `docker info`")
    done = subprocess.run(
        ["make", "image", f"IMAGE={IMAGE}"],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return IMAGE
