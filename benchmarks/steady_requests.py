"""Predictions requested at a steady rate over kept connections, with every answer counted."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException

PATIENT = {"age": 63, "sex": "male", "icu_hour": 12, "heart_rate": 118, "lactate": 3.1}
TIMEOUT_SECONDS = 10.0


class SteadyRequests:
    """Clients in threads of this process.

    Attributes:
        outcomes: Number of requests by status, or by the kind of failure.
        answers: Number of predictions by version of the model and probability.
        milliseconds: Latency of each answer.
    """

    def __init__(self, port: int, *, n_clients: int, per_second: float):
        self.outcomes: Counter[str] = Counter()
        self.answers: Counter[tuple[str, float]] = Counter()
        self.milliseconds: list[float] = []
        self._port = port
        self._interval_seconds = n_clients / per_second  # of one client
        self._n_clients = n_clients
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    @property
    def n_requests(self) -> int:
        """All requests."""
        return self.outcomes.total()

    @property
    def n_failed(self) -> int:
        """Requests without a prediction."""
        return self.n_requests - self.outcomes["200"]

    def __str__(self) -> str:
        failures = {name: n for name, n in sorted(self.outcomes.items()) if name != "200"}
        return f"{self.n_requests:,} requests, {self.n_failed} failed {failures or ''}".rstrip()

    def latency_ms(self, share: float) -> float:
        """A quantile of the latency."""
        ordered = sorted(self.milliseconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

    @contextmanager
    def running(self) -> Iterator["SteadyRequests"]:
        """Send requests until the block ends."""
        clients = [
            threading.Thread(target=self._run_client, args=(number,), daemon=True)
            for number in range(self._n_clients)
        ]
        for client in clients:
            client.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for client in clients:
                client.join(TIMEOUT_SECONDS + 1)

    def _run_client(self, number: int) -> None:
        due = time.monotonic() + self._interval_seconds * number / self._n_clients
        connection = HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            started_at = time.monotonic()
            due = max(due + self._interval_seconds, started_at)
            outcome, answer = self._ask(connection)
            with self._lock:
                self.milliseconds.append((time.monotonic() - started_at) * 1000)
                self.outcomes[outcome] += 1
                if answer:
                    self.answers[answer] += 1
        connection.close()

    def _ask(self, connection: HTTPConnection) -> tuple[str, tuple[str, float] | None]:
        """Outcome, and version and probability of a prediction."""
        headers = {"Content-Type": "application/json"}
        try:
            connection.request("POST", "/predict/patient", json.dumps(PATIENT), headers)
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                return str(response.status), None
            prediction = json.loads(content)
            return "200", (prediction["model"]["version"], prediction["probability"])
        except (OSError, HTTPException, ValueError, KeyError) as error:
            connection.close()
            return type(error).__name__, None
