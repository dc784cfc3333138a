"""Server processes under test, each on a free port of the loopback address."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.005
# Settings of the memory allocator, as in the image.
DOCKERFILE = Path(__file__).parents[1] / "Dockerfile"
ALLOCATOR = dict(re.findall(r"(MALLOC_\w+)=(\S+)", DOCKERFILE.read_text("utf-8")))
CLOCK_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
FLOOR = (
    *("-m", "uvicorn", "benchmarks.floor:app", "--loop", "uvloop", "--http", "httptools"),
    *("--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "75"),
)


class Server:
    """A running server.

    Attributes:
        process: Its first process.
        port: Of the loopback address.
        log: The file of its standard error.
        started_at: Of `time.monotonic()`, when its process was started.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path):
        self.process, self.port, self.log = process, port, log
        self.started_at = time.monotonic()

    def ask(
        self, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and parsed JSON of one request; POST where there is a body."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | dict(headers or {})
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET" if content is None else "POST", path, content, sent)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def wait_until_ready(self) -> None:
        """Wait for 200 on `/health`.

        Raises:
            RuntimeError: The process ended, or did not answer in time.
        """
        while time.monotonic() < self.started_at + START_SECONDS and self.process.poll() is None:
            try:
                if self.ask("/health")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"the server did not start: {self.log.read_text('utf-8')[-2000:]}")

    def stop(self) -> None:
        """Stop the server with SIGTERM, so that its log is complete.

        Raises:
            RuntimeError: Its exit code is not 0.
        """
        self.process.terminate()
        if code := self.process.wait(STOP_SECONDS):
            raise RuntimeError(f"the server ended with exit code {code}")

    def megabytes(self, field: str = "VmRSS") -> float:
        """Resident memory of the largest process; `VmHWM` is its maximum so far."""
        statuses = [Path(f"/proc/{pid}/status").read_text("utf-8") for pid in self._pids()]
        sizes = [re.search(rf"{field}:\s+(\d+) kB", status) for status in statuses]
        return max(int(size[1]) / 1024 for size in sizes if size)

    def cpu_seconds(self) -> float:
        """Processor time of all processes so far."""
        return sum(cpu_seconds_of(pid) for pid in self._pids())

    def _pids(self) -> list[int]:
        pids = [self.process.pid]
        for pid in pids:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
            pids += [int(child) for child in children]
        return pids


def cpu_seconds_of(pid: int) -> float:
    """Processor time of one process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_PER_SECOND


@contextmanager
def local_server(
    variables: Mapping[str, str] | None = None, *, n_workers: int = 1
) -> Iterator[Server]:
    """Run the service until the block ends.

    Args:
        variables: Of the environment: settings, and what other programs need.
        n_workers: Worker processes.

    Raises:
        RuntimeError: It did not start, or did not end with exit code 0.
    """
    command = ("-m", "sepsis_detect", "serve", "--workers", str(n_workers))
    with _started(command, ALLOCATOR | dict(variables or {})) as server:
        yield server
        if server.process.poll() is None:
            server.stop()


@contextmanager
def floor_server() -> Iterator[Server]:
    """Run the floor, one worker, until the block ends."""
    with _started(FLOOR, {}) as server:
        yield server


@contextmanager
def _started(command: tuple[str, ...], variables: Mapping[str, str]) -> Iterator[Server]:
    environment = {name: each for name, each in os.environ.items() if name[:7] != "SEPSIS_"}
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            env=environment | {"ORT_DISABLE_TELEMETRY": "1"} | dict(variables),
            stdout=subprocess.DEVNULL,
            stderr=log,
        ) as process,
    ):
        try:
            server = Server(process, port, Path(log.name))
            server.wait_until_ready()
            yield server
        finally:
            process.kill()


def free_port() -> int:
    """A port of the loopback address that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def machine() -> str:
    """Processor, Python, date and the load average before a measurement."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    processor = found[1] if found else "processor"
    return (
        f"{os.cpu_count()} x {processor}, Python {sys.version.partition(' ')[0]}, "
        f"load average {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}"
    )
