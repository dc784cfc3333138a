"""A hundred thousand hostile requests to every POST route: no 5xx, and memory stays bounded.

    make fuzz-bodies                or        make fuzz-bodies FUZZ_ARGS='--requests 5000 --seed 7'

A real server of one worker is sent what `hostile_requests` makes, and JSON of any shape from
hypothesis, through a few connections at a time. `--only NUMBER` sends one request again and prints
its answer. Exit code 1 where a bound is broken. Loopback only.
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

from benchmarks.hostile_requests import Request, Target, hostile, targets, whole
from benchmarks.load import Bound, judge
from benchmarks.local_server import Server, local_server, machine
from tests.strategies import any_json, hour_like, patient_like

N_REQUESTS = 100_000
SHARE_OF_HYPOTHESIS = 0.1
N_CLIENTS = 3  # too few to be too much
TIMEOUT_SECONDS = 60.0
MAX_MEGABYTES = 500.0
MAX_TOLD = 10  # requests that failed
WARM_UP = 0.1  # of the requests, before memory is compared


class Tally:
    """What was answered."""

    def __init__(self, server: Server):
        """Nothing yet."""
        self.statuses: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        self.failures: list[str] = []
        self.megabytes: list[float] = []
        self._server = server
        self._lock = threading.Lock()

    def add(self, kind: str, name: str, status: int, content: bytes) -> None:
        """Count one answer; 0: there was none."""
        with self._lock:
            self.statuses[status] += 1
            self.kinds[kind] += 1
            if not 200 <= status < 500 or not _is_json(content):
                self.failures.append(f"{name} ({kind}): {status} {content[:200]!r}")
            if sum(self.kinds.values()) % 100 == 0:
                self.megabytes.append(self._server.megabytes())


def _is_json(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


class Client:
    """One connection at a time."""

    def __init__(self, port: int):
        """To `port`; it is opened when needed."""
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Status and body; 0 when the connection ended or stalled without an answer."""
        try:
            return self._ask(request)
        except (OSError, HTTPException) as error:
            self.close()
            return 0, repr(error).encode()

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, request: Request) -> tuple[int, bytes]:
        if self._socket is None:
            address = ("127.0.0.1", self._port)
            self._socket = socket.create_connection(address, TIMEOUT_SECONDS)
        # The server may answer, and close, before it has read everything.
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
    parser.add_argument("--requests", type=int, default=N_REQUESTS)
    parser.add_argument("--seed", type=int, default=2019)
    parser.add_argument("--only", type=int, help="number of the one request to send")
    options = parser.parse_args(arguments)
    print(f"{machine()}; one worker", flush=True)
    # Warnings alone: the log is a file here, and every line of it is looked at.
    with local_server(LOG_LEVEL="WARNING", AUDIT_KEY="k" * 32) as server:
        among = targets(server.ask("/openapi.json")[1])
        if options.only is not None:
            request = hostile(options.seed, options.only, among)
            print(request.content[:2_000], *Client(server.port).ask(request), sep="\n")
            return 0
        began = time.monotonic()
        tally = Tally(server)
        _send_all(server.port, tally, among, options)
        seconds = time.monotonic() - began
        most, last = server.megabytes("VmHWM"), server.megabytes()
        is_well = server.ask("/health")[0] == 200
        n_logged = sum(b'"failed"' in line for line in server.log.read_bytes().splitlines())
    return _report(tally, seconds, most, last, n_logged, is_well=is_well)


def _send_all(port: int, tally: Tally, among: list[Target], options: argparse.Namespace) -> None:
    n_generated = int(options.requests * SHARE_OF_HYPOTHESIS)
    n_hostile = options.requests - n_generated
    threads = [
        threading.Thread(
            target=_send,
            args=(port, tally, among, options.seed, range(first, n_hostile, N_CLIENTS)),
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
    client, rng = Client(port), Random(seed_)  # noqa: S311 - to mix

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
        request = Request("hypothesis", whole(rng.choice(among), body))
        tally.add(request.kind, body[:200].decode(), *client.ask(request))

    while tally.kinds["hypothesis"] < n:  # it stops early where it believes to have seen all
        before = tally.kinds["hypothesis"]
        send()
        if tally.kinds["hypothesis"] == before:
            break
    client.close()


def _report(
    tally: Tally, seconds: float, most: float, last: float, n_logged: int, *, is_well: bool
) -> int:
    n_answers = sum(tally.statuses.values())
    print(f"{n_answers:,} requests in {seconds:.0f} s")
    print("made by: " + ", ".join(f"{kind} {n:,}" for kind, n in tally.kinds.most_common()))
    print(
        "answers: " + ", ".join(f"{status}: {n:,}" for status, n in sorted(tally.statuses.items()))
    )
    told = tally.megabytes or [last]
    steps = [
        told[min(int(len(told) * share), len(told) - 1)] for share in (WARM_UP, 0.25, 0.5, 0.75)
    ]
    print(f"MB resident: {', '.join(f'{each:.0f}' for each in (*steps, last))}; at most {most:.0f}")
    for failure in tally.failures[:MAX_TOLD]:
        print(f"  {failure}")
    n_5xx = sum(n for status, n in tally.statuses.items() if status >= 500)
    return judge(
        [
            Bound("answers of 5xx", n_5xx, most=0),
            Bound("requests without an answer of the documented form", len(tally.failures), most=0),
            Bound("failures in the server's log", n_logged, most=0),
            Bound("MB resident at most", round(most, 1), most=MAX_MEGABYTES),
            Bound("healthy after it", int(is_well), least=1),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
