"""What interface engines and proxies of hospitals send, on real connections.

The table "Proxies and interface engines" of docs/interoperability.md says the same.
"""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest

from sepsis_detect.api.app import create_app
from sepsis_detect.settings import Settings
from tests.builders import a_patient
from tests.contract.asking import check_prediction, check_problems
from tests.contract.threaded_server import answer, connected, is_closed, threaded_server

BODY = json.dumps(a_patient()).encode()
PACKED = gzip.compress(BODY)
COOKIES = "Cookie: " + "; ".join(f"SMSESSION{n}={'a' * 900}" for n in range(66))
ADDED = (
    "Via: 1.1 mirth, 1.0 squid",
    "X-Forwarded-For: 10.1.2.3, 192.168.4.5",
    "X-Forwarded-For: unknown, ,;",
    "X-Forwarded-Proto: HTTPS, http",
    'Forwarded: for="[2001:db8::1]";proto=https',
    "Forwarded: for=_hidden;;",
    "X-Real-IP: 10.1.1.1",
    "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Max-Forwards: 10",
    "X-Forwarded-User:",
    "Content-Encoding:",
    "x_station_id: 7",
    "X-Station: R\xe9animation",
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "If-None-Match: *",
    "Range: bytes=0-10",
    "TE: trailers",
    "Accept-Encoding: gzip, deflate, br",
    "Expect: 200-ok",
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with threaded_server(create_app(Settings())) as port:
        yield port


@pytest.fixture
def connection(port: int) -> Iterator[socket.socket]:
    with connected(port) as connection:
        yield connection


def head(*headers: str, version: str = "1.1", path: str = "/predict/patient") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def sized(body: bytes) -> str:
    return f"Content-Length: {len(body)}"


def chunked(body: bytes, *, trailer: bytes = b"", extension: bytes = b"") -> bytes:
    parts = [body[at : at + 50] for at in range(0, len(body), 50)]
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
    return chunks + b"0\r\n" + trailer + b"\r\n"


def predicts(connection: socket.socket) -> None:
    status, body, headers = answer(connection)
    assert status == 200, body
    check_prediction(body)
    assert headers["content-length"].isdigit()  # never chunked: old clients cannot read it
    assert "content-encoding" not in headers
    assert "set-cookie" not in headers


@pytest.mark.parametrize("added", ADDED, ids=lambda added: added.partition(":")[0])
def test_headers_that_proxies_add_change_nothing(connection: socket.socket, added: str) -> None:
    connection.sendall(head("Host: h", added, sized(BODY)) + BODY)
    predicts(connection)


def test_all_of_them_together_and_60_kilobytes_of_cookies_change_nothing(
    connection: socket.socket,
) -> None:
    connection.sendall(head("Host: h", *ADDED, COOKIES, sized(BODY)) + BODY)
    predicts(connection)


def test_expect_continue_is_answered_before_the_body_is_sent(connection: socket.socket) -> None:
    connection.sendall(head("Host: h", "Expect: 100-continue", sized(BODY)))
    assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(BODY)
    predicts(connection)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("Content-Length: 6000000",), 413),
        (("Content-Encoding: br", "Content-Length: 60"), 415),
    ],
    ids=["a body that is too large", "an unknown encoding"],
)
def test_a_request_that_will_be_refused_is_not_asked_for_its_body(
    connection: socket.socket, headers: tuple[str, ...], status: int
) -> None:
    connection.sendall(head("Host: h", "Expect: 100-continue", *headers))
    found, body, _ = answer(connection)
    assert found == status
    check_problems(body)


@pytest.mark.parametrize("headers", [(), ("Host: h",), ("Connection: keep-alive", "Host: h")])
def test_http_1_0_is_answered_and_the_connection_closed(
    connection: socket.socket, headers: tuple[str, ...]
) -> None:
    connection.sendall(head(*headers, sized(BODY), version="1.0") + BODY)
    predicts(connection)
    assert is_closed(connection)


def test_http_1_0_without_a_length_has_no_body_and_is_told(connection: socket.socket) -> None:
    connection.sendall(head("Host: h", version="1.0"))
    status, body, _ = answer(connection)
    assert (status, body["detail"][0]["msg"]) == (422, "The body is empty.")


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        pytest.param(("Content-Encoding: gzip", sized(PACKED)), PACKED, id="gzip"),
        pytest.param(
            ("Content-Encoding: x-gzip", "Transfer-Encoding: chunked"),
            chunked(PACKED),
            id="gzip in chunks",
        ),
        pytest.param(("Transfer-Encoding: chunked",), chunked(BODY), id="chunks"),
        pytest.param(
            ("Transfer-Encoding: chunked", "Trailer: X-Sum"),
            chunked(BODY, trailer=b"X-Sum: 1\r\n"),
            id="chunks and a trailer",
        ),
        pytest.param(
            ("Transfer-Encoding: chunked",),
            chunked(BODY, extension=b";sig=1"),
            id="chunks with extensions",
        ),
        pytest.param((sized(b"\xef\xbb\xbf" + BODY),), b"\xef\xbb\xbf" + BODY, id="a UTF-8 mark"),
    ],
)
def test_every_way_to_send_the_body_is_read_and_the_connection_kept(
    connection: socket.socket, headers: tuple[str, ...], sent: bytes
) -> None:
    for _ in range(2):
        connection.sendall(head("Host: h", *headers) + sent)
        predicts(connection)


def test_a_gzip_body_that_comes_slowly_is_read(connection: socket.socket) -> None:
    connection.sendall(head("Host: h", "Content-Encoding: gzip", sized(PACKED)))
    for byte in PACKED:
        connection.sendall(bytes([byte]))
    predicts(connection)


def test_a_proxy_may_name_the_whole_address(connection: socket.socket) -> None:
    path = "http://sepsis.example.org/predict/patient"
    connection.sendall(head("Host: sepsis.example.org", sized(BODY), path=path) + BODY)
    predicts(connection)


@pytest.mark.parametrize("is_chunked", [False, True], ids=["Content-Length", "chunked"])
def test_a_client_of_java_that_asks_for_http_2_is_told_what_to_set(
    connection: socket.socket, is_chunked: bool
) -> None:
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    framing = "Transfer-Encoding: chunked" if is_chunked else sized(BODY)
    connection.sendall(head("Host: h", *upgrade, framing))
    status, body, headers = answer(connection)
    assert (status, body["detail"][0]["rule"]) == (422, "http.upgrade")
    check_problems(body)
    assert "HTTP_1_1" in body["detail"][0]["hint"]
    assert headers["connection"] == "close"
    assert is_closed(connection)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head("Host: h", sized(BODY)).replace(b"\r\n", b"\n") + BODY, id="bare LF"),
        pytest.param(head("Host: h", "X-A: 1\r\n  2", sized(BODY)) + BODY, id="a folded header"),
        pytest.param(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 443\r\n", id="the PROXY protocol"),
        pytest.param(b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", id="CONNECT"),
    ],
)
def test_what_is_no_http_1_1_is_a_plain_400(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)
    assert connection.recv(1000).startswith(b"HTTP/1.1 400 Bad Request\r\n")
