"""Request ids: the caller's `X-Request-ID` if it is well formed, else a new one."""

import re
from collections.abc import Awaitable
from random import getrandbits

from starlette.types import ASGIApp, Message, Receive, Scope, Send

WELL_FORMED = re.compile(rb"[A-Za-z0-9._~:/+=-]{1,128}")
HEADER = b"x-request-id"
REQUEST_ID = "sepsis_detect.request_id"
"""Key of the request id in the ASGI scope."""


class RequestId:
    """Middleware that puts the request id into the ASGI scope and into the response."""

    def __init__(self, app: ASGIApp):
        """Wrap `app`."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        scope[REQUEST_ID] = request_id = _request_id(scope)
        header = (HEADER, request_id.encode())

        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            return send(message)

        return self._app(scope, receive, send_with_id)


def _request_id(scope: Scope) -> str:
    sent: bytes | None = dict(scope["headers"]).get(HEADER)
    if sent is not None and WELL_FORMED.fullmatch(sent):
        return sent.decode()
    return f"{getrandbits(128):032x}"  # it must be unique, not secret
