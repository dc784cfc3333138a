"""The HTTP server process: uvicorn with the application, in this process or in several workers.

Settings, address and model are checked before it prints that it serves; what is wrong stops the
start with one sentence.
"""

import ipaddress
import logging
import os
import signal
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from sepsis_detect import __version__
from sepsis_detect.errors import SettingsError
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.prediction.model import Model
from sepsis_detect.settings import Settings, read_settings, unknown_settings
from sepsis_detect.telemetry import logs

KEEP_ALIVE_SECONDS = 75  # above the load balancer's 60, or it would use a closed connection
SHUTDOWN_SECONDS = 30
"""After draining; then the requests that are still in flight are cancelled."""
WORKER_HEALTH_SECONDS = 30
"""A worker that answers its supervisor so late is replaced; it is as silent while it starts."""
BACKLOG = 2048
WORKER = "sepsis_detect.server.worker:worker_application"


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
    place = None if _is_loopback(host) else f"listening on {host or 'every address'}"
    settings = read_settings().decided(place)
    with _listening(host, port) as listener:
        logs.configure(settings.log_level)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))  # uvicorn raises it again when done
        for name in unknown_settings(os.environ):
            logs.event(logging.WARNING, "unknown_setting", setting=name)
        if n_workers == 1:
            _serve_here(settings, host, listener)
        else:
            _serve_in_workers(settings, host, listener, n_workers)


def _serve_here(settings: Settings, host: str, listener: socket.socket) -> None:
    # Imported late: importing the application takes longer than finding that a setting is wrong.
    from sepsis_detect.api.services import services_in
    from sepsis_detect.server.worker import build_application

    app = build_application(settings)
    _print_banner(services_in(app).models.current, host, listener)
    uvicorn.Server(_config(app=app)).run(sockets=[listener])


def _serve_in_workers(
    settings: Settings, host: str, listener: socket.socket, n_workers: int
) -> None:
    _print_banner(ModelStore(settings).current, host, listener)
    # These follow from the address, which workers do not know.
    os.environ["SEPSIS_AUTH"] = str(settings.auth)
    os.environ["SEPSIS_DRAIN_SECONDS"] = str(settings.drain_seconds)
    config = _config(app=WORKER, factory=True, workers=n_workers)
    Multiprocess(config, sockets=[listener]).run()


def _config(**options: Any) -> uvicorn.Config:
    return uvicorn.Config(
        **options,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_worker_healthcheck=WORKER_HEALTH_SECONDS,
        backlog=BACKLOG,
        ws="none",
        access_log=False,
        proxy_headers=False,  # neither address nor scheme of a client is read
        log_config=None,
        server_header=False,
    )


def _print_banner(model: Model, host: str, listener: socket.socket) -> None:
    address = f"[{host}]" if ":" in host else host
    metadata = model.metadata
    print(  # noqa: T201  # the one line that is not a log
        f"Sepsis Detect {__version__}, model {metadata.name} {metadata.version} ({model.source}), "
        f"on http://{address}:{listener.getsockname()[1]} - press Ctrl+C to stop",
        flush=True,
    )


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
