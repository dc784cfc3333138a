"""What one connection may do: send whole requests in time, of sane headers, when they can be met.

uvicorn closes connections that idle between two requests, and waits for ever within one. A client
that stalls, by accident or on purpose, is told so and left.
"""

from asyncio import TimerHandle
from collections.abc import Awaitable, Generator
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from starlette.types import Message, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from sepsis_detect.api.middleware.load_shedding import Load
from sepsis_detect.api.middleware.request_guard import DEFAULT_HEADERS, HEADERS
from sepsis_detect.api.turning_away import CLOSE, TurningAway
from sepsis_detect.problems import Problem

REQUEST_SECONDS = 30.0  # from the first byte of a request to its last
MAX_HEADER_BYTES = 64 * 1024  # of one request
MAX_BYTES_IN_ONE_PIECE = 64 * 1024
PREDICTION = b"POST /predict/"
HEALTH = "/health"  # asked by the load balancer: answered however much there is to do


class GuardedProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # httptools or h11
    """A connection that can neither stall the server nor flood it."""

    _is_unfinished = False
    """Whether a request is being received."""
    _is_within_headers = False
    _is_within_body = False
    _n_header_bytes = 0
    _timer: TimerHandle | None = None
    _unread = b""
    """What is to be turned away, as soon as there is time for that."""
    _is_used = False
    """Whether a request was turned away since the timer for idle connections was set: to set it
    anew each time costs too much in a flood."""
    is_draining = False

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request, but not for ever."""
        super().connection_made(transport)
        self._load: Load | None = self.app_state.get("load")
        if self._load:
            self._load.n_connections += 1
        self._timer = self.loop.call_later(self.timeout_keep_alive, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._finished()
        self._unread = b""
        if self._load:
            self._load.n_connections -= 1
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless there is too much to do."""
        if self._unread:  # more came before that was answered
            self._turn_away()
        elif (
            (load := self._load)
            and data.startswith(PREDICTION)
            and load.is_full(self.loop.call_soon)
        ):
            self._unread = data
            load.refuse(self._turn_away, self.loop.call_soon)
            return
        self._read(data)

    def _read(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_within_headers:
            self._n_header_bytes += len(data)
            if self._n_header_bytes > MAX_HEADER_BYTES:
                self._leave(b"431 Request Header Fields Too Large", HEADERS_TOO_LARGE)
                return
        if not (self._is_within_headers or self._is_within_body):
            self._finished()
        elif not self._is_unfinished:
            self._finished()
            self._is_unfinished = True
            self._timer = self.loop.call_later(REQUEST_SECONDS, self._stalled)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_within_headers, self._n_header_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body begins."""
        self._is_within_headers, self._is_within_body = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole."""
        self._is_within_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the form of every error."""
        self._leave(b"400 Bad Request", MALFORMED)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        load = self._load
        if load is None or cycle.scope["path"] == HEALTH or load.takes(self.loop.call_soon):
            cycle.send = _in_one_piece(cycle)
            super()._start_asgi_task(cycle, app)
            return
        turning_away: TurningAway = self.app_state["turning_away"]
        answer = None if self.flow.write_paused else turning_away.whole(cycle)
        if answer is None:
            super()._start_asgi_task(cycle, turning_away)
        else:  # without a task: in a flood that costs more than the answer
            _write_whole(cycle, answer)

    def _turn_away(self) -> None:
        """Answer a request unread, if it is one whole and plain one: to parse it costs more."""
        data, self._unread = self._unread, b""
        if not data or self.transport.is_closing():
            return
        is_between = not (self._is_within_headers or self._is_within_body) and (
            self.cycle is None or self.cycle.response_complete
        )
        answer = None
        if is_between and not (self.is_draining or self.flow.write_paused):
            turning_away: TurningAway = self.app_state["turning_away"]
            answer = turning_away.unread(data, self.server_state.default_headers)
        if answer is None:
            self._read(data)
            return
        self.transport.write(answer)
        self._is_used = True
        if self.timeout_keep_alive_task is None:
            self._finished()
            self._idle_for(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; one on which requests were turned away is not idle."""
        if self._is_used or self._unread:
            self._is_used = False
            self._idle_for(self.timeout_keep_alive)
        else:
            super().timeout_keep_alive_handler()

    def _idle_for(self, seconds: float) -> None:
        handler = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(seconds, handler)

    def _finished(self) -> None:
        self._is_unfinished = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stalled(self) -> None:
        self._leave(b"408 Request Timeout", TOO_SLOW)

    def _leave(self, status: bytes, problem: Problem) -> None:
        """Say why, unless an answer began, and close."""
        self._finished()
        is_answered = self.cycle is not None and self.cycle.response_started
        if not self.transport.is_closing():
            if self._is_within_headers or not is_answered:
                self.transport.write(_whole_answer(status, problem))
            self.transport.close()


def _in_one_piece(cycle: Any) -> Send:
    """What `cycle.send` does; the start and the body of a usual answer become one write.

    uvicorn checks each header and writes twice, which costs more than a rule of ours. What ours
    hold is known to be sane: constants, numbers, and a request id that was looked at.
    """
    send: Send = cycle.send
    scope = cycle.scope
    held: Message | None = None

    def send_together(message: Message) -> Awaitable[None]:
        nonlocal held
        if message["type"] == "http.response.start" and scope["method"] != "HEAD":
            held = message
            return DONE
        # It holds on to itself through us no longer: what nothing holds needs no collection.
        cycle.__dict__.pop("send", None)
        if held is None:
            return send(message)
        start, held = held, None
        if whole := _whole_bytes(cycle, start, message):
            _write_whole(cycle, whole)
            return DONE
        return _sent(send, start, message)

    return send_together


async def _sent(send: Send, *messages: Message) -> None:
    for message in messages:
        await send(message)


class _Done:
    """Awaited, it is done: for what would not even wait if it were a coroutine."""

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


DONE = _Done()


def _whole_bytes(cycle: Any, start: Message, message: Message) -> bytes | None:
    """All bytes of an answer; None where it is for uvicorn to say how it is sent."""
    body: bytes = message.get("body", b"")
    if (
        message.get("more_body", False)
        or len(body) > MAX_BYTES_IN_ONE_PIECE
        or cycle.flow.write_paused
        or cycle.disconnected
        or cycle.response_started
    ):
        return None
    headers = [*cycle.default_headers, *start["headers"]]
    names = {name for name, _ in headers}
    if b"content-length" not in names or b"connection" in names:
        return None
    if not cycle.keep_alive:
        headers.append(CLOSE)
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([_status_line(start["status"]), *lines, b"\r\n", body])


def _write_whole(cycle: Any, answer: bytes) -> None:
    """End a request as uvicorn does."""
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    cycle.transport.write(answer)
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


@cache
def _status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())


def _whole_answer(status: bytes, problem: Problem) -> bytes:
    body = orjson.dumps({"detail": [problem.as_dict()]})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *HEADERS,
        *DEFAULT_HEADERS,
    ]
    lines = [b"HTTP/1.1 " + status, *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", body])


def _http_problem(rule: str, msg: str, msg_fr: str) -> Problem:
    return Problem(type="http", rule=f"http.{rule}", loc=("request",), msg=msg, msg_fr=msg_fr)


MALFORMED = _http_problem(
    "malformed", "This is not a valid HTTP request.", "Ce n'est pas une requête HTTP valide."
)
TOO_SLOW = _http_problem(
    "slow",
    f"The request did not come in whole within {REQUEST_SECONDS:.0f} seconds.",
    f"La requête n'est pas arrivée entière en {REQUEST_SECONDS:.0f} secondes.",
)
HEADERS_TOO_LARGE = _http_problem(
    "headers",
    f"The headers of the request are larger than {MAX_HEADER_BYTES} bytes.",
    f"Les en-têtes de la requête dépassent {MAX_HEADER_BYTES} octets.",
)
