"""Body limit: JSON only (415), of bounded size (413), received in bounded time (408).

The whole body is received here. So a slow or a large one ends before the request counts as in
flight, and the application gets the body as one message.
"""

import re
from asyncio import CancelledError, Task, current_task, get_running_loop
from typing import cast

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sepsis_detect.api.error_responses import body_too_large, error_response, overload
from sepsis_detect.problems import Problem, RequestError

RECEIVE_SECONDS = 30.0  # for the whole body
MAX_TOTAL_BYTES = 64 * 1024 * 1024  # of the bodies of all requests, in memory at once
TIMED_OUT = "timed out"
JSON, UPGRADE = b"application/json", b"upgrade"
JSON_TYPE = re.compile(rb"\s*application/([A-Za-z0-9.-]+\+)?json\s*(;.*)?", re.IGNORECASE)


class BodyLimit:
    """Middleware that receives the body of a POST request.

    Args:
        app: The application.
        max_body_bytes: Limit of one body.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int):
        """Wrap `app`."""
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._n_bytes = 0
        """Bytes of all bodies in memory."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST":  # no other route reads a body
            await self._app(scope, receive, send)
            return
        body = _Body()
        try:
            app = await self._accept(body, scope, receive)
            await app(scope, _replay(body.take(), receive), send)
        except ClientDisconnect:
            pass
        finally:
            self._n_bytes -= body.n_bytes

    async def _accept(self, body: "_Body", scope: Scope, receive: Receive) -> ASGIApp:
        """Receive the body; what answers the request: the application, or an error response."""
        # `asyncio.timeout` takes four times as long, and nearly every body is here already.
        loop = get_running_loop()
        task = cast("Task[None]", current_task(loop))
        timer = loop.call_later(RECEIVE_SECONDS, task.cancel, TIMED_OUT)
        headers = dict(scope["headers"])
        try:
            self._check_headers(headers)
            while self._add(await receive(), body):
                pass
            if not body.n_bytes and UPGRADE in headers:
                raise _upgrade()
        except RequestError as error:
            return error_response(error, scope)
        except CancelledError as error:
            if error.args != (TIMED_OUT,):
                raise
            task.uncancel()
            return error_response(too_slow(), scope)
        finally:
            timer.cancel()
        return self._app

    def _check_headers(self, headers: dict[bytes, bytes]) -> None:
        content_type = headers.get(b"content-type", JSON)
        if content_type != JSON and not JSON_TYPE.fullmatch(content_type):
            raise _not_json()
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise body_too_large(self._max_body_bytes)

    def _add(self, message: Message, body: "_Body") -> bool:
        """Add a part to the body; whether more follow."""
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        body.add(part)
        self._n_bytes += len(part)
        if body.n_bytes > self._max_body_bytes:
            raise body_too_large(self._max_body_bytes)
        if self._n_bytes > MAX_TOTAL_BYTES:
            raise overload()
        return bool(message.get("more_body", False))


class _Body:
    """The bytes of one body: added, then taken as a whole."""

    __slots__ = ("_received", "n_bytes")

    def __init__(self) -> None:
        self.n_bytes = 0
        self._received = bytearray()

    def add(self, part: bytes) -> None:
        self.n_bytes += len(part)
        self._received += part

    def take(self) -> bytes:
        """All bytes, which are not kept here."""
        whole = bytes(self._received)
        self._received.clear()
        return whole


def _replay(body: bytes, receive: Receive) -> Receive:
    """An ASGI `receive` that gives the body as one message."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _not_json() -> RequestError:
    problem = Problem(
        type="body",
        rule="body.media_type",
        loc=("body",),
        msg="The body must be JSON: send Content-Type: application/json.",
        msg_fr="Le corps doit être en JSON : envoyez Content-Type: application/json.",
    )
    return RequestError(415, [problem])


def _upgrade() -> RequestError:
    """The HTTP parser of the server drops the body of a request that asks for another protocol.

    Source: https://github.com/Kludex/uvicorn/issues/2722
    """
    problem = Problem(
        type="http",
        rule="http.upgrade",
        loc=("header", "upgrade"),
        msg="The request asks for another protocol (Upgrade), so its body was not read.",
        msg_fr="La requête demande un autre protocole (Upgrade) : son corps n'a pas été lu.",
        hint="Use `HTTP/1.1`. In Java: `HttpClient.newBuilder()"
        ".version(HttpClient.Version.HTTP_1_1)`.",
        hint_fr="Utilisez `HTTP/1.1`. En Java : `HttpClient.newBuilder()"
        ".version(HttpClient.Version.HTTP_1_1)`.",
    )
    error = RequestError(422, [problem])
    error.headers["Connection"] = "close"  # the server takes the body for the next request
    return error


def too_slow() -> RequestError:
    """408: the body did not come in whole in time."""
    problem = Problem(
        type="http",
        rule="http.slow",
        loc=("request",),
        msg=f"The request did not come in whole within {RECEIVE_SECONDS:.0f} seconds.",
        msg_fr=f"La requête n'est pas arrivée entière en {RECEIVE_SECONDS:.0f} secondes.",
    )
    error = RequestError(408, [problem])
    error.headers["Connection"] = "close"  # the rest of the body is not read
    return error
