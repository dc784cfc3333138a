"""`make soak`: requests at 70 % of the peak for ten minutes; memory stays flat.

One worker. Requests arrive as a Poisson process; every answer is checked. Resident memory is read
every second; a straight line is fitted to it (least squares) after the first tenth, in which caches
fill. Exit code 1 where a bound is missed. It needs wrk and uses the loopback address only.
"""

import argparse
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np

from benchmarks import request_bodies, wrk
from benchmarks.bounds import Bound, report
from benchmarks.local_server import Server, local_server, machine

SHARE_OF_PEAK = 0.7
MIN_SHARE_OF_PEAK = 0.5  # the machine may be slower than when the peak was measured
SKIPPED_SHARE = 0.1  # of the time, before the line is fitted
MAX_GROWTH_MEGABYTES = 5.0


class MemoryReadings(threading.Thread):
    """Resident memory of a server, read once a second until `stop`."""

    def __init__(self, server: Server):
        super().__init__(daemon=True)
        self._server = server
        self._stopped = threading.Event()
        self.seconds: list[float] = []
        self.megabytes: list[float] = []

    def run(self) -> None:
        """Read; called by `start`."""
        began = time.monotonic()
        while not self._stopped.wait(1.0):
            self.seconds.append(time.monotonic() - began)
            self.megabytes.append(self._server.megabytes())

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.join()

    def growth_megabytes(self) -> float:
        """Rise of the fitted line over the time that it spans."""
        first = int(len(self.seconds) * SKIPPED_SHARE)
        seconds, megabytes = self.seconds[first:], self.megabytes[first:]
        slope = float(np.polyfit(seconds, megabytes, 1)[0])
        return slope * (seconds[-1] - seconds[0])


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=10)
    minutes = parser.parse_args().minutes
    print(f"{machine()}; one worker", flush=True)
    bodies = request_bodies.flat()
    with local_server() as server:
        peak = wrk.peak_per_second(server.port, bodies)
        memory = MemoryReadings(server)
        memory.start()
        runs = [send(server, bodies, SHARE_OF_PEAK * peak, memory) for _ in range(minutes)]
        memory.stop()
    n_answers = sum(run.n_ok for run in runs)
    print(f"{n_answers:,} predictions; the peak is {peak:,.0f} a second")
    share = n_answers / sum(run.seconds for run in runs) / peak
    return report(
        [
            Bound("rate, share of the peak", share, min=MIN_SHARE_OF_PEAK),
            Bound("growth of memory, MB", memory.growth_megabytes(), max=MAX_GROWTH_MEGABYTES),
            Bound("answers other than 200", sum(run.n_odd + run.n_refused for run in runs), max=0),
        ]
    )


def send(
    server: Server, bodies: Sequence[bytes], per_second: float, memory: MemoryReadings
) -> wrk.Result:
    """Send requests for a minute, and print what was measured."""
    run = wrk.run(
        server.port,
        bodies,
        n_connections=wrk.PEAK_CONNECTIONS,
        seconds=60,
        per_second=per_second,
        is_checked=True,
    )
    print(
        f"{memory.seconds[-1] / 60:5.1f} min: {run.per_second:,.0f} predictions a second; "
        f"ms: median {run.p50_ms:.1f}, p99 {run.p99_ms:.1f}, slowest {run.max_ms:.0f}; "
        f"{memory.megabytes[-1]:.1f} MB",
        flush=True,
    )
    return run


if __name__ == "__main__":
    sys.exit(main())
