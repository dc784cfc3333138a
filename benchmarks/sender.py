"""Requests for predictions at a given rate or without pause; what came of them, as JSON.

    python -m benchmarks.sender PORT --seconds 10 --connections 16 [--per-second 1000]

With a rate the load is open: requests are sent when they are due, at random as independent callers
would, however late earlier answers are. Without one, each connection asks again as soon as it was
answered. Loopback only, on Linux.

It must never be what is slow, so it is a process of its own that calls the system and little else:
in asyncio a request took it as long as it takes the server to say no. Nor does it ever sleep: where
two processors share a core, one is up to half as fast again while the other does, and shares of
speeds would tell of that alone.
"""

import argparse
import gc
import json
import random
import select
import socket
from collections import defaultdict, deque
from time import perf_counter
from typing import Any

PATIENT = {"age": 63, "sex": "male", "icu_hour": 12, "heart_rate": 118, "lactate": 3.1}
BODY = json.dumps(PATIENT).encode()
REQUEST = (
    b"POST /predict/patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEALTH_SECONDS = 0.1  # between two health checks
LENGTH = b"\r\ncontent-length: "
EXPECTED = {200: b'"probability":', 503: b"\r\nretry-after: "}
MAX_CONNECTIONS = 4_000
DRAIN_SECONDS = 30.0
ANSWERS_AT_A_TIME = 16  # read between two looks at what is due
MAX_BYTES = 65_536  # of an answer, read at a time


class Connection:
    """One connection: a request, its answer, and so on."""

    __slots__ = ("kind", "received", "sent_at", "socket")

    def __init__(self, port: int, kind: str):
        """Begin to connect; its answers count under `kind`."""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(("127.0.0.1", port))
        self.kind = kind
        self.received = b""
        self.sent_at: float | None = None

    def send(self, request: bytes) -> None:
        """Ask.

        Raises:
            OSError: The connection was lost.
        """
        self.sent_at = perf_counter()
        self.socket.send(request)  # one at a time: there is room

    def read(self) -> bytes | None:
        """The answer, once it is whole.

        Raises:
            OSError: The connection was lost.
        """
        data = self.socket.recv(MAX_BYTES)
        if not data:
            raise ConnectionResetError
        received = self.received = self.received + data if self.received else data
        end, length = received.find(b"\r\n\r\n"), received.find(LENGTH)
        if not 0 <= length < end:
            return None
        at = length + len(LENGTH)
        if len(received) < end + 4 + int(received[at : received.index(b"\r", at)]):
            return None
        self.received = b""
        return received


class Sender:
    """All connections, and what came of their requests."""

    def __init__(self, port: int, per_second: float, n_connections: int):
        """Connect. Requests will be `per_second`, or come without pause where that is 0."""
        self._port = port
        self._per_second = per_second
        self._epoll = select.epoll()
        self._by_number: dict[int, Connection] = {}
        self._idle: deque[Connection] = deque()
        self._milliseconds: defaultdict[str, list[float]] = defaultdict(list)
        self._late: list[float] = []
        self._n_odd = 0
        """503 without `Retry-After`, 200 without a prediction, connections lost."""
        self._n_opened = 0
        self._is_pausing = True
        """Whether who was answered waits until the next request is due."""
        self._health = self._open("health ")
        for _ in range(n_connections):
            self._open("")
        while len(self._idle) < n_connections:
            self._read_some()

    def send(self, seconds: float) -> dict[str, Any]:
        """Send for so many seconds, and wait for the last answers; numbers and times by status."""
        began = now = due = health_due = perf_counter()
        self._is_pausing = bool(self._per_second)
        while self._idle and not self._is_pausing:
            self._ask(self._idle.popleft(), REQUEST)
        rng = random.Random(2019)  # noqa: S311 - arrivals
        while now < began + seconds:
            while self._per_second and due <= now:
                if not self._idle:
                    self._one_more()
                    break
                # In turn, so that none idles for so long that the server closes it.
                self._ask(self._idle.popleft(), REQUEST)
                self._late.append((now - due) * 1000)
                due += rng.expovariate(self._per_second)
            if health_due <= now and self._health.sent_at is None:
                self._ask(self._health, HEALTH)
                health_due = now + HEALTH_SECONDS
            self._read_some()
            now = perf_counter()
        self._end()
        return self._told(perf_counter() - began)

    def _open(self, kind: str) -> Connection:
        self._n_opened += 1
        connection = Connection(self._port, kind)
        number = connection.socket.fileno()
        self._by_number[number] = connection
        self._epoll.register(number, select.EPOLLOUT)
        return connection

    def _one_more(self) -> None:
        if len(self._by_number) <= MAX_CONNECTIONS:
            self._open("")

    def _ask(self, connection: Connection, request: bytes) -> None:
        try:
            connection.send(request)
        except OSError:
            self._lost(connection)

    def _read_some(self) -> None:
        for number, events in self._epoll.poll(0, ANSWERS_AT_A_TIME):
            connection = self._by_number[number]
            if events & select.EPOLLOUT:
                self._epoll.modify(number, select.EPOLLIN)
                self._next(connection)
                continue
            try:
                answer = connection.read()
            except OSError:
                self._lost(connection)
                continue
            if answer is not None:
                self._count(connection, answer)
                self._next(connection)

    def _next(self, connection: Connection) -> None:
        if connection is self._health:
            return
        if self._is_pausing:
            self._idle.append(connection)
        else:
            self._ask(connection, REQUEST)

    def _count(self, connection: Connection, answer: bytes) -> None:
        status, sent_at = int(answer[9:12]), connection.sent_at
        if sent_at is None:  # nobody asked
            self._n_odd += 1
            return
        milliseconds = (perf_counter() - sent_at) * 1000
        connection.sent_at = None
        self._milliseconds[f"{connection.kind}{status}"].append(milliseconds)
        if not connection.kind:
            self._n_odd += EXPECTED.get(status, b"") not in answer

    def _lost(self, connection: Connection) -> None:
        self._n_odd += connection.sent_at is not None
        connection.sent_at = None
        number = connection.socket.fileno()
        if number >= 0:
            self._by_number.pop(number)
            connection.socket.close()

    def _end(self) -> None:
        """Wait until all are answered, and close; who still waits then counts as odd."""
        self._is_pausing = True
        until = perf_counter() + DRAIN_SECONDS
        while perf_counter() < until and any(
            each.sent_at is not None for each in self._by_number.values()
        ):
            self._read_some()
        for connection in list(self._by_number.values()):
            self._lost(connection)

    def _told(self, seconds: float) -> dict[str, Any]:
        late = sorted(self._late) or [0.0]
        return {
            "by_status": {status: _spread(times) for status, times in self._milliseconds.items()},
            "n_odd": self._n_odd,
            "seconds": round(seconds, 3),
            "connections": self._n_opened - 1,
            "late_p99": _at(late, 0.99),
        }


def _spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}
    return {"n": len(ordered)} | {name: _at(ordered, share) for name, share in shares.items()}


def _at(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 3)


def main() -> None:
    """Send, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--per-second", type=float, default=0.0)
    options = parser.parse_args()
    gc.disable()  # hundreds of thousands of times are held, and nothing that refers to itself
    sender = Sender(options.port, options.per_second, options.connections)
    print(json.dumps(sender.send(options.seconds)))


if __name__ == "__main__":
    main()
