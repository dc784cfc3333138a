"""`make bench-shadow`: the cost of a shadow model as a ratio, in interleaved rounds.

Two servers, without and with the embedded model as its own shadow, are asked in turn at a steady
rate. Exit code 1 where a bound is missed; loopback address only.
"""

import argparse
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.bounds import Bound, report
from benchmarks.local_server import Server, cpu_seconds_of, local_server, machine
from benchmarks.shadow_swaps import shadow_processes
from benchmarks.steady_requests import SteadyRequests
from sepsis_detect.prediction.model import EMBEDDED_MODEL

N_CLIENTS = 4
MAX_RATIO = 1.3
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """One run against one server.

    Attributes:
        p50_ms, p99_ms: Latency.
        cpu_ms: Processor time of one answer, without and with the process of the shadow.
        n_failed: Requests without an answer.
    """

    p50_ms: float
    p99_ms: float
    cpu_ms: float
    n_failed: int


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--per-second", type=float, default=200.0)
    options = parser.parse_args()
    print(machine(), flush=True)
    costs: dict[str, list[Cost]] = {"without": [], "with": []}
    with (
        local_server() as without,
        local_server({"SEPSIS_SHADOW_MODEL_URI": str(EMBEDDED_MODEL)}) as shadowed,
    ):
        _wait_for_shadow(shadowed)
        for number in range(options.rounds + 1):  # the first is a warm-up
            for name, server in (("without", without), ("with", shadowed)):
                found = _measure(server, options.seconds, options.per_second)
                if number:
                    costs[name].append(found)
        (pid,) = shadow_processes(shadowed.process.pid)
        megabytes = _megabytes(pid)
        n_failures = 0 if shadowed.ask("/health")[1]["shadow"]["failure"] is None else 1
    for name, found_costs in costs.items():
        print(
            f"{name:<8} p50 {median(each.p50_ms for each in found_costs):.2f} ms, "
            f"p99 {median(each.p99_ms for each in found_costs):.2f} ms, "
            f"processor {median(each.cpu_ms for each in found_costs):.2f} ms an answer"
        )
    print(
        f"p99 with a shadow, times that without: {_ratio(costs, 'p99_ms'):.2f}; "
        f"processor time: {_ratio(costs, 'cpu_ms'):.2f}; "
        f"resident memory of its process: {megabytes:.0f} MB"
    )
    return report(
        [
            Bound("p50 with a shadow, times that without", _ratio(costs, "p50_ms"), max=MAX_RATIO),
            Bound("failed requests", sum(e.n_failed for es in costs.values() for e in es), max=0),
            Bound("failures of the shadow", n_failures, max=0),
        ]
    )


def _wait_for_shadow(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.ask("/health")[1]["shadow"]["model"] is None:
        if time.monotonic() > deadline:
            raise RuntimeError("the shadow was not opened")
        time.sleep(0.1)


def _measure(server: Server, seconds: float, per_second: float) -> Cost:
    requests = SteadyRequests(server.port, n_clients=N_CLIENTS, per_second=per_second)
    before = _cpu_seconds(server)
    with requests.running():
        time.sleep(seconds)
    return Cost(
        p50_ms=requests.latency_ms(0.5),
        p99_ms=requests.latency_ms(0.99),
        cpu_ms=1000 * (_cpu_seconds(server) - before) / requests.n_requests,
        n_failed=requests.n_failed,
    )


def _cpu_seconds(server: Server) -> float:
    """Of the worker and of the shadow's process."""
    pids = [server.process.pid, *shadow_processes(server.process.pid)]
    return sum(cpu_seconds_of(pid) for pid in pids)


def _megabytes(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
    return int(found[1]) / 1024 if found else 0.0


def _ratio(costs: dict[str, list[Cost]], name: str) -> float:
    """Median over the rounds of a ratio within each."""
    pairs = zip(costs["with"], costs["without"], strict=True)
    return median(float(getattr(ours, name) / getattr(other, name)) for ours, other in pairs)


if __name__ == "__main__":
    sys.exit(main())
