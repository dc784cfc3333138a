"""Catch-all for bugs: 500 in the form of every error, and no patient value anywhere."""

import logging
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sepsis_detect.api.error_responses import error_response, internal_error
from sepsis_detect.api.middleware.request_id import REQUEST_ID
from sepsis_detect.telemetry import logs


class UnhandledErrors:
    """Middleware that logs class and place of an exception, and not its message."""

    def __init__(self, app: ASGIApp):
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_started = False

        def send_and_note(message: Message) -> Awaitable[None]:
            nonlocal is_started
            is_started = True
            return send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            request_id = scope[REQUEST_ID]
            logs.event(logging.ERROR, "failed", request_id=request_id, **logs.failure(error))
            if not is_started:
                await error_response(internal_error(), scope)(scope, receive, send)
