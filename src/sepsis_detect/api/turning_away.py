"""The answer to a request that is not taken on: 503, for next to nothing.

In a flood most requests end here, and every microsecond of theirs is taken from those that are
answered. So the answer is made once, as bytes, what was sent is not looked at, and the log says
once a second how many there were, not each time that there was one.
"""

import logging
import re
from asyncio import get_running_loop
from typing import Any

from starlette.types import Receive, Scope, Send

from sepsis_detect.api.error_responses import FHIR, error_response, problem_response
from sepsis_detect.api.middleware.load_shedding import overload
from sepsis_detect.api.middleware.request_guard import DEFAULT_HEADERS, HEADERS, request_id
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.metrics import Metrics

LOG_SECONDS = 1.0
CLOSE = (b"connection", b"close")
PLAIN = re.compile(rb"POST /predict/[a-z]+(\?[^ \r\n]*)? HTTP/1\.1\r\n")
UNUSUAL = re.compile(rb"\n(connection|expect|transfer-encoding|upgrade)")
"""How headers begin that say how a request is to be read, or what comes after it."""
LENGTH, REQUEST_ID = b"\ncontent-length:", b"\nx-request-id:"


class TurningAway:
    """An application that answers nothing else.

    Args:
        metrics: Counts every answer.
    """

    def __init__(self, metrics: Metrics):
        """Make the answer."""
        self._metrics = metrics
        usual = problem_response(overload())
        self._head = b"HTTP/1.1 503 Service Unavailable\r\n" + _lines(
            [*usual.raw_headers, *HEADERS, *DEFAULT_HEADERS]
        )
        self._body = bytes(usual.body)
        self._own: list[tuple[bytes, bytes]] = []
        self._usual = self._head
        self._n_unsaid = 0
        self._is_saying = False

    def whole(self, cycle: Any) -> bytes | None:
        """All bytes of the answer to uvicorn's `cycle`; None if its answer has another form."""
        scope: Scope = cycle.scope
        if scope["method"] == "HEAD" or scope["path"].startswith(FHIR):
            return None
        own = [*cycle.default_headers]
        if not cycle.keep_alive:
            own.append(CLOSE)
        return self._answer(self._head + _lines(own), _sent_id(scope))

    def unread(self, data: bytes, own: list[tuple[bytes, bytes]]) -> bytes | None:
        """All bytes of the answer to a request that is not even parsed.

        Args:
            data: As received, at the beginning of a request.
            own: Headers that the server adds; they stay as they are in the same list.

        Returns:
            None unless it is one whole, plain request for a prediction: then it is for the parser.
        """
        head, end, body = data.partition(b"\r\n\r\n")
        if not (end and PLAIN.match(head)):
            return None
        names = head.lower()  # as bytes: a dictionary of them would take longer than all the rest
        if UNUSUAL.search(names):
            return None
        _, _, from_length = names.partition(LENGTH)
        length, _, behind = from_length.partition(b"\r")
        if LENGTH in behind or length.strip() != b"%d" % len(body):
            return None
        _, is_sent, from_id = names.partition(REQUEST_ID)
        if REQUEST_ID in from_id:
            return None
        sent_id = head[len(head) - len(from_id) :].partition(b"\r")[0].strip() if is_sent else None
        if own is not self._own:
            self._own, self._usual = own, self._head + _lines(own)
        return self._answer(self._usual, sent_id)

    def _answer(self, head: bytes, sent_id: bytes | None) -> bytes:
        self._count()
        own_id = request_id(sent_id).encode()
        return b"%bx-request-id: %b\r\n\r\n%b" % (head, own_id, self._body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn one request away in the form of its route."""
        response = error_response(overload(), scope)
        own = (b"x-request-id", request_id(_sent_id(scope)).encode())
        headers = [*response.raw_headers, own, *HEADERS, *DEFAULT_HEADERS]
        await send(
            {"type": "http.response.start", "status": response.status_code, "headers": headers}
        )
        await send({"type": "http.response.body", "body": response.body})
        self._count()

    def _count(self) -> None:
        self._metrics.n_turned_away += 1
        self._n_unsaid += 1
        if not self._is_saying:
            self._say()

    def _say(self) -> None:
        self._is_saying = self._n_unsaid > 0
        if self._is_saying:
            logs.event(logging.WARNING, "turned_away", n_requests=self._n_unsaid)
            self._n_unsaid = 0
            get_running_loop().call_later(LOG_SECONDS, self._say)


def _sent_id(scope: Scope) -> bytes | None:
    return dict(scope["headers"]).get(b"x-request-id")


def _lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)
