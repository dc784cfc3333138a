"""The real server as a process of its own, on a free port of the loopback address."""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

STOP_SECONDS = 60
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A server that runs, and what it costs."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, log: Path):
        """Know where it is, and where it writes."""
        self._process = process
        self.pid = process.pid
        self.port = port
        self.log = log

    def ask(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and parsed body of one request; a body makes it a POST."""
        content = None if body is None else json.dumps(body)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            kind = {"Content-Type": "application/json"} if content else {}
            connection.request("POST" if content else "GET", path, content, kind | (headers or {}))
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def stop(self) -> None:
        """End it, so that its log is whole.

        Raises:
            RuntimeError: It did not end as it should.
        """
        self._process.terminate()
        if code := self._process.wait(STOP_SECONDS):
            raise RuntimeError(f"the server ended with exit code {code}")

    def megabytes(self, name: str = "VmRSS") -> float:
        """Resident memory now; `VmHWM`: the most there ever was."""
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0

    def cpu_seconds(self) -> float:
        """Time of a processor used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


@contextmanager
def local_server(**settings: str) -> Iterator[Server]:
    """Run a server of one worker; it ends with the block.

    Args:
        settings: By name without their prefix.

    Raises:
        RuntimeError: It did not start, or did not end as it should.
    """
    environment = {name: each for name, each in os.environ.items() if name[:7] != "SEPSIS_"}
    environment |= {f"SEPSIS_{name}": value for name, value in settings.items()}
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "sepsis_detect", "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout  # noqa: S101 - it was asked for
            banner = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            if banner is None:
                raise RuntimeError("the server did not start")
            server = Server(process, int(banner[1]), Path(log.name))
            yield server
            server.stop()
        finally:
            if process.poll() is None:
                process.kill()


def machine() -> str:
    """On what is measured, and how many others wanted its processors in the last minute."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    name = model[1] if model else "processor"
    python = sys.version.partition(" ")[0]
    return f"{os.cpu_count()} x {name}, Python {python}, load average {os.getloadavg()[0]:.1f}"
