"""One run of `make bench-roll`: no request fails in a replacement, and kill -9 recovers."""

import os
import shutil
import subprocess
import sys

import pytest

# Other work on the machine delays the health checks of the load balancer.
pytestmark = [pytest.mark.timeout(900), pytest.mark.alone]


def test_no_request_fails_in_a_rolling_replacement(image: str) -> None:
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
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
