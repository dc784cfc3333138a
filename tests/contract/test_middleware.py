"""Middleware: request ids, limits, security headers, and one form for every error."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.settings import Settings
from tests.builders import a_patient
from tests.contract.asking import JSON, PATIENT, PATIENTS, ask, predicted, refused

GET_ROUTES = ["/health", "/model", "/variables", "/openapi.json"]
POST_ROUTES = [PATIENT, PATIENTS]
LIMIT = 1024  # bytes; the smallest that can be set


@pytest.fixture(scope="module")
def narrow() -> Iterator[TestClient]:
    """A caller of a service that takes small bodies only."""
    with TestClient(create_app(Settings(max_body_bytes=LIMIT))) as client:
        yield client


# --- Request id ---


@pytest.mark.parametrize(
    "sane",
    [
        pytest.param("abc", id="short"),
        pytest.param("3F2504E0-4F89-11D3-9A0C-0305E82C3301", id="a UUID"),
        pytest.param("Root=1-67891233-abcdef012345678912345678", id="of a load balancer"),
        pytest.param("a" * 128, id="as long as allowed"),
    ],
)
def test_a_well_formed_request_id_is_returned(client: TestClient, sane: str) -> None:
    response = client.post(PATIENT, json=a_patient(), headers={"X-Request-ID": sane})
    assert response.headers["X-Request-ID"] == predicted(response)["request_id"] == sane


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"a" * 129, id="too long"),
        pytest.param(b"two words", id="a space"),
        pytest.param(b"Jos\xc3\xa9", id="letters beyond ASCII"),
        pytest.param(b'"}{"', id="JSON"),
        pytest.param(b"<script>", id="markup"),
        pytest.param(b"a\tb", id="a tab"),
    ],
)
def test_a_malformed_request_id_is_replaced(client: TestClient, odd: bytes) -> None:
    response = client.get("/health", headers=[(b"x-request-id", odd)])
    found = response.headers["X-Request-ID"]
    assert found.encode() != odd
    assert len(found) == 32


def test_generated_request_ids_are_unique(client: TestClient) -> None:
    ids = {client.get("/health").headers["X-Request-ID"] for _ in range(50)}
    assert len(ids) == 50


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", path, 200) for path in GET_ROUTES]
    + [("POST", path, 422) for path in POST_ROUTES]
    + [("GET", "/nowhere", 404), ("DELETE", "/health", 405), ("POST", "/nowhere", 404)],
)
def test_every_answer_has_an_id_and_is_not_to_be_stored(
    client: TestClient, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["X-Request-ID"]
    assert response.headers["Cache-Control"] == "no-store"
    assert len(response.headers.get_list("X-Request-ID")) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("POST", PATIENT), ("GET", "/x")])
def test_an_answer_cannot_be_framed_sniffed_or_run(
    client: TestClient, method: str, path: str
) -> None:
    headers = client.request(method, path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


# --- Routes that do not exist ---


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/predict",
        "/predict/patient/",
        "/predict/patient/12",
        "/Health",
        "/health/",
        "/%00",
        "/%ff",
        "/../health%2f",
        "/predict/patient;x=1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_route_is_404(client: TestClient, method: str, path: str) -> None:
    (problem,) = refused(client.request(method, path), 404)
    assert (problem["type"], problem["rule"]) == ("route", "route.unknown")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", POST_ROUTES)
def test_another_method_on_a_prediction_is_405_and_names_post(
    client: TestClient, method: str, path: str
) -> None:
    response = client.request(method, path)
    (problem,) = refused(response, 405)
    assert problem["rule"] == "route.method"
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", GET_ROUTES[:3])
def test_post_to_a_get_route_is_405(client: TestClient, path: str) -> None:
    response = client.post(path, json={})
    assert refused(response, 405)[0]["rule"] == "route.method"
    assert "GET" in response.headers["Allow"]


# --- Kind of body ---


@pytest.mark.parametrize("route", POST_ROUTES)
@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/json",
        "application/jsonx",
        "json",
        "",
    ],
)
def test_another_media_type_is_415(client: TestClient, route: str, media_type: str) -> None:
    response = client.post(route, content=b"{}", headers={"Content-Type": media_type})
    (problem,) = refused(response, 415)
    assert (problem["type"], problem["rule"]) == ("body", "body.media_type")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/fhir+json",
        " application/json ",
    ],
)
def test_json_media_types_are_accepted(client: TestClient, media_type: str) -> None:
    body = b'{"HR": 80}'
    predicted(client.post(PATIENT, content=body, headers={"Content-Type": media_type}))


def test_a_body_without_media_type_is_read_as_json(client: TestClient) -> None:
    predicted(client.post(PATIENT, content=b'{"HR": 80}'))


# --- Size of body ---


def padded_to(n_bytes: int) -> bytes:
    return b'{"HR": 80}'.ljust(n_bytes)


def in_chunks(body: bytes) -> Iterator[bytes]:
    for begin in range(0, len(body), 100):
        yield body[begin : begin + 100]


@pytest.mark.parametrize("is_chunked", [False, True], ids=["Content-Length", "chunked"])
@pytest.mark.parametrize("route", POST_ROUTES)
def test_a_body_over_the_limit_is_413(narrow: TestClient, route: str, is_chunked: bool) -> None:
    body = padded_to(LIMIT + 1)
    response = narrow.post(route, content=in_chunks(body) if is_chunked else body, headers=JSON)
    (problem,) = refused(response, 413)
    assert (problem["type"], problem["rule"]) == ("body", "body.size")
    assert problem["ctx"] == {"max_body_bytes": LIMIT}


@pytest.mark.parametrize("is_chunked", [False, True], ids=["Content-Length", "chunked"])
def test_a_body_at_the_limit_is_read(narrow: TestClient, is_chunked: bool) -> None:
    body = padded_to(LIMIT)
    predicted(narrow.post(PATIENT, content=in_chunks(body) if is_chunked else body, headers=JSON))


@pytest.mark.parametrize("length", ["0", "5"])
def test_a_wrong_content_length_does_not_raise_the_limit(narrow: TestClient, length: str) -> None:
    headers = JSON | {"Content-Length": length}
    response = narrow.post(PATIENT, content=padded_to(LIMIT + 1), headers=headers)
    refused(response, 413)


def test_the_limit_is_five_mebibytes_unless_set(client: TestClient) -> None:
    predicted(ask(client, padded_to(5 * 1024 * 1024)))
    refused(ask(client, padded_to(5 * 1024 * 1024 + 1)), 413)


# --- The form ---


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", "/nowhere", None, {}, 404),
        ("GET", PATIENT, None, {}, 405),
        ("POST", PATIENT, b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", PATIENT, b"", JSON, 422),
        ("POST", PATIENTS, b"", JSON, 422),
    ],
)
def test_every_error_has_the_same_eight_keys(
    client: TestClient, method: str, path: str, content: Any, headers: Any, status: int
) -> None:
    response = client.request(method, path, content=content, headers=headers)
    for problem in refused(response, status):
        assert list(problem) == [
            "type",
            "rule",
            "loc",
            "msg",
            "msg_fr",
            "ctx",
            "hint",
            "hint_fr",
        ]
    assert list(response.json()) == ["detail"]
