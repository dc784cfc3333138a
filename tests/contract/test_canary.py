"""No value of a patient is written anywhere, whatever was asked and however it failed.

Canaries are sent to every route, in every part of a request, to a real server; then everything
that it wrote is searched: its log with metrics and audit lines, and every file.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from benchmarks.local_server import Server, local_server
from sepsis_detect.api.app import create_app
from sepsis_detect.auth.api_keys import entry, new_key
from sepsis_detect.settings import LogLevel, Settings
from sepsis_detect.telemetry import logs
from tests.contract.asking import refused
from tests.resources import a_bundle, a_hook, a_searchset, observation

NUMBER, WORD = 118.4242, "canaryword"
CANARIES = ("118.4242", "118,4242", WORD)
MAX_SECONDS = 60.0


def flat(**changed: Any) -> dict[str, Any]:
    return {"age": 63, "icu_hour": 12, "heart_rate": NUMBER, **changed}


BODIES: list[Any] = [
    flat(),
    flat(heart_rate=-NUMBER),
    flat(diastolic_bp=NUMBER, systolic_bp=20),
    flat(heart_rate=WORD),
    flat(sex=WORD, units={"heart_rate": WORD}),
    {WORD: NUMBER},
    {"patients": [flat(), flat(**{WORD: 1}), WORD]},
    {"age": 63, "hours": [{"icu_hour": 1, "heart_rate": NUMBER}, {WORD: WORD}]},
    f'{{"heart_rate": {NUMBER}, "heart_rate": "{WORD}'.encode(),
    f'{{"heart_rate": {NUMBER}, "{WORD}": NaN}}'.encode(),
    WORD.encode() + b"\xff",
    a_bundle(heart_rate=NUMBER),
    a_bundle(observation(WORD, NUMBER, WORD, id=WORD)),
    a_hook(prefetch={"vitals": a_searchset(observation("8867-4", NUMBER, "/min", id=WORD))}),
    a_hook(prefetch={"vitals": a_searchset(observation("8867-4", -NUMBER, WORD))}),
    a_hook(context={"patientId": WORD, "userId": WORD}, prefetch={"vitals": None, "labs": None}),
    {"feedback": [{"card": WORD, "outcome": WORD, "overrideReason": {"userComment": WORD}}]},
]
QUERIES = [
    "",
    f"?{WORD}={NUMBER}",
    f"?include={WORD}",
    "?on_incoherence=drop&include=contributions",
]


def every_path() -> list[str]:
    app: Starlette = create_app(Settings())
    found = {route.path for route in app.routes if isinstance(route, Route)}
    return sorted(found)


def ask_everything(server: Server, key: str) -> set[int]:
    """Every route, method, body and query, with canaries in the headers too; the statuses."""
    headers = {
        "Authorization": f"Bearer {key}",
        "User-Agent": WORD,
        "Cookie": f"{WORD}={NUMBER}",
        "Accept-Language": WORD,
        "X-Request-ID": f"{WORD} {NUMBER}",
        "Referer": f"https://ehr.example/{WORD}",
    }
    statuses = set()
    with Client(base_url=f"http://127.0.0.1:{server.port}", timeout=MAX_SECONDS) as client:

        def ask(method: str, path: str, content: bytes, **more: str) -> int:
            sent = headers | {"Content-Type": "application/json"} | more
            status = client.request(method, path, content=content, headers=sent).status_code
            statuses.add(status)
            return status

        for path in [*every_path(), f"/{WORD}/{NUMBER}", f"/fhir/{WORD}"]:
            for method in ("GET", "PUT", "DELETE", "OPTIONS"):
                ask(method, f"{path}{QUERIES[1]}", json.dumps(flat()).encode())
            for number, body in enumerate(BODIES):
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                query = QUERIES[number % len(QUERIES)] if path == "/predict/patient" else ""
                if ask("POST", path + query, content) == 405:
                    break
        ask("POST", "/predict/patient", WORD.encode(), **{"Content-Type": WORD})
        ask("POST", "/predict/patient", WORD.encode(), **{"Content-Encoding": WORD})
        ask("POST", "/predict/patient", WORD.encode() * 1_000_000)
        ask("POST", "/predict/patient", json.dumps(flat()).encode(), Authorization=f"Bearer {WORD}")
    return statuses


def test_no_canary_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    key = new_key()
    settings = {"API_KEYS": entry("ward", key), "AUDIT_KEY": "k" * 32, "LOG_LEVEL": "DEBUG"}
    with local_server({f"SEPSIS_{name}": each for name, each in settings.items()}) as server:
        statuses = ask_everything(server, key)
        server.stop()
        written = server.log.read_text("utf-8")
    assert {200, 401, 404, 405, 412, 413, 415, 422} <= statuses
    assert not {status for status in statuses if status >= 500}
    events = {json.loads(line)["event"] for line in written.splitlines()}
    assert {"request", "audit", "metrics", "metrics_of_rule", "wrong_key"} <= events
    for place in [written, *(each.read_text("latin-1") for each in files(tmp_path))]:
        assert not [canary for canary in CANARIES if canary in place]


def test_a_bug_shows_no_canary(capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app(Settings())

    async def fail(request: Request) -> Response:
        raise ValueError(f"{NUMBER} {WORD} {await request.body()!r}")

    app.add_route("/predict/failing", fail, methods=["POST"])
    logs.configure(LogLevel.DEBUG)
    with TestClient(app) as client:
        response = client.post(f"/predict/failing?{WORD}", json=flat())
    (problem,) = refused(response, 500)
    assert problem["rule"] == "internal.error"
    written = capsys.readouterr().err
    (failed,) = [line for line in written.splitlines() if '"event":"failed"' in line]
    assert json.loads(failed)["error"] == "ValueError"
    assert not [canary for canary in CANARIES if canary in written + response.text]


def files(folder: Path) -> list[Path]:
    """Every file, but those that tell which lines of the code were run."""
    return [
        each
        for each in folder.rglob("*")
        if each.is_file() and not each.name.startswith(".coverage")
    ]
