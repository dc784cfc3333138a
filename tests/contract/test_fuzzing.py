"""Short runs of `make fuzz-api` and `make fuzz-bodies`: no failure, and failures are reported."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from benchmarks import fuzz_api, fuzz_bodies
from benchmarks.hostile_bodies import COSTLY, RawJson, to_bytes
from benchmarks.hostile_requests import Target, hostile, targets


@pytest.fixture(scope="module")
def among(client: TestClient) -> list[Target]:
    return targets(client.get("/openapi.json").json())


def test_the_service_answers_as_its_document_says(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["--examples", "2", "--phases", "examples,fuzzing", "--least", "20", "--open"]
    assert fuzz_api.main(arguments) == 0, capfd.readouterr().out


def test_hostile_requests_are_answered(capfd: pytest.CaptureFixture[str]) -> None:
    assert fuzz_bodies.main(["--requests", "400"]) == 0, capfd.readouterr().out


def test_every_post_route_is_fuzzed(client: TestClient, among: list[Target]) -> None:
    document = client.get("/openapi.json").json()
    posted = {path for path, operations in document["paths"].items() if "post" in operations}
    assert {target.path for target in among} == posted
    assert all(target.bodies for target in among)


def test_a_hostile_request_can_be_made_again(among: list[Target]) -> None:
    for number in range(300):
        assert hostile(7, number, among) == hostile(7, number, among)
    assert hostile(7, 1, among) != hostile(8, 1, among)


def test_every_kind_of_hostile_request_is_made(among: list[Target]) -> None:
    kinds = {hostile(2019, number, among).kind for number in range(1_000)}
    assert kinds == {
        *("changed values", "changed bytes", "fragments of JSON", "random bytes", "valid"),
        *("transport", "costly"),
    }
    assert len(COSTLY) > 10


class HealthyServer:
    """A server that is healthy, small, and logged no error."""

    log = Path(os.devnull)

    def megabytes(self, field: str = "VmRSS") -> float:
        return 100.0

    def ask(self, path: str) -> tuple[int, Any]:
        return 200, {}


@pytest.mark.parametrize(
    ("status", "content", "is_failure"),
    [
        (200, b"{}", False),
        (422, b'{"detail": []}', False),
        (500, b"{}", True),
        (503, b"{}", True),
        (200, b"not JSON", True),
        (0, b"no answer", True),
    ],
)
def test_what_is_no_proper_answer_is_a_failure(
    status: int, content: bytes, is_failure: bool
) -> None:
    server: Any = HealthyServer()
    tally = fuzz_bodies.Tally()
    tally.add("noise", "--only 1", status, content)
    assert bool(tally.failures) == is_failure
    assert fuzz_bodies.judge(tally, server) == is_failure


def test_every_check_of_schemathesis_is_on() -> None:
    options = argparse.Namespace(examples=1, phases="examples", seed=1, open=False)
    command = fuzz_api.command(options, "http://127.0.0.1:1/", "k")
    assert command[command.index("--checks") + 1] == "all"
    assert "--exclude-checks" not in command
    assert "enabled" not in (fuzz_api.HERE / "schemathesis.toml").read_text("utf-8")


def test_raw_bytes_are_written_where_they_stand() -> None:
    written = to_bytes({"a": [RawJson(b"NaN"), 1], "b": RawJson(b'"\xff"')})
    assert written == b'{"a": [NaN, 1], "b": "\xff"}'
    assert json.loads(to_bytes({"a": 1})) == {"a": 1}
