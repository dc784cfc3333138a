"""Requests for predictions at a given rate or without pause; what came of them, as JSON.

    python -m benchmarks.sender PORT --seconds 10 --connections 16 [--per-second 1000]

With a rate the load is open: requests are sent when they are due, at random as independent callers
would, however late earlier answers are. Without one, each connection asks again as soon as it was
answered. A process of its own, with one cheap loop: it must never be what is slow. Loopback only.
"""

import argparse
import asyncio
import json
import random
import time
from collections import defaultdict, deque
from typing import Any

import uvloop

PATIENT = {"age": 63, "sex": "male", "icu_hour": 12, "heart_rate": 118, "lactate": 3.1}
BODY = json.dumps(PATIENT).encode()
REQUEST = (
    b"POST /predict/patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEALTH_SECONDS = 0.1  # between two health checks
MOST_CONNECTIONS = 4_000
DRAIN_SECONDS = 30.0
# Shorter than the loop can wait: it never does, at any load. Where two processors share a core, one
# is up to half as fast again while the other sleeps, and shares of speeds would tell of that alone.
TURN_SECONDS = 0.0001


class Counts:
    """What came of the requests."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.milliseconds: defaultdict[str, list[float]] = defaultdict(list)
        self.n_odd = 0
        """503 without `Retry-After`, 200 without a prediction, connections lost."""

    def add(self, kind: str, status: int, answer: bytes, seconds: float) -> None:
        """Count an answer."""
        self.milliseconds[f"{kind}{status}"].append(seconds * 1000)
        if kind:
            return
        expected = {200: b'"probability":', 503: b"retry-after: "}.get(status, b"")
        self.n_odd += expected not in answer.lower()

    def told(self) -> dict[str, Any]:
        """Numbers and times by status."""
        found = {}
        for status, times in self.milliseconds.items():
            ordered = sorted(times)
            found[status] = {"n": len(ordered)} | {
                name: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 3)
                for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0))
            }
        return {"by_status": found, "n_odd": self.n_odd}


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, and so on."""

    def __init__(self, counts: Counts, kind: str, on_idle: Any):
        """Count in `counts` under `kind`; call `on_idle` with this when there is nothing to do."""
        self._counts = counts
        self._kind = kind
        self._on_idle = on_idle
        self._received = b""
        self._sent_at: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport: Any = transport
        self._on_idle(self)

    def send(self, request: bytes) -> None:
        """Ask."""
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read an answer."""
        self._received += data
        head, mark, body = self._received.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        if len(body) < length or self._sent_at is None:
            return
        seconds = time.perf_counter() - self._sent_at
        self._counts.add(self._kind, int(head[9:12]), self._received, seconds)
        self._received, self._sent_at = b"", None
        self._on_idle(self)

    def connection_lost(self, _: Exception | None) -> None:
        """An answer that never came is a failure."""
        self._counts.n_odd += self._sent_at is not None

    def close(self) -> bool:
        """End it; whether an answer was still awaited."""
        was_waiting, self._sent_at = self._sent_at is not None, None
        self._transport.close()
        return was_waiting


class Sender:
    """All connections."""

    def __init__(self, port: int, seconds: float):
        """Send to `port` for `seconds`."""
        self.counts = Counts()
        self.late: list[float] = []
        self._port = port
        self._until = time.perf_counter() + seconds
        self._idle: deque[Connection] = deque()
        self._all: list[Connection] = []
        self._opening: set[asyncio.Task[None]] = set()

    async def closed(self, n_connections: int) -> None:
        """Ask again as soon as answered."""

        def again(connection: Connection) -> None:
            if time.perf_counter() < self._until:
                connection.send(REQUEST)
            else:
                self._idle.append(connection)

        for _ in range(n_connections):
            await self._open("", again)
        while time.perf_counter() < self._until:
            await asyncio.sleep(TURN_SECONDS)
        await self._end()

    async def open(self, per_second: float, n_connections: int) -> None:
        """Ask when due, on a connection that is idle, else on a new one."""
        for _ in range(n_connections):
            await self._open("", self._idle.append)
        due = time.perf_counter()
        rng = random.Random(2019)  # noqa: S311 - arrivals
        while due < self._until:
            now = time.perf_counter()
            while due <= now:
                if self._idle:
                    # In turn, so that none idles for so long that the server closes it.
                    self._idle.popleft().send(REQUEST)
                    self.late.append((now - due) * 1000)
                    due += rng.expovariate(per_second)
                else:
                    self._one_more()
                    break
            await asyncio.sleep(TURN_SECONDS)
        await self._end()

    async def health(self) -> None:
        """Ask for the health as a load balancer does, on a connection of its own."""
        idle: deque[Connection] = deque()
        await self._open("health ", idle.append)
        while time.perf_counter() < self._until:
            if idle:
                idle.pop().send(HEALTH)
            await asyncio.sleep(HEALTH_SECONDS)

    def _one_more(self) -> None:
        if len(self._all) + len(self._opening) < MOST_CONNECTIONS:
            task = asyncio.get_running_loop().create_task(self._open("", self._idle.append))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, kind: str, on_idle: Any) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self.counts, kind, on_idle), "127.0.0.1", self._port
        )
        self._all.append(connection)

    async def _end(self) -> None:
        until = time.perf_counter() + DRAIN_SECONDS
        while any(each._sent_at for each in self._all) and time.perf_counter() < until:
            await asyncio.sleep(0.01)
        self.counts.n_odd += sum(each.close() for each in self._all)


async def send(options: argparse.Namespace) -> dict[str, Any]:
    """Send as told; what came of it."""
    sender = Sender(options.port, options.seconds)
    health = asyncio.create_task(sender.health())
    began = time.perf_counter()
    if options.per_second:
        await sender.open(options.per_second, options.connections)
    else:
        await sender.closed(options.connections)
    health.cancel()
    late = sorted(sender.late) or [0.0]
    return sender.counts.told() | {
        "seconds": round(time.perf_counter() - began, 3),
        "connections": len(sender._all) - 1,
        "late_p99": round(late[int(len(late) * 0.99)], 3),
    }


def main() -> None:
    """Send, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--per-second", type=float, default=0.0)
    print(json.dumps(uvloop.run(send(parser.parse_args()))))


if __name__ == "__main__":
    main()
