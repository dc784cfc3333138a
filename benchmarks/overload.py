"""Three times more than can be answered: what is accepted stays fast, the rest is told so at once.

    make overload

A real server of one worker. In each of several rounds capacity is measured first, then the time of
requests that come one at a time, then both meet an open load: nobody waits for earlier answers. At
once after it, requests come one at a time again. Speeds are told as shares of those of their round,
since a machine that others use is now fast, now slow; of these shares the median round counts, of
answers that must never be, every one. Exit code 1 where a bound is broken. About two minutes;
loopback only.
"""

import argparse
import sys
from statistics import median
from typing import Any

from benchmarks.load import Bound, judge, peak_per_second, send
from benchmarks.local_server import Server, local_server, machine

N_ROUNDS = 5
TIMES_CAPACITY = 3.0
TIMES_UNLOADED_P99 = 5.0
RECOVERY_SECONDS = 2.0
CONNECTIONS = 1024  # open from the start, so that nobody waits for one; more are opened if all wait


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of overload, in each round")
    seconds = min(max(parser.parse_args().seconds, 1.0), 600.0)
    print(f"{machine()}; one worker", flush=True)
    with local_server() as server:
        rounds = [_round(server, number, seconds) for number in range(1, N_ROUNDS + 1)]
    return judge(
        [
            Bound(name, median(each[name] for each in rounds), **limit)
            for name, limit in SHARES.items()
        ]
        + [Bound(name, sum(each[name] for each in rounds), most=0) for name in NEVER]
    )


SHARES: dict[str, dict[str, float]] = {
    "times its capacity that was asked of it": {"least": 2.5},
    "p99 of the accepted, times the unloaded one": {"most": TIMES_UNLOADED_P99},
    "p99 at once after it, times the unloaded one": {"most": TIMES_UNLOADED_P99},
}
NEVER = [
    "answers that are neither 200 nor 503 with Retry-After",
    "health checks that failed",
    "other answers than 200 before and after",
]


def _round(server: Server, number: int, seconds: float) -> dict[str, float]:
    peak = peak_per_second(server, max(seconds / 3, 1.0))
    unloaded = send(server, max(seconds / 3, 1.0), connections=1)
    over = send(server, seconds, connections=CONNECTIONS, per_second=TIMES_CAPACITY * peak)
    after = send(server, RECOVERY_SECONDS, connections=1)
    print(f"round {number}: capacity {peak:.0f} predictions a second")
    for name, told in (("one at a time", unloaded), ("overload", over), ("at once after", after)):
        _tell(name, told)
    statuses = over["by_status"]
    accepted = statuses.get("200", {"n": 0, "p99": float("inf")})
    print(
        f"  answered: {accepted['n'] / over['seconds'] / peak:.0%} of capacity; "
        f"sent late by the sender, p99: {over['late_p99']:.2f} ms",
        flush=True,
    )
    n_sent = sum(each["n"] for name, each in statuses.items() if "health" not in name)
    others = [set(told["by_status"]) - {"200", "health 200"} for told in (unloaded, after)]
    p99 = unloaded["by_status"]["200"]["p99"]
    shares = (
        n_sent / over["seconds"] / peak,
        accepted["p99"] / p99,
        after["by_status"]["200"]["p99"] / p99,
    )
    never = (
        over["n_odd"] + len(set(statuses) - {"200", "503", "health 200"}),
        len({name for name in statuses if "health" in name} - {"health 200"}),
        len(set().union(*others)) + unloaded["n_odd"] + after["n_odd"],
    )
    return dict(zip([*SHARES, *NEVER], [*shares, *never], strict=True))


def _tell(name: str, told: Any) -> None:
    print(f"  {name}: {told['seconds']:.0f} s, {told['connections']} connections")
    for status, times in sorted(told["by_status"].items()):
        print(
            f"    {status}: {times['n']:,}; ms: median {times['p50']:.2f}, "
            f"p99 {times['p99']:.2f}, slowest {times['max']:.1f}"
        )


if __name__ == "__main__":
    sys.exit(main())
