"""The image as an HTTP server, run as in production: hardened and non-root."""

import http.client
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from starlette.testclient import TestClient

from sepsis_detect.server.serve import KEEP_ALIVE_SECONDS
from tests.builders import a_patient
from tests.contract.asking import ask, predicted
from tools.containers import HARDENED, Container, EngineError, container, docker

pytestmark = pytest.mark.timeout(900)

BASE = "python:3.13-slim-trixie"
MAX_MEGABYTES_OVER_BASE = 350
MAX_MEGABYTES_A_WORKER = 150
OPEN = "--env=SEPSIS_AUTH=off"
PROCESSES = """
import os, pathlib, re
for status in pathlib.Path("/proc").glob("[0-9]*/status"):
    if status.parent.name == str(os.getpid()):
        continue
    text = status.read_text()
    command = (status.parent / "cmdline").read_text()
    # uvicorn spawns its workers.
    if "sepsis-detect serve" in command.replace(chr(0), " ") or "multiprocessing.spawn" in command:
        print(re.search(r"VmRSS:\\s+(\\d+)", text)[1], re.search(r"Uid:\\s+(\\d+)", text)[1])
"""


@pytest.fixture(scope="module")
def service(image: str) -> Iterator[Container]:
    """A container with two workers."""
    with container(image, flags=(*HARDENED, OPEN, "--env=WEB_CONCURRENCY=2")) as running:
        running.wait_until_healthy()
        yield running


def test_the_image_is_small_and_labelled(image: str) -> None:
    size, base = (
        int(docker("image", "inspect", "-f", "{{.Size}}", each)) for each in (image, BASE)
    )
    megabytes = (size - base) / 1e6
    print(f"{megabytes:.0f} MB over its base")
    assert megabytes <= MAX_MEGABYTES_OVER_BASE
    config = json.loads(docker("image", "inspect", "-f", "{{json .Config}}", image))
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert "ORT_DISABLE_TELEMETRY=1" in config["Env"]
    assert not [each for each in config["Env"] if each.startswith("SEPSIS_")]
    title = "org.opencontainers.image.title"
    assert config["Labels"][title] == "Sepsis Detect"
    assert re.fullmatch(r"[0-9a-f]{40}", config["Labels"]["org.opencontainers.image.revision"])


def test_predictions_equal_those_of_the_package(service: Container, client: TestClient) -> None:
    status, answer = service.ask("POST", "/predict/patient", a_patient())
    assert status == 200
    assert answer["probability"] == predicted(ask(client, a_patient()))["probability"]


def test_processes_are_unprivileged_and_within_the_memory_limit(service: Container) -> None:
    for _ in range(20):
        service.ask("POST", "/predict/patient?include=contributions", a_patient())
    lines = service.execute("python", "-c", PROCESSES).splitlines()
    megabytes = [int(line.split()[0]) / 1024 for line in lines]
    print("resident:", [round(each) for each in megabytes])
    assert len(lines) == 3
    assert {line.split()[1] for line in lines} == {"10001"}
    assert max(megabytes) <= MAX_MEGABYTES_A_WORKER


def test_nothing_is_written_and_no_folder_is_writable(service: Container) -> None:
    for path in ("/", "/opt", "/opt/sepsis-detect", "/tmp", "/var", "/etc"):  # noqa: S108 - in the image
        with pytest.raises(EngineError, match=r"Read-only file system|Permission denied"):
            service.execute("touch", f"{path}/written")
    assert docker("diff", service.name) == ""


@pytest.mark.parametrize("tool", ["pip", "pip3", "gcc", "cc", "make", "git", "curl", "hatchling"])
def test_the_image_has_no_build_or_download_tools(service: Container, tool: str) -> None:
    with pytest.raises(EngineError):
        service.execute("sh", "-c", f"command -v {tool}")


@pytest.mark.parametrize("module", ["pip", "ensurepip", "hatchling", "sklearn", "pytest", "moto"])
def test_the_image_has_only_packages_for_serving(service: Container, module: str) -> None:
    found = service.execute(
        "python", "-c", f"import importlib.util as u; print(u.find_spec({module!r}))"
    )
    assert found == "None"


def test_the_image_contains_compiled_bytecode(service: Container) -> None:
    code = "import {0} as m, os; print(os.path.exists(m.__cached__))"
    for module in ("sepsis_detect.api.app", "fastapi.routing", "json.decoder"):
        assert service.execute("python", "-c", code.format(module)) == "True", module


def test_telemetry_of_onnx_runtime_is_off(service: Container) -> None:
    environment = service.execute("python", "-c", "print(open('/proc/1/environ').read())")
    assert "ORT_DISABLE_TELEMETRY=1" in environment.split("\0")


def test_the_health_check_of_the_image_succeeds(service: Container) -> None:
    deadline = time.monotonic() + 60
    while service.state()["Health"]["Status"] != "healthy":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert service.execute("python", "-I", "-S", "/opt/healthcheck.py") == ""


def test_the_health_check_of_the_image_fails_without_a_server(image: str) -> None:
    code = "python -I -S /opt/healthcheck.py; echo $?"
    with container(image, "sh", "-c", code, is_published=False) as running:
        assert running.wait_until_stopped() == 0
        assert running.logs().strip() == "1"


def test_idle_connections_are_kept_longer_than_by_the_load_balancer(service: Container) -> None:
    """The value is compared; 6 s show that it is not uvicorn's default."""
    assert KEEP_ALIVE_SECONDS > 60
    connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
    for _ in range(2):
        connection.request("GET", "/health")
        response = connection.getresponse()
        response.read()
        assert response.headers["Connection"] is None
        time.sleep(6)  # uvicorn's default is 5 s
    connection.close()


def test_the_server_does_not_start_without_a_setting_for_authentication(image: str) -> None:
    with container(image) as running:
        assert running.wait_until_stopped() == 2
        assert running.logs().count("\n") == 1
        assert "needs SEPSIS_API_KEYS" in running.logs()


@pytest.mark.parametrize(
    ("flags", "n_workers"),
    [
        (("--cpus=1",), 1),
        (("--cpuset-cpus=0",), 1),
        (("--cpus=2", "--memory=300m"), 1),
        (("--cpus=2", "--memory=500m"), 2),
        (("--cpus=2", "--memory=500m", "--env=SEPSIS_SHADOW_MODEL_URI=s3://models/shadow"), 1),
        (("--env=WEB_CONCURRENCY=3",), 3),
    ],
)
def test_the_number_of_workers_follows_cores_and_memory(
    image: str, flags: tuple[str, ...], n_workers: int
) -> None:
    """The entrypoint prints the command instead of running it."""
    shown = ("--entrypoint=sh", OPEN, *HARDENED, *flags)
    code = "sed 's/exec env/echo env/' /opt/entrypoint.sh | sh -s"
    with container(image, "-c", code, flags=shown, is_published=False) as running:
        assert running.wait_until_stopped() == 0
        assert running.logs().strip().endswith(f"--workers {n_workers}")


@pytest.mark.parametrize("n_workers", [1, 2])
def test_requests_in_flight_finish_after_sigterm(image: str, n_workers: int) -> None:
    body = json.dumps(a_patient()).encode()
    head = (
        b"POST /predict/patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    flags = (*HARDENED, OPEN, f"--env=WEB_CONCURRENCY={n_workers}")
    with container(image, flags=flags) as running:
        running.wait_until_healthy()
        with socket.create_connection(("127.0.0.1", running.port), 30) as connection:
            connection.sendall(head + body[:10])
            time.sleep(0.5)
            docker("kill", "--signal=TERM", running.name)
            time.sleep(1.5)
            connection.sendall(body[10:])
            response = http.client.HTTPResponse(connection)
            response.begin()
            assert response.status == 200
            assert json.loads(response.read())["icu_hour"] == 12
            assert response.headers["Connection"] == "close"
        assert running.wait_until_stopped() == 0


def test_sigterm_during_the_start_stops_the_container(image: str) -> None:
    with container(image, flags=(*HARDENED, OPEN)) as running:
        time.sleep(0.2)
        ended = threading.Thread(target=docker, args=("stop", "--time=20", running.name))
        ended.start()
        assert running.wait_until_stopped() in (0, 128 + signal.SIGTERM)
        ended.join()
