"""In-flight limit: reject with 503 and `Retry-After` when too many requests are being answered.

A request counts from the last byte of its body to its response. The limit bounds the queue of the
event loop, and so the latency: it is at most about the limit divided by the throughput.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from sepsis_detect.api.error_responses import error_response, overload

MAX_IN_FLIGHT = 128
HEALTH = "/health"  # the load balancer's check is answered under overload too


class InFlightLimit:
    """Middleware that counts requests and rejects those over `MAX_IN_FLIGHT`."""

    def __init__(self, app: ASGIApp):
        """Wrap `app`."""
        self._app = app
        self._n_in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] == HEALTH:
            await self._app(scope, receive, send)
        elif self._n_in_flight >= MAX_IN_FLIGHT:
            await error_response(overload(), scope)(scope, receive, send)
        else:
            self._n_in_flight += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._n_in_flight -= 1
