"""Latency and throughput over the hours of a stay, the number of clients, and the file size."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import request_bodies, wrk
from benchmarks.local_server import Server
from benchmarks.throughput import PATIENT
from sepsis_detect.clinical.variables import VARIABLES

HOURS = (1, 6, 12, 24, 48, 96, 168, 336)
CLIENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
HOURS_OF_A_STAY = 39  # the mean of the challenge's stays


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRun:
    """One run of `sepsis-detect score`."""

    n_hours: int
    seconds: float
    megabytes: float

    @property
    def per_second(self) -> float:
        """Hours a second, start of the program included."""
        return self.n_hours / self.seconds


def over_hours(server: Server, seconds: int, query: str = "") -> list[float]:
    """Median latency in ms for one client, for each of `HOURS`."""
    return [
        wrk.run(
            server.port,
            request_bodies.stays(n_hours),
            path=PATIENT + query,
            n_connections=1,
            seconds=seconds,
        ).p50_ms
        for n_hours in HOURS
    ]


def over_clients(server: Server, seconds: int, bodies: Sequence[bytes]) -> list[wrk.Result]:
    """A run for each of `CLIENTS`."""
    return [wrk.run(server.port, bodies, n_connections=n, seconds=seconds) for n in CLIENTS]


def score_file(n_hours: int) -> FileRun:
    """Score a psv file of `n_hours`.

    Raises:
        RuntimeError: The command failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "hours.psv"), Path(folder, "scored.parquet")
        _write_stays(source, n_hours)
        command = [sys.executable, "-m", "sepsis_detect", "score", str(source), "-o", str(output)]
        started_at = time.monotonic()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        status, usage = os.wait4(process.pid, 0)[1:]
        seconds = time.monotonic() - started_at
    if status:
        raise RuntimeError(f"sepsis-detect score ended with status {status}")
    return FileRun(n_hours=n_hours, seconds=seconds, megabytes=usage.ru_maxrss / 1024)


def _write_stays(path: Path, n_hours: int) -> None:
    names = [variable.challenge for variable in VARIABLES]
    stays = [request_bodies.Patient(seed).stay(HOURS_OF_A_STAY) for seed in range(200)]
    lines = [
        ["|".join(str((stay | hour).get(name, "")) for name in names) for hour in stay["hours"]]
        for stay in stays
    ]
    with path.open("w", encoding="ascii") as file:
        file.write("|".join(["patient_id", *names]) + "\n")
        for at in range(n_hours):
            number, hour = divmod(at, HOURS_OF_A_STAY)
            file.write(f"p{number}|{lines[number % len(lines)][hour]}\n")
