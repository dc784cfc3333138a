"""A local AWS over HTTP: moto in a process of its own, completed where it lacks a feature."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

ACCOUNT, REGION = "123456789012", "us-east-1"
START_SECONDS = 120.0
REQUEST = re.compile(r"(GET|PUT|HEAD|POST|DELETE) (\S+) HTTP/1\.[01]\S*\" (\d{3})")
SKIPPED = re.compile(r"No Moto CloudFormation support for (\S+)")


class LocalAws:
    """A running local AWS.

    Attributes:
        port: Its port on the loopback address and on every other address it listens on.
    """

    def __init__(self, port: int, log: Path):
        self.port = port
        self._log = log

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that direct a process to this server."""
        return {
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # A host name, from which moto parses template URLs; an IP address for buckets by path.
            "AWS_ENDPOINT_URL": f"http://localhost:{self.port}",
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}",
        }

    @property
    def skipped(self) -> set[str]:
        """Types of resources that were not created."""
        return set(SKIPPED.findall(self._log.read_text("utf-8")))

    @property
    def requests(self) -> list[tuple[str, str, int]]:
        """The requests so far: method, path and status of the answer."""
        found = REQUEST.findall(self._log.read_text("utf-8"))
        return [(method, path, int(status)) for method, path, status in found]

    def client(self, service: str, **credentials: str) -> Any:
        """A boto3 client.

        Args:
            service: Name of the service in boto3.
            credentials: Credentials of a role; those of the account if not given.
        """
        made_up = {"aws_access_key_id": "made-up", "aws_secret_access_key": "made-up"}
        return boto3.client(  # type: ignore[call-overload]  # the service is a variable
            service,
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            **(credentials or made_up),
        )

    def made(self, stack_name: str) -> dict[str, tuple[str, str]]:
        """Type and physical id of the resources of a stack, by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
            for page in pages.paginate(StackName=stack_name)
            for each in page["StackResourceSummaries"]
        }

    def resources(self, stack_name: str, kind: str) -> list[str]:
        """Physical ids of the resources of one type."""
        return [id_ for of, id_ in self.made(stack_name).values() if of == kind]


@contextmanager
def local_aws(folder: Path, *addresses: str) -> Iterator[LocalAws]:
    """Run the server while the context lasts.

    Args:
        folder: Folder of its log.
        addresses: Addresses to listen on besides loopback, for containers.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "local_aws.log"
    kept = {name: of for name, of in os.environ.items() if not name.startswith("COVERAGE_")}
    kept["PYTHONDONTWRITEBYTECODE"] = ""  # keeps moto's bytecode between starts
    program = [sys.executable, "-m", "tests.infra.local_aws.server", str(port), *addresses]
    with (
        log.open("wb") as written,
        subprocess.Popen(program, stdout=written, stderr=written, env=kept) as server,
    ):
        try:
            _await(port, server, log)
            yield LocalAws(port, log)
        finally:
            server.kill()


def _await(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert server.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline, log.read_text("utf-8")
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
