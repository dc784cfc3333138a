"""`make bench-shadow`: swaps of the served model and of the shadow, with every fault of the shadow.

The service, with two workers, polls both models in a local S3 under steady requests. The shadow is
swapped, refused, killed, stopped, and given models that hang, fail, answer nonsense or want memory
on the patient that is sent. No request may fail, and none may be answered by the shadow.
Exit code 1 where a bound is missed. About ten minutes; loopback address only.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bounds import Bound, report
from benchmarks.local_server import Server, local_server, machine
from benchmarks.model_swaps import TOLERANCE, Swaps, wait_for_all
from benchmarks.steady_requests import PATIENT, SteadyRequests
from tests.artifacts import BAD, a_model, harmful_at_trigger
from tests.faulty_s3 import BUCKET, URI, FaultyS3, faulty_s3

N_SWAPS = 20
SHADOW_KEY = "sepsis/shadow.onnx"
HARMS = ("hang", "fail", "nonsense", "hunger")
SIGNALS = {"crash": signal.SIGSEGV, "kill": signal.SIGKILL, "stop": signal.SIGSTOP}
FAULTS = (*BAD, *HARMS, *SIGNALS, "deleted object")


class ShadowSwaps:
    """Uploads of the shadow and faults of it, each waited for."""

    def __init__(self, s3: FaultyS3, server: Server):
        self._s3, self._server = s3, server
        self.n_unexpected = 0
        self._number = 0

    def good(self) -> None:
        """Upload an acceptable shadow and wait until every worker has opened it."""
        self._number += 1
        version = f"shadow-{self._number}"
        self._put(a_model(version, scale=0.01))
        self._wait("good", lambda shadow: (shadow["model"] or {}).get("version") == version)

    def fault(self, kind: str) -> None:
        """Cause a fault and wait until every worker shows it."""
        if kind in BAD:
            self._put(BAD[kind][0]())
            self._wait(kind, lambda shadow: (shadow["candidate"] or {}).get("status") == "refused")
        elif kind == "deleted object":
            self._s3.client.delete_object(Bucket=BUCKET, Key=SHADOW_KEY)
            self._wait(
                kind, lambda shadow: (shadow["candidate"] or {}).get("status") == "unreachable"
            )
        elif kind in HARMS:
            harm = harmful_at_trigger(kind, age=float(str(PATIENT["age"])))
            self._put(a_model("shadow-harm", extra_nodes=harm))
            self._wait(kind, lambda shadow: bool(shadow["failure"]))
        else:
            for pid in shadow_processes(self._server.process.pid):
                os.kill(pid, SIGNALS[kind])
            self._wait(kind, lambda shadow: bool(shadow["failure"]))
        self.good()

    def _put(self, content: bytes) -> None:
        self._s3.client.put_object(Bucket=BUCKET, Key=SHADOW_KEY, Body=content)

    def _wait(self, kind: str, holds: Any) -> None:
        seconds = wait_for_all(self._server, lambda health: bool(holds(health["shadow"])))
        self.n_unexpected += seconds is None
        print(
            f"    shadow: {kind:<20} {'NOT AS EXPECTED' if seconds is None else 'ok'}", flush=True
        )


def shadow_processes(pid: int) -> list[int]:
    """Processes of shadow models below a process."""
    found, rest = [], [pid]
    for each in rest:
        for task in Path(f"/proc/{each}/task").iterdir():
            rest += map(int, (task / "children").read_text("ascii").split())
        if b"shadow_process" in Path(f"/proc/{each}/cmdline").read_bytes():
            found.append(each)
    return found


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--swaps", type=int, default=N_SWAPS)
    parser.add_argument("--poll-seconds", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=2019)
    options = parser.parse_args()
    swaps = Swaps()
    print(machine(), flush=True)
    with faulty_s3() as s3, tempfile.TemporaryDirectory() as folder:
        s3.begin()
        swaps.publish(s3, 0)
        settings = {
            "SEPSIS_MODEL_URI": URI,
            "SEPSIS_SHADOW_MODEL_URI": f"s3://{BUCKET}/{SHADOW_KEY}",
            "SEPSIS_MODEL_CACHE_DIR": folder,
            "SEPSIS_MODEL_POLL_SECONDS": str(options.poll_seconds),
            "SEPSIS_AUDIT_KEY": "k" * 32,
        }
        with local_server(s3.environment | settings, n_workers=2) as server:
            shadow = ShadowSwaps(s3, server)
            requests = SteadyRequests(server.port, n_clients=8, per_second=100.0)
            with requests.running():
                for number, fault in enumerate(_plan(options.swaps, options.seed), 1):
                    version = swaps.publish(s3, number)
                    shadow.fault(fault)
                    if wait_for_all(server, _serves(version)) is None:
                        swaps.unexpected["good"] += 1
                    print(f"{number:3} served: {version}", flush=True)
            server.stop()
            n_lines = server.log.read_text("utf-8").count('"event":"audit"')
    n_swaps = options.swaps
    print(f"{n_swaps} swaps of the served model, {2 * n_swaps} of the shadow and its faults")
    print(f"{requests}; median {requests.latency_ms(0.5):.1f} ms")
    return report(_bounds(swaps, shadow, requests, n_lines))


def _plan(n_swaps: int, seed: int) -> list[str]:
    """Every fault in turn, shuffled."""
    plan = [FAULTS[at % len(FAULTS)] for at in range(n_swaps)]
    random.Random(seed).shuffle(plan)
    return plan


def _serves(version: str) -> Any:
    return lambda health: health["model"]["version"] == version


def _bounds(
    swaps: Swaps, shadow: ShadowSwaps, requests: SteadyRequests, n_lines: int
) -> list[Bound]:
    accepted = swaps.probabilities
    n_of_shadow = n_mixed = 0
    for (version, probability), n in requests.answers.items():
        n_of_shadow += n * (version not in accepted)
        n_mixed += n * (abs(probability - accepted.get(version, probability)) > TOLERANCE)
    return [
        Bound("requests", requests.n_requests, min=1),
        Bound("failed requests", requests.n_failed, max=0),
        Bound("answers of the shadow", n_of_shadow, max=0),
        Bound("answers with a probability of another version", n_mixed, max=0),
        Bound("swaps and faults that did not end as they should", shadow.n_unexpected, max=0),
        Bound("swaps of the served model that did not", swaps.unexpected.total(), max=0),
        Bound("answers without their audit line", requests.n_requests - n_lines, max=0),
    ]


if __name__ == "__main__":
    sys.exit(main())
