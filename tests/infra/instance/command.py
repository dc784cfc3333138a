#!/usr/local/bin/python3 -IS
"""Test double of a system command inside a simulated instance, chosen by the called name.

Every call is written as a line of /instance/calls. The setting `fault` names a command that fails.
`docker` is the engine of the machine, without what only an instance has: ECR, whose images are in
the engine already; awslogs; and the instance's role, replaced by test credentials.

A failing boot runs commands sixty times, so this starts fast: without `site`, with few imports.
"""

import json
import os
import socket
import sys

FOLDER = "/instance"
with open(f"{FOLDER}/settings.json") as file:
    SETTINGS = json.load(file)
DOCKER = "/usr/bin/docker"
DIGEST = "@sha256:"


def run_flags(given: list[str]) -> list[str]:
    """Arguments of `docker run`, adapted from an instance to this machine."""
    at = next(
        i for i, each in enumerate(given) if DIGEST in each
    )  # raises unless the image is by digest
    image, command = given[at], given[at + 1 :]
    flags, rest = [], iter(given[:at])
    for flag in rest:
        if flag in ("--log-driver", "--log-opt"):
            next(rest)
        elif flag == "--network":
            assert next(rest) == "host"
            flags += [flag, f"container:{SETTINGS['instance']}"]
        elif flag == "--name":
            flags += [flag, f"{SETTINGS['instance']}-{next(rest)}"]
        elif flag == "--volume":
            flags += [flag, f"{SETTINGS['volumes']}{next(rest)}"]
        else:
            flags.append(flag)
    # The digest in the registry is the image id in the engine.
    role = [part for pair in SETTINGS["role"].items() for part in ("--env", "=".join(pair))]
    return [*flags, *role, "sha256:" + image.partition(DIGEST)[2], *command]


def docker(arguments: list[str]) -> None:
    """Replace this process by the real command."""
    match arguments:
        case ["pull", *_, image]:
            arguments = ["image", "inspect", "--format", "{{.Id}}", image]
        case ["image", "inspect", "--format", "{{index .RepoDigests 0}}", image]:
            repository = image.partition("@")[0].rpartition(":")[0]
            arguments = ["image", "inspect", "--format", f"{repository}@{{{{.Id}}}}", image]
        case ["run", *given]:
            arguments = ["run", *run_flags(given)]
        case ["logs", *flags, name]:
            arguments = ["logs", *flags, f"{SETTINGS['instance']}-{name}"]
    os.execv(DOCKER, ["docker", *arguments])


def curl(url: str) -> int:
    """Exit code of `curl --fail`."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    try:
        with socket.create_connection((name, int(port)), 5) as connection:
            connection.sendall(f"GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            status_line = connection.makefile("rb").readline().split()
    except OSError:
        return 7
    return 0 if len(status_line) > 1 and int(status_line[1]) < 400 else 22


def main() -> int:
    """Record the call and run the double of the command."""
    name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    with open(f"{FOLDER}/calls", "a") as calls:
        calls.write(json.dumps([name, *arguments]) + "\n")
    fault = SETTINGS["fault"]
    if fault and fault == " ".join([name, *arguments])[: len(fault)]:
        print(f"{name}: a fault for a test", file=sys.stderr)
        return 1
    if name == "docker":
        docker(arguments)
    return curl(arguments[-1]) if name == "curl" else 0


if __name__ == "__main__":
    sys.exit(main())
