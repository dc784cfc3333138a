"""How fast the service is, as ratios to what its server and the usual way can do.

    make bench        or        .venv/bin/python -m benchmarks.serving [PHASE ...]

Phases: `throughput` (all candidates in turn, round by round), `latency` (over hours and clients),
`start`, `score`. Each phase prints its table and adds to build/bench.json, which
`python -m benchmarks.plots` draws. Only ratios of one run carry over to another machine. Needs wrk;
uses loopback only; the log is written to a file, as INFO, as in production.
"""

import argparse
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks import bodies, rivals, wrk

OUTPUT = Path("build/bench.json")
PATIENT, PATIENTS = "/predict/patient", "/predict/patients"
PRICE_PER_HOUR = 0.08925  # USD, c7i.large (2 vCPU), Linux on demand, us-east-1
PHASES = ("start", "throughput", "latency", "score")
HOURS = (1, 6, 12, 24, 48, 96, 168, 336)
CLIENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SCORED_HOURS = (10_000, 100_000, 1_000_000)
UVICORN = ("-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log")
QUIET = ("--log-level", "warning", "--timeout-keep-alive", "75")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One kind of request to one server, and how many predictions an answer holds."""

    name: str
    server: str
    path: str
    bodies: Sequence[bytes]
    n_predictions: int = 1


def candidates() -> list[Candidate]:
    """What is compared."""
    flat, day, week = bodies.flat(), bodies.stays(24), bodies.stays(168)
    trend, why = f"{PATIENT}?include=trend", f"{PATIENT}?include=contributions"
    return [
        Candidate(name="floor", server="floor", path=PATIENT, bodies=flat),
        Candidate(name="flat", server="ours", path=PATIENT, bodies=flat),
        Candidate(name="24 hours", server="ours", path=PATIENT, bodies=day),
        Candidate(name="168 hours", server="ours", path=PATIENT, bodies=week),
        Candidate(name="168 hours, trend", server="ours", path=trend, bodies=week),
        Candidate(name="24 hours, contributions", server="ours", path=why, bodies=day),
        Candidate(
            name="100 patients",
            server="ours",
            path=PATIENTS,
            bodies=bodies.many(100),
            n_predictions=100,
        ),
        Candidate(name="usual way, flat", server="usual", path=PATIENT, bodies=flat),
    ]


# --- Servers ------------------------------------------------------------------------------------


class Server:
    """A server process under test."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path):
        """Where it listens and writes."""
        self.process, self.port, self.log = process, port, log

    def ask(self, body: bytes) -> int:
        """Status of one answer; 0 while there is none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", PATIENT, body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def until_ready(self, body: bytes) -> float:
        """Seconds until the first answer."""
        began = time.perf_counter()
        while self.ask(body) != 200:
            if self.process.poll() is not None or time.perf_counter() - began > 60:
                sys.exit(f"a server did not start: {self.log.read_text('utf-8')[-2000:]}")
            time.sleep(0.005)
        return time.perf_counter() - began

    def pids(self) -> list[int]:
        """Of its processes."""
        pids = [self.process.pid]
        for pid in pids:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
            pids += [int(child) for child in children]
        return pids

    def cpu_seconds(self) -> float:
        """Processor time that its processes took."""
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Resident memory of its largest process."""
        sizes = []
        for pid in self.pids():
            status = Path(f"/proc/{pid}/status").read_text("utf-8")
            found = re.search(r"VmRSS:\s+(\d+)", status)
            sizes.append(int(found[1]) / 1024 if found else 0.0)
        return max(sizes)

    def logged_ms(self, begin: int) -> list[float]:
        """What the service's log says requests took, from a byte of it on."""
        lines = self.log.read_bytes()[begin:].splitlines()
        told = [json.loads(line) for line in lines if line.endswith(b"}")]
        return [line["duration_ms"] for line in told if line.get("event") == "request"]


@contextmanager
def started(name: str, folder: Path, n_workers: int) -> Iterator[Server]:
    """Run one server until the block ends."""
    port = _free_port()
    workers = ("--port", str(port), "--workers", str(n_workers))
    commands = {
        "floor": (*UVICORN, *QUIET, *workers, "benchmarks.rivals:floor"),
        "usual": (*UVICORN, *QUIET, *workers, "--factory", "benchmarks.rivals:usual"),
        "ours": ("-m", "sepsis_detect", "serve", *workers),
    }
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
    environment[rivals.MODEL_VARIABLE] = str(folder / "usual.joblib")
    log = folder / f"{name}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *commands[name]], stdout=written, stderr=written, env=environment
        )
        try:
            yield Server(process, port, log)
        finally:
            process.terminate()
            try:
                process.wait(timeout=45)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


# --- Phases -------------------------------------------------------------------------------------


def throughput(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Requests per second of every candidate, at 16 and at 64 connections, in turn."""
    listed = candidates()
    rivals.fit_usual(folder / "usual.joblib")
    seen: dict[str, list[dict[str, Any]]] = {each.name: [] for each in listed}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(started(name, folder, options.workers))
            for name in ("floor", "ours", "usual")
        }
        for server in servers.values():
            server.until_ready(listed[1].bodies[0])
        for round_ in range(options.rounds + 1):  # the first one warms
            for each in listed:
                server = servers[each.server]
                begin = server.log.stat().st_size
                alone = _load(each, server, 1, max(1, options.seconds // 4))
                logged = server.logged_ms(begin) if each.server == "ours" else []
                began = server.cpu_seconds()
                busy = _load(each, server, 16, options.seconds)
                n_answers = busy.per_second * options.seconds + busy.n_refused
                run = {
                    "16": asdict(busy),
                    "cpu_us": (server.cpu_seconds() - began) / max(n_answers, 1) * 1e6,
                    "64": asdict(_load(each, server, 64, options.seconds)),
                    "alone": asdict(alone),
                    "server_ms": statistics.median(logged) if logged else None,
                }
                if round_:
                    seen[each.name].append(run)
        memory = {name: server.megabytes() for name, server in servers.items()}
    floors = seen["floor"]
    rows = {each.name: _summary(each, seen[each.name], floors) for each in listed}
    usual = rows["usual way, flat"]["per_second"]
    rows["flat"]["times_the_usual_way"] = rows["flat"]["per_second"] / max(usual, 0.001)
    print(f"{options.rounds} rounds of {options.seconds} s, {options.workers} worker(s)")
    print(
        f"{'':26}{'requests/s':>11}{'of floor':>10}{'cpu us':>8}{'of floor':>10}"
        f"{'p50 ms':>8}{'p99 ms':>8}{'x floor':>9}{'server ms':>11}{'USD/million':>13}"
    )
    for name, row in rows.items():
        server_ms = f"{row['server_ms']:.3f}" if row["server_ms"] else "-"
        print(
            f"{name:26}{row['per_second']:11,.0f}{row['of_floor']:10.3f}{row['cpu_us']:8.0f}"
            f"{row['cpu_of_floor']:10.3f}{row['p50_ms']:8.2f}{row['p99_ms']:8.2f}{row['p99_over_floor']:9.2f}{server_ms:>11}"
            f"{row['usd_per_million']:13.4f}"
        )
    print(f"flat is {rows['flat']['times_the_usual_way']:.1f} times the usual way")
    print("largest worker, MB:", {name: round(each) for name, each in memory.items()})
    return {"rows": rows, "megabytes": memory, "workers": options.workers}


def _load(each: Candidate, server: Server, n_connections: int, seconds: int) -> wrk.Loaded:
    return wrk.load(
        server.port, each.path, each.bodies, n_connections=n_connections, seconds=seconds
    )


def _summary(
    each: Candidate, runs: list[dict[str, Any]], floors: list[dict[str, Any]]
) -> dict[str, Any]:
    def median(values: Iterator[float]) -> float:
        return statistics.median(values)

    per_second = median(run["16"]["per_second"] for run in runs)
    pairs = list(zip(runs, floors, strict=True))
    predictions_per_hour = per_second * each.n_predictions * 3600
    return {
        "per_second": per_second,
        "of_floor": median(a["16"]["per_second"] / max(b["16"]["per_second"], 1) for a, b in pairs),
        "cpu_us": median(run["cpu_us"] for run in runs),
        "cpu_of_floor": median(b["cpu_us"] / max(a["cpu_us"], 1) for a, b in pairs),
        "p50_ms": median(run["64"]["p50_ms"] for run in runs),
        "p99_ms": median(run["64"]["p99_ms"] for run in runs),
        "p99_over_floor": median(
            a["64"]["p99_ms"] / max(b["64"]["p99_ms"], 0.001) for a, b in pairs
        ),
        "alone_p50_ms": median(run["alone"]["p50_ms"] for run in runs),
        "server_ms": median(run["server_ms"] for run in runs) if runs[0]["server_ms"] else None,
        "n_refused": sum(run[n]["n_refused"] for run in runs for n in ("16", "64")),
        "n_failed": sum(run[n]["n_failed"] for run in runs for n in ("16", "64", "alone")),
        "usd_per_million": PRICE_PER_HOUR / max(predictions_per_hour, 1) * 1e6,
    }


def latency(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Over hours in the stay, one client; over clients up to saturation, flat and 24 hours."""
    seconds = max(1, options.seconds // 2)
    over_hours: list[dict[str, Any]] = []
    over_clients: dict[str, list[dict[str, Any]]] = {}
    with started("ours", folder, options.workers) as server:
        flat, day = bodies.flat(), bodies.stays(24)
        server.until_ready(flat[0])
        print(f"{'hours':>6}{'p50 ms':>9}{'p99 ms':>9}{'trend p50':>11}")
        for n_hours in HOURS:
            stays = bodies.stays(n_hours)
            last, trend = (
                wrk.load(server.port, path, stays, n_connections=1, seconds=seconds)
                for path in (PATIENT, f"{PATIENT}?include=trend")
            )
            over_hours.append({"hours": n_hours, "last": asdict(last), "trend": asdict(trend)})
            print(f"{n_hours:6}{last.p50_ms:9.2f}{last.p99_ms:9.2f}{trend.p50_ms:11.2f}")
        for name, sent in (("flat", flat), ("24 hours", day)):
            print(f"{name:>9}, clients{'answers/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'503':>9}")
            runs = over_clients[name] = []
            for n in CLIENTS:
                run = wrk.load(server.port, PATIENT, sent, n_connections=n, seconds=seconds)
                runs.append({"clients": n} | asdict(run))
                print(
                    f"{n:18}{run.per_second:11,.0f}{run.p50_ms:9.2f}{run.p99_ms:9.2f}"
                    f"{run.n_refused:9,}"
                )
    return {"over_hours": over_hours, "over_clients": over_clients, "workers": options.workers}


def start(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """From starting the process to its first prediction, and what a worker holds then."""
    body = bodies.flat()[0]
    found: dict[str, list[float]] = {}
    megabytes = 0.0
    for _ in range(options.rounds + 1):  # the first one fills the disk's cache
        for name in ("floor", "ours"):
            with started(name, folder, 1) as server:
                found.setdefault(name, []).append(server.until_ready(body))
                megabytes = server.megabytes()
    medians = {name: statistics.median(seconds[1:]) for name, seconds in found.items()}
    for name, seconds in medians.items():
        print(f"{name}: {seconds:.2f} s from start to first answer")
    print(f"ours: {megabytes:.0f} MB resident after it")
    return {"seconds": medians, "megabytes": megabytes}


def score(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Hours per second and memory of `sepsis-detect score`, over the size of the file."""
    runs = []
    print(f"{'hours':>10}{'seconds':>9}{'hours/s':>10}{'MB':>7}")
    for n_hours in options.scored_hours:
        source, output = folder / f"{n_hours}.psv", folder / f"{n_hours}.parquet"
        _write_hours(source, n_hours)
        command = [sys.executable, "-m", "sepsis_detect", "score", str(source), "-o", str(output)]
        began = time.perf_counter()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603
        status, usage = os.wait4(process.pid, 0)[1:]
        seconds = time.perf_counter() - began
        if status:
            sys.exit(f"scoring failed with status {status}")
        run = {"hours": n_hours, "seconds": seconds, "per_second": n_hours / seconds}
        runs.append(run | {"megabytes": usage.ru_maxrss / 1024, "cpu_s": usage.ru_utime})
        print(f"{n_hours:10,}{seconds:9.1f}{n_hours / seconds:10,.0f}{usage.ru_maxrss / 1024:7.0f}")
        source.unlink()
    few, most = runs[0], runs[-1]
    rate = (most["hours"] - few["hours"]) / (most["seconds"] - few["seconds"])
    print(f"{rate:,.0f} hours/s once it runs")
    return {"runs": runs, "hours_per_second": rate}


def _write_hours(path: Path, n_hours: int) -> None:
    """Stays of 39 hours, as long as those of the challenge."""
    from sepsis_detect.clinical.variables import VARIABLES

    names = [v.challenge for v in VARIABLES]
    stays = [bodies.Patient(seed).stay(39) for seed in range(200)]
    lines = [
        ["|".join(str((stay | hour).get(name, "")) for name in names) for hour in stay["hours"]]
        for stay in stays
    ]
    with path.open("w", encoding="ascii") as file:
        file.write("|".join(["patient_id", *names]) + "\n")
        n_written = at = 0
        while n_written < n_hours:
            for line in lines[at % len(lines)][: n_hours - n_written]:
                file.write(f"p{at}|{line}\n")
                n_written += 1
            at += 1


def _machine() -> dict[str, Any]:
    text = Path("/proc/cpuinfo").read_text("utf-8")
    model = re.search(r"model name\s*: (.+)", text)
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def main() -> None:
    """Read the arguments, measure, keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=", ".join(PHASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each load")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--scored-hours", type=int, nargs="+", default=SCORED_HOURS)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    measure = {"start": start, "throughput": throughput, "latency": latency, "score": score}
    if unknown := set(options.phases) - set(PHASES):
        parser.error(f"unknown phase {', '.join(unknown)}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for phase in options.phases or PHASES:
        print(f"\n== {phase}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            found = {"machine": _machine()} | measure[phase](options, Path(folder))
        kept = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
        options.output.write_text(json.dumps(kept | {phase: found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
