"""The HTTP server process: settings, socket and model are sure before it says that it serves.

Whatever stops the start does so here, as an error of one sentence; uvicorn would log it, or start
workers that fail one after the other.
"""

import ctypes
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import uvicorn

from sepsis_detect import __version__
from sepsis_detect.api.services import services_in
from sepsis_detect.errors import SettingsError
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.server.graceful_shutdown import DrainingWorkers, draining
from sepsis_detect.settings import Settings, read_settings, unknown_settings
from sepsis_detect.telemetry import logs

if TYPE_CHECKING:
    from fastapi import FastAPI

KEEP_ALIVE_SECONDS = 75  # above the load balancer's 60, or it meets a closed connection
BACKLOG = 2048
# New connections that one turn of the event loop takes in. libuv takes one from each socket that it
# watches, so the same one is watched so often: in a flood a turn takes long, and whoever came last,
# a health check too, would wait for as many turns as there are others before them.
ACCEPTS = 32
MALLOC_OPTIONS = {  # their numbers in malloc.h, and values
    -8: 1,  # M_ARENA_MAX: threads take turns anyway, and each would keep memory of its own
    -3: 1024 * 1024,  # M_MMAP_THRESHOLD: larger blocks go back to the system when freed
    -1: 4 * 1024 * 1024,  # M_TRIM_THRESHOLD: so much stays for the next request
}
YOUNG_OBJECTS = 5_000  # before they are looked through; Python itself has 700


def serve(*, host: str, port: int, n_workers: int) -> None:
    """Serve until SIGTERM or Ctrl+C ends the process, with exit code 0.

    Args:
        host: Address or name to listen on.
        port: 0 for any free one.
        n_workers: Processes; one serves in this process.

    Raises:
        SettingsError: A setting is wrong, or the address cannot be listened on.
        ModelArtifactError: The model is not acceptable.
    """
    _check(port, n_workers)
    is_loopback = _is_loopback(host)
    settings = read_settings().decided(
        None if is_loopback else f"listening on {host or 'every address'}"
    )
    with ExitStack() as opened:
        listener = opened.enter_context(_listening(host, port))
        listeners = [listener, *(opened.enter_context(each) for each in more_of(listener))]
        logs.configure(settings.log_level)
        app = _application(settings) if n_workers == 1 else None
        models: ModelStore = services_in(app).models if app else ModelStore(settings)
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: sys.exit(0))  # uvicorn raises it again when done
        for name in unknown_settings(os.environ):
            logs.event(logging.WARNING, "unknown_setting", setting=name)
        card, source = models.current.metadata, models.current.source
        address = f"[{host}]" if ":" in host else host
        print(  # noqa: T201  # the one line that is not a log
            f"Sepsis Detect {__version__}, model {card.name} {card.version} ({source}), "
            f"on http://{address}:{listener.getsockname()[1]} - press Ctrl+C to stop",
            flush=True,
        )
        config = draining(
            app=app or f"{__name__}:{worker.__name__}",
            factory=app is None,
            workers=n_workers,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            backlog=BACKLOG,
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
        )
        if app:
            uvicorn.Server(config).run(sockets=listeners)
        else:
            os.environ["SEPSIS_AUTH"] = str(settings.auth)  # workers do not know the address
            from sepsis_detect.api import app as imported_for_workers  # noqa: F401 - to be there at the fork

            _settle()
            DrainingWorkers(config, sockets=listeners).run()


def worker() -> "FastAPI":
    """Build the application of one worker process."""
    settings = read_settings()
    logs.configure(settings.log_level)
    # The first process found the model acceptable; what its file holds by now stops no worker.
    return _application(settings, may_fall_back=True)


def more_of(listener: socket.socket) -> list[socket.socket]:
    """The same socket as often as it takes to accept `ACCEPTS` connections in a turn."""
    return [listener.dup() for _ in range(ACCEPTS - 1)]


def _application(settings: Settings, *, may_fall_back: bool = False) -> "FastAPI":
    from sepsis_detect.api.app import create_app  # takes longer than to see that a setting is wrong

    app = create_app(settings, may_fall_back=may_fall_back)
    _settle()
    return app


def _settle() -> None:
    """Take what the start has made as there to stay.

    It need not be looked through for garbage again and again, and workers share it as long as
    nobody does. A request leaves next to none: young objects may be looked at less often too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    _set_malloc()


def _set_malloc() -> None:
    """Keep the memory of usual requests, and give back what a large one needed.

    By itself glibc gives memory back and asks for it again with each batch of stays, and keeps ever
    larger blocks once it has met one.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        for option, value in MALLOC_OPTIONS.items():
            set_option(option, value)


def _check(port: int, n_workers: int) -> None:
    if not 0 <= port <= 65_535:
        raise SettingsError(f"--port {port} is no port: 0 to 65535")
    if n_workers < 1:
        raise SettingsError(f"--workers {n_workers}: at least one is needed")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise SettingsError(f"cannot listen on {host}, port {port}: {reason}") from error
