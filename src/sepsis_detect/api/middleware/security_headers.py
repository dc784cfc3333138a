"""Security headers of every response."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
# Unless the response has its own.
DEFAULTS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class SecurityHeaders:
    """Middleware that adds the headers against sniffing, framing and caching."""

    def __init__(self, app: ASGIApp):
        """Wrap `app`."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                own = dict(headers)
                defaults = [header for header in DEFAULTS if header[0] not in own]
                message["headers"] = [*headers, *ALWAYS, *defaults]
            return send(message)

        return self._app(scope, receive, send_with_headers)
