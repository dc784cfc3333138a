"""A server in a thread of this process, for tests on real connections."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette

MAX_SECONDS = 30.0


@contextmanager
def threaded_server(app: Starlette) -> Iterator[int]:
    """Serve `app` while the context lasts; its port."""
    config = uvicorn.Config(app, ws="none", access_log=False, log_config=None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), MAX_SECONDS)


def answer(connection: socket.socket) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers."""
    with closing(http.client.HTTPResponse(connection)) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, json.loads(response.read()), headers


def is_closed(connection: socket.socket) -> bool:
    return connection.recv(1) == b""
