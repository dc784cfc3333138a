"""Measure the start of the image, in wall-clock and CPU seconds.

    python -m tools.measure_start [--image sepsis-detect] [--runs 5]

On a busy machine only the CPU seconds are meaningful.
"""

import argparse
import time
from pathlib import Path
from statistics import median

from tools.containers import HARDENED, container

OPEN = "--env=SEPSIS_AUTH=off"


def main() -> None:
    """Start the image with one and two workers and print the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", default="sepsis-detect")
    parser.add_argument("--runs", type=int, choices=range(1, 21), default=5, metavar="1..20")
    options = parser.parse_args()
    for n_workers in (1, 2):
        starts = [_start(options.image, n_workers) for _ in range(options.runs)]
        seconds, busy = (median(column) for column in zip(*starts, strict=True))
        print(
            f"{n_workers} worker(s): 200 on /health {seconds:.2f} s after docker run, "
            f"{busy:.2f} s of CPU time"
        )


def _start(image: str, n_workers: int) -> tuple[float, float]:
    flags = (*HARDENED, OPEN, f"--env=WEB_CONCURRENCY={n_workers}")
    began = time.monotonic()
    with container(image, flags=flags) as running:
        running.wait_until_healthy()
        return time.monotonic() - began, _processor_seconds(running.state()["Pid"])


def _processor_seconds(pid: int) -> float:
    """CPU time of the container's first process and its children, from kernel ticks."""
    family = [pid, *_children(pid)]
    ticks = 0
    for each in family:
        fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text(encoding="ascii").split()]


if __name__ == "__main__":
    main()
