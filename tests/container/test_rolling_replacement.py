"""One round of `make bench-roll`: replaced under load, no request fails; killed, it recovers."""

import os
import shutil
import subprocess
import sys

import pytest

# Beside other work the balancer's health checks come late, and it finds no server to ask.
pytestmark = [pytest.mark.timeout(900), pytest.mark.alone]


def test_replaced_under_load_no_request_fails(image: str) -> None:
    if shutil.which("haproxy") is None:
        if "CI" in os.environ:
            pytest.fail("no haproxy: apt-get install haproxy")
        pytest.skip("no haproxy: apt-get install haproxy")
    command = ["-m", "benchmarks.rolling_replacement", "--image", image, "--runs", "1"]
    done = subprocess.run(
        [sys.executable, *command, "--seconds", "2"],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    print(done.stdout)  # noqa: T201
    assert done.returncode == 0, done.stdout + done.stderr
