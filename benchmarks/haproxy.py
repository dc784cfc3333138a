"""HAProxy as the load balancer: active checks of /health, no retries, no redispatch."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.local_server import free_port

CHECK_INTERVAL_SECONDS = 2.0
CHECK_TIMEOUT_SECONDS = 4.0  # a busy machine is slow; a dead container refuses at once
N_SLOTS = 3  # two containers in service, one that replaces the next
WAIT_SECONDS = 60.0
CONFIGURATION = """
global
    stats socket {socket} mode 600 level admin
defaults
    mode http
    retries 0
    timeout connect 5s
    timeout client 75s
    timeout server 60s
    timeout check {timeout_ms}
    http-reuse safe
listen service
    bind 127.0.0.1:{port}
    balance roundrobin
    option httpchk GET /health
    http-check expect status 200
    default-server check inter {interval_ms} fall 1 rise 1
"""


class Balancer:
    """HAProxy on a free port, with its servers in numbered slots."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self._control = folder / "haproxy.sock"
        configuration = CONFIGURATION.format(
            socket=self._control,
            port=self.port,
            interval_ms=int(CHECK_INTERVAL_SECONDS * 1000),
            timeout_ms=int(CHECK_TIMEOUT_SECONDS * 1000),
        ) + "".join(f"    server slot{slot} 127.0.0.1:1 disabled\n" for slot in range(N_SLOTS))
        (folder / "haproxy.cfg").write_text(configuration, "utf-8")
        self.process = subprocess.Popen(["haproxy", "-q", "-db", "-f", str(folder / "haproxy.cfg")])
        wait_until(self._control.exists, "haproxy did not start")

    def add(self, slot: int, port: int) -> None:
        """Put a server into rotation, after its first good check."""
        self._command(f"set server service/slot{slot} addr 127.0.0.1 port {port}")
        self._command(f"set server service/slot{slot} health down")
        self._command(f"set server service/slot{slot} state ready")
        self.wait_until(slot, "UP")

    def remove(self, slot: int) -> None:
        """Take a server out of rotation, and stop its checks."""
        self._command(f"set server service/slot{slot} state maint")

    def wait_until(self, slot: int, status: str) -> None:
        """Wait until the checks found a slot `UP` or `DOWN`."""
        wait_until(
            lambda: self._statistic(slot, "status").startswith(status),
            f"slot {slot} is not {status}",
        )

    def n_downs(self, slot: int) -> int:
        """How often the checks found a slot down."""
        return int(self._statistic(slot, "chkdown"))

    def _statistic(self, slot: int, name: str) -> str:
        lines = self._command("show stat").lstrip("# ").splitlines()
        column = lines[0].split(",").index(name)
        row = next(line for line in lines[1:] if line.startswith(f"service,slot{slot},"))
        return row.split(",")[column]

    def _command(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._control))
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


@contextmanager
def balancer() -> Iterator[Balancer]:
    """Run HAProxy until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        running = Balancer(Path(folder))
        try:
            yield running
        finally:
            running.process.kill()
            running.process.wait()


def wait_until(holds: Callable[[], bool], failure: str) -> float:
    """Poll a condition; seconds until it holds.

    Raises:
        TimeoutError: It never did; the message is `failure`.
    """
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > WAIT_SECONDS:
            raise TimeoutError(f"{failure} after {WAIT_SECONDS:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began
