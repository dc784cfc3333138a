"""Model swaps under constant load: good uploads, every bad kind and every fault of S3, mixed.

    make bench-swap        or        .venv/bin/python -m benchmarks.swap_under_load

A real server with two workers polls a local S3 (moto, in a process of its own, behind a proxy that
can fail) while another process asks it without pause through kept connections. Each answer must
come from a model that was accepted, with the probability that this model gives this patient; no
request may fail. Counts are printed; the exit code is 1 where a bound is broken. It takes about
ten minutes, uses loopback only and ends by itself.
"""

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.steady_load import PATIENT
from sepsis_detect.api.answers import answer_bodies
from sepsis_detect.api.query_options import DEFAULT_OPTIONS
from sepsis_detect.prediction.model import Model
from sepsis_detect.telemetry.metrics import Metrics
from tests.artifacts import BAD, a_model
from tests.faulty_s3 import FAULTS, URI, FaultyS3, faulty_s3

N_SWAPS = 50
N_WORKERS = 2
POLLS_AT_MOST = 2.0  # until the last good model is served everywhere
GIVE_UP_SECONDS = 120.0
MAX_WORKER_MEGABYTES = 150.0


@dataclass
class Seen:
    """What was done and found."""

    n_good: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    as_expected: Counter[str] = field(default_factory=Counter)
    polls: list[float] = field(default_factory=list)
    last_polls: float = 0.0
    megabytes: float = 0.0


class Service:
    """The server under test."""

    def __init__(self, process: "subprocess.Popen[str]"):
        """Read its address from its first line."""
        assert process.stdout  # noqa: S101 - it was asked for
        found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
        if found is None:
            raise SystemExit("the server did not start")
        self.port = int(found[1])
        self.pid = process.pid

    def health(self) -> dict[str, Any]:
        """What one of the workers says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/health")
        told: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return told

    def until_all(self, is_so: Callable[[dict[str, Any]], bool]) -> float | None:
        """Seconds until every worker says so: 16 answers in a row; None if they never do."""
        began = time.monotonic()
        n_so, since = 0, began
        while time.monotonic() - began < GIVE_UP_SECONDS:
            if is_so(self.health()):
                since = since if n_so else time.monotonic()
                n_so += 1
                if n_so == 16:
                    return since - began
            else:
                n_so = 0
                time.sleep(0.05)
        return None

    def megabytes(self) -> float:
        """Resident memory of the largest worker."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()
        sizes = []
        for pid in children:
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("utf-8"))
            sizes.append(int(found[1]) / 1024 if found else 0.0)
        return max(sizes, default=0.0)


def probability_of(artifact: bytes) -> float:
    """What this model answers for the patient of the load, in this process."""
    model = Model(artifact, source="benchmark", loaded_at=datetime.now(UTC))
    sent = [(json.dumps(PATIENT).encode(), "")]
    (answer,) = answer_bodies(model, DEFAULT_OPTIONS, sent, Metrics())
    assert isinstance(answer, dict)  # noqa: S101 - the patient is fit
    return round(float(answer["probability"]), 6)


def main() -> int:
    """Run, print, judge."""
    options = _options()
    accepted: dict[str, float] = {}
    seen = Seen()
    with (
        faulty_s3() as s3,
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "log").open("w", encoding="utf-8") as log,
    ):
        s3.begin()
        _publish_good(s3, accepted, 0)
        began = time.monotonic()
        with _service(s3, folder, options.poll_seconds, log) as service, _load(service) as load:
            _swap(s3, service, accepted, seen, options)
            seen.megabytes = service.megabytes()
            told = json.loads(load.communicate("stop\n", timeout=60)[0])
        seconds = time.monotonic() - began
        n_logged = Counter(
            _event(json.loads(line)) for line in Path(log.name).read_text("utf-8").splitlines()
        )
    return _report(options, seen, told, accepted, n_logged, seconds)


def _event(line: dict[str, Any]) -> str:
    is_odd = line["event"] in ("model_fallback", "model_unchecked", "model_poll_failed")
    return (
        f"{line['event']} ({line.get('reason') or line.get('error')})" if is_odd else line["event"]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--swaps", type=int, default=N_SWAPS)
    parser.add_argument("--poll-seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--per-second", type=float, default=25.0, help="requests a connection")
    parser.add_argument("--seed", type=int, default=2019)
    return parser.parse_args()


def _publish_good(s3: FaultyS3, accepted: dict[str, float], number: int) -> str:
    version = f"good-{number}"
    artifact = a_model(version, scale=1 - number / 200)
    accepted[version] = probability_of(artifact)
    s3.put(artifact)
    return version


def _plan(options: argparse.Namespace) -> list[str]:
    """Half good uploads, half everything else in turn, shuffled; the last one is good."""
    others = [*BAD, "deleted object", *(f"S3: {fault}" for fault in FAULTS)]
    n_others = options.swaps // 2
    plan = [others[at % len(others)] for at in range(n_others)]
    plan += ["good"] * (options.swaps - n_others - 1)
    random.Random(options.seed).shuffle(plan)  # noqa: S311 - to mix
    return [*plan, "good"]


def _swap(
    s3: FaultyS3,
    service: Service,
    accepted: dict[str, float],
    seen: Seen,
    options: argparse.Namespace,
) -> None:
    for number, kind in enumerate(_plan(options), 1):
        seen.tried[kind] += 1
        if kind == "good":
            version = _publish_good(s3, accepted, number)
            seconds = service.until_all(
                lambda told, version=version: told["model"]["version"] == version  # type: ignore[misc]
            )
            seen.n_good += 1
            polls = float("inf") if seconds is None else seconds / options.poll_seconds
            seen.polls.append(polls)
            seen.last_polls = polls
            is_as_expected = seconds is not None
        else:
            is_as_expected = _go_wrong(s3, service, kind)
        seen.as_expected[kind] += is_as_expected
        print(f"{number:3} {kind:<20} {'ok' if is_as_expected else 'NOT AS EXPECTED'}", flush=True)


def _go_wrong(s3: FaultyS3, service: Service, kind: str) -> bool:
    """Whether every worker shows what went wrong, and nothing else changes."""
    status = "unreachable"
    if kind in BAD:
        status = "refused"
        s3.put(BAD[kind][0]())
    elif kind == "deleted object":
        s3.delete()
    else:
        s3.show(kind.removeprefix("S3: "))
    seconds = service.until_all(
        lambda told: (told["candidate"] or {}).get("status") == status and told["status"] == "OK"
    )
    s3.show(None)
    return seconds is not None


@contextmanager
def _service(s3: FaultyS3, folder: str, poll_seconds: float, log: Any) -> Iterator[Service]:
    settings = {
        "SEPSIS_MODEL_URI": URI,
        "SEPSIS_MODEL_POLL_SECONDS": str(poll_seconds),
        "SEPSIS_MODEL_CACHE_DIR": folder,
        "SEPSIS_LOG_LEVEL": "INFO",
    }
    command = ["-m", "sepsis_detect", "serve", "--port", "0", "--workers", str(N_WORKERS)]
    with subprocess.Popen(  # noqa: S603 - our own server
        [sys.executable, *command],
        env=os.environ | s3.environment | settings,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    ) as process:
        try:
            service = Service(process)
            service.health()
            yield service
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def _load(service: Service) -> Iterator["subprocess.Popen[str]"]:
    options = _options()
    arguments = [str(service.port), str(options.connections), str(options.per_second)]
    with subprocess.Popen(  # noqa: S603 - our own load
        [sys.executable, "-m", "benchmarks.steady_load", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _report(
    options: argparse.Namespace,
    seen: Seen,
    told: dict[str, Any],
    accepted: dict[str, float],
    logged: Counter[str],
    seconds: float,
) -> int:
    n_answers = n_refused = n_unknown = n_mixed = 0
    for _, version, probability, n in told["answers"]:
        n_answers += n
        if version == "refused":
            n_refused += n
        elif version not in accepted:
            n_unknown += n
        elif abs(probability - accepted[version]) > 2e-6:
            n_mixed += n
    n_failed = sum(told["failures"].values())
    n_odd = sum(seen.tried.values()) - sum(seen.as_expected.values())
    bounds = [
        ("failed requests", n_failed, 0, f"of {n_answers + n_failed:,} {told['failures'] or ''}"),
        ("answers of a refused model", n_refused, 0, ""),
        ("answers of a version never accepted", n_unknown, 0, ""),
        ("answers whose probability is not their version's", n_mixed, 0, ""),
        ("swaps that did not end as they should", n_odd, 0, f"of {options.swaps}"),
        (
            "polls until the last good model served everywhere",
            round(seen.last_polls, 2),
            POLLS_AT_MOST,
            f"of {options.poll_seconds:g} s",
        ),
        (
            "megabytes of the largest worker",
            round(seen.megabytes, 1),
            MAX_WORKER_MEGABYTES,
            "after all of this",
        ),
    ]
    ordered = sorted(seen.polls)
    lines = [
        f"{options.swaps} swaps in {seconds:.0f} s: {seen.n_good} good ones, "
        + ", ".join(f"{n} {kind}" for kind, n in sorted(seen.tried.items()) if kind != "good"),
        f"{n_answers:,} answers of {len(told['seen'])} versions, {n_answers / seconds:.0f}/s; "
        f"median {told['median_ms']:.1f} ms, p99 {told['p99_ms']:.1f} ms, "
        f"slowest {told['slowest_ms']:.0f} ms",
        f"polls until a good model served everywhere: median {ordered[len(ordered) // 2]:.2f}, "
        f"most {ordered[-1]:.2f} (after faults of S3 it is asked less often)",
        "log: " + ", ".join(f"{n} {e}" for e, n in sorted(logged.items()) if e != "request"),
    ]
    is_broken = False
    for name, found, most, more in bounds:
        is_broken |= found > most
        verdict = "BROKEN" if found > most else "ok"
        lines.append(f"{verdict:<7}{name}: {found} (at most {most:g}) {more}".rstrip())
    print("\n".join(lines))
    return int(is_broken)


if __name__ == "__main__":
    sys.exit(main())
