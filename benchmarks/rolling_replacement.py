"""A rolling replacement of containers behind a load balancer, and the sudden death of one.

HAProxy plays the ALB: active checks on /health, no retries, no redispatch. A load of predictions at
a steady rate runs against it while the containers are replaced as an Auto Scaling group does it:
start the new one, add it once it is healthy, drain the old one, SIGTERM. Every request that is not
answered with 200 is counted; a replacement must cost none, the death of a container no more than
its share of one health-check interval.

    make bench-roll

Everything listens and sends on the loopback address only, for a bounded time.
"""

import argparse
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tools.containers import HARDENED, Container, EngineError, container, docker, is_engine_here

CHECK_INTERVAL_SECONDS = 2.0
CHECK_TIMEOUT_SECONDS = 4.0  # a busy machine is slow, not dead; a dead container refuses at once
SLOTS = 3  # servers HAProxy knows: two that serve, one to come
N_CLIENTS = 24
REQUESTS_PER_SECOND = 100.0
REQUEST_TIMEOUT_SECONDS = 10.0
RECOVERY_SECONDS = 60.0
FLAGS = (*HARDENED, "--env=SEPSIS_AUTH=off", "--env=WEB_CONCURRENCY=1")
PATIENT = {"age": 63, "sex": "male", "icu_hour": 12, "heart_rate": 118, "lactate": 3.1}

CONFIGURATION = """
global
    stats socket {socket} mode 600 level admin
defaults
    mode http
    retries 0
    timeout connect 5s
    timeout client 75s
    timeout server 60s
    timeout check {check_timeout_ms}
    http-reuse safe
listen service
    bind 127.0.0.1:{port}
    balance roundrobin
    option httpchk GET /health
    http-check expect status 200
    default-server check inter {interval_ms} fall 1 rise 1
"""


class BoundBrokenError(Exception):
    """What was measured is not what is promised."""


@dataclass
class Counts:
    """What became of the requests; each thread adds to it under the lock."""

    outcomes: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: str) -> None:
        """Count one request."""
        with self.lock:
            self.outcomes[outcome] += 1

    @property
    def n_requests(self) -> int:
        """All that were sent."""
        return self.outcomes.total()

    @property
    def n_failed(self) -> int:
        """Those that were not answered with 200."""
        return self.n_requests - self.outcomes["200"]

    def told(self) -> str:
        """How many, and every way in which one failed."""
        failures = {name: n for name, n in sorted(self.outcomes.items()) if name != "200"}
        return f"{self.n_requests} requests, {self.n_failed} failed {failures or ''}".rstrip()


class Balancer:
    """HAProxy on a free port, with its servers in numbered slots."""

    def __init__(self, folder: Path):
        """Start it with every slot in maintenance."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._control = folder / "haproxy.sock"
        configuration = CONFIGURATION.format(
            socket=self._control,
            port=self.port,
            interval_ms=int(CHECK_INTERVAL_SECONDS * 1000),
            check_timeout_ms=int(CHECK_TIMEOUT_SECONDS * 1000),
        ) + "".join(f"    server slot{slot} 127.0.0.1:1 disabled\n" for slot in range(SLOTS))
        (folder / "haproxy.cfg").write_text(configuration, encoding="utf-8")
        self.process = subprocess.Popen(  # noqa: S603
            ["haproxy", "-q", "-db", "-f", str(folder / "haproxy.cfg")]  # noqa: S607
        )

    def add(self, slot: int, running: Container) -> None:
        """Send requests to a container from its first good check on."""
        self._tell(f"set server service/slot{slot} addr 127.0.0.1 port {running.port}")
        self._tell(f"set server service/slot{slot} health down")
        self._tell(f"set server service/slot{slot} state ready")
        self.wait_until(slot, "UP")

    def drain(self, slot: int) -> None:
        """Send nothing more to a slot, and wait for what is under way."""
        self._tell(f"set server service/slot{slot} state drain")
        deadline = time.monotonic() + 30
        while int(self._column(slot, "scur")):
            if time.monotonic() > deadline:
                raise BoundBrokenError(f"slot {slot} still has requests after 30 s of draining")
            time.sleep(0.1)

    def forget(self, slot: int) -> None:
        """Take a drained slot out: no more checks."""
        self._tell(f"set server service/slot{slot} state maint")

    def wait_until(self, slot: int, status: str) -> float:
        """Wait for a status of a slot; how many seconds it took."""
        began = time.monotonic()
        while not self._column(slot, "status").startswith(status):
            if time.monotonic() - began > RECOVERY_SECONDS:
                raise BoundBrokenError(
                    f"slot {slot} is not {status} after {RECOVERY_SECONDS:.0f} s"
                )
            time.sleep(0.02)
        return time.monotonic() - began

    def n_downs(self, slot: int) -> int:
        """How often a slot was found unhealthy."""
        return int(self._column(slot, "chkdown"))

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()

    def _column(self, slot: int, name: str) -> str:
        lines = self._tell("show stat").lstrip("# ").splitlines()
        place = lines[0].split(",").index(name)
        row = next(line for line in lines[1:] if line.startswith(f"service,slot{slot},"))
        return row.split(",")[place]

    def _tell(self, command: str) -> str:
        deadline = time.monotonic() + 10
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(str(self._control))
                    connection.sendall(f"{command}\n".encode())
                    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


@contextmanager
def balancer() -> Iterator[Balancer]:
    """Run HAProxy; it ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        running = Balancer(Path(folder))
        try:
            yield running
        finally:
            running.stop()


@contextmanager
def load(port: int) -> Iterator[Counts]:
    """Send predictions at a steady rate, on connections that are kept, while the block runs."""
    counts, ended = Counts(), threading.Event()
    clients = [
        threading.Thread(target=_client, args=(port, number, counts, ended), daemon=True)
        for number in range(N_CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        yield counts
    finally:
        ended.set()
        for client in clients:
            client.join(REQUEST_TIMEOUT_SECONDS + 1)


def _client(port: int, number: int, counts: Counts, ended: threading.Event) -> None:
    pause = N_CLIENTS / REQUESTS_PER_SECOND
    due = time.monotonic() + pause * number / N_CLIENTS
    body = json.dumps(PATIENT)
    connection = HTTPConnection("127.0.0.1", port, timeout=REQUEST_TIMEOUT_SECONDS)
    while not ended.wait(max(0.0, due - time.monotonic())):
        due = max(due + pause, time.monotonic())
        try:
            connection.request(
                "POST", "/predict/patient", body, {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            content = response.read()
            is_whole = response.status != 200 or b'"probability"' in content
            counts.add(str(response.status) if is_whole else "200 without a prediction")
        except (OSError, HTTPException) as error:
            counts.add(type(error).__name__)
            connection.close()
    connection.close()


def roll(image: str, n_runs: int, steady_seconds: float) -> None:
    """Replace both containers, `n_runs` times, under load; no request may fail."""
    with ExitStack() as stack:
        haproxy = stack.enter_context(balancer())
        serving = [_started(stack, image, haproxy, slot) for slot in (0, 1)]
        free = 2
        for run in range(1, n_runs + 1):
            began = time.monotonic()
            with load(haproxy.port) as counts:
                time.sleep(steady_seconds)
                for _ in range(2):
                    new = _started(stack, image, haproxy, free)
                    slot, old = serving.pop(0)
                    haproxy.drain(slot)
                    haproxy.forget(slot)
                    docker("kill", "--signal=TERM", old.name)
                    code = old.wait_until_stopped()
                    old.remove()
                    if code:
                        raise BoundBrokenError(f"a drained container ended with exit code {code}")
                    serving, free = [*serving, new], slot
                time.sleep(steady_seconds)
            seconds = time.monotonic() - began
            print(f"rolling replacement {run}: {counts.told()} in {seconds:.0f} s")
            if counts.n_failed or not counts.n_requests:
                raise BoundBrokenError("a rolling replacement must fail no request")


def kill(image: str, steady_seconds: float) -> None:
    """Kill one of two containers under load; the engine starts it again."""
    with ExitStack() as stack:
        haproxy = stack.enter_context(balancer())
        _, victim = _started(stack, image, haproxy, 0, restart="--restart=on-failure")
        _started(stack, image, haproxy, 1)
        with load(haproxy.port) as counts:
            time.sleep(steady_seconds)
            rate = counts.n_requests / steady_seconds
            pid = victim.state()["Pid"]
            # The process itself: after `docker kill` the engine would leave it dead.
            subprocess.run(["kill", "-9", str(pid)], check=True)  # noqa: S603, S607
            back = _restarted(victim, pid)
            # A container that is back before the next check is never seen as down.
            time.sleep(CHECK_INTERVAL_SECONDS + steady_seconds)
            haproxy.wait_until(0, "UP")
        # Half the requests go to the dead one until the next check ends; each client may also have
        # had one under way.
        bound = round(rate * CHECK_INTERVAL_SECONDS / 2) + N_CLIENTS
        print(f"kill -9 of one of two: {counts.told()} at {rate:.0f} a second; bound {bound}")
        seen = "found dead by a health check" if haproxy.n_downs(0) else "before the next check"
        print(f"  started again and healthy after {back:.2f} s, {seen}")
        if haproxy.n_downs(1):
            print("  the other one missed a health check too: the machine is too busy to tell")
        if counts.n_failed > bound:
            raise BoundBrokenError("kill -9 costs more than its share of a health-check interval")


def _restarted(victim: Container, old_pid: int) -> float:
    """Wait until the engine has started a container again; how many seconds it took."""
    began = time.monotonic()
    while victim.state()["Pid"] in (0, old_pid):
        if time.monotonic() - began > RECOVERY_SECONDS:
            raise BoundBrokenError(f"not started again after {RECOVERY_SECONDS:.0f} s")
        time.sleep(0.05)
    victim.wait_until_healthy()
    return time.monotonic() - began


def _started(
    stack: ExitStack, image: str, haproxy: Balancer, slot: int, *, restart: str = "--restart=no"
) -> tuple[int, Container]:
    running = stack.enter_context(container(image, flags=(*FLAGS, restart), port=_free_port()))
    running.wait_until_healthy()
    haproxy.add(slot, running)
    return slot, running


def _free_port() -> int:
    """A container that is started again must come back where it was."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _missing(image: str) -> str | None:
    if shutil.which("haproxy") is None:
        return "no haproxy: apt-get install haproxy"
    if not is_engine_here():
        return "no container engine answers `docker info`"
    try:
        docker("image", "inspect", image)
    except EngineError:
        return f"no image {image}: make image"
    return None


def main() -> int:
    """Measure and print; 0 when every bound holds, 1 when one is broken, 2 when it cannot run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", default="sepsis-detect")
    parser.add_argument("--runs", type=int, choices=range(1, 21), default=5, metavar="1..20")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="of steady load around each event"
    )
    options = parser.parse_args()
    if reason := _missing(options.image):
        print(f"rolling_replacement: {reason}", file=sys.stderr)
        return 2
    # Ended from outside, it still removes what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    seconds = min(max(options.seconds, 1.0), 30.0)
    try:
        roll(options.image, options.runs, seconds)
        kill(options.image, seconds)
    except (BoundBrokenError, EngineError) as error:
        print(f"rolling_replacement: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
