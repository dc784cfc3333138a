"""The answer to a request that is not taken on: 503, for next to nothing.

In a flood most requests end here, and every microsecond of theirs is taken from those that are
answered. So the answer is made once, as bytes, what was sent is not looked at, and the log says
once a second how many there were, not each time that there was one.
"""

import logging
import re
from time import monotonic
from typing import Any

from starlette.types import Receive, Scope, Send

from sepsis_detect import logs
from sepsis_detect.api.edge import DEFAULT_HEADERS, HEADERS, request_id
from sepsis_detect.api.failures import FHIR, error_response
from sepsis_detect.api.load import overload
from sepsis_detect.api.problems import problem_response
from sepsis_detect.meter import Meter

LOG_SECONDS = 1.0
CLOSE = (b"connection", b"close")
PLAIN = re.compile(rb"POST /predict/[a-z]+(\?[^ \r\n]*)? HTTP/1\.1\r\n")
UNUSUAL = frozenset({b"connection", b"expect", b"transfer-encoding", b"upgrade"})
"""Headers that say how a request is to be read, or what comes after it."""


class TurningAway:
    """An application that answers nothing else.

    Args:
        meter: Counts every answer.
    """

    def __init__(self, meter: Meter):
        """Make the answer."""
        self._meter = meter
        usual = problem_response(overload())
        self._head = b"HTTP/1.1 503 Service Unavailable\r\n" + _lines(
            [*usual.raw_headers, *HEADERS, *DEFAULT_HEADERS]
        )
        self._body = bytes(usual.body)
        self._n_unsaid = 0
        self._said_at = 0.0

    def whole(self, cycle: Any) -> bytes | None:
        """All bytes of the answer to uvicorn's `cycle`; None if its answer has another form."""
        scope: Scope = cycle.scope
        if scope["method"] == "HEAD" or scope["path"].startswith(FHIR):
            return None
        own = [*cycle.default_headers]
        if not cycle.keep_alive:
            own.append(CLOSE)
        return self._answer(dict(scope["headers"]), own)

    def unread(self, data: bytes, own: list[tuple[bytes, bytes]]) -> bytes | None:
        """All bytes of the answer to a request that is not even parsed.

        Args:
            data: As received, at the beginning of a request.
            own: Headers that the server adds.

        Returns:
            None unless it is one whole, plain request for a prediction: then it is for the parser.
        """
        head, end, body = data.partition(b"\r\n\r\n")
        if not (end and PLAIN.match(head)):
            return None
        lines = head.split(b"\r\n")[1:]
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(b":") for x in lines)
        }
        if len(headers) < len(lines) or not UNUSUAL.isdisjoint(headers):
            return None
        if headers.get(b"content-length") != b"%d" % len(body):
            return None
        return self._answer(headers, own)

    def _answer(self, headers: dict[bytes, bytes], own: list[tuple[bytes, bytes]]) -> bytes:
        own_id = (b"x-request-id", request_id(headers).encode())
        self._count()
        return b"%b%b\r\n%b" % (self._head, _lines([*own, own_id]), self._body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn one request away in the form of its route."""
        response = error_response(overload(), scope)
        own = (b"x-request-id", request_id(dict(scope["headers"])).encode())
        headers = [*response.raw_headers, own, *HEADERS, *DEFAULT_HEADERS]
        await send(
            {"type": "http.response.start", "status": response.status_code, "headers": headers}
        )
        await send({"type": "http.response.body", "body": response.body})
        self._count()

    def _count(self) -> None:
        self._meter.turned_away()
        self._n_unsaid += 1
        now = monotonic()
        if now - self._said_at >= LOG_SECONDS:
            logs.event(logging.WARNING, "turned_away", n_requests=self._n_unsaid)
            self._said_at, self._n_unsaid = now, 0


def _lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)
