"""Load by wrk (`apt-get install wrk`): bodies in turn through kept connections."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
local requests, at = {}, 0
init = function(args)
  local headers = {["Content-Type"] = "application/json"}
  for line in io.lines(os.getenv("BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, line)
  end
end
request = function() at = at % #requests + 1 return requests[at] end
done = function(summary, latency)
  io.write(string.format("\\nFOUND %d %d %d %.1f %.1f %.1f\\n", summary.requests,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.timeout, summary.duration, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one run saw; refused are answers other than 2xx, failed have none."""

    per_second: float
    p50_ms: float
    p99_ms: float
    n_refused: int
    n_failed: int


def load(
    port: int, path: str, bodies: Sequence[bytes], *, n_connections: int, seconds: int
) -> Loaded:
    """Ask a server on this machine without pause, each connection one request at a time."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script, lines = Path(folder, "post.lua"), Path(folder, "bodies")
        script.write_text(SCRIPT, "ascii")
        lines.write_bytes(b"\n".join(bodies))
        command = ["wrk", "-t1", f"-c{n_connections}", f"-d{seconds}s", "--timeout", "30s"]
        command += ["-s", str(script), f"http://127.0.0.1:{port}{path}"]
        done = subprocess.run(  # noqa: S603
            command, env={"BODIES": str(lines)}, capture_output=True, text=True, check=False
        )
    found = re.search(r"FOUND (.+)", done.stdout)
    if found is None:
        sys.exit(f"wrk failed: {done.stdout}{done.stderr}")
    n, n_refused, n_failed, microseconds, p50, p99 = map(float, found[1].split())
    return Loaded(
        per_second=(n - n_refused) / microseconds * 1e6,
        p50_ms=p50 / 1000,
        p99_ms=p99 / 1000,
        n_refused=int(n_refused),
        n_failed=int(n_failed),
    )
