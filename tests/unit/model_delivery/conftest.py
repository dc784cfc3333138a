"""Shared by the tests of the model store: the log as it is written."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest

from sepsis_detect.telemetry import logs


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines of the log so far."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonFormatter())
    # An application that other tests share may log its metrics meanwhile.
    handler.addFilter(lambda record: record.name != logs.unfiltered.name)
    logs.logger.addHandler(handler)
    logs.logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logs.logger.removeHandler(handler)
