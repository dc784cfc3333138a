"""What a server does with connections and requests when it is told to stop."""

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sepsis_detect.server.graceful_shutdown import IDLE_SECONDS
from tests.contract.test_server import MAX_SECONDS, PATIENT, Server, serving

BODY = json.dumps(PATIENT).encode()
HEAD = (
    b"POST /predict/patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        assert server.ask("GET", "/health")[0] == 200
        yield server


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), MAX_SECONDS) as connection:
        yield connection


def told_to_stop(server: Server) -> None:
    """Returns once new connections are refused."""
    server.process.terminate()
    until(lambda: is_refused(server))


def is_refused(server: Server) -> bool:
    try:
        with connected(server):
            return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def answer(connection: socket.socket) -> tuple[int, str | None]:
    """Status and what is said of the connection."""
    with closing(http.client.HTTPResponse(connection)) as response:
        response.begin()
        json.loads(response.read())
        return response.status, response.headers["Connection"]


def used(connection: socket.socket) -> None:
    connection.sendall(HEAD + BODY)
    assert answer(connection) == (200, None)


def test_a_request_on_its_way_is_answered(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(HEAD + BODY[:10])
        time.sleep(0.2)
        told_to_stop(server)
        connection.sendall(BODY[10:])
        assert answer(connection) == (200, "close")
    assert server.stop() == 0


def test_a_request_that_crosses_the_signal_is_answered_and_told_to_reconnect(
    server: Server,
) -> None:
    with connected(server) as fresh, connected(server) as idle:
        used(idle)
        time.sleep(0.2)
        told_to_stop(server)
        for connection in (fresh, idle):
            connection.sendall(HEAD + BODY)
            assert answer(connection) == (200, "close")
            assert connection.recv(1) == b""
    assert server.stop() == 0


def test_idle_connections_do_not_keep_it_from_stopping(server: Server) -> None:
    with connected(server) as fresh, connected(server) as idle:
        used(idle)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began >= IDLE_SECONDS
        assert (fresh.recv(1), idle.recv(1)) == (b"", b"")


@pytest.mark.timeout(300)
def test_workers_stop_together_after_one_was_killed_and_replaced() -> None:
    with serving("--workers", "2") as server:
        assert server.ask("GET", "/health")[0] == 200
        before = workers_of(server)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(workers_of(server)) == 2 and before[0] not in workers_of(server))
        with connected(server) as sending, connected(server) as idle:
            used(idle)
            sending.sendall(HEAD + BODY[:10])
            time.sleep(0.2)
            told_to_stop(server)
            sending.sendall(BODY[10:])
            idle.sendall(HEAD + BODY)
            assert [answer(sending), answer(idle)] == [(200, "close")] * 2
        assert server.stop() == 0


def workers_of(server: Server) -> list[int]:
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in children]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 6 * MAX_SECONDS  # three processes start, maybe on a busy machine
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
