"""Containers of the image, for tests and benchmarks; each is removed when its context ends."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any
from uuid import uuid4

HARDENED = (
    "--read-only",
    "--cap-drop=ALL",
    "--user=10001",
    "--security-opt=no-new-privileges",
)
START_SECONDS = 120.0  # on a busy machine; the target is 2 on an idle one


class EngineError(Exception):
    """A command of the container engine failed."""


def docker(*arguments: str, timeout_seconds: float = 120.0) -> str:
    """Run one docker command and return its output, without the last newline.

    Raises:
        EngineError: It failed; the message is the engine's.
    """
    done = subprocess.run(  # our own commands
        ["docker", *arguments],  # found in the PATH
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    if done.returncode:
        raise EngineError(f"docker {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")


def is_engine_here() -> bool:
    """Whether a container engine answers."""
    try:
        docker("info", "--format", "{{.ServerVersion}}", timeout_seconds=20.0)
    except (EngineError, OSError, subprocess.TimeoutExpired):
        return False
    return True


class Container:
    """A running container of the image.

    Attributes:
        name: Name of the container.
        port: Its port on this machine's loopback address; 0: none is published.
    """

    def __init__(self, name: str, port: int):
        """Refer to a running container."""
        self.name = name
        self.port = port

    def state(self) -> dict[str, Any]:
        """Its state in the engine: `Running`, `ExitCode`, `Health`, `Pid`."""
        state: dict[str, Any] = json.loads(docker("inspect", "-f", "{{json .State}}", self.name))
        return state

    def execute(self, *command: str) -> str:
        """Run a command in the container, as its user; returns the output."""
        return docker("exec", self.name, *command)

    def logs(self) -> str:
        """Its standard output and standard error so far."""
        done = subprocess.run(
            ["docker", "logs", self.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send one request on a new connection; returns status and JSON."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def wait_until_healthy(self) -> None:
        """Wait for a 200 on `/health`.

        Raises:
            EngineError: It stopped, or did not answer in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if self.ask("GET", "/health")[0] == 200:
                    return
            except (OSError, HTTPException):
                pass
            if time.monotonic() > deadline or not self.state()["Running"]:
                raise EngineError(f"{self.name} does not answer; it wrote: {self.logs()[-2000:]}")
            time.sleep(0.05)

    def wait_until_stopped(self, timeout_seconds: float = 60.0) -> int:
        """Wait until it exits; returns the exit code."""
        return int(docker("wait", self.name, timeout_seconds=timeout_seconds))

    def remove(self) -> None:
        """Kill and remove it."""
        docker("rm", "--force", self.name)


@contextmanager
def container(
    image: str,
    *arguments: str,
    flags: tuple[str, ...] = HARDENED,
    port: int = 0,
    is_published: bool = True,
) -> Iterator[Container]:
    """Run the image, hardened as in production.

    Args:
        image: Name of the image.
        arguments: A command that replaces the image's.
        flags: Flags of `docker run`.
        port: Port on the loopback address; 0 for any free one.
        is_published: Whether the port is published.
    """
    name = f"sepsis-detect-{uuid4().hex[:12]}"
    published = (f"--publish=127.0.0.1:{port}:8080",) if is_published else ()
    try:
        docker("run", "--detach", f"--name={name}", *published, *flags, image, *arguments)
        found = docker("port", name, "8080/tcp").rpartition(":")[2] if is_published else "0"
        yield Container(name, int(found))
    finally:
        subprocess.run(
            ["docker", "rm", "--force", name],
            capture_output=True,
            timeout=60,
            check=False,
        )
