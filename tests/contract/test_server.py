"""The server as a process: it starts, answers, logs and stops as operations expect."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pytest

from sepsis_detect.__main__ import main
from sepsis_detect.auth.api_keys import entry, new_key
from tests.resources import RISK, a_bundle, a_hook, a_searchset, observation

CANARIES = ("118.4242", "ward-canary", "37.4242")
PATIENT = {"age": 63, "sex": "male", "icu_hour": 12, "heart_rate": 118.4242, "lactate": 3.1}
FIELDS = {"time", "level", "event", "request_id", "method", "route", "status", "duration_ms"}
AUDIT = {"input_hmac", "decision", "probability", "model_name", "model_version"}
METRICS = {"metrics", "metrics_of_rule"}
FORBIDDEN = {"sklearn", "pandas", "aws_cdk", "pyarrow", "tqdm", "onnx", "matplotlib"}
FORBIDDEN |= {"boto3", "botocore", "urllib3"}  # for a model in S3 alone
BANNER = re.compile(r"Sepsis Detect \S+, model .+, on http://127\.0\.0\.1:(\d+) - press Ctrl\+C")
HOOK = "/cds-services/sepsis-risk"
CANARY = observation("2524-7", 37.4242, "ward-canary", id="ward-canary")
COMMENT = {
    "feedback": [
        {
            "card": "ward-canary",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-03-01T09:25:00Z",
            "overrideReason": {"reason": {"code": "bad-data"}, "userComment": "ward-canary"},
        }
    ]
}
# Of a busy machine; the aims are 1.5 s and 150 MB on an idle one.
MAX_SECONDS = 20.0
MAX_MEGABYTES = 150


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sepsis_detect", "serve", *arguments]


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEPSIS_")}
    kept.pop("ORT_DISABLE_TELEMETRY", None)
    return kept | {f"SEPSIS_{name}": value for name, value in settings.items()}


class Server:
    """A server process on a free port, and what it wrote once it has stopped."""

    def __init__(self, process: "subprocess.Popen[str]", errors: IO[str]):
        assert process.stdout
        self._errors = errors
        self.process = process
        self.banner = process.stdout.readline()
        found = BANNER.match(self.banner)
        assert found, (self.banner, process.communicate(timeout=10), self._written())
        self.port = int(found[1])
        self.log: list[dict[str, Any]] = []
        self.errors = ""

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        # Workers that are still starting answer late on a busy machine.
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=3 * MAX_SECONDS)
        ) as connection:
            connection.request(
                method, path, content, {"Content-Type": "application/json"} | headers
            )
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def workers(self) -> list[int]:
        """Process ids of the workers; `multiprocessing` has another child of its own."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return [int(child) for child in children if _is_worker(child)]

    def stop(self, ending: int = signal.SIGTERM) -> int:
        self.process.send_signal(ending)
        rest, _ = self.process.communicate(timeout=MAX_SECONDS)
        self.errors = self._written()
        assert rest == "", "the banner is the only line that is not a log"
        written = [json.loads(line) for line in self.errors.splitlines()]
        self.log = [line for line in written if line["event"] not in METRICS]
        return self.process.returncode

    def _written(self) -> str:
        self._errors.seek(0)
        return self._errors.read()


def _is_worker(pid: str) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return False


@contextmanager
def serving(*arguments: str, **settings: str) -> Iterator[Server]:
    # Into a file: a pipe that is not read fills up, and the server would wait to write its log.
    with (
        TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command("--port", "0", *arguments),
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield Server(process, errors)
        finally:
            if process.poll() is None:
                process.kill()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Start a server, in this process, that must not start; its one sentence."""
    assert main(["serve", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    # An application of another test, whose metrics runs on in this process, may write its minute.
    (sentence,) = [line for line in said.err.splitlines() if '"event":"metrics' not in line]
    assert sentence.startswith("sepsis-detect: ")
    return sentence.removeprefix("sepsis-detect: ")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl+C"])
def test_it_starts_answers_and_stops(ending: int) -> None:
    began = time.monotonic()
    with serving() as server:
        status, answer = server.ask("POST", "/predict/patient", PATIENT)
        seconds = time.monotonic() - began
        assert (status, answer["prediction"] in ("Positive", "Negative")) == (200, True)
        assert server.ask("GET", "/health")[1]["status"] == "OK"
        megabytes = resident_megabytes(server.process.pid)
        assert server.stop(ending) == 0
    print(f"first answer after {seconds:.2f} s, {megabytes:.0f} MB resident")
    assert seconds < MAX_SECONDS
    assert megabytes < MAX_MEGABYTES


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def test_two_workers_answer_log_and_stop() -> None:
    with serving("--workers", "2") as server:
        for _ in range(4):
            assert server.ask("POST", "/predict/patient", PATIENT)[0] == 200
        assert server.stop() == 0
    assert [line["route"] for line in server.log] == ["/predict/patient"] * 4


def of_canaries(bundle: Any) -> Any:
    """The bundle of a person with a name, and of observations with ids."""
    person = bundle["entry"][0]["resource"]
    person |= {"name": [{"family": "ward-canary"}], "identifier": [{"value": "118.4242"}]}
    return bundle


def test_logs_are_json_lines_without_a_patient() -> None:
    with serving(AUDIT_KEY="k" * 32) as server:
        requests: list[tuple[str, str, Any]] = [
            ("POST", "/predict/patient", PATIENT),
            ("POST", "/predict/patient?include=trend&include=scores", PATIENT),
            ("POST", "/predict/patient", PATIENT | {"systolic_bp": 37.4242, "diastolic_bp": 90}),
            ("POST", "/predict/patient", PATIENT | {"ward-canary": 37.4242}),
            ("POST", "/predict/patient?ward-canary=118.4242", PATIENT),
            ("POST", "/predict/patients", {"patients": [PATIENT, {"age": "ward-canary"}]}),
            ("POST", "/predict/patient", b'{"heart_rate": 118.4242, "ward-canary'),
            ("GET", "/ward-canary/118.4242", None),
            ("POST", RISK, of_canaries(a_bundle(heart_rate=118.4242))),
            ("POST", RISK, of_canaries(a_bundle(heart_rate=118.4242, diastolic_bp=200))),
            ("POST", f"{RISK}?ward-canary=1", a_bundle(heart_rate=118.4242)),
            ("POST", RISK, a_bundle(observation("ward-canary", 118.4242, "ward-canary"))),
            ("POST", HOOK, a_hook(prefetch={"labs": a_searchset(CANARY)})),
            ("POST", HOOK, a_hook(prefetch={"labs": a_searchset(CANARY | {"status": 37.4242})})),
            ("POST", f"{HOOK}/feedback", COMMENT),
            ("POST", f"{HOOK}/feedback", {"feedback": ["ward-canary"]}),
            ("PATCH", "/predict/patient", PATIENT),
        ]
        statuses = [server.ask(*request)[0] for request in requests]
        server.ask("GET", "/health", None, **{"X-Request-ID": "ward-7 canary"})
        server.ask("GET", "/health", None, **{"X-Request-ID": "trace-0017"})
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"ward-canary 118.4242\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 400")
        assert server.stop() == 0
    assert statuses == [
        *(200, 200, 422, 422, 422, 200, 422, 404),
        *(200, 422, 422, 200, 200, 200, 200, 422, 405),
    ]
    for canary in (*CANARIES, "ward-7"):
        assert canary not in server.errors
    (fed_back,) = [line for line in server.log if line["event"] == "cds_feedback"]
    assert (fed_back["decision"], fed_back["reason"]) == ("overridden", "bad-data")
    ours = [line for line in server.log if line["event"] == "request"]
    assert [line["status"] for line in ours] == [*statuses, 200, 200]
    assert ours[-1]["request_id"] == "trace-0017"
    assert all(set(line) == FIELDS for line in ours)
    audited = [line for line in server.log if line["event"] == "audit"]
    assert all(line.keys() - FIELDS <= AUDIT for line in audited)
    assert len(audited) == 12, "each request for a prediction whose query could be read"
    others = [line for line in server.log if line not in (*audited, fed_back)]
    assert all(set(line) <= FIELDS for line in others)


MODULES = """
import json, os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print("telemetry off:", os.environ.get("ORT_DISABLE_TELEMETRY"))

sys.meta_path.insert(0, Watch())
import uvicorn

class Answering(uvicorn.Server):
    def run(self, sockets=None):
        from starlette.testclient import TestClient
        with TestClient(self.config.app) as client:
            stay = {"age": 63, "hours": [{"icu_hour": 1, "heart_rate": 90}]}
            for query in ("?include=trend&include=contributions&include=scores", ""):
                assert client.post("/predict/patient" + query, json=stay).status_code == 200
            for route in ("/health", "/variables", "/model", "/docs", "/openapi.json"):
                assert client.get(route).status_code == 200, route
        print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))

uvicorn.Server = Answering
from sepsis_detect.__main__ import main
from sepsis_detect.auth.api_keys import entry, new_key
sys.exit(main(["serve", "--port", "0"]))
"""


def test_a_serving_process_imports_nothing_of_training_and_sends_no_telemetry() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MODULES],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    telemetry, _, modules = done.stdout.splitlines()
    assert telemetry == "telemetry off: 1"
    assert {"onnxruntime", "numpy", "uvicorn"} <= set(json.loads(modules))
    assert not FORBIDDEN & set(json.loads(modules))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_stops_the_start(capsys: pytest.CaptureFixture[str], workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        sentence = refused(capsys, "--port", port, "--workers", workers)
    assert sentence == f"cannot listen on 127.0.0.1, port {port}: Address already in use"


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("name", "value", "beginning"),
    [
        ("MAX_BODY_BYTES", "much", "SEPSIS_MAX_BODY_BYTES is wrong: "),
        ("MODEL_URI", "FOLDER/none.onnx", "cannot read none.onnx: No such file"),
        ("MODEL_URI", "FOLDER/bad.onnx", "not an ONNX model: "),
        ("MODEL_URI", "ftp://models/model.onnx", "SEPSIS_MODEL_URI is wrong: "),
    ],
)
def test_a_bad_setting_or_model_stops_the_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    workers: str,
    name: str,
    value: str,
    beginning: str,
) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    monkeypatch.setenv(f"SEPSIS_{name}", value.replace("FOLDER", str(tmp_path)))
    assert refused(capsys, "--port", "0", "--workers", workers).startswith(beginning)


BEYOND = "beyond this machine, needs SEPSIS_API_KEYS"


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        (("--host", "0.0.0.0"), f"listening on 0.0.0.0, {BEYOND}"),  # noqa: S104 - is told
        (("--host", "::"), f"listening on ::, {BEYOND}"),
        (("--host", ""), f"listening on every address, {BEYOND}"),
        (("--host", "192.0.2.1"), f"listening on 192.0.2.1, {BEYOND}"),
        (("--host", "localhost"), "SEPSIS_AUTH=required needs SEPSIS_API_KEYS"),
        (("--port", "70000"), "--port 70000 is no port: 0 to 65535"),
        (("--workers", "0"), "--workers 0: at least one is needed"),
    ],
)
def test_an_address_that_cannot_be_meant_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    beginning: str,
) -> None:
    monkeypatch.delenv("SEPSIS_AUTH", raising=False)
    if "localhost" in arguments:
        monkeypatch.setenv("SEPSIS_AUTH", "required")
    assert refused(capsys, *arguments).startswith(beginning)


def test_a_process_that_cannot_start_ends_with_one_sentence_and_exit_code_2() -> None:
    done = subprocess.run(
        command("--port", "0"),
        env=environment(MODEL_URI="/none.onnx"),
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sepsis-detect: cannot read none.onnx: No such file or directory\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_with_keys_every_worker_asks_for_one(workers: str) -> None:
    key = new_key()
    with serving("--workers", workers, API_KEYS=entry("ward-3", key)) as server:
        for _ in range(6):
            assert server.ask("GET", "/model")[0] == 401
            assert server.ask("GET", "/model", Authorization=f"Bearer {key}")[0] == 200
        assert server.ask("GET", "/health")[0] == 200
        assert server.stop() == 0
    assert key not in server.errors
    assert {line.get("caller") for line in server.log if line.get("status") == 200} == {
        "ward-3",
        None,
    }


def test_beyond_loopback_it_serves_only_when_told_that_no_key_is_asked_for() -> None:
    with subprocess.Popen(
        command("--host", "0.0.0.0", "--port", "0"),  # noqa: S104 - beyond loopback
        env=environment(AUTH="off"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        assert "on http://0.0.0.0:" in process.stdout.readline()
        process.terminate()
        assert process.wait(MAX_SECONDS) == 0
