"""Model swap in the hardened image: an upload to S3 is served, a bad one is refused."""

import time

from benchmarks.local_server import free_port
from tests.artifacts import BAD, a_model
from tests.builders import a_patient
from tests.faulty_s3 import URI, FaultyS3
from tools.containers import HARDENED, Container, container

MAX_SECONDS = 60.0


def wait_for(service: Container, version: str) -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while service.ask("GET", "/health")[1]["model"]["version"] != version:
        assert time.monotonic() < deadline, service.ask("GET", "/health")
        time.sleep(0.1)


def test_a_good_upload_is_served_and_a_bad_one_is_refused(image: str, s3: FaultyS3) -> None:
    s3.put(a_model("1"))
    settings = {"SEPSIS_MODEL_URI": URI, "SEPSIS_MODEL_POLL_SECONDS": "0.3"} | s3.environment
    flags = tuple(f"--env={name}={value}" for name, value in settings.items())
    port = free_port()
    serve = ("sepsis-detect", "serve", "--port", str(port), "--workers", "1")
    flags = (*HARDENED, "--network=host", *flags)
    with container(image, *serve, flags=flags, is_published=False) as service:
        service.port = port
        service.wait_until_healthy()
        assert service.ask("GET", "/health")[1]["model"]["source"] == URI
        s3.put(a_model("2", scale=0.9))
        wait_for(service, "2")
        bad = s3.put(BAD["truncated"][0]())
        deadline = time.monotonic() + MAX_SECONDS
        while (candidate := service.ask("GET", "/health")[1].get("candidate")) is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert (candidate["etag"], candidate["status"]) == (bad, "refused")
        status, answer = service.ask("POST", "/predict/patient", a_patient())
        assert (status, answer["model"]["version"]) == (200, "2")
