"""Constant load on a local server: every answer is read, checked and counted.

`python -m benchmarks.steady_load PORT CONNECTIONS PER_SECOND`, stopped by a line on standard input
or its end; then it prints what it saw as one line of JSON. A process of its own, so that what else
the benchmark does takes no part in it. Only loopback, one thread for each connection.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from typing import Any

PATIENT = {"age": 63, "sex": "male", "icu_hour": 12, "heart_rate": 118, "lactate": 3.1}
MAX_SECONDS = 3_600


class Load:
    """What the connections saw.

    Attributes:
        answers: How many for each (model, version, probability).
        failures: How many for each kind of failure.
        seen: For each version, when it first and last answered, by `time.monotonic()`.
    """

    def __init__(self, port: int, per_second: float):
        """Ask 127.0.0.1:`port`, each connection `per_second` times a second at most."""
        self.answers: Counter[tuple[str, str, float]] = Counter()
        self.failures: Counter[str] = Counter()
        self.seen: dict[str, list[float]] = {}
        self.milliseconds: list[float] = []
        self.stop = threading.Event()
        self._port = port
        self._pause_seconds = 1 / per_second
        self._lock = threading.Lock()

    def ask_on(self) -> None:
        """Ask through one connection that is kept, until told to stop."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        body = json.dumps(PATIENT)
        while not self.stop.wait(self._pause_seconds):
            began = time.monotonic()
            try:
                connection.request(
                    "POST", "/predict/patient", body, {"Content-Type": "application/json"}
                )
                response = connection.getresponse()
                answer = json.loads(response.read())
                self._count(response.status, answer, began)
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()
                with self._lock:
                    self.failures[type(error).__name__] += 1
        connection.close()

    def _count(self, status: int, answer: dict[str, Any], began: float) -> None:
        ended = time.monotonic()
        with self._lock:
            self.milliseconds.append((ended - began) * 1000)
            if status != 200:
                self.failures[f"status {status}"] += 1
                return
            model = answer["model"]
            self.answers[model["name"], model["version"], answer["probability"]] += 1
            times = self.seen.setdefault(model["version"], [ended, ended])
            times[1] = max(times[1], began)


def main() -> None:
    """Load the server until told to stop, then tell."""
    port, n_connections, per_second = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    load = Load(port, per_second)
    threads = [threading.Thread(target=load.ask_on) for _ in range(n_connections)]
    for thread in threads:
        thread.start()
    timer = threading.Timer(MAX_SECONDS, load.stop.set)
    timer.daemon = True
    timer.start()
    sys.stdin.readline()
    load.stop.set()
    for thread in threads:
        thread.join()
    ordered = sorted(load.milliseconds) or [0.0]
    told = {
        "answers": [[*key, n] for key, n in load.answers.items()],
        "failures": dict(load.failures),
        "seen": load.seen,
        "median_ms": ordered[len(ordered) // 2],
        "p99_ms": ordered[int(len(ordered) * 0.99)],
        "slowest_ms": ordered[-1],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
