"""`make fuzz-bodies`: 100,000 hostile requests to every POST route; no 5xx, bounded memory.

A server with one worker gets the requests of `hostile_requests`, and generated JSON of any shape
(hypothesis), on a few connections. `--only NUMBER` repeats one request and prints its answer. Exit
code 1 where a bound is missed. Loopback address only.
"""

import argparse
import json
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from http.client import HTTPException, HTTPResponse
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from benchmarks.bounds import Bound, report
from benchmarks.hostile_requests import (
    TRANSPORT,
    Request,
    Target,
    hostile,
    targets,
    well_formed,
)
from benchmarks.local_server import Server, local_server, machine
from tests.strategies import any_json, hour_like, patient_like

GENERATED_SHARE = 0.1
N_CLIENTS = 3  # few, so that the server refuses none for overload
TIMEOUT_SECONDS = 60.0
MAX_MEGABYTES = 500.0
MAX_SHOWN = 10
MALFORMED_HTTP = (400, b"Invalid HTTP request received.")  # uvicorn's answer


class Tally:
    """Counts of the answers."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        self.failures: list[str] = []
        self._lock = threading.Lock()

    def add(self, kind: str, name: str, status: int, content: bytes) -> None:
        """Count one answer; its status is 0 if there was none."""
        with self._lock:
            self.statuses[status] += 1
            self.kinds[kind] += 1
            is_documented = 200 <= status < 500 and _is_json_object(content)
            is_malformed = kind == TRANSPORT and (status, content) == MALFORMED_HTTP
            if not is_documented and not is_malformed:
                self.failures.append(f"{name} ({kind}): {status} {content[:200]!r}")


def _is_json_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


class Client:
    """An HTTP client with one kept connection that sends bytes as they are."""

    def __init__(self, port: int):
        self._address = ("127.0.0.1", port)
        self._socket: socket.socket | None = None

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Status and body; 0 and the error when the connection ended or timed out."""
        try:
            return self._ask(request)
        except (OSError, HTTPException) as error:
            self.close()
            return 0, repr(error).encode()

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, request: Request) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, TIMEOUT_SECONDS)
        # The server may answer and close before it has read everything.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(request.content)
        with closing(HTTPResponse(self._socket, method="POST")) as response:
            response.begin()
            status, content = response.status, response.read()
            if request.is_last or response.will_close:
                self.close()
        return status, content


def main(arguments: list[str] | None = None) -> int:
    """Send, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=2019)
    parser.add_argument("--only", type=int, help="number of the one request to send")
    options = parser.parse_args(arguments)
    print(f"{machine()}; one worker", flush=True)
    with local_server({"SEPSIS_LOG_LEVEL": "WARNING", "SEPSIS_AUDIT_KEY": "k" * 32}) as server:
        among = targets(server.ask("/openapi.json")[1])
        if options.only is not None:
            request = hostile(options.seed, options.only, among)
            print(request.content[:2_000], *Client(server.port).ask(request), sep="\n")
            return 0
        tally = Tally()
        began = time.monotonic()
        _send_all(server.port, tally, among, options)
        print(f"{tally.statuses.total():,} requests in {time.monotonic() - began:.0f} s")
        return judge(tally, server)


def _send_all(port: int, tally: Tally, among: list[Target], options: argparse.Namespace) -> None:
    n_generated = int(options.requests * GENERATED_SHARE)
    numbers = range(options.requests - n_generated)
    threads = [
        threading.Thread(
            target=_send, args=(port, tally, among, options.seed, numbers[first::N_CLIENTS])
        )
        for first in range(N_CLIENTS)
    ]
    for thread in threads:
        thread.start()
    _send_generated(port, tally, among, options.seed, n_generated)
    for thread in threads:
        thread.join()


def _send(port: int, tally: Tally, among: list[Target], seed_: int, numbers: range) -> None:
    client = Client(port)
    for number in numbers:
        request = hostile(seed_, number, among)
        tally.add(request.kind, f"--seed {seed_} --only {number}", *client.ask(request))
    client.close()


def _send_generated(port: int, tally: Tally, among: list[Target], seed_: int, n: int) -> None:
    client, rng = Client(port), Random(seed_)

    @seed(seed_)
    @settings(
        max_examples=max(n, 1),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(value=any_json | hour_like | patient_like)
    def send(value: Any) -> None:
        body = json.dumps(value).encode()
        request = Request("hypothesis", well_formed(rng.choice(among), body))
        tally.add(request.kind, body[:200].decode(), *client.ask(request))

    n_before = -1
    while n_before < tally.kinds["hypothesis"] < n:  # a run ends early after many duplicates
        n_before = tally.kinds["hypothesis"]
        send()
    client.close()


def judge(tally: Tally, server: Server) -> int:
    """Print the counts and the bounds; the exit code."""
    print("kinds: " + ", ".join(f"{kind} {n:,}" for kind, n in tally.kinds.most_common()))
    print("answers: " + ", ".join(f"{each}: {n:,}" for each, n in sorted(tally.statuses.items())))
    for failure in tally.failures[:MAX_SHOWN]:
        print(f"  {failure}")
    n_5xx = sum(n for status, n in tally.statuses.items() if status >= 500)
    n_logged = sum(b'"failed"' in line for line in server.log.read_bytes().splitlines())
    return report(
        [
            Bound("answers 5xx", n_5xx, max=0),
            Bound("answers of another form than documented, or none", len(tally.failures), max=0),
            Bound("errors in the server's log", n_logged, max=0),
            Bound("resident memory at most, MB", server.megabytes("VmHWM"), max=MAX_MEGABYTES),
            Bound("healthy after it", int(server.ask("/health")[0] == 200), min=1),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
