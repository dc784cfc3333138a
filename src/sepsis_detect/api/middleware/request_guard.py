"""What surrounds every route: request id, limits of the body, the last resort, one log line.

A plain ASGI layer: it costs a few microseconds and sees every request, also those no route takes.
"""

import logging
import re
from asyncio import get_running_loop
from collections.abc import Awaitable
from random import getrandbits
from time import perf_counter
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sepsis_detect.api.error_responses import error_response, internal
from sepsis_detect.api.middleware.authentication import CALLER
from sepsis_detect.api.middleware.load_shedding import Load
from sepsis_detect.problems import Problem, RequestError
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.metrics import Metrics

SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:/+=-]{1,128}")
JSON_TYPE = re.compile(rb"\s*application/([A-Za-z0-9.-]+\+)?json\s*(;.*)?", re.IGNORECASE)
USUAL_TYPES = (b"application/json", None)
REQUEST_ID = "sepsis_detect.request_id"
"""Key of the request id in the ASGI scope."""
CLIENT_GONE = 499  # in the log alone: nobody was there to answer
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
# Unless the answer brings its own: nothing to show, nothing to keep.
DEFAULT_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
USUAL_HEADERS = [*HEADERS, *DEFAULT_HEADERS]
DEFAULT_NAMES = frozenset(name for name, _ in DEFAULT_HEADERS)


class Edge:
    """Wraps the application.

    Args:
        app: The application.
        max_body_bytes: Larger bodies are answered 413, as soon as that is known.
        load: What the process has under way.
        metrics: Counts every answer.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, load: Load, metrics: Metrics):
        """Wrap `app`."""
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._load = load
        self._metrics = metrics
        self._n_open = 0
        self._ended: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers = dict(scope["headers"])
        scope[REQUEST_ID] = own_id = request_id(headers.get(b"x-request-id"))
        status = 500
        is_started = False
        received = 0
        self._n_open += 1

        def send_with_headers(message: Message) -> Awaitable[None]:
            nonlocal status, is_started
            if message["type"] == "http.response.start":
                status, is_started = message["status"], True
                message["headers"] = _with_ours(message["headers"], own_id)
            return send(message)

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            if n_bytes := len(message.get("body", b"")):
                self._load.take(n_bytes)
                received += n_bytes
                if received > self._max_body_bytes:
                    raise self._too_large()
            return message

        try:
            if scope["method"] == "POST":
                self._check_kind_and_length(headers)
            await self._app(scope, receive_limited, send_with_headers)
        except RequestError as error:
            await error_response(error, scope)(scope, receive, send_with_headers)
        except ClientDisconnect:
            status = CLIENT_GONE
        except Exception as error:  # the last resort: a bug must not show a patient's values
            logs.event(logging.ERROR, "failed", request_id=own_id, **logs.failure(error))
            if not is_started:
                await error_response(internal(), scope)(scope, receive, send_with_headers)
        finally:
            self._load.give_back(received)
            self._end(
                {
                    "request_id": own_id,
                    "caller": scope.get(CALLER),
                    "method": scope["method"],
                    # The route's pattern, not the path: a path can hold anything.
                    "route": getattr(scope.get("route"), "path", "unmatched"),
                    "status": status,
                    "duration_ms": round((perf_counter() - started) * 1000, 3),
                }
            )

    def _end(self, ended: dict[str, Any]) -> None:
        """Write down what ended, together with all else that ends in this turn of the loop."""
        self._n_open -= 1
        self._ended.append(ended)
        if not self._n_open:
            self._write_down()
        elif len(self._ended) == 1:
            get_running_loop().call_soon(self._write_down)

    def _write_down(self) -> None:
        ended, self._ended = self._ended, []
        if ended:
            self._metrics.requests([(each["status"], each["duration_ms"]) for each in ended])
            for each in ended:
                logs.event(logging.INFO, "request", **each)

    def _check_kind_and_length(self, headers: dict[bytes, bytes]) -> None:
        content_type = headers.get(b"content-type")
        if content_type not in USUAL_TYPES and not JSON_TYPE.fullmatch(content_type):
            raise _not_json()
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise _encoded()
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise self._too_large()

    def _too_large(self) -> RequestError:
        most = self._max_body_bytes
        return _error(
            413,
            "body.size",
            f"The body is larger than {most} bytes.",
            f"Le corps de la requête dépasse {most} octets.",
            {"max_body_bytes": most},
        )


def request_id(sent: bytes | None) -> str:
    """The id that the caller sent with a request if it is a sane one, else a new one."""
    if sent is not None and SANE_REQUEST_ID.fullmatch(sent):
        return sent.decode()
    return f"{getrandbits(128):032x}"  # to be told apart, not to be kept secret


def _with_ours(headers: list[tuple[bytes, bytes]], own_id: str) -> list[tuple[bytes, bytes]]:
    own = (b"x-request-id", own_id.encode())
    names = {name for name, _ in headers}
    if names.isdisjoint(DEFAULT_NAMES):
        return [*headers, own, *USUAL_HEADERS]
    defaults = [header for header in DEFAULT_HEADERS if header[0] not in names]
    return [*headers, own, *HEADERS, *defaults]


def _error(
    status: int, rule: str, msg: str, msg_fr: str, ctx: dict[str, Any] | None = None
) -> RequestError:
    kind = rule.partition(".")[0]
    problem = Problem(type=kind, rule=rule, loc=("body",), msg=msg, msg_fr=msg_fr, ctx=ctx or {})
    return RequestError(status, [problem])


def _not_json() -> RequestError:
    return _error(
        415,
        "body.media_type",
        "The body must be JSON: send Content-Type: application/json.",
        "Le corps doit être en JSON : envoyez Content-Type: application/json.",
    )


def _encoded() -> RequestError:
    return _error(
        415,
        "body.encoding",
        "The body must not be compressed: send it without Content-Encoding.",
        "Le corps ne doit pas être compressé : envoyez-le sans Content-Encoding.",
    )
