"""S3 for tests: moto in a separate process, behind a proxy that can show the faults of S3.

Tests upload at `url`, which has no faults; the service reads at `proxy_url`.
"""

import http.client
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3

BUCKET, KEY = "models", "sepsis/model.onnx"
URI = f"s3://{BUCKET}/{KEY}"
FAULTS = ("403", "500", "slow", "trickle", "trickling head", "cut", "reset", "down")
CODES = {"403": "AccessDenied", "403 clock": "RequestTimeTooSkewed", "500": "InternalError"}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_REGION": "eu-west-3",
    "AWS_DEFAULT_REGION": "eu-west-3",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class FaultyS3:
    """A versioned bucket behind a proxy.

    Attributes:
        url: Of moto.
        proxy_url: Of the proxy.
        fault: One of `FAULTS`, or None.
        requests: Requests to the proxy: method, path, and whether it was conditional.
    """

    def __init__(self, url: str):
        self.url = url
        self.fault: str | None = None
        self.requests: list[tuple[str, str, bool]] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self._listen()
        self.proxy_url = f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for a process that reads at the proxy."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL_S3": self.proxy_url}

    @cached_property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            region_name="eu-west-3",
            endpoint_url=self.url,
            aws_access_key_id="made-up",
            aws_secret_access_key="made-up",  # noqa: S106 - for the local server
        )

    def begin(self, *, is_versioned: bool = True) -> None:
        """Start with an empty bucket and no fault."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"))
        connection.request("POST", "/moto-api/reset")
        connection.getresponse().read()
        connection.close()
        self.show(None)
        self.requests.clear()
        self.client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
        )
        if is_versioned:
            self.client.put_bucket_versioning(
                Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
            )

    def put(self, content: bytes) -> str:
        """Upload without `sepsis-detect model publish`; the ETag."""
        answer = self.client.put_object(Bucket=BUCKET, Key=KEY, Body=content)
        return str(answer["ETag"].strip('"'))

    def delete(self) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=KEY)

    def show(self, fault: str | None) -> None:
        """Show a fault from now on; None ends it."""
        if self.fault == "down" and fault != "down":
            self._listen()
        self.fault = fault
        if fault == "down":
            self.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _listen(self) -> None:
        s3 = self

        class Handler(_Handler):
            def do_GET(self) -> None:
                s3.answer(self)

            def do_HEAD(self) -> None:
                s3.answer(self)

            def do_PUT(self) -> None:
                s3.answer(self)

        self._server = _Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request: "_Handler") -> None:
        is_conditional = "If-None-Match" in request.headers
        self.requests.append((request.command, request.path.partition("?")[0], is_conditional))
        fault = self.fault
        if fault in CODES:
            code = CODES[fault]
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            request.reply(int(fault[:3]), [("Content-Type", "application/xml")], body)
        elif fault == "slow":
            self._send_slowly(request, [b""])
        elif fault == "trickle":
            head = b'HTTP/1.1 200 OK\r\nETag: "slow"\r\nContent-Length: 100000\r\n\r\n'
            self._send_slowly(request, [head, *[b"x"] * 100_000])
        elif fault == "trickling head":
            self._send_slowly(request, [b"HTTP/1.1 200 OK\r\nX-Slow: ", *[b"x"] * 100_000])
        elif fault == "cut":
            request.wfile.write(
                b'HTTP/1.1 200 OK\r\nETag: "cut"\r\nContent-Length: 100000\r\n\r\nxx'
            )
        elif fault == "no length":
            request.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "cut"\r\n\r\n')
        elif fault == "reset":
            on = struct.pack("ii", 1, 0)
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, on)
        else:
            self._forward(request)

    def _forward(self, request: "_Handler") -> None:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        if (
            request.headers.get("Expect", "").lower() == "100-continue"
        ):  # boto3 waits a second for it
            request.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        connection.request(request.command, request.path, body or None, dict(request.headers))
        answer = connection.getresponse()
        skipped = ("transfer-encoding", "connection", "content-length")
        headers = [pair for pair in answer.getheaders() if pair[0].lower() not in skipped]
        request.reply(answer.status, headers, answer.read(), answer.headers.get("Content-Length"))
        connection.close()

    def _send_slowly(self, request: "_Handler", parts: list[bytes]) -> None:
        fault, until = self.fault, time.monotonic() + 60
        for part in parts:
            request.wfile.write(part)
            request.wfile.flush()
            time.sleep(0.05)
            if self.fault != fault or time.monotonic() > until:
                return
        while self.fault == fault and time.monotonic() < until:
            time.sleep(0.05)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore callers that close the connection: faults provoke that."""


class _Handler(BaseHTTPRequestHandler):
    def reply(
        self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)) if body else length or "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Write no log."""


@contextmanager
def faulty_s3() -> Iterator[FaultyS3]:
    """Moto and its proxy, within the context."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
    ) as moto:
        try:
            _wait_for(port, moto)
            s3 = FaultyS3(f"http://127.0.0.1:{port}")
            try:
                yield s3
            finally:
                s3.fault = None
                s3.close()
                s3.client.close()
        finally:
            moto.kill()


def _wait_for(port: int, moto: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert moto.poll() is None, "moto did not start"
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("moto did not listen")
