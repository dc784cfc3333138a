"""Graceful shutdown: the load balancer is told first, and no request is lost."""

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from tests.contract.test_server import MAX_SECONDS, PATIENT, Server, serving

BODY = json.dumps(PATIENT).encode()
HEAD = (
    b"POST /predict/patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)
DRAIN_SECONDS = 2.0
LONG = "600"  # drain seconds: longer than the test


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), MAX_SECONDS) as connection:
        yield connection


def answer(connection: socket.socket) -> tuple[int, str | None]:
    """Status, and the header `Connection`."""
    with closing(http.client.HTTPResponse(connection)) as response:
        response.begin()
        json.loads(response.read())
        return response.status, response.headers["Connection"]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 6 * MAX_SECONDS  # three processes start, maybe on a busy machine
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_draining(server: Server) -> bool:
    status, body = server.ask("GET", "/health")
    if status == 200:
        return False
    assert (status, body) == (503, {"status": "Unavailable", "reason": "draining"})
    return True


def start_draining(server: Server) -> None:
    assert server.ask("GET", "/health")[0] == 200
    server.process.terminate()
    wait_until(lambda: is_draining(server))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_drains_before_it_stops(workers: str) -> None:
    with serving("--workers", workers, DRAIN_SECONDS=str(DRAIN_SECONDS)) as server:
        with connected(server) as kept:
            kept.sendall(HEAD + BODY)
            assert answer(kept) == (200, None)
            began = time.monotonic()
            start_draining(server)
            kept.sendall(HEAD + BODY)
            assert answer(kept) == (200, "close")
            assert kept.recv(1) == b""
        assert server.ask("POST", "/predict/patient", PATIENT)[0] == 200
        assert server.process.wait(MAX_SECONDS) == 0
        assert time.monotonic() - began >= DRAIN_SECONDS


def test_a_request_in_flight_is_answered() -> None:
    with serving() as server:
        with connected(server) as connection:
            connection.sendall(HEAD + BODY[:10])
            time.sleep(0.2)
            server.process.terminate()
            wait_until(lambda: is_refused(server))
            connection.sendall(BODY[10:])
            assert answer(connection) == (200, "close")
        assert server.process.wait(MAX_SECONDS) == 0


def is_refused(server: Server) -> bool:
    try:
        with connected(server):
            return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def test_idle_connections_do_not_delay_the_shutdown() -> None:
    with serving() as server, connected(server) as unused, connected(server) as idle:
        idle.sendall(HEAD + BODY)
        assert answer(idle)[0] == 200
        assert server.stop() == 0
        assert (unused.recv(1), idle.recv(1)) == (b"", b"")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "SIGTERM"])
def test_a_second_signal_ends_the_draining(ending: int) -> None:
    with serving(DRAIN_SECONDS=LONG) as server:
        start_draining(server)
        assert server.stop(ending) == 0


def test_ctrl_c_stops_without_draining() -> None:
    with serving(DRAIN_SECONDS=LONG) as server:
        assert server.ask("GET", "/health")[0] == 200
        assert server.stop(signal.SIGINT) == 0


@pytest.mark.timeout(300)
def test_a_killed_worker_is_replaced_while_the_other_serves() -> None:
    with serving("--workers", "2") as server:
        assert server.ask("GET", "/health")[0] == 200
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(server.workers()) == 2 and before[0] not in server.workers())
        assert server.ask("POST", "/predict/patient", PATIENT)[0] == 200
        assert server.stop() == 0
