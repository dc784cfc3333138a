"""A simulated EC2 instance: a container in which user data runs as at first boot.

The service's container joins its network, as on an instance with `--network host`.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tools.containers import Container, docker

BASE = "python:3.13-slim-trixie"
COMMAND = Path(__file__).with_name("command.py")
COMMANDS = ("curl", "dnf", "docker", "systemctl")
# `sleep` returns at once and is called sixty times by a failing boot: a shell starts faster.
SLEEP = """#!/bin/sh
echo "[\\"sleep\\", \\"$1\\"]" >>/instance/calls
"""
ID = "i-0123456789abcdef0"
BOOT_SECONDS = 400.0


class Instance:
    """A booted instance.

    Attributes:
        service: The service's container, reached through the instance's port 8080.
        exit_code: Exit code of the user data.
        console: Output of the user data.
    """

    def __init__(self, name: str, folder: Path, port: int):
        self.service = Container(f"{name}-sepsis-detect", port)
        self.exit_code = -1
        self.console = ""
        self._name = name
        self._folder = folder

    def boot(self) -> None:
        """Run the user data."""
        done = subprocess.run(
            ["docker", "exec", self._name, "bash", "/instance/user-data"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BOOT_SECONDS,
            check=False,
        )
        self.exit_code, self.console = done.returncode, done.stdout

    @property
    def calls(self) -> list[list[str]]:
        """The calls of system commands."""
        lines = (self._folder / "calls").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def environment(self) -> list[str]:
        """Environment of the service's container, as `NAME=value`."""
        given = docker("inspect", "--format", "{{json .Config.Env}}", self.service.name)
        return [str(each) for each in json.loads(given)]

    def call(self, *words: str) -> list[str]:
        """The one call that begins with `words`."""
        (found,) = [each for each in self.calls if each[: len(words)] == list(words)]
        return found


@contextmanager
def booted(
    user_data: str, folder: Path, *, role: dict[str, str], fault: str = ""
) -> Iterator[Instance]:
    """An instance after its first boot.

    Args:
        user_data: The user data, as text.
        folder: An empty folder for its files.
        role: Environment with AWS address and credentials, instead of the instance's role.
        fault: Prefix of the command line that fails.
    """
    name = f"instance-{uuid4().hex[:12]}"
    volumes = folder / "volumes"
    (volumes / "var/lib/sepsis-detect").mkdir(parents=True)
    (folder / "commands").mkdir()
    for each in COMMANDS:
        shutil.copy(COMMAND, folder / "commands" / each)
    (folder / "commands" / "sleep").write_text(SLEEP, "utf-8")
    for command in (folder / "commands").iterdir():
        command.chmod(0o755)
    (folder / "user-data").write_text(user_data, "utf-8")
    (folder / "calls").touch()
    settings: dict[str, Any] = {
        "instance": name,
        "volumes": str(volumes),
        "role": role,
        "fault": fault,
    }
    (folder / "settings.json").write_text(json.dumps(settings), "utf-8")
    (folder / "instance-id").write_text(ID, "utf-8")
    engine = shutil.which("docker")
    try:
        docker(
            "run",
            "--detach",
            f"--name={name}",
            "--publish=127.0.0.1::8080",
            f"--volume={folder}:/instance",
            f"--volume={folder}/instance-id:/var/lib/cloud/data/instance-id:ro",
            f"--volume={volumes}/var/lib/sepsis-detect:/var/lib/sepsis-detect",
            f"--volume={engine}:/usr/bin/docker:ro",
            "--volume=/var/run/docker.sock:/var/run/docker.sock",
            "--env=PATH=/instance/commands:/usr/local/bin:/usr/bin:/bin",
            BASE,
            "/bin/sleep",
            "infinity",
        )
        port = int(docker("port", name, "8080/tcp").rpartition(":")[2])
        instance = Instance(name, folder, port)
        instance.boot()
        yield instance
    finally:
        for each in (f"{name}-sepsis-detect", name):
            subprocess.run(
                ["docker", "rm", "--force", each],
                capture_output=True,
                timeout=60,
                check=False,
            )
