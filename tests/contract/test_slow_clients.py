"""Slow clients, keep-alive, and data that is not HTTP, on real connections."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sepsis_detect.api.app import create_app
from sepsis_detect.api.middleware import body_limit, in_flight_limit
from sepsis_detect.settings import Settings
from tests.builders import a_patient
from tests.contract.asking import check_problems
from tests.contract.threaded_server import (
    MAX_SECONDS,
    answer,
    connected,
    is_closed,
    threaded_server,
)

RECEIVE_SECONDS = 0.5
BODY = json.dumps(a_patient()).encode()
START = b"POST /predict/patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HEAD = START + b"Content-Length: %d\r\n\r\n" % len(BODY)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server with a short receive time-out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body_limit, "RECEIVE_SECONDS", RECEIVE_SECONDS)
        with threaded_server(create_app(Settings())) as port:
            yield port


@pytest.fixture
def connection(port: int) -> Iterator[socket.socket]:
    with connected(port) as connection:
        yield connection


def assert_408(connection: socket.socket) -> None:
    status, body, headers = answer(connection)
    assert status == 408, body
    check_problems(body)
    assert body["detail"][0]["rule"] == "http.slow"
    assert headers["connection"] == "close"
    assert headers["cache-control"] == "no-store"
    assert headers["x-request-id"]
    assert is_closed(connection)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(HEAD, id="no body"),
        pytest.param(HEAD + BODY[:-1], id="a body that lacks a byte"),
        pytest.param(
            START + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", id="a chunk that does not end"
        ),
    ],
)
def test_a_slow_body_is_408(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)
    assert_408(connection)


def test_sending_byte_by_byte_does_not_extend_the_time(connection: socket.socket) -> None:
    connection.settimeout(RECEIVE_SECONDS / 20)
    deadline = time.monotonic() + MAX_SECONDS
    connection.sendall(HEAD)
    for byte in BODY:
        try:
            connection.sendall(bytes([byte]))
            assert connection.recv(1, socket.MSG_PEEK) == b"H"
            break
        except TimeoutError:
            assert time.monotonic() < deadline
        except ConnectionError:  # closed just before this byte, which then discards the response
            return
    connection.settimeout(MAX_SECONDS)
    assert_408(connection)


def test_a_body_that_is_slow_but_in_time_is_answered_on_a_kept_connection(
    connection: socket.socket,
) -> None:
    for _ in range(2):
        connection.sendall(HEAD)
        time.sleep(RECEIVE_SECONDS / 5)
        connection.sendall(BODY)
        assert answer(connection)[0] == 200
    time.sleep(RECEIVE_SECONDS * 1.5)  # no time-out is left over
    connection.sendall(HEAD + BODY)
    assert answer(connection)[0] == 200


def test_slow_bodies_do_not_count_as_in_flight(
    port: int, connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight_limit, "MAX_IN_FLIGHT", 1)
    monkeypatch.setattr(body_limit, "RECEIVE_SECONDS", MAX_SECONDS)
    with ExitStack() as stack:
        for _ in range(50):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(HEAD + BODY[:5])
        time.sleep(0.5)  # until the server has received all of them
        connection.sendall(HEAD + BODY)
        assert answer(connection)[0] == 200


def test_over_the_limit_a_request_is_503_and_health_is_200_on_the_same_connection(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight_limit, "MAX_IN_FLIGHT", 0)
    connection.sendall(HEAD + BODY)
    assert answer(connection)[0] == 503
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer(connection)[0] == 200
    monkeypatch.undo()
    connection.sendall(HEAD + BODY)
    assert answer(connection)[0] == 200


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\x00" * 100, b"SSH-2.0-x\r\n"]
)
def test_data_that_is_not_http_is_400(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert is_closed(connection)
