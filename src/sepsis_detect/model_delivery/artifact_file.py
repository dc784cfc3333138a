"""The metadata of an artifact file, read and replaced; every other byte stays.

An ONNX file is one protobuf message. Its fields are walked without reading what is in them, so
that neither the graph nor anything else is written anew, and no ONNX library is needed.

Source: https://protobuf.dev/programming-guides/encoding; `ModelProto` and `StringStringEntryProto`
    of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction.model import METADATA_KEY

METADATA_PROPS, KEY, VALUE = 14, 1, 2  # field numbers
VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5  # wire types
FIXED_BYTES = {FIXED_64: 8, FIXED_32: 4}


class _Field(NamedTuple):
    """A field of a message: its number, its first and last byte, and where its content begins."""

    number: int
    begin: int
    content: int
    end: int


def read_metadata(artifact: bytes) -> dict[str, Any]:
    """The JSON object under `sepsis_detect`.

    Raises:
        ModelArtifactError: The file is no ONNX file, or has no such object.
    """
    for field in _fields(artifact):
        found = _entry(artifact, field)
        if found is not None and found[0] == METADATA_KEY.encode():
            metadata = json.loads(found[1])
            if isinstance(metadata, dict):
                return metadata
    raise ModelArtifactError(f"the model carries no metadata '{METADATA_KEY}'")


def with_metadata(artifact: bytes, metadata: dict[str, Any]) -> bytes:
    """The same file with other metadata under `sepsis_detect`.

    Raises:
        ModelArtifactError: As `read_metadata`.
    """
    parts = []
    for field in _fields(artifact):
        found = _entry(artifact, field)
        is_ours = found is not None and found[0] == METADATA_KEY.encode()
        parts.append(_written(metadata) if is_ours else artifact[field.begin : field.end])
    return b"".join(parts)


def _written(metadata: dict[str, Any]) -> bytes:
    key, value = METADATA_KEY.encode(), json.dumps(metadata, allow_nan=False).encode()
    return _delimited(METADATA_PROPS, _delimited(KEY, key) + _delimited(VALUE, value))


def _entry(artifact: bytes, field: _Field) -> tuple[bytes, bytes] | None:
    """Key and value of a field of metadata; None for another field."""
    if field.number != METADATA_PROPS:
        return None
    entry = artifact[field.content : field.end]
    parts = {part.number: entry[part.content : part.end] for part in _fields(entry)}
    return parts.get(KEY, b""), parts.get(VALUE, b"")


def _fields(message: bytes) -> Iterator[_Field]:
    """The fields of a message, in order."""
    begin = 0
    while begin < len(message):
        tag, content = _varint(message, begin)
        kind = tag & 7
        if kind == VARINT:
            _, end = _varint(message, content)
        elif kind == LENGTH_DELIMITED:
            size, content = _varint(message, content)
            end = content + size
        elif kind in FIXED_BYTES:
            end = content + FIXED_BYTES[kind]
        else:
            raise ModelArtifactError("not an ONNX model: its fields cannot be read")
        if end > len(message):
            raise ModelArtifactError("not an ONNX model: it ends within a field")
        yield _Field(tag >> 3, begin, content, end)
        begin = end


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ModelArtifactError("not an ONNX model: it ends within a number")


def _delimited(number: int, content: bytes) -> bytes:
    return _number(number << 3 | LENGTH_DELIMITED) + _number(len(content)) + content


def _number(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
