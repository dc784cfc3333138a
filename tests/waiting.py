"""Waiting for a condition."""

import time
from collections.abc import Callable
from typing import Any


def until(is_met: Callable[[], Any], *, timeout_seconds: float = 120) -> None:
    """Wait until the condition holds; the time-out is long, as the machine may be busy."""
    deadline = time.monotonic() + timeout_seconds
    while not is_met():
        assert time.monotonic() < deadline, f"not met within {timeout_seconds:g} s"
        time.sleep(0.02)
