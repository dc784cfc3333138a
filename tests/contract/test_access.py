"""Authentication: who may call once keys are required, and what a refusal tells."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from sepsis_detect.api import app as app_module
from sepsis_detect.api.app import create_app
from sepsis_detect.api.middleware import authentication
from sepsis_detect.auth.api_keys import entry, new_key
from sepsis_detect.settings import Auth, Settings
from tests.builders import a_patient
from tests.contract.asking import PATIENT, PATIENTS, predicted, refused

WARD, WARD_NEXT, LAB = new_key(), new_key(), new_key()
KEYS = (entry("ward-3", WARD), entry("ward-3", WARD_NEXT), entry("lab", LAB))
EVERYWHERE = [
    ("GET", "/model"),
    ("GET", "/variables"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("POST", PATIENT),
    ("POST", PATIENTS),
    ("GET", PATIENT),
    ("GET", "/nowhere"),
    ("POST", "/health/"),
    ("DELETE", "/%00"),
]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[TestClient]:
    """A caller of a service that asks for keys, without one."""
    with TestClient(create_app(Settings(api_keys=KEYS))) as client:
        yield client


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong keys wait for hardly any time."""
    monkeypatch.setattr(authentication, "WRONG_KEY_SECONDS", 0.001)


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_without_a_key_every_route_answers_alike(
    guarded: TestClient, method: str, path: str
) -> None:
    response = guarded.request(method, path, json={} if method == "POST" else None)
    (problem,) = refused(response, 401)
    assert (problem["type"], problem["rule"]) == ("access", "access.key")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "Allow" not in response.headers
    assert problem["ctx"] == {}


def every_path(client: TestClient) -> list[str]:
    """Every path the application answers, whatever router holds it, and some it does not."""
    app = client.app
    assert isinstance(app, Starlette)
    found = {route.path for route in app.routes if isinstance(route, Route)}
    assert {PATIENT, "/docs", "/openapi.json", "/cds-services", "/fhir/$sepsis-risk"} <= found
    return sorted(found | {"/nowhere", "/docs/nowhere", "/health/", "/fhir/nowhere", "/.env"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_without_a_key_unknown_routes_answer_as_known_ones(
    guarded: TestClient, method: str
) -> None:
    for path in every_path(guarded):
        if app_module.is_open(path):
            continue
        unknown = "/fhir/unknown" if path.startswith("/fhir/") else "/unknown"
        found, expected = (guarded.request(method, each) for each in (path, unknown))
        assert found.status_code == expected.status_code == 401, (method, path)
        assert found.content == expected.content
        for headers in (found.headers, expected.headers):
            del headers["X-Request-ID"]
        assert found.headers == expected.headers


def test_only_health_and_the_page_are_open(guarded: TestClient) -> None:
    is_open = {path for path in every_path(guarded) if app_module.is_open(path)}
    assert "/health" in is_open
    # Beside it, at most the files of the page, which hold no value of anybody.
    assert all(path in ("/health", "/", "/ward") or path.startswith("/web/") for path in is_open)
    assert "request_id" not in guarded.get("/health").text


def test_health_needs_no_key(guarded: TestClient) -> None:
    assert guarded.get("/health").json()["status"] == "OK"
    assert guarded.head("/health").status_code == 200


@pytest.mark.parametrize("key", [WARD, WARD_NEXT, LAB], ids=["ward", "ward, next", "lab"])
@pytest.mark.parametrize("scheme", ["Bearer {}", "bearer {}", "Bearer  {} "])
def test_every_valid_key_is_accepted(guarded: TestClient, key: str, scheme: str) -> None:
    headers = {"Authorization": scheme.format(key)}
    predicted(guarded.post(PATIENT, json=a_patient(), headers=headers))


def test_a_key_is_accepted_in_x_api_key(guarded: TestClient) -> None:
    predicted(guarded.post(PATIENT, json=a_patient(), headers={"X-API-Key": LAB}))


@pytest.mark.parametrize(
    ("bearer_key", "header_key"),
    [(LAB, "wrong"), ("wrong", LAB)],
    ids=["as a token", "in its header"],
)
def test_one_valid_key_of_two_is_enough(
    guarded: TestClient, bearer_key: str, header_key: str
) -> None:
    headers = bearer(bearer_key) | {"X-API-Key": header_key}
    predicted(guarded.post(PATIENT, json=a_patient(), headers=headers))


def test_with_a_key_an_unknown_route_is_404(guarded: TestClient) -> None:
    refused(guarded.get("/nowhere", headers=bearer(LAB)), 404)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(bearer(""), id="empty"),
        pytest.param(bearer(WARD[:-1]), id="one letter short"),
        pytest.param(bearer(WARD + "x"), id="one letter more"),
        pytest.param(bearer(KEYS[0].partition(":")[2]), id="its digest"),
        pytest.param(bearer("ward-3"), id="its name"),
        pytest.param(bearer("k" * 5_000), id="very long"),
        pytest.param({"Authorization": f"Basic {WARD}"}, id="another scheme"),
        pytest.param({"Authorization": WARD}, id="no scheme"),
        pytest.param({"X-API-Key": "é" * 10}, id="letters beyond ASCII"),
    ],
)
@pytest.mark.usefixtures("patient")
def test_a_wrong_key_answers_as_a_missing_one(guarded: TestClient, headers: dict[str, str]) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    response = guarded.post(PATIENT, json={}, headers=encoded)
    assert refused(response, 401) == refused(guarded.get("/model"), 401)


def test_wrong_keys_are_delayed_and_valid_ones_are_not(
    guarded: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "WRONG_KEY_SECONDS", 1.0)
    monkeypatch.setattr(authentication, "MAX_WAITING", 3)

    def guess(n: int) -> int:
        return guarded.get("/model", headers=bearer(f"guess-{n}")).status_code

    with ThreadPoolExecutor(12) as pool:
        began = time.monotonic()
        guesses = [pool.submit(guess, n) for n in range(8)]
        time.sleep(0.2)
        assert guarded.get("/model", headers=bearer(LAB)).status_code == 200
        assert not all(each.done() for each in guesses), "the right key overtook wrong ones"
        statuses = sorted(each.result() for each in guesses)
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 3 * (1 + int(time.monotonic() - began))


@pytest.mark.usefixtures("patient")
def test_too_many_wrong_keys_are_429(guarded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MAX_WAITING", 0)
    response = guarded.get("/model", headers=bearer("guess"))
    assert refused(response, 429)[0]["rule"] == "access.too_many"
    assert response.headers["Retry-After"] == "1"
    assert guarded.get("/model", headers=bearer(LAB)).status_code == 200


def test_the_openapi_document_says_how_a_key_is_sent(
    guarded: TestClient, client: TestClient
) -> None:
    document = guarded.get("/openapi.json", headers=bearer(LAB)).json()
    assert document["security"]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    assert document["paths"]["/health"]["get"]["security"] == []
    assert "security" not in client.get("/openapi.json").json()


def test_an_allowed_origin_can_read_the_401() -> None:
    origin = {"Origin": "https://ward.example"}
    settings = Settings(api_keys=KEYS, cors_origins=("https://ward.example",))
    with TestClient(create_app(settings)) as client:
        preflight = origin | {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        }
        assert client.options(PATIENT, headers=preflight).status_code == 200
        response = client.post(PATIENT, json={}, headers=origin)
        refused(response, 401)
        assert response.headers["Access-Control-Allow-Origin"] == "https://ward.example"


def test_keys_may_be_set_and_not_required() -> None:
    with TestClient(create_app(Settings(api_keys=KEYS, auth=Auth.OFF))) as client:
        assert client.get("/model").status_code == 200
