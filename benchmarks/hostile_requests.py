"""Requests nobody should send, by number.

Valid bodies changed in their bytes or in their values, bodies made to cost much, and HTTP that is
not quite HTTP. Request `number` of a seed is always the same one, so that what failed can be sent
again alone.
Each is whole: it can be answered without waiting for more.
"""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

MAX_BYTES = 5 * 1024 * 1024  # the usual limit of a body
QUERIES = [
    *([""] * 6),
    *("on_incoherence=drop", "include=trend", "include=contributions&include=scores"),
    *("include=trend&on_incoherence=drop", "include=nothing", "on_incoherence=drop&on_incoherence"),
    *("%00=%ff", "a" * 5_000, "include=" * 500, "_format=json", "_format=xml", "=&&=", "?;"),
]
LITERALS = [
    *(b"NaN", b"-Infinity", b"1e400", b"-1e400", b"1e-400", b"-0.0", b"0", b"-1", b"1.5", b"1e5"),
    *(
        b"9" * 400,
        b"9" * 5_000,
        b"-" + b"9" * 30,
        b"0." + b"3" * 5_000,
        b"1E+2",
        b"18446744073709551616",
    ),
    *(
        b"true",
        b"false",
        b"null",
        b"[]",
        b"{}",
        b'""',
        b'"80"',
        b'"\\ud800"',
        b'"\\u0000"',
        b"[[]]",
    ),
    *(b'"2026-03-28T20:00:00Z"', b'"9999-99-99T99:99:99Z"', b'"0001-01-01T00:00:00+23:59"'),
    *(b'"' + b"a" * 20_000 + b'"', '"é\u202e\U0001f9a0"'.encode(), b'"umol/L"', b'"[degF]"'),
    *(b'{"a":1,"a":2}', b'{"":null}', b"[" * 50 + b"]" * 50, b"01", b"+1", b".5", b"0x10", b"'a'"),
    *(b"nan", b"undefined", b"\xff", b"\xed\xa0\x80", b'"\xc3"', b'"\x00"', b'"\n"', b"/**/1", b""),
]
PIECES = [
    *(
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\x00",
        b"\xef\xbb\xbf",
        b"\\u",
        b"\\ud800",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b"e999",
        b"-",
        b"9" * 50,
        b"\r\n\r\n",
        b"null",
    ),
]


STAND_IN = re.compile(rb'"@raw ([0-9]+)@"')


class Raw:
    """Stands in a value for bytes that are written as they are."""

    def __init__(self, literal: bytes):
        """Keep them."""
        self.literal = literal


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        kind: How it was made.
        content: All of it, as sent.
        is_last: Whether the connection may be used up by it.
    """

    kind: str
    content: bytes
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A route, with bodies it accepts."""

    path: str
    media_type: str
    bodies: tuple[Any, ...]


def targets(document: Any) -> list[Target]:
    """Every POST route of an OpenAPI document, with its examples."""
    found = []
    for path, operations in document["paths"].items():
        for media_type, content in (
            operations.get("post", {}).get("requestBody", {}).get("content", {}).items()
        ):
            bodies = tuple(each["value"] for each in content["examples"].values())
            found.append(Target(path, media_type, bodies))
    return found


def hostile(seed: int, number: int, among: list[Target]) -> Request:
    """Request `number` of `seed`."""
    rng = Random(f"{seed} {number}")  # noqa: S311 - to mix
    target = rng.choice(among)
    make, kind = rng.choices(MAKERS, WEIGHTS)[0]
    body = make(rng, target)
    if kind == "transport":
        return _odd_http(rng, target, body)
    query = rng.choice(QUERIES)
    return Request(kind, whole(target, body, query=query, is_chunked=rng.random() < 0.1, rng=rng))


def whole(
    target: Target,
    body: bytes,
    *,
    query: str = "",
    is_chunked: bool = False,
    rng: Random | None = None,
) -> bytes:
    """A proper request, in one piece or in chunks of any size."""
    head = _head(target, query)
    if not (is_chunked and rng):
        return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    sizes, chunks, at = [1, 7, 100, 5_000, 70_000], [], 0
    while at < len(body):
        chunk = body[at : at + rng.choice(sizes[len(body) // 20_000 :] or sizes[-1:])]
        chunks.append(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        at += len(chunk)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n"


def _head(target: Target, query: str = "", media_type: str | None = None) -> bytes:
    path = f"{target.path}?{query}" if query else target.path
    kind = target.media_type if media_type is None else media_type
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n".encode("latin-1")


# --- Bodies ---


def valid(rng: Random, target: Target) -> bytes:
    """One of the examples."""
    return json.dumps(rng.choice(target.bodies)).encode()


def changed_bytes(rng: Random, target: Target) -> bytes:
    """An example with a few bytes changed."""
    body = bytearray(valid(rng, target))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(body) + 1)
        to = min(len(body), at + rng.choice((1, 1, 3, 20)))
        change = rng.randrange(6)
        if change == 0:
            body[at:to] = b""
        elif change == 1:
            body[at:to] = rng.randbytes(to - at)
        elif change == 2:
            body[at:at] = body[at:to] * rng.choice((1, 1, 50))
        elif change == 3:
            body[at:at] = rng.choice(PIECES)
        elif change == 4:
            body[at:to] = rng.choice(PIECES)
        else:
            del body[at:]
    return bytes(body)


def changed_values(rng: Random, target: Target) -> bytes:
    """An example with values of another kind, keys twice, or parts repeated."""
    value = json.loads(valid(rng, target))
    for _ in range(rng.choice((1, 1, 2, 5))):
        value = _changed(rng, value)
    return _written(value)


def _changed(rng: Random, value: Any) -> Any:
    """`value` with something in it changed."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        change = rng.randrange(8)
        if change == 0:
            return {each: inner for each, inner in value.items() if each != key}
        if change == 1:
            return {rng.choice((key.upper(), key + " ", "", "\u0000", "x" * 3_000)): 1, **value}
        if change == 2:  # the key once more
            return Raw(b"{%b:%b,%b" % (_written(key), rng.choice(LITERALS), _written(value)[1:]))
        return {**value, key: _changed(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        if rng.random() < 0.2:
            return value * rng.choice((0, 2, 30, 300))
        return [*value[:at], _changed(rng, value[at]), *value[at + 1 :]]
    if rng.random() < 0.2:
        return [value] if rng.random() < 0.5 else {"value": value}
    return Raw(rng.choice(LITERALS))


def _written(value: Any) -> bytes:
    raws: list[bytes] = []

    def stand_in(raw: Any) -> str:
        raws.append(raw.literal)
        return f"@raw {len(raws) - 1}@"

    text = json.dumps(value, default=stand_in).encode()
    return STAND_IN.sub(lambda found: raws[int(found[1])], text)  # in one go: there may be many


def noise(rng: Random, _: Target) -> bytes:
    """Bytes of no meaning."""
    return rng.randbytes(rng.choice((0, 1, 2, 10, 100, 5_000)))


def words(rng: Random, _: Target) -> bytes:
    """Pieces of JSON in any order."""
    return b"".join(rng.choices(PIECES + LITERALS, k=rng.choice((1, 2, 5, 20))))


def costly(rng: Random, target: Target) -> bytes:
    """A body made to take time or memory, up to the limit."""
    n_bytes = rng.choice((100_000, 500_000, 2_000_000, MAX_BYTES - 500))
    body = rng.choice(COSTLY)(n_bytes, rng, target)
    return body if len(body) <= MAX_BYTES else body[:MAX_BYTES]


def _filled(before: bytes, each: bytes, after: bytes) -> Callable[[int, Random, Target], bytes]:
    return lambda n_bytes, *_: before + each * (n_bytes // len(each)) + after


def _many(n_bytes: int, rng: Random, target: Target) -> bytes:
    """Lists of an example, made long."""
    value = json.loads(valid(rng, target))
    for key, inner in value.items():
        if isinstance(inner, list) and inner:
            value[key] = inner * (n_bytes // len(json.dumps(inner)))
    return json.dumps(value).encode()


def _keys(n_bytes: int, *_: Any) -> bytes:
    return b"{" + b",".join(b'"k%d":%d' % (at, at) for at in range(n_bytes // 14)) + b"}"


COSTLY: list[Callable[[int, Random, Target], bytes]] = [
    _filled(b"", b"[", b""),
    _filled(b"", b'{"a":', b"1"),
    _filled(b"[", b"[],", b"0]"),
    _filled(b"[", b"{},", b"0]"),
    _filled(b'{"patients":[', b"{},", b"0]}"),
    _filled(b'{"patients":[', b"[0],", b"0]}"),
    _filled(b'{"hours":[', b"{},", b"0]}"),
    _filled(b'{"hours":[', b'{"icu_hour":1,"HR":0},', b"0]}"),
    _filled(b'{"resourceType":"Bundle","type":"collection","entry":[', b"{},", b"0]}"),
    _filled(b'{"heart_rate":"', b"a", b'"}'),
    _filled(b'{"heart_rate":"', b"\\u0041", b'"}'),
    _filled(b'{"heart_rate":', b"9", b"}"),
    _filled(b'{"heart_rate":80', b" ", b"}"),
    _filled(b"{", b'"heart_rate":80,', b'"heart_rate":80}'),
    _filled(b"[", b"1e5,", b"0]"),
    _keys,
    _many,
    _many,
]

# --- HTTP ---


def _odd_http(rng: Random, target: Target, body: bytes) -> Request:
    """A request that is odd below its body; none leaves the server waiting for more."""
    n_bytes = len(body)
    proper = b"Content-Length: %d\r\n\r\n%b" % (n_bytes, body)
    head, chunked = _head(target), b"Transfer-Encoding: chunked\r\n"
    zipped = gzip.compress(body)
    odd = [
        _head(target, media_type=rng.choice(MEDIA_TYPES)) + proper,
        head.replace(b"Content-Type: " + target.media_type.encode() + b"\r\n", b"") + proper,
        head + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(zipped), zipped),
        head
        + b"Content-Encoding: %b\r\n%b" % (rng.choice((b"br", b"x", b"identity", b"")), proper),
        head + b"Content-Length: %d\r\n\r\n%b" % (n_bytes // 2, body),
        head + b"Content-Length: -1\r\n\r\n" + body,
        head + b"Content-Length: 1e3\r\n\r\n" + body,
        head + b"Content-Length: 99999999999999999999999\r\n\r\n" + body,
        head + b"Content-Length: %d\r\nContent-Length: 1\r\n\r\n%b" % (n_bytes, body),
        head + chunked + b"Content-Length: %d\r\n\r\n%b" % (n_bytes, body),
        head + chunked + b"\r\nzz\r\n" + body + b"\r\n0\r\n\r\n",
        head + chunked + b"\r\n-5\r\n" + body + b"\r\n0\r\n\r\n",
        head + chunked + b"\r\n0\r\n\r\n",
        head + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (n_bytes, body),
        head + b"\r\n",
        head + b"Expect: 100-continue\r\n" + proper,
        head
        + b"X-Request-ID: "
        + rng.choice((b"\x80\xff", b"a" * 9_000, b'"}', b""))
        + b"\r\n"
        + proper,
        head + b"X-Filler: x\r\n" * 500 + proper,
        head
        + b"Accept: "
        + rng.choice((b"text/html", b"application/xml", b"*", b"\xff"))
        + b"\r\n"
        + proper,
        head
        + b"Accept-Language: "
        + rng.choice((b"fr", b"\xff;q=z", b"," * 3_000, b"fr;q=nan"))
        + b"\r\n"
        + proper,
        head + b"Connection: close\r\n" + proper,
        head + b"Upgrade: websocket\r\nConnection: Upgrade\r\n" + proper,
        head.replace(b"HTTP/1.1", b"HTTP/1.0") + proper,
        head.replace(b"HTTP/1.1", b"HTTP/9.9") + proper,
        head.replace(b"POST", rng.choice((b"PUT", b"PATCH", b"DELETE", b"BREW"))) + proper,
        head.replace(target.path.encode(), rng.choice(PATHS)) + proper,
    ]
    return Request("transport", rng.choice(odd), is_last=True)


MEDIA_TYPES = [
    "text/plain",
    "application/json; charset=utf-16",
    "application/x+json",
    "",
    "\xff",
    "a" * 9_000,
]
PATHS = [
    b"/predict/%00",
    b"/%ff%fe",
    b"/predict//patient",
    b"/../etc/passwd",
    b"/" + b"a" * 9_000,
    b"*",
    b"//",
]

MAKERS: list[tuple[Callable[[Random, Target], bytes], str]] = [
    (changed_values, "changed values"),
    (changed_bytes, "changed bytes"),
    (words, "pieces of JSON"),
    (noise, "noise"),
    (valid, "valid"),
    (changed_values, "transport"),
    (costly, "costly"),
]
WEIGHTS = [0.42, 0.30, 0.08, 0.04, 0.06, 0.095, 0.005]
