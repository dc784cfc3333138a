"""What surrounds every route: request id, limits of the body, the last resort, one log line.

A plain ASGI layer: it costs a few microseconds and sees every request, also those no route takes.
"""

import logging
import re
from secrets import token_hex
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sepsis_detect import logs
from sepsis_detect.api.problems import Problem, RequestError, problem_response

SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:/+=-]{1,128}")
JSON_TYPE = re.compile(rb"\s*application/([A-Za-z0-9.-]+\+)?json\s*(;.*)?", re.IGNORECASE)
REQUEST_ID = "sepsis_detect.request_id"
"""Key of the request id in the ASGI scope."""


class Edge:
    """Wraps the application.

    Args:
        app: The application.
        max_body_bytes: Larger bodies are answered 413, as soon as that is known.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int):
        """Wrap `app`."""
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers = dict(scope["headers"])
        request_id = _request_id(headers)
        scope[REQUEST_ID] = request_id
        status = 500
        is_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, is_started
            if message["type"] == "http.response.start":
                status, is_started = message["status"], True
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        try:
            if scope["method"] == "POST":
                receive = self._limited(headers, receive)
            await self._app(scope, receive, send_with_headers)
        except RequestError as error:
            await problem_response(error)(scope, receive, send_with_headers)
        except Exception as error:  # the last resort: a bug must not show a patient's values
            logs.event(logging.ERROR, "failed", request_id=request_id, **logs.failure(error))
            if not is_started:
                await problem_response(_internal())(scope, receive, send_with_headers)
        finally:
            route = scope.get("route")
            logs.event(
                logging.INFO,
                "request",
                request_id=request_id,
                method=scope["method"],
                # The route's pattern, not the path: a path can hold anything.
                route=getattr(route, "path", "unmatched"),
                status=status,
                duration_ms=round((perf_counter() - started) * 1000, 3),
            )

    def _limited(self, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        content_type = headers.get(b"content-type")
        if content_type is not None and not JSON_TYPE.fullmatch(content_type):
            raise _not_json()
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise _encoded()
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise self._too_large()
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise self._too_large()
            return message

        return receive_limited

    def _too_large(self) -> RequestError:
        most = self._max_body_bytes
        return _error(
            413,
            "body.size",
            f"The body is larger than {most} bytes.",
            f"Le corps de la requête dépasse {most} octets.",
            {"max_body_bytes": most},
        )


def _request_id(headers: dict[bytes, bytes]) -> str:
    sent = headers.get(b"x-request-id")
    if sent is not None and SANE_REQUEST_ID.fullmatch(sent):
        return sent.decode()
    return token_hex(16)


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


def _internal() -> RequestError:
    return _error(
        500,
        "internal.error",
        "The service failed on this request; nothing was predicted.",
        "Le service a échoué sur cette requête ; aucune prédiction n'a été faite.",
    )
