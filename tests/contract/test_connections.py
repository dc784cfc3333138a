"""Clients that stall, flood or talk nonsense are told so and left; the others notice nothing."""

import asyncio
import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.testclient import TestClient

from sepsis_detect.api import turning_away
from sepsis_detect.api.app import create_app
from sepsis_detect.api.middleware import load_shedding
from sepsis_detect.api.middleware.load_shedding import Load
from sepsis_detect.api.services import services_in
from sepsis_detect.server import connections, serve
from sepsis_detect.server.graceful_shutdown import draining
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry.metrics import Metrics
from tests.builders import a_patient
from tests.contract.asking import ask, check_problems, predicted, refused

SECONDS = 0.5  # within which a request must be whole, here
MAX_SECONDS = 30.0
KEEP_ALIVE_SECONDS = 2
BODY = json.dumps(a_patient()).encode()
HEAD = (
    b"POST /predict/patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n" % len(BODY)
)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings())


@pytest.fixture(scope="module")
def port(app: FastAPI) -> Iterator[int]:
    """Of a server in a thread of this process, with little patience."""
    with pytest.MonkeyPatch.context() as patch, socket.socket() as listener:
        patch.setattr(connections, "REQUEST_SECONDS", SECONDS)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = draining(
            app=app,
            ws="none",
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        running.should_exit = True
        thread.join()


@pytest.fixture
def connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), MAX_SECONDS) as connection:
        yield connection


def answer(connection: socket.socket) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers."""
    with closing(http.client.HTTPResponse(connection)) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, json.loads(response.read()), headers


def take_on(n_requests: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a turn of the loop take on so many and no more, however few connections there are."""
    monkeypatch.setattr(load_shedding, "FEW", 0)
    for name in ("FEWEST", "MOST"):
        monkeypatch.setattr(load_shedding, name, n_requests)


def is_left(connection: socket.socket) -> bool:
    """Whether the server closes the connection and says no more."""
    return connection.recv(1) == b""


def told(connection: socket.socket, status: int) -> str:
    """The rule of the one problem that is told before the connection is closed."""
    found, body, headers = answer(connection)
    assert found == status, body
    check_problems(body)
    assert headers["connection"] == "close"
    assert headers["cache-control"] == "no-store"
    assert is_left(connection)
    rule: str = body["detail"][0]["rule"]
    return rule


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"P", id="one byte"),
        pytest.param(HEAD, id="headers without an end"),
        pytest.param(HEAD + b"\r\n", id="no body"),
        pytest.param(HEAD + b"\r\n" + BODY[:-1], id="a body that lacks a byte"),
        pytest.param(
            HEAD.partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
            id="a chunk that does not end",
        ),
    ],
)
def test_a_request_that_stalls_is_408(connection: socket.socket, begun: bytes) -> None:
    connection.sendall(begun)
    assert told(connection, 408) == "http.slow"


def test_dripping_does_not_gain_time(connection: socket.socket) -> None:
    connection.settimeout(SECONDS / 20)
    until = time.monotonic() + MAX_SECONDS
    for byte in HEAD * 100:
        connection.sendall(bytes([byte]))
        try:
            assert connection.recv(1, socket.MSG_PEEK) == b"H"
            break
        except TimeoutError:
            assert time.monotonic() < until
    assert told(connection, 408) == "http.slow"


def test_a_connection_that_says_nothing_is_left(connection: socket.socket) -> None:
    assert is_left(connection)


def test_what_was_slow_but_in_time_is_answered_and_leaves_no_timer(
    connection: socket.socket,
) -> None:
    for _ in range(2):
        connection.sendall(HEAD + b"\r\n")
        time.sleep(SECONDS / 5)
        connection.sendall(BODY)
        assert answer(connection)[0] == 200
    time.sleep(SECONDS * 1.5)
    connection.sendall(HEAD + b"\r\n" + BODY)
    assert answer(connection)[0] == 200


def test_headers_beyond_all_bounds_are_431(connection: socket.socket) -> None:
    connection.sendall(HEAD)
    line = b"X-Filler: " + b"x" * 1000 + b"\r\n"
    for _ in range(connections.MAX_HEADER_BYTES // len(line) + 1):
        connection.sendall(line)
    assert told(connection, 431) == "http.headers"


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\x00" * 100, b"SSH-2.0-x\r\n"]
)
def test_what_is_no_http_is_400(connection: socket.socket, nonsense: bytes) -> None:
    connection.sendall(nonsense)
    assert told(connection, 400) == "http.malformed"


def test_stalled_clients_keep_nobody_else_waiting(
    port: int, connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_on(1, monkeypatch)
    with ExitStack() as stack:
        for _ in range(50):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(HEAD + b"\r\n" + BODY[:5])
        time.sleep(1.0)  # until they have been seen: it is stalling that must keep nobody waiting
        connection.sendall(HEAD + b"\r\n" + BODY)
        assert answer(connection)[0] == 200


def test_beyond_what_can_be_met_it_turns_away_at_once_and_stays_healthy(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_on(0, monkeypatch)
    connection.sendall(HEAD + b"\r\n" + BODY)
    status, body, headers = answer(connection)
    assert (status, body["detail"][0]["rule"]) == (503, "load.too_much")
    check_problems(body)
    assert headers["retry-after"] == "1"
    assert headers["x-request-id"]
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer(connection)[0] == 200
    monkeypatch.undo()
    connection.sendall(HEAD + b"\r\n" + BODY)
    assert answer(connection)[0] == 200


def test_bodies_in_memory_are_bounded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_shedding, "MAX_BYTES", len(BODY) + 1)
    for _ in range(3):
        predicted(ask(client, BODY))
    response = ask(client, BODY + b"  ")
    assert refused(response, 503)[0]["rule"] == "load.too_much"
    predicted(ask(client, BODY))


@pytest.mark.parametrize(
    ("query", "body"),
    [("include=contributions", BODY), ("", BODY.ljust(64 * 1024))],
    ids=["contributions", "a large body"],
)
def test_slow_work_that_would_queue_is_turned_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, query: str, body: bytes
) -> None:
    predicted(ask(client, body, query))
    monkeypatch.setattr(load_shedding, "MAX_SLOW", 0)
    assert ask(client, body, query).headers["Retry-After"] == "1"
    predicted(ask(client, BODY))


def test_what_is_turned_away_is_said_once_a_second_and_counted(
    port: int,
    connection: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    take_on(0, monkeypatch)
    time.sleep(1.5 * turning_away.LOG_SECONDS)  # until nothing of other tests is to be said
    monkeypatch.setattr(turning_away, "LOG_SECONDS", 0.5)
    began = time.monotonic()

    def said() -> list[int]:
        records = [record for record in caplog.records if record.message == "turned_away"]
        return [vars(record)["fields"]["n_requests"] for record in records]

    with caplog.at_level(logging.WARNING, "sepsis_detect"):
        for _ in range(20):
            connection.sendall(HEAD + b"X-Request-ID: trace-0018\r\n\r\n" + BODY)
            status, _, headers = answer(connection)
            assert (status, headers["x-request-id"]) == (503, "trace-0018")
            assert headers["cache-control"] == "no-store"
        while sum(said()) < 20:  # the last too, though nobody else comes
            assert time.monotonic() < began + MAX_SECONDS
            time.sleep(0.05)
    assert len(said()) <= 2 + (time.monotonic() - began) / 0.5


def test_fhir_is_turned_away_in_its_own_form(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_on(0, monkeypatch)
    connection.sendall(HEAD.replace(b"/predict/patient", b"/fhir/$sepsis-risk") + b"\r\n" + BODY)
    status, body, headers = answer(connection)
    assert (status, headers["retry-after"]) == (503, "1")
    assert body["resourceType"] == "OperationOutcome"
    assert body["issue"][0]["code"] == "throttled"


def test_who_is_turned_away_again_and_again_keeps_the_connection_till_it_idles(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_on(0, monkeypatch)
    for _ in range(3):
        connection.sendall(HEAD + b"\r\n" + BODY)
        assert answer(connection)[0] == 503
        time.sleep(0.6 * KEEP_ALIVE_SECONDS)
    assert is_left(connection)


def test_what_comes_behind_a_request_that_waits_to_be_turned_away_is_not_lost(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_on(0, monkeypatch)
    monkeypatch.setattr(load_shedding, "REFUSALS_AT_A_TIME", 0)
    connection.sendall(HEAD + b"\r\n" + BODY)
    time.sleep(0.1)  # they are to be two pieces
    connection.sendall(HEAD + b"\r\n" + BODY[:5])
    connection.sendall(BODY[5:])
    answers = b""
    while answers.count(b"HTTP/1.1 503 ") < 2:
        answers += connection.recv(65_536)


def test_open_connections_are_counted_and_closed_ones_no_longer(app: FastAPI, port: int) -> None:
    def wait_for(n_connections: int) -> None:
        until = time.monotonic() + MAX_SECONDS
        while services_in(app).load.n_connections != n_connections:
            assert time.monotonic() < until
            time.sleep(0.01)

    wait_for(0)
    with ExitStack() as opened:
        for _ in range(5):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        wait_for(5)
    wait_for(0)


def test_one_turn_of_the_loop_takes_in_several_new_connections() -> None:
    n_clients = 100
    made: list[asyncio.BaseTransport] = []

    class Counted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    async def turns_until_all_are_in() -> int:
        with ExitStack() as opened, socket.create_server(("127.0.0.1", 0)) as listener:
            loop = asyncio.get_running_loop()
            for each in [listener, *serve.more_of(listener)]:
                opened.enter_context(closing(await loop.create_server(Counted, sock=each)))
            address = listener.getsockname()
            for _ in range(n_clients):
                opened.enter_context(socket.create_connection(address))
            n_turns = 0
            while len(made) < n_clients:
                await asyncio.sleep(0)
                n_turns += 1
            for transport in made:
                transport.close()
            return n_turns

    n_turns = uvloop.run(asyncio.wait_for(turns_until_all_are_in(), MAX_SECONDS))
    assert n_turns <= n_clients / serve.ACCEPTS + 5


def test_what_is_whole_and_plain_is_turned_away_unread(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_on(0, monkeypatch)
    monkeypatch.setattr(turning_away.TurningAway, "whole", lambda *_: pytest.fail("it was read"))
    for _ in range(3):  # the connection goes on
        connection.sendall(HEAD + b"X-Request-ID: trace-0019\r\n\r\n" + BODY)
        status, body, headers = answer(connection)
        assert (status, headers["retry-after"]) == (503, "1")
        assert headers["x-request-id"] == "trace-0019"
        assert headers["cache-control"] == "no-store"
        check_problems(body)


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"\r\n" + BODY[:-1],
        HEAD + b"\r\n" + BODY + b"G",
        HEAD,
        HEAD + b"Connection: close\r\n\r\n" + BODY,
        HEAD + b"Expect: 100-continue\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + BODY,
        HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
        HEAD + b"X-Request-ID: a\r\nx-request-id: b\r\n\r\n" + BODY,
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n" + BODY,
        HEAD.replace(b"POST", b"GET") + b"\r\n" + BODY,
        HEAD.replace(b"/predict/patient", b"/fhir/$sepsis-risk") + b"\r\n" + BODY,
        HEAD.replace(b"/predict/patient", b"/health") + b"\r\n" + BODY,
        BODY,
    ],
)
def test_what_is_not_plain_is_for_the_parser(request_: bytes) -> None:
    assert turning_away.TurningAway(Metrics()).unread(request_, []) is None


def test_in_a_flood_threads_keep_hardly_any_waiting(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_shedding, "MAX_SLOW_IN_FLOOD", 0)
    here: Load = services_in(client.app).load
    monkeypatch.setattr(here, "_flood_until", time.monotonic() + MAX_SECONDS)
    response = ask(client, BODY, "include=contributions")
    assert refused(response, 503)[0]["rule"] == "load.too_much"
    monkeypatch.undo()
    predicted(ask(client, BODY, "include=contributions"))
