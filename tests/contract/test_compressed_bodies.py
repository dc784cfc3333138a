"""Compressed bodies: gzip is unpacked within the body limit, other encodings are refused."""

import gzip
import json
import os
import time
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.api.middleware.request_decompression import MAX_MEMBERS, PIECE_BYTES
from sepsis_detect.settings import Settings
from tests.builders import a_patient, a_stay
from tests.contract.asking import JSON, PATIENT, PATIENTS, predicted, refused
from tests.resources import FHIR_JSON, RISK, a_bundle, a_hook

BODY = json.dumps(a_patient()).encode()
PACKED = gzip.compress(BODY)
MAX_SECONDS = 5.0  # for the costliest body, on a busy machine


def encoded(coding: str) -> dict[str, str]:
    return JSON | {"Content-Encoding": coding}


GZIP = encoded("gzip")


@pytest.mark.parametrize("coding", ["gzip", "GZip", " gzip ", "x-gzip", "identity, gzip", "gzip,"])
def test_a_gzip_body_is_answered_as_the_plain_one(client: TestClient, coding: str) -> None:
    plain = predicted(client.post(PATIENT, content=BODY, headers=JSON))
    packed = predicted(client.post(PATIENT, content=PACKED, headers=encoded(coding)))
    assert packed | {"request_id": ""} == plain | {"request_id": ""}


@pytest.mark.parametrize("coding", ["", "identity", "Identity", "identity, identity", " , "])
def test_an_encoding_that_changes_nothing_is_none(client: TestClient, coding: str) -> None:
    predicted(client.post(PATIENT, content=BODY, headers=encoded(coding)))


@pytest.mark.parametrize(
    ("route", "body", "headers"),
    [
        (PATIENTS, {"patients": [a_patient()] * 50}, JSON),
        (RISK, a_bundle(), FHIR_JSON),
        ("/cds-services/sepsis-risk", a_hook(), JSON),
        (PATIENT, a_stay(), JSON),
    ],
    ids=["patients", "FHIR", "CDS Hooks", "a stay"],
)
def test_every_route_takes_gzip(
    client: TestClient, route: str, body: object, headers: dict[str, str]
) -> None:
    packed = gzip.compress(json.dumps(body).encode())
    response = client.post(route, content=packed, headers=headers | {"Content-Encoding": "gzip"})
    assert response.status_code == 200, response.text


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_members_and_chunks_do_not_change_the_body(client: TestClient, data: st.DataObject) -> None:
    """The body in several members, each at its own level, received in parts cut anywhere."""
    cuts = data.draw(st.lists(st.integers(0, len(BODY)), max_size=4).map(sorted))
    parts = [BODY[a:b] for a, b in zip([0, *cuts], [*cuts, len(BODY)], strict=True)]
    levels = st.integers(0, 9)
    packed = b"".join(gzip.compress(part, data.draw(levels)) for part in parts)
    packed += b"\0" * data.draw(st.integers(0, 3))
    step = data.draw(st.integers(1, len(packed)))

    def sent() -> Iterator[bytes]:
        for begin in range(0, len(packed), step):
            yield packed[begin : begin + step]

    predicted(client.post(PATIENT, content=sent(), headers=GZIP))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(BODY, id="not compressed"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\x1f\x8b", id="two bytes"),
        pytest.param(PACKED[:-1], id="a byte short"),
        pytest.param(PACKED[: len(PACKED) // 2], id="half of it"),
        pytest.param(PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], id="a wrong checksum"),
        pytest.param(PACKED[:-4] + b"\0\0\0\0", id="a wrong length"),
        pytest.param(PACKED + b"garbage", id="garbage behind it"),
        pytest.param(PACKED + PACKED[:20], id="a second member cut short"),
        pytest.param(b"\0" + PACKED, id="padding before it"),
        pytest.param(zlib.compress(BODY), id="deflate that is called gzip"),
        pytest.param(gzip.compress(b"") * (MAX_MEMBERS + 1), id="members without end"),
    ],
)
@pytest.mark.parametrize("route", [PATIENT, PATIENTS])
def test_what_is_not_whole_gzip_is_told_in_a_sentence(
    client: TestClient, route: str, sent: bytes
) -> None:
    (problem,) = refused(client.post(route, content=sent, headers=GZIP), 422)
    assert (problem["type"], problem["rule"]) == ("body", "body.gzip")


def test_a_corrupt_gzip_body_is_an_operation_outcome_under_fhir(client: TestClient) -> None:
    headers = FHIR_JSON | {"Content-Encoding": "gzip", "Accept-Language": "fr"}
    response = client.post(RISK, content=PACKED[:-1], headers=headers)
    assert response.status_code == 422
    (issue,) = response.json()["issue"]
    assert issue["code"] == "structure"
    assert "gzip" in issue["details"]["text"]


@pytest.mark.parametrize(
    "coding", ["deflate", "br", "zstd", "compress", "gzip, gzip", "utf-8", "*"]
)
def test_another_encoding_is_415_and_names_the_one_that_is_accepted(
    client: TestClient, coding: str
) -> None:
    response = client.post(PATIENT, content=PACKED, headers=encoded(coding))
    (problem,) = refused(response, 415)
    assert problem["rule"] == "body.encoding"
    assert response.headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("padding", [0, 1])
def test_the_limit_is_that_of_the_unpacked_body(client: TestClient, padding: int) -> None:
    limit = 5 * 1024 * 1024
    response = client.post(
        PATIENT, content=gzip.compress(BODY.ljust(limit + padding)), headers=GZIP
    )
    if not padding:
        predicted(response)
        return
    (problem,) = refused(response, 413)
    assert problem["rule"] == "body.size"
    assert problem["ctx"] == {"max_body_bytes": limit}


def test_the_packed_body_is_limited_too() -> None:
    small = TestClient(create_app(Settings(max_body_bytes=1024)))
    noise = gzip.compress(os.urandom(2_000), mtime=0)[:-8]
    empty_blocks = gzip.compress(b"", mtime=0)[:10] + b"\0\0\0\xff\xff" * 1_000  # unpack to nothing
    for packed in (noise, empty_blocks):
        (problem,) = refused(small.post(PATIENT, content=packed, headers=GZIP), 413)
        assert problem["ctx"] == {"max_body_bytes": 1024}


def a_bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(1_000)) + packer.flush()


@pytest.mark.parametrize("layout", ["one member", "many members"])
def test_a_small_body_that_unpacks_to_a_gigabyte_is_413_at_once(
    client: TestClient, layout: str
) -> None:
    bomb = a_bomb() if layout == "one member" else gzip.compress(bytes(PIECE_BYTES)) * 900
    started = time.perf_counter()
    response = client.post(PATIENT, content=bomb, headers=GZIP)
    assert time.perf_counter() - started < MAX_SECONDS
    refused(response, 413)


def test_gzip_without_the_header_is_told_by_a_hint(client: TestClient) -> None:
    (problem,) = refused(client.post(PATIENT, content=PACKED, headers=JSON), 422)
    assert problem["rule"] == "json.broken"
    assert "Content-Encoding: gzip" in problem["hint"]
    (problem,) = refused(
        client.post(PATIENT, content=BODY.decode().encode("utf-16"), headers=JSON), 422
    )
    assert "UTF-8" in problem["hint"]
