"""The requests of the integrators' guide: each runs as printed, with the printed answer."""

import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from sepsis_detect.api.app import create_app
from sepsis_detect.settings import Settings
from tests.paths import ROOT

GUIDE = (ROOT / "docs" / "interoperability.md").read_text(encoding="utf-8")
REQUESTS = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
ADDRESS = "http://127.0.0.1:8000"
WAIT_SECONDS = 60

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server of the application on a free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(Settings()), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + WAIT_SECONDS
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(WAIT_SECONDS)


def run(script: str, address: str) -> list[Any]:
    """The output of a shell block of the guide; each answer is one JSON document."""
    done = subprocess.run(
        ["/bin/sh", "-ec", script.replace(ADDRESS, address)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=True,
    )
    decoder, rest, found = json.JSONDecoder(), done.stdout, []
    while rest:
        answer, end = decoder.raw_decode(rest)
        found.append(answer)
        rest = rest[end:].lstrip()
    return found


@needs_curl
def test_every_request_of_the_guide_is_answered_as_it_says(address: str) -> None:
    answers = [answer for script in REQUESTS for answer in run(script, address)]
    kinds = [answer.get("resourceType") for answer in answers]
    assert kinds == [
        "RiskAssessment",
        "OperationOutcome",
        "RiskAssessment",
        "CapabilityStatement",
        "OperationDefinition",
        None,
        None,
        None,
    ]
    printed = json.loads(re.findall(r"^```json\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)[0])
    assert answers[1] == printed
    discovered, called, fed_back = answers[5:]
    assert discovered["services"]
    assert called["cards"][0]["indicator"] in ("warning", "critical")
    assert fed_back == {}
