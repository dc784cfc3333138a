"""The process of a shadow model: reads an artifact, then features, and answers probabilities.

Its standard input is a socket to the service, which is the only way in and out. The process limits
its memory and the processor time of each answer, has a low priority, and ends with the service.

Messages: the artifact with its length, answered by JSON with its length; then a number of rows with
their features as float32, each time answered by that many probabilities as float32, NaN for a row
on which the model fails.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import numpy as np

from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.model_delivery.sandbox_process import limit_memory
from sepsis_detect.prediction import features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import Model

LENGTH, N_ROWS = struct.Struct("<Q"), struct.Struct("<I")
ROW_BYTES = 4 * len(features.NAMES)
CPU_SECONDS = 1.0  # of one answer; the present model takes 0.0001 for an hour, 0.015 for 1,000
NICENESS = 10  # answers of the served model come first


def main() -> int:
    """Open the model and answer until the service closes the socket."""
    with socket.socket(fileno=0) as connection:
        stream = cast(BinaryIO, connection.makefile("rwb"))
        with contextlib.suppress(EOFError, OSError):
            model = _open(stream)
            while model is not None:
                _answer(model, stream)
    return 0


def _open(stream: BinaryIO) -> Model | None:
    (length,) = LENGTH.unpack(_read(stream, LENGTH.size))
    artifact = _read(stream, length)
    os.nice(NICENESS)
    limit_memory()
    try:
        with _limited_time():
            model = Model(artifact, source="shadow", loaded_at=datetime.now(UTC))
    except (ModelArtifactError, MemoryError) as error:
        _write_json(stream, {"refused": str(error)})
        return None
    _write_json(stream, {"metadata": model.metadata.model_dump(mode="json")})
    return model


def _answer(model: Model, stream: BinaryIO) -> None:
    (n_rows,) = N_ROWS.unpack(_read(stream, N_ROWS.size))
    sent = np.frombuffer(_read(stream, n_rows * ROW_BYTES), dtype=np.float32)
    with _limited_time():
        probabilities = probabilities_of(model, sent.reshape(n_rows, -1))
    _write(stream, probabilities.tobytes())


def probabilities_of(model: Model, rows: Float32Array) -> Float32Array:
    """Shape (n_rows,): probabilities, NaN for each row on which the model fails."""
    with contextlib.suppress(Exception):  # ONNX Runtime's exceptions have no common class
        found = model.probabilities(rows)
        if found.shape == (len(rows),) and ((found >= 0) & (found <= 1)).all():
            return found
    if len(rows) == 1:
        return np.full(1, np.nan, dtype=np.float32)
    return np.concatenate([probabilities_of(model, row[None]) for row in rows])


@contextlib.contextmanager
def _limited_time() -> Iterator[None]:
    """The kernel ends this process when it takes longer, also inside of ONNX Runtime."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


def _read(stream: BinaryIO, n_bytes: int) -> bytes:
    content = stream.read(n_bytes)
    if len(content) < n_bytes:
        raise EOFError
    return content


def _write_json(stream: BinaryIO, message: dict[str, Any]) -> None:
    content = json.dumps(message).encode()
    _write(stream, LENGTH.pack(len(content)) + content)


def _write(stream: BinaryIO, content: bytes) -> None:
    stream.write(content)
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
