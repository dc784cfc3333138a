"""Throughput and latency of the service as ratios to the floor, in interleaved rounds."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks import request_bodies, wrk
from benchmarks.local_server import floor_server, local_server

PATIENT = "/predict/patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of request."""

    name: str
    bodies: Sequence[bytes]
    path: str = PATIENT


def kinds() -> list[Kind]:
    """What is measured; the first one is sent to the floor."""
    flat, day, week = (
        request_bodies.flat(),
        request_bodies.stays(24),
        request_bodies.stays(168),
    )
    hundred = request_bodies.batches(100)
    return [
        Kind(name="floor", bodies=flat),
        Kind(name="flat", bodies=flat),
        Kind(name="24 hours", bodies=day),
        Kind(name="168 hours", bodies=week),
        Kind(name="168 hours, trend", bodies=week, path=f"{PATIENT}?include=trend"),
        Kind(name="24 hours, contributions", bodies=day, path=f"{PATIENT}?include=contributions"),
        Kind(name="100 patients", bodies=hundred, path="/predict/patients"),
    ]


@dataclass(frozen=True, slots=True)
class Round:
    """The runs of one kind of request in one round, by 16 and by 64 clients."""

    by_16: wrk.Result
    by_64: wrk.Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds of one kind of request, as ratios to the floor of the same round.

    Attributes:
        n_odd: Answers other than 200; those that take long are refused when many come at once.
    """

    name: str
    per_second_16: float
    ratio_16: float
    per_second_64: float
    ratio_64: float
    p50_ms: float
    p99_ms: float
    p99_ratio: float
    n_odd: int


@dataclass(frozen=True, slots=True)
class Throughput:
    """Rows of the table, and resident memory of the worker after all rounds."""

    rows: dict[str, Row]
    megabytes: float


def measure(n_rounds: int, seconds: int) -> Throughput:
    """Send every kind of request in turn, `n_rounds` times after a warm-up round."""
    rounds: dict[str, list[Round]] = {}
    with ExitStack() as stack:
        floor = stack.enter_context(floor_server())
        service = stack.enter_context(local_server())
        for number in range(n_rounds + 1):
            for kind in kinds():
                port = (floor if kind.name == "floor" else service).port
                found = Round(_run(port, kind, 16, seconds), _run(port, kind, 64, seconds))
                if number:
                    rounds.setdefault(kind.name, []).append(found)
        megabytes = service.megabytes()
    rows = {name: _row(name, found, rounds["floor"]) for name, found in rounds.items()}
    return Throughput(rows, megabytes)


def _run(port: int, kind: Kind, n_clients: int, seconds: int) -> wrk.Result:
    return wrk.run(port, kind.bodies, path=kind.path, n_connections=n_clients, seconds=seconds)


def _row(name: str, rounds: Sequence[Round], floors: Sequence[Round]) -> Row:
    def ratio(value: Callable[[Round], float]) -> float:
        pairs = zip(rounds, floors, strict=True)
        return _median(value(ours) / value(floor) for ours, floor in pairs)

    return Row(
        name=name,
        per_second_16=_median(each.by_16.per_second for each in rounds),
        ratio_16=ratio(lambda each: each.by_16.per_second),
        per_second_64=_median(each.by_64.per_second for each in rounds),
        ratio_64=ratio(lambda each: each.by_64.per_second),
        p50_ms=_median(each.by_64.p50_ms for each in rounds),
        p99_ms=_median(each.by_64.p99_ms for each in rounds),
        p99_ratio=ratio(lambda each: each.by_64.p99_ms),
        n_odd=sum(each.by_16.n_odd + each.by_64.n_odd for each in rounds),
    )


def _median(values: Iterable[float]) -> float:
    return median(values)
