"""Drain: ask clients to reconnect while the server is about to stop.

A connection that is closed right after a response, as announced, is never closed under a request.
"""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sepsis_detect.api.services import Services

CLOSE = (b"connection", b"close")


class Drain:
    """Middleware that adds `Connection: close` while the service is draining."""

    def __init__(self, app: ASGIApp, *, services: Services):
        """Wrap `app`."""
        self._app = app
        self._services = services

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; draining may begin while it is in flight."""

        def send_and_close(message: Message) -> Awaitable[None]:
            if self._services.is_draining and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), CLOSE]
            return send(message)

        return self._app(scope, receive, send_and_close)
