"""Request log: one line and one measurement a request, without any patient value."""

import logging
from asyncio import get_running_loop
from collections.abc import Awaitable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sepsis_detect.api.middleware.authentication import CALLER
from sepsis_detect.api.middleware.request_id import REQUEST_ID
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.metrics import Metrics

CLIENT_GONE = 499  # in the log alone: the client closed the connection before the response
REJECTED = 503
REJECTED_LOG_SECONDS = 1.0


class RequestLog:
    """Middleware that logs and counts requests.

    Requests that were rejected with 503 are logged as a number once a second: under overload a
    line for each would cost more than the rejection.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics):
        """Wrap `app`."""
        self._app = app
        self._metrics = metrics
        self._n_rejected = 0
        self._is_rejected_log_due = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = CLIENT_GONE

        def send_and_note(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            if status == REJECTED and "route" not in scope:  # no route saw it
                self._count_rejected()
            else:
                self._log(scope, status, (perf_counter() - started) * 1000)

    def _log(self, scope: Scope, status: int, milliseconds: float) -> None:
        self._metrics.requests([(status, milliseconds)])
        logs.event(
            logging.INFO,
            "request",
            request_id=scope[REQUEST_ID],
            caller=scope.get(CALLER),
            method=scope["method"],
            # The route's pattern, not the path: a path can hold anything.
            route=getattr(scope.get("route"), "path", "unmatched"),
            status=status,
            duration_ms=round(milliseconds, 3),
        )

    def _count_rejected(self) -> None:
        self._metrics.n_turned_away += 1
        self._n_rejected += 1
        if not self._is_rejected_log_due:
            self._log_rejected()

    def _log_rejected(self) -> None:
        self._is_rejected_log_due = self._n_rejected > 0
        if self._is_rejected_log_due:
            logs.event(logging.WARNING, "turned_away", n_requests=self._n_rejected)
            self._n_rejected = 0
            get_running_loop().call_later(REJECTED_LOG_SECONDS, self._log_rejected)
