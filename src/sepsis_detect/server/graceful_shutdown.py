"""How the server ends under load: new connections are refused, requests on the way are answered.

Closing an idle connection at the very moment its client sends on it costs that client a request.
So idle connections stay open a little longer, and every answer given meanwhile asks the client to
close (RFC 9112, 9.6). What is closed in the end was not used for `IDLE_SECONDS`.
"""

import asyncio
import multiprocessing
import signal
import sys
from collections.abc import Callable
from socket import socket
from typing import Any

from uvicorn import Config
from uvicorn.supervisors import Multiprocess, multiprocess

from sepsis_detect.server.connections import GuardedProtocol

IDLE_SECONDS = 3.0
MAX_SECONDS = 35.0
"""After this, requests that are not answered yet are given up."""
HANG_SECONDS = 30
"""A worker silent for so long is replaced. It is silent while it starts, too: on a busy machine
uvicorn's own 5 s killed workers again and again before they could serve."""


class DrainingProtocol(GuardedProtocol):
    """A connection that is not closed under its client."""

    def shutdown(self) -> None:
        """Begin to end this connection; called once, when the server is told to stop."""
        self.is_draining = True
        self._announce_close()
        asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_if_idle)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if self.is_draining:
            cycle.keep_alive = False
        super()._start_asgi_task(cycle, app)

    def _announce_close(self) -> None:
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _close_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class Forked(multiprocess.Process):
    """A worker that begins with all that the supervisor has imported.

    A process made anew imports it again, which takes most of a second of each processor. The
    supervisor has no thread of its own when it forks, nor has ONNX Runtime without telemetry.
    """

    def __init__(self, config: Config, sockets: list[socket]):
        """Prepare it; `start` forks."""
        super().__init__(config, sockets)
        if sys.platform == "linux":  # elsewhere libraries may not stand it
            context = multiprocessing.get_context("fork")
            forked = context.Process(target=_forked, args=(self.target, sockets))
            self.process = forked  # type: ignore[assignment]  # of another context, alike


def _forked(target: Callable[..., None], sockets: list[socket]) -> None:
    for number in multiprocess.SIGNALS:  # what the supervisor does on them is not for a worker
        signal.signal(number, signal.SIG_DFL)
    target(sockets=sockets)


multiprocess.Process = Forked  # type: ignore[misc]  # `Multiprocess` takes it from there, everywhere


class DrainingWorkers(Multiprocess):
    """Worker processes that end together."""

    def terminate_all(self) -> None:
        """Tell every worker to stop; a socket that no worker accepts from must not stay open."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


def draining(**options: Any) -> Config:
    """Configure a server that ends this way, within `MAX_SECONDS`."""
    return Config(
        **options,
        http=DrainingProtocol,
        timeout_graceful_shutdown=int(MAX_SECONDS),
        timeout_worker_healthcheck=HANG_SECONDS,
    )
