"""Long steady load at 70 % of the peak: memory stays flat, every request is answered.

    make soak                       or        make soak SOAK_ARGS='--minutes 2'

A real server of one worker. A machine that others use is now fast, now slow, by up to two, for some
seconds each, and 70 % of the peak of a fast moment is too much for a slow one. So the peak is
measured anew every five seconds, and of what was turned away counts the median of those parts
after which it was as high, or at most a tenth lower; of answers that must never be, every one
counts. Resident memory is read every second; after the first tenth, in which caches fill, a
straight line is laid through it (least squares). Exit code 1 where a bound is broken. Loopback
only.
"""

import argparse
import sys
import threading
import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks.load import CAPACITY_CONNECTIONS, Bound, judge, peak_per_second, send
from benchmarks.local_server import Server, local_server, machine

MINUTES = 20.0
SHARE_OF_PEAK = 0.7
PART_SECONDS = 5.0  # for which a peak counts
PARTS_A_LINE = 12  # that are told together
PEAK_SECONDS = 0.5
CALM_SECONDS = 0.5  # before a peak, without requests: a flood is over then
AS_FAST = 0.9  # of the peak before, at least
FILLING = 0.1  # of the time, that is left out of the slope
MAX_GROWTH = 5.0  # MB, over the time that is looked at
MAX_REFUSED = 0.001  # chance brings many together now and then


class Memory(threading.Thread):
    """Reads the memory of a server until told to stop."""

    def __init__(self, server: Server):
        """Read that of `server`."""
        super().__init__(daemon=True)
        self._server = server
        self._ended = threading.Event()
        self.seconds: list[float] = []
        self.megabytes: list[float] = []

    def run(self) -> None:
        """Read once a second."""
        began = time.monotonic()
        while not self._ended.wait(1.0):
            self.seconds.append(time.monotonic() - began)
            self.megabytes.append(self._server.megabytes())

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self.join()

    def line(self) -> tuple[float, float]:
        """MB a second, and MB over the whole time looked at."""
        first = int(len(self.seconds) * FILLING)
        seconds, megabytes = self.seconds[first:], self.megabytes[first:]
        slope = float(np.polyfit(seconds, megabytes, 1)[0])
        return slope, slope * (seconds[-1] - seconds[0])


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=MINUTES)
    minutes = min(max(parser.parse_args().minutes, 0.1), 24 * 60.0)
    print(f"{machine()}; one worker", flush=True)
    n_parts = max(round(minutes * 60 / PART_SECONDS), 1)
    with local_server() as server:
        memory = Memory(server)
        memory.start()
        peak, parts = peak_per_second(server, PEAK_SECONDS), []
        for number in range(1, n_parts + 1):
            parts.append(_part(server, minutes * 60 / n_parts, peak))
            peak = parts[-1]["peak after"]
            if number % PARTS_A_LINE == 0 or number == n_parts:
                n_told = (number - 1) % PARTS_A_LINE + 1
                print(_told(number * minutes / n_parts, parts[-n_told:]), flush=True)
        memory.stop()
        most = server.megabytes("VmHWM")
    slope, growth = memory.line()
    as_fast = [part["refused"] for part in parts if part["as fast"]]
    print(
        f"{sum(part['sent'] for part in parts):,} requests; the machine was as fast after "
        f"{len(as_fast)} of {n_parts} parts as before"
    )
    print(
        f"memory: {memory.megabytes[0]:.1f} MB at first, {memory.megabytes[-1]:.1f} at last, "
        f"{most:.1f} at most; slope {slope * 3600:+.2f} MB an hour"
    )
    return judge(
        [
            Bound("MB of growth along the line", growth, most=MAX_GROWTH),
            Bound(
                "share of the peak before it that was asked for, least of all parts",
                min(part["share"] for part in parts),
                least=0.6,
            ),
            Bound(
                "share of requests turned away, median of those parts",
                median(as_fast) if as_fast else 1.0,
                most=MAX_REFUSED,
            ),
            Bound(
                "answers that are neither 200 nor 503 with Retry-After",
                sum(part["odd"] for part in parts),
                most=0,
            ),
        ]
    )


def _part(server: Server, seconds: float, peak: float) -> dict[str, Any]:
    rate = SHARE_OF_PEAK * peak
    told = send(server, seconds, connections=CAPACITY_CONNECTIONS, per_second=rate)
    time.sleep(CALM_SECONDS)
    peak_after = peak_per_second(server, PEAK_SECONDS, warm_up_seconds=0)
    statuses = told["by_status"]
    answered, n_refused = statuses["200"], statuses.get("503", {"n": 0})["n"]
    n_sent = answered["n"] + n_refused
    return {
        "sent": n_sent,
        "rate": rate,
        "n_refused": n_refused,
        "refused": n_refused / n_sent,
        "share": n_sent / told["seconds"] / peak,
        "odd": told["n_odd"] + len(set(statuses) - {"200", "503", "health 200"}),
        "peak after": peak_after,
        "as fast": peak_after >= AS_FAST * peak,
        "p50": answered["p50"],
        "p99": answered["p99"],
        "slowest": answered["max"],
    }


def _told(minutes: float, parts: list[dict[str, Any]]) -> str:
    rates = [part["rate"] for part in parts]
    as_fast = [part for part in parts if part["as fast"]]
    return (
        f"{minutes:>5.1f} min: {min(rates):,.0f} to {max(rates):,.0f} a second; turned away "
        f"{sum(part['n_refused'] for part in as_fast):,} in the {len(as_fast)} of "
        f"{len(parts)} parts after which the peak was as high, "
        f"{sum(part['n_refused'] for part in parts):,} in all; ms, medians of the "
        f"parts: median {median(part['p50'] for part in parts):.1f}, "
        f"p99 {median(part['p99'] for part in parts):.1f}; "
        f"slowest {max(part['slowest'] for part in parts):.0f}"
    )


if __name__ == "__main__":
    sys.exit(main())
