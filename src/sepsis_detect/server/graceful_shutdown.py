"""Graceful shutdown on SIGTERM: drain first, then uvicorn's own shutdown.

While draining (lame duck), `/health` answers 503 so that the load balancer sends no more requests;
those that still come are answered. Then uvicorn refuses connections and answers those in flight.
Ctrl+C stops without draining, and so does a second SIGTERM.
"""

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sepsis_detect.api.services import Services
from sepsis_detect.telemetry import logs


@contextmanager
def draining_on_sigterm(services: Services) -> Iterator[None]:
    """Delay the server's own handler of SIGTERM by `drain_seconds`.

    To be entered in the running event loop of the main thread, when the server has installed its
    handler; so at start-up of the application.
    """
    seconds = services.settings.drain_seconds
    stop = signal.getsignal(signal.SIGTERM)
    if not seconds or not callable(stop):
        yield
        return
    loop = asyncio.get_running_loop()

    def drain() -> None:
        if services.is_draining:
            stop(signal.SIGTERM, None)
            return
        services.is_draining = True
        logs.event(logging.INFO, "draining")
        loop.call_later(seconds, stop, signal.SIGTERM, None)

    def on_sigterm(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(drain)

    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, stop)
