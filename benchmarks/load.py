"""What the benchmarks of load share: the sender as a process, and bounds that are told."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks.local_server import Server

CAPACITY_CONNECTIONS = 16  # enough to keep one worker busy, too few to be turned away
WARM_UP_SECONDS = 2.0


def send(server: Server, seconds: float, *, connections: int, per_second: float = 0) -> Any:
    """Run `benchmarks.sender`; what came of its requests."""
    command = [sys.executable, "-m", "benchmarks.sender", str(server.port)]
    command += ["--seconds", str(seconds), "--connections", str(connections)]
    command += ["--per-second", str(per_second)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own
    return json.loads(done.stdout)


def peak_per_second(
    server: Server, seconds: float, warm_up_seconds: float = WARM_UP_SECONDS
) -> float:
    """The most predictions a second, after a warm-up.

    Raises:
        RuntimeError: Some were not answered.
    """
    if warm_up_seconds:
        send(server, warm_up_seconds, connections=CAPACITY_CONNECTIONS)
    told = send(server, seconds, connections=CAPACITY_CONNECTIONS)
    if set(told["by_status"]) - {"200", "health 200"} or told["n_odd"]:
        raise RuntimeError(f"not every request was answered: {told}")
    return float(told["by_status"]["200"]["n"] / told["seconds"])


@dataclass(frozen=True, slots=True)
class Bound:
    """What must hold of a measure."""

    name: str
    found: float
    most: float | None = None
    least: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it does."""
        is_small = self.most is None or self.found <= self.most
        return is_small and (self.least is None or self.found >= self.least)

    def told(self) -> str:
        """In one line."""
        verdict = "ok" if self.holds else "BROKEN"
        limits = [("at most", self.most), ("at least", self.least)]
        limit = ", ".join(f"{word} {value:,.6g}" for word, value in limits if value is not None)
        return f"{verdict:<7}{self.name}: {self.found:,.6g} ({limit})"


def judge(bounds: list[Bound]) -> int:
    """Print each; 1 where one is broken, else 0."""
    for bound in bounds:
        print(bound.told())
    return int(not all(bound.holds for bound in bounds))
