"""In-flight limit: reject with 503 and `Retry-After` when too many requests are being answered.

A request counts from the last byte of its body to its response, so that slow bodies do not count.
The limit bounds the queue of the event loop, and so the latency. A rejected request is not read:
under overload most are rejected, and what that costs is lost for the others.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sepsis_detect.api.error_responses import FHIR, error_response, overload, problem_response

MAX_IN_FLIGHT = 256
HEALTH = "/health"  # the load balancer's check is answered under overload too


class InFlightLimit:
    """Middleware that counts requests and rejects those over `MAX_IN_FLIGHT`."""

    def __init__(self, app: ASGIApp):
        """Wrap `app`."""
        self._app = app
        self._n_in_flight = 0
        self._rejection = problem_response(overload())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] == HEALTH:
            await self._app(scope, receive, send)
            return
        if self._n_in_flight >= MAX_IN_FLIGHT:
            is_fhir = scope["path"].startswith(FHIR)
            rejection = error_response(overload(), scope) if is_fhir else self._rejection
            await rejection(scope, receive, send)
            return
        is_counted = False

        async def receive_and_count() -> Message:
            nonlocal is_counted
            message = await receive()
            if not is_counted and not message.get("more_body", False):
                is_counted = True
                self._n_in_flight += 1
            return message

        try:
            await self._app(scope, receive_and_count, send)
        finally:
            self._n_in_flight -= is_counted
