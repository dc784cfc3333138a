"""Shadow model: an artifact that runs in a process of its own, so that it can harm no answer."""

import copy
import json
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np

from sepsis_detect.errors import ModelArtifactError, ShadowError
from sepsis_detect.model_delivery.candidate import sha256
from sepsis_detect.model_delivery.sandbox import environment_of_models
from sepsis_detect.model_delivery.shadow_process import LENGTH, N_ROWS
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import ModelMetadata

START_SECONDS = 30.0  # on a busy machine; it takes one
ANSWER_SECONDS = 10.0  # of waiting; processor time is limited in the process
ENDED = {"SIGPROF": "it takes too much processor time for an answer"}


class ShadowModel:
    """An accepted model in a process of its own.

    Attributes:
        metadata: Metadata of the artifact.
        source, etag, version_id, sha256, loaded_at: As of `prediction.model.Model`.
        threshold: Probability from which a prediction is positive, as float32.
        process: Where it runs.
    """

    def __init__(self, content: bytes, *, source: str, etag: str, version_id: str | None):
        """Start the process and open the artifact in it.

        Raises:
            ModelArtifactError: It is not acceptable.
            ShadowError: The process does not start.
        """
        self.source = source
        self.etag: str | None = etag
        self.version_id = version_id
        self.sha256 = sha256(content)
        self.process = ShadowProcess(content)
        self.metadata = self.process.start()
        self.loaded_at = datetime.now(UTC)
        self.threshold = np.float32(self.metadata.threshold)

    def also_at(self, source: str, *, etag: str | None, version_id: str | None) -> "ShadowModel":
        """A copy with another source, in the same process."""
        found = copy.copy(self)
        found.source, found.etag, found.version_id = source, etag, version_id
        return found

    def probabilities(self, rows: Float32Array) -> Float32Array:
        """Probabilities of feature rows.

        Args:
            rows: Shape (n_rows, n_features), as `features.compute` returns them.

        Returns:
            Shape (n_rows,), NaN for each row on which the model fails.

        Raises:
            ShadowError: The process crashed or does not answer, and has ended.
        """
        return self.process.probabilities(rows)


class ShadowProcess:
    """The process of one artifact; it ends with the service, or when nothing refers to this."""

    def __init__(self, artifact: bytes):
        self._artifact = artifact
        self._end: weakref.finalize[[subprocess.Popen[bytes], socket.socket], ShadowProcess] | None
        self._end = None

    def start(self) -> ModelMetadata:
        """Start it, again if it has ended.

        Raises:
            ModelArtifactError: The artifact is not acceptable.
            ShadowError: The process does not start.
        """
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = _started(theirs)
        self._end = weakref.finalize(self, _end, self._process, self._socket)
        self._socket.settimeout(START_SECONDS)
        with self._failures():
            self._socket.sendall(LENGTH.pack(len(self._artifact)) + self._artifact)
            (length,) = LENGTH.unpack(self._receive(LENGTH.size))
            found = json.loads(self._receive(length))
        self._socket.settimeout(ANSWER_SECONDS)
        if "refused" in found:
            raise ModelArtifactError(found["refused"])
        return ModelMetadata.model_validate(found["metadata"])

    def probabilities(self, rows: Float32Array) -> Float32Array:
        """As `ShadowModel.probabilities`; an ended process is started again."""
        if self._end is None:
            self.start()
        with self._failures():
            self._socket.sendall(N_ROWS.pack(len(rows)) + rows.tobytes())
            answer = self._receive(4 * len(rows))
        return np.frombuffer(answer, dtype=np.float32)

    def end(self) -> None:
        """End it."""
        if self._end is not None:
            self._end()
            self._end = None

    def _receive(self, n_bytes: int) -> bytes:
        content = bytearray()
        while len(content) < n_bytes:
            part = self._socket.recv(n_bytes - len(content))
            if not part:
                raise EOFError
            content += part
        return bytes(content)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """End the process when it does not answer, and raise that as `ShadowError`."""
        try:
            yield
        except TimeoutError as error:
            self.end()
            raise ShadowError("its process does not answer") from error
        except (EOFError, OSError) as error:
            self.end()
            raise ShadowError(_reason(self._process.wait())) from error


def _started(standard_input: socket.socket) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "sepsis_detect.model_delivery.shadow_process"],
            stdin=standard_input.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment_of_models(),
            start_new_session=True,  # not interrupted by Ctrl+C
        )
    except OSError as error:
        raise ShadowError(f"its process cannot be started: {error.strerror}") from error


def _end(process: "subprocess.Popen[bytes]", connection: socket.socket) -> None:
    process.kill()
    process.wait()
    connection.close()


def _reason(exit_code: int) -> str:
    ended = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
    return ENDED.get(ended, f"its process ended with {ended}")
