"""Hostile request bodies: valid ones with changed bytes or values, and bodies that are costly.

A maker takes a random generator and a valid body, and returns other bytes.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

Maker = Callable[[Random, Any], bytes]

MAX_BYTES = 5 * 1024 * 1024  # the default limit of a body
LITERALS = [
    *rb"""NaN -Infinity 1e400 -1e400 1e-400 -0.0 0 -1 1.5 1e5 1E+2 18446744073709551616
    true false null [] {} "" "80" "\ud800" "\u0000" [[]] nan undefined /**/1 01 +1 .5 0x10 'a'
    "2026-03-28T20:00:00Z" "9999-99-99T99:99:99Z" "0001-01-01T00:00:00+23:59" "umol/L" "[degF]"
    {"a":1,"a":2} {"":null}""".split(),
    *(b"9" * 400, b"9" * 5_000, b"-" + b"9" * 30, b"0." + b"3" * 5_000, b"[" * 50 + b"]" * 50),
    *(b'"' + b"a" * 20_000 + b'"', '"é\u202e\U0001f9a0"'.encode()),
    *(b"", b"\xff", b"\xed\xa0\x80", b'"\xc3"', b'"\x00"', b'"\n"'),
]
FRAGMENTS = [
    *rb'{ } [ ] , : " \ \u \ud800 e999 - null'.split(),
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\xef\xbb\xbf"),
    *(b"9" * 50, b"\r\n\r\n"),
]
KEYS = ["", "\u0000", "x" * 3_000]


@dataclass(frozen=True, slots=True)
class RawJson:
    """Bytes that stand for a value and are written as they are."""

    content: bytes


def to_bytes(value: Any) -> bytes:
    """JSON of a value, with every `RawJson` in its place."""
    raw: list[bytes] = []

    def mark(each: RawJson) -> str:
        raw.append(each.content)
        return f"@raw {len(raw) - 1}@"

    text = json.dumps(value, default=mark).encode()
    return re.sub(rb'"@raw ([0-9]+)@"', lambda found: raw[int(found[1])], text)


def valid(rng: Random, body: Any) -> bytes:
    """The body as it is."""
    return json.dumps(body).encode()


def changed_bytes(rng: Random, body: Any) -> bytes:
    """The body with a few bytes removed, replaced, repeated, inserted or cut off."""
    content = bytearray(valid(rng, body))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(content) + 1)
        to = min(len(content), at + rng.choice((1, 1, 3, 20)))
        removed = content[at:to]
        replacements = (
            b"",
            rng.randbytes(to - at),
            removed * rng.choice((2, 2, 51)),
            rng.choice(FRAGMENTS) + removed,
            rng.choice(FRAGMENTS),
        )
        change = rng.randrange(6)
        if change < len(replacements):
            content[at:to] = replacements[change]
        else:
            del content[at:]
    return bytes(content)


def changed_values(rng: Random, body: Any) -> bytes:
    """The body with values of another type, duplicate keys, or repeated elements."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        body = _changed(rng, body)
    return to_bytes(body)


def _changed(rng: Random, value: Any) -> Any:
    is_inside = rng.random() < 0.85
    if is_inside and isinstance(value, dict) and value:
        return _changed_object(rng, value)
    if is_inside and isinstance(value, list) and value:
        if rng.random() < 0.2:
            return value * rng.choice((0, 2, 30, 300))
        at = rng.randrange(len(value))
        return [*value[:at], _changed(rng, value[at]), *value[at + 1 :]]
    if rng.random() < 0.2:
        return rng.choice(([value], {"value": value}))
    return RawJson(rng.choice(LITERALS))


def _changed_object(rng: Random, value: dict[str, Any]) -> Any:
    key = rng.choice(list(value))
    change = rng.randrange(8)
    if change == 0:
        return {each: inner for each, inner in value.items() if each != key}
    if change == 1:
        return {rng.choice((key.upper(), key + " ", *KEYS)): 1, **value}
    if change == 2:  # the same key twice
        duplicate = to_bytes(key) + b":" + rng.choice(LITERALS)
        return RawJson(b"{%b,%b" % (duplicate, to_bytes(value)[1:]))
    return {**value, key: _changed(rng, value[key])}


def random_bytes(rng: Random, body: Any) -> bytes:
    """Bytes without any structure."""
    return rng.randbytes(rng.choice((0, 1, 2, 10, 100, 5_000)))


def json_fragments(rng: Random, body: Any) -> bytes:
    """Fragments of JSON in any order."""
    return b"".join(rng.choices(FRAGMENTS + LITERALS, k=rng.choice((1, 2, 5, 20))))


COSTLY = [  # start, repeated part, end
    (b"", b"[", b""),
    (b"", b'{"a":', b"1"),
    (b"[", b"[],", b"0]"),
    (b"[", b"{},", b"0]"),
    (b"[", b"1e5,", b"0]"),
    (b'{"patients":[', b"{},", b"0]}"),
    (b'{"patients":[', b"[0],", b"0]}"),
    (b'{"hours":[', b"{},", b"0]}"),
    (b'{"hours":[', b'{"icu_hour":1,"HR":0},', b"0]}"),
    (b'{"resourceType":"Bundle","type":"collection","entry":[', b"{},", b"0]}"),
    (b'{"heart_rate":"', b"a", b'"}'),
    (b'{"heart_rate":"', b"\\u0041", b'"}'),
    (b'{"heart_rate":', b"9", b"}"),
    (b'{"heart_rate":80', b" ", b"}"),
    (b"{", b'"heart_rate":80,', b'"heart_rate":80}'),
]


def costly(rng: Random, body: Any) -> bytes:
    """A body that takes much time or memory to parse, up to the size limit."""
    n_bytes = rng.choice((100_000, 500_000, 2_000_000, MAX_BYTES - 500))
    kind = rng.randrange(len(COSTLY) + 3)
    if kind < len(COSTLY):
        start, repeated, end = COSTLY[kind]
        content = start + repeated * (n_bytes // len(repeated)) + end
    elif kind == len(COSTLY):
        content = json.dumps({f"k{at}": at for at in range(n_bytes // 14)}).encode()
    else:
        content = _with_long_lists(n_bytes, body)
    return content[:MAX_BYTES]


def _with_long_lists(n_bytes: int, body: Any) -> bytes:
    longer = {
        key: inner * (n_bytes // len(json.dumps(inner)))
        for key, inner in body.items()
        if isinstance(inner, list) and inner
    }
    return json.dumps(body | longer).encode()
