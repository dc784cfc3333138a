"""A stand-in for Lambda's Runtime API: the part that the runtime client uses, on loopback.

Source: AWS, "Using the Lambda runtime API for custom runtimes", version 2018-06-01.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any
from uuid import uuid4

ROOT = "/2018-06-01/runtime"
FUNCTION = "arn:aws:lambda:eu-west-3:123456789012:function:sepsis-detect"
WAIT_SECONDS = 60.0

Outcome = tuple[str, Any]
"""`response`, `error` or `init/error`, and the JSON posted with it."""


class RuntimeApi:
    """Queues of the events for one function and of their outcomes.

    Attributes:
        address: The value of `AWS_LAMBDA_RUNTIME_API`.
    """

    def __init__(self, port: int):
        self.address = f"127.0.0.1:{port}"
        self.is_closed = False
        self._events: Queue[bytes] = Queue()
        self._outcomes: Queue[Outcome] = Queue()

    def invoke(self, event: Any) -> Outcome:
        """Send an event, as JSON or as raw bytes; its outcome."""
        self._events.put(event if isinstance(event, bytes) else json.dumps(event).encode())
        return self.outcome()

    def outcome(self) -> Outcome:
        """The next outcome that the function posts."""
        return self._outcomes.get(timeout=WAIT_SECONDS)

    def next_event(self) -> bytes | None:
        """The next event; None when the API is closed."""
        while not self.is_closed:
            try:
                return self._events.get(timeout=0.1)
            except Empty:
                continue
        return None

    def post(self, kind: str, body: bytes) -> None:
        """Add an outcome that the function posted."""
        self._outcomes.put((kind, json.loads(body)))


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 64 * 1024  # a whole answer in one packet

        def do_GET(self) -> None:
            event = api.next_event() if self.path == f"{ROOT}/invocation/next" else None
            if event is None:
                self.close_connection = True
                return
            headers = {
                "Lambda-Runtime-Aws-Request-Id": str(uuid4()),
                "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 30_000),
                "Lambda-Runtime-Invoked-Function-Arn": FUNCTION,
                "Lambda-Runtime-Trace-Id": "Root=1-5c536348-3d683b8b04734faae651f476;Sampled=0",
            }
            self._answer(200, event, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.path.removeprefix(f"{ROOT}/")
            if kind.startswith("invocation/"):
                kind = kind.rpartition("/")[2]
            api.post(kind, body)
            self._answer(202, b"{}", {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            sized = {"Content-Type": "application/json", "Content-Length": str(len(body))}
            for name, value in (headers | sized).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Discard the access log."""

    return Exchange


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    """Serve the Runtime API on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    api = RuntimeApi(server.server_address[1])
    server.RequestHandlerClass = _handler(api)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        api.is_closed = True
        server.shutdown()
        server.server_close()
        thread.join()
