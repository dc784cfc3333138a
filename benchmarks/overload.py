"""`make overload`: three times more requests than the service can answer.

Capacity is measured first, with one worker. Then requests arrive as a Poisson process of three
times that rate over many connections, while `/health` is asked ten times a second on connections of
its own, as a load balancer does. Afterwards predictions are asked one at a time. Exit code 1 where
a bound is missed. It needs wrk and uses the loopback address only.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks import request_bodies, wrk
from benchmarks.bounds import Bound, report
from benchmarks.local_server import Server, local_server, machine

TIMES_CAPACITY = 3
N_CONNECTIONS = 512  # many more than may be in flight at once
HEALTH_INTERVAL_SECONDS = 0.1
MAX_ACCEPTED_P99_MS = 250.0
MAX_RECOVERY_SECONDS = 2.0
MAX_MEGABYTES = 250.0
NORMAL_MS = 50.0  # a single prediction takes 1 to 5 ms


@dataclass
class HealthChecks:
    """Answers of `/health`, asked on a new connection each time."""

    n: int = 0
    n_failed: int = 0
    milliseconds: list[float] = field(default_factory=list)

    @contextmanager
    def running(self, server: Server) -> Iterator[None]:
        """Ask until the block ends."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._ask, args=(server, stopped))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _ask(self, server: Server, stopped: threading.Event) -> None:
        while not stopped.wait(HEALTH_INTERVAL_SECONDS):
            started_at = time.monotonic()
            status = status_of(server, "/health")
            self.milliseconds.append((time.monotonic() - started_at) * 1000)
            self.n += 1
            self.n_failed += status != 200


def status_of(server: Server, path: str, body: bytes | None = None) -> int:
    """Status of one answer; 0 where the connection failed."""
    try:
        return server.ask(path, body)[0]
    except OSError:
        return 0


def recovery_seconds(server: Server, body: bytes) -> float:
    """Time until predictions, asked one at a time, are all answered with 200 in normal time."""
    began = time.monotonic()
    recovered_at = began
    while time.monotonic() < began + 2 * MAX_RECOVERY_SECONDS:
        started_at = time.monotonic()
        status = status_of(server, "/predict/patient", body)
        if status != 200 or time.monotonic() - started_at > NORMAL_MS / 1000:
            recovered_at = time.monotonic()
    return recovered_at - began


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=30, help="of overload")
    seconds = parser.parse_args().seconds
    print(f"{machine()}; one worker", flush=True)
    bodies, checks = request_bodies.flat(), HealthChecks()
    with local_server() as server:
        capacity = wrk.peak_per_second(server.port, bodies)
        print(f"capacity: {capacity:,.0f} predictions a second", flush=True)
        with checks.running(server):
            over = wrk.run(
                server.port,
                bodies,
                n_connections=N_CONNECTIONS,
                seconds=seconds,
                per_second=TIMES_CAPACITY * capacity,
                is_checked=True,
            )
        recovered = recovery_seconds(server, bodies[0])
        megabytes = server.megabytes("VmHWM")
    print(
        f"{over.seconds:.0f} s of {TIMES_CAPACITY} times as many: {over.n_ok:,} answered 200, "
        f"{over.n_refused:,} 503 with Retry-After; ms: median {over.p50_ms:.1f}, "
        f"p99 {over.p99_ms:.1f}; {checks.n} health checks, "
        f"slowest {max(checks.milliseconds):.0f} ms"
    )
    return report(
        [
            Bound("requests refused", over.n_refused, min=1),
            Bound("health checks that failed", checks.n_failed, max=0),
            Bound("answers other than 200, or 503 with Retry-After", over.n_odd, max=0),
            Bound("p99 of the accepted, ms", over.accepted_p99_ms, max=MAX_ACCEPTED_P99_MS),
            Bound("seconds until normal again", recovered, max=MAX_RECOVERY_SECONDS),
            Bound("resident memory at most, MB", megabytes, max=MAX_MEGABYTES),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
