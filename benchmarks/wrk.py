"""HTTP requests by wrk (`apt-get install wrk`) to a server on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PEAK_CONNECTIONS = 64
SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Answers of one run, and their latencies.

    Attributes:
        seconds: Duration of the run.
        n_ok: Answers 200.
        n_refused: Answers 503 with `Retry-After`; counted only in a run with `is_checked`.
        n_odd: Other answers, and connections that were lost.
        accepted_p99_ms: An upper bound of the 99th percentile of the 200s among refused ones.
    """

    seconds: float
    n_ok: int
    n_refused: int
    n_odd: int
    p50_ms: float
    p99_ms: float
    accepted_p99_ms: float
    max_ms: float

    @property
    def per_second(self) -> float:
        """Answers 200 a second."""
        return self.n_ok / self.seconds


def run(
    port: int,
    bodies: Sequence[bytes],
    *,
    n_connections: int,
    seconds: int,
    path: str = "/predict/patient",
    per_second: float = 0,
    is_checked: bool = False,
) -> Result:
    """POST bodies in turn, one request at a time on each connection.

    Args:
        port: Of the server.
        bodies: Without line breaks.
        n_connections: Kept connections.
        seconds: Duration.
        path: With its query.
        per_second: Arrivals of a Poisson process; 0: each connection asks without a pause.
        is_checked: Read every answer. It costs wrk time, so not where the fastest is measured.

    Raises:
        RuntimeError: wrk failed.
    """
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(bodies))
        file.flush()
        variables = {"BODIES": file.name}
        variables |= {"RATE": str(per_second)} if per_second else {}
        variables |= {"CHECK": "1"} if is_checked else {}
        duration = seconds + 1 if per_second else seconds  # a second to open the connections
        command = ["wrk", "-t1", f"-c{n_connections}", f"-d{duration}s"]
        command += ["--timeout", "30s", "-s", str(SCRIPT), f"http://127.0.0.1:{port}{path}"]
        done = subprocess.run(
            command, env=os.environ | variables, capture_output=True, text=True, check=False
        )
    found = re.search(r"RESULT (.+)", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk failed: {done.stdout}{done.stderr}")
    return Result(**json.loads(found[1]))


def peak_per_second(port: int, bodies: Sequence[bytes]) -> float:
    """Capacity: the most predictions a second, after a warm-up."""
    for seconds in (2, 5):
        result = run(port, bodies, n_connections=PEAK_CONNECTIONS, seconds=seconds)
    return result.per_second
