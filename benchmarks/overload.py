"""Three times more than can be answered: what is accepted stays fast, the rest is told so at once.

    make overload

A real server of one worker; capacity is measured first, then the time of requests that come one at
a time. The load is open: nobody waits for earlier answers. At once after it, requests come one at a
time again. Exit code 1 where a bound is broken. About a minute; loopback only.
"""

import argparse
import sys
from typing import Any

from benchmarks.load import Bound, judge, peak_per_second, send
from benchmarks.local_server import local_server, machine

TIMES_CAPACITY = 3.0
TIMES_UNLOADED_P99 = 5.0
LEAST_SHARE = 0.4  # of capacity that is still answered; the rest goes into saying no
RECOVERY_SECONDS = 2.0
CONNECTIONS = 256  # open from the start; more are opened when all of them wait


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of overload")
    seconds = min(max(parser.parse_args().seconds, 1.0), 600.0)
    print(f"{machine()}; one worker", flush=True)
    with local_server() as server:
        peak = peak_per_second(server, max(seconds / 3, 1.0))
        unloaded = send(server, max(seconds / 3, 1.0), connections=1)
        over = send(server, seconds, connections=CONNECTIONS, per_second=TIMES_CAPACITY * peak)
        after = send(server, RECOVERY_SECONDS, connections=1)
    return _report(peak, unloaded, over, after)


def _report(peak: float, unloaded: Any, over: Any, after: Any) -> int:
    print(f"capacity: {peak:.0f} predictions a second")
    for name, told in (("one at a time", unloaded), ("overload", over), ("at once after", after)):
        print(f"{name}: {told['seconds']:.0f} s, {told['connections']} connections")
        for status, times in sorted(told["by_status"].items()):
            print(
                f"  {status}: {times['n']:,}; ms: median {times['p50']:.2f}, "
                f"p99 {times['p99']:.2f}, slowest {times['max']:.1f}"
            )
    print(f"sent late by the sender, p99: {over['late_p99']:.2f} ms")
    statuses = over["by_status"]
    accepted = statuses.get("200", {"n": 0, "p99": float("inf")})
    n_sent = sum(each["n"] for name, each in statuses.items() if "health" not in name)
    others = [set(told["by_status"]) - {"200", "health 200"} for told in (unloaded, after)]
    p99 = unloaded["by_status"]["200"]["p99"]
    return judge(
        [
            Bound(
                "times its capacity that was asked of it",
                n_sent / over["seconds"] / peak,
                least=2.5,
            ),
            Bound(
                "p99 of the accepted, ms", accepted["p99"], most=round(TIMES_UNLOADED_P99 * p99, 2)
            ),
            Bound(
                "predictions a second", accepted["n"] / over["seconds"], least=LEAST_SHARE * peak
            ),
            Bound(
                "answers that are neither 200 nor 503 with Retry-After",
                over["n_odd"] + len(set(statuses) - {"200", "503", "health 200"}),
                most=0,
            ),
            Bound(
                "health checks that failed",
                len({name for name in statuses if "health" in name} - {"health 200"}),
                most=0,
            ),
            Bound(
                "other answers than 200 before and after",
                len(set().union(*others)) + unloaded["n_odd"] + after["n_odd"],
                most=0,
            ),
            Bound(
                "p99 after it, ms",
                after["by_status"]["200"]["p99"],
                most=round(TIMES_UNLOADED_P99 * p99, 2),
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
