"""Hostile HTTP requests, by number: hostile bodies, odd queries, and malformed HTTP.

Request `number` of a seed is always the same, so that one that failed can be repeated alone.
Each is complete: the server can answer it without waiting for more bytes.
"""

import gzip
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks import hostile_bodies as bodies

TRANSPORT = "transport"
MAKERS: list[tuple[str, bodies.Maker, float]] = [
    ("changed values", bodies.changed_values, 0.42),
    ("changed bytes", bodies.changed_bytes, 0.30),
    ("fragments of JSON", bodies.json_fragments, 0.08),
    ("random bytes", bodies.random_bytes, 0.04),
    ("valid", bodies.valid, 0.06),
    (TRANSPORT, bodies.changed_values, 0.095),
    ("costly", bodies.costly, 0.005),
]
QUERIES = [
    *([""] * 6),
    *("on_incoherence=drop", "include=trend", "include=contributions&include=scores"),
    *("include=trend&on_incoherence=drop", "include=nothing", "on_incoherence=drop&on_incoherence"),
    *("%00=%ff", "a" * 5_000, "include=" * 500, "_format=json", "_format=xml", "=&&=", "?;"),
]
CHUNK_BYTES = (1, 7, 100, 5_000, 70_000)
MEDIA_TYPES = (
    *("text/plain", "application/json; charset=utf-16", "application/x+json", ""),
    *("\xff", "a" * 9_000),
)
PATHS = (
    *(b"/predict/%00", b"/%ff%fe", b"/predict//patient", b"/../etc/passwd", b"*", b"//"),
    b"/" + b"a" * 9_000,
)
HEADERS = [  # before a valid length and body
    *(b"Content-Encoding: br", b"Content-Encoding: x", b"Content-Encoding: identity"),
    *(b"Content-Encoding:", b"Expect: 100-continue", b"Connection: close"),
    *(b"X-Request-ID: \x80\xff", b"X-Request-ID: " + b"a" * 9_000, b'X-Request-ID: "}'),
    *(b"X-Request-ID:", b"Accept: text/html", b"Accept: application/xml", b"Accept: *"),
    *(b"Accept: \xff", b"Accept-Language: fr", b"Accept-Language: \xff;q=z"),
    *(b"Accept-Language: " + b"," * 3_000, b"Accept-Language: fr;q=nan"),
    *(b"\r\n".join([b"X-Filler: x"] * 500), b"Upgrade: websocket\r\nConnection: Upgrade"),
]
METHODS = (b"PUT", b"PATCH", b"DELETE", b"BREW")


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        kind: How it was made.
        content: All of its bytes.
        is_last: Whether its connection must not be used again.
    """

    kind: str
    content: bytes
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A POST route, with valid bodies."""

    path: str
    media_type: str
    bodies: tuple[Any, ...]


def targets(document: Any) -> list[Target]:
    """Every POST route of an OpenAPI document, with its examples."""
    return [
        Target(path, media_type, tuple(each["value"] for each in content["examples"].values()))
        for path, operations in document["paths"].items()
        for media_type, content in (
            operations.get("post", {}).get("requestBody", {}).get("content", {}).items()
        )
    ]


def hostile(seed: int, number: int, among: list[Target]) -> Request:
    """Request `number` of `seed`."""
    rng = Random(f"{seed} {number}")
    target = rng.choice(among)
    kind, make, _ = rng.choices(MAKERS, [weight for *_, weight in MAKERS])[0]
    body = make(rng, rng.choice(target.bodies))
    if kind == TRANSPORT:
        return Request(kind, _malformed(rng, target, body), is_last=True)
    head = _head(target, query=rng.choice(QUERIES))
    return Request(kind, head + (_chunked(rng, body) if rng.random() < 0.1 else _sized(body)))


def well_formed(target: Target, body: bytes) -> bytes:
    """A request that is correct HTTP."""
    return _head(target) + _sized(body)


def _head(target: Target, *, query: str = "", media_type: str | None = None) -> bytes:
    path = f"{target.path}?{query}" if query else target.path
    kind = target.media_type if media_type is None else media_type
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n".encode("latin-1")


def _sized(body: bytes, length: bytes | None = None) -> bytes:
    stated = str(len(body)).encode() if length is None else length
    return b"Content-Length: %b\r\n\r\n%b" % (stated, body)


def _chunked(rng: Random, body: bytes) -> bytes:
    chunks, at = [], 0
    sizes = CHUNK_BYTES[len(body) // 20_000 :] or CHUNK_BYTES[-1:]  # not too many chunks
    while at < len(body):
        chunk = body[at : at + rng.choice(sizes)]
        chunks.append(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        at += len(chunk)
    return b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n"


def _malformed(rng: Random, target: Target, body: bytes) -> bytes:
    head, sized = _head(target), _sized(body)
    chunked, zipped = b"Transfer-Encoding: chunked\r\n", gzip.compress(body)
    kinds = [
        _head(target, media_type=rng.choice(MEDIA_TYPES)) + sized,
        head.partition(b"Content-Type")[0] + sized,
        head + b"Content-Encoding: gzip\r\n" + _sized(zipped),
        *(head + _sized(body, wrong) for wrong in (b"-1", b"1e3", b"9" * 23)),
        head + _sized(body, str(len(body) // 2).encode()),
        head + b"Content-Length: 1\r\n" + sized,
        head + chunked + sized,
        head + chunked + b"\r\nzz\r\n" + body + b"\r\n0\r\n\r\n",
        head + chunked + b"\r\n-5\r\n" + body + b"\r\n0\r\n\r\n",
        head + chunked + b"\r\n0\r\n\r\n",
        head + _chunked(rng, body).replace(b"chunked", b"gzip, chunked", 1),
        head + b"\r\n",
        *(head + rng.choice(HEADERS) + b"\r\n" + sized for _ in range(8)),
        head.replace(b"HTTP/1.1", b"HTTP/1.0") + sized,
        head.replace(b"HTTP/1.1", b"HTTP/9.9") + sized,
        head.replace(b"POST", rng.choice(METHODS)) + sized,
        head.replace(target.path.encode(), rng.choice(PATHS)) + sized,
    ]
    return rng.choice(kinds)
