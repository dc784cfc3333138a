"""`make bench-swap`: models are swapped under steady requests: good, bad, and with faults of S3.

The service, with two workers, polls a local S3 (moto behind a proxy that can fail). Each prediction
must come from a model that was accepted, with the probability of that model; no request may fail.
Exit code 1 where a bound is missed. About ten minutes; loopback address only.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.bounds import Bound, report
from benchmarks.local_server import Server, local_server, machine
from benchmarks.steady_requests import PATIENT, SteadyRequests
from tests.artifacts import BAD, CHOSEN, a_model, expected
from tests.faulty_s3 import FAULTS, URI, FaultyS3, faulty_s3

N_SWAPS = 50
N_WORKERS = 2
N_CLIENTS = 8
REQUESTS_PER_SECOND = 200.0
N_EQUAL_ANSWERS = 16  # of /health in succession: then every worker has answered
MAX_POLLS = 2.0
MAX_WAIT_SECONDS = 120.0
MAX_MEGABYTES = 150.0
TOLERANCE = 2e-6
ODD_EVENTS = ("model_fallback", "model_unchecked", "model_poll_failed")


@dataclass
class Swaps:
    """What was tried, and how it ended.

    Attributes:
        probabilities: Of every accepted version, for the patient that is sent.
        tried: Number of swaps by kind.
        unexpected: Number of swaps that did not end as they should, by kind.
        polls: Polling intervals until each good model was served by every worker.
    """

    probabilities: dict[str, float] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    polls: list[float] = field(default_factory=list)

    def publish(self, s3: FaultyS3, number: int) -> str:
        """Upload a good model; its version."""
        version, scale = f"good-{number}", 1 - number / 200
        values = {"lactate_last": PATIENT["lactate"], "heart_rate_last": PATIENT["heart_rate"]}
        values["age"] = PATIENT["age"]
        row = np.array([[values[name] for name in CHOSEN]], dtype=np.float32)
        self.probabilities[version] = float(expected(row, CHOSEN)[0]) * scale
        s3.put(a_model(version, scale=scale))
        return version


def main() -> int:
    """Run, print, judge."""
    options = _options()
    swaps = Swaps()
    print(machine(), flush=True)
    with faulty_s3() as s3, tempfile.TemporaryDirectory() as folder:
        s3.begin()
        swaps.publish(s3, 0)
        began = time.monotonic()
        settings = {
            "SEPSIS_MODEL_URI": URI,
            "SEPSIS_MODEL_CACHE_DIR": folder,
            "SEPSIS_MODEL_POLL_SECONDS": str(options.poll_seconds),
        }
        with local_server(s3.environment | settings, n_workers=N_WORKERS) as server:
            requests = SteadyRequests(
                server.port, n_clients=N_CLIENTS, per_second=REQUESTS_PER_SECOND
            )
            with requests.running():
                for number, kind in enumerate(_plan(options.swaps, options.seed), 1):
                    swap(s3, server, swaps, number, kind, options.poll_seconds)
            megabytes = server.megabytes()
            server.stop()
            log = Counter(_event(line) for line in server.log.read_text("utf-8").splitlines())
    _print(swaps, requests, log, time.monotonic() - began)
    return report(_bounds(swaps, requests, megabytes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--swaps", type=int, default=N_SWAPS)
    parser.add_argument("--poll-seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=2019)
    return parser.parse_args()


def _plan(n_swaps: int, seed: int) -> list[str]:
    """Half good uploads, half all other kinds in turn, shuffled; the last one is good."""
    others = [*BAD, "deleted object", *(f"S3: {fault}" for fault in FAULTS)]
    plan = [others[at % len(others)] for at in range(n_swaps // 2)]
    plan += ["good"] * (n_swaps - len(plan) - 1)
    random.Random(seed).shuffle(plan)
    return [*plan, "good"]


def swap(
    s3: FaultyS3, server: Server, swaps: Swaps, number: int, kind: str, poll_seconds: float
) -> None:
    """Upload a model or cause a fault, and wait until every worker shows it."""
    if kind == "good":
        version = swaps.publish(s3, number)
        seconds = wait_for_all(server, lambda health: health["model"]["version"] == version)
        swaps.polls.append(float("inf") if seconds is None else seconds / poll_seconds)
    else:
        status = _cause(s3, kind)
        seconds = wait_for_all(
            server,
            lambda health: (
                (health["candidate"] or {}).get("status") == status and health["status"] == "OK"
            ),
        )
        s3.show(None)
    swaps.tried[kind] += 1
    swaps.unexpected[kind] += seconds is None
    print(f"{number:3} {kind:<20} {'NOT AS EXPECTED' if seconds is None else 'ok'}", flush=True)


def _cause(s3: FaultyS3, kind: str) -> str:
    """Cause a fault; the status of the candidate that /health must show."""
    if kind in BAD:
        s3.put(BAD[kind][0]())
        return "refused"
    if kind == "deleted object":
        s3.delete()
    else:
        s3.show(kind.removeprefix("S3: "))
    return "unreachable"


def wait_for_all(server: Server, holds: Callable[[dict[str, Any]], bool]) -> float | None:
    """Seconds until `/health` of every worker satisfies a condition; None if it never does."""
    began = since = time.monotonic()
    n_equal = 0
    while time.monotonic() - began < MAX_WAIT_SECONDS:
        if not holds(server.ask("/health")[1]):
            n_equal = 0
            time.sleep(0.05)
            continue
        since = since if n_equal else time.monotonic()
        n_equal += 1
        if n_equal == N_EQUAL_ANSWERS:
            return since - began
    return None


def _event(line: str) -> str:
    entry = json.loads(line)
    reason = entry.get("reason") or entry.get("error")
    return f"{entry['event']} ({reason})" if entry["event"] in ODD_EVENTS else entry["event"]


def _print(swaps: Swaps, requests: SteadyRequests, log: Counter[str], seconds: float) -> None:
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(swaps.tried.items()))
    polls = sorted(swaps.polls)
    print(f"{swaps.tried.total()} swaps in {seconds:.0f} s: {kinds}")
    p50, p99 = requests.latency_ms(0.5), requests.latency_ms(0.99)
    print(f"{requests}; ms: median {p50:.1f}, p99 {p99:.1f}")
    print(
        f"polls until every worker served a good model: median {polls[len(polls) // 2]:.2f}, "
        f"most {polls[-1]:.2f} (after faults, S3 is polled less often)"
    )
    print(
        "log: "
        + ", ".join(f"{n} {event}" for event, n in sorted(log.items()) if event != "request")
    )


def _bounds(swaps: Swaps, requests: SteadyRequests, megabytes: float) -> list[Bound]:
    accepted = swaps.probabilities
    n_refused = n_unknown = n_mixed = 0
    for (version, probability), n in requests.answers.items():
        n_refused += n * (version == "refused")
        n_unknown += n * (version not in accepted and version != "refused")
        n_mixed += n * (abs(probability - accepted.get(version, probability)) > TOLERANCE)
    return [
        Bound("failed requests", requests.n_failed, max=0),
        Bound("answers of a refused model", n_refused, max=0),
        Bound("answers of a version that was never accepted", n_unknown, max=0),
        Bound("answers with a probability of another version", n_mixed, max=0),
        Bound("swaps that did not end as they should", swaps.unexpected.total(), max=0),
        Bound("polls until the last good model was served", swaps.polls[-1], max=MAX_POLLS),
        Bound("resident memory of the largest worker, MB", megabytes, max=MAX_MEGABYTES),
    ]


if __name__ == "__main__":
    sys.exit(main())
