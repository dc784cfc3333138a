"""Whether a candidate may be served, found out in a separate process that it may bring down.

The bytes go through a pipe, so that a full disk does not keep a model from being checked. What the
candidate does wrong is told apart from what this machine cannot do now: the first is remembered,
the second is tried again.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from sepsis_detect.errors import ModelArtifactError, ModelCheckError

WALL_SECONDS = 60.0
BY_ITSELF = {
    # How a candidate ends the process that examines it, and what that says of it.
    "SIGXCPU": "it takes too much processor time to be opened and tried",
    "SIGABRT": "it ends the process that opens it",
    "SIGSEGV": "it ends the process that opens it",
    "SIGBUS": "it ends the process that opens it",
    "SIGFPE": "it ends the process that opens it",
    "SIGILL": "it ends the process that opens it",
}
PRIVATE = ("AWS_", "SEPSIS_")  # whoever examines a file needs neither


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was found out of an acceptable model.

    Attributes:
        name: As its card says.
        version: As its card says.
        row_ms: Milliseconds that one hour takes.
    """

    name: str
    version: str
    row_ms: float


class CandidateCheck:
    """Checks one candidate at a time."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_stopped = False

    def check(self, artifact: bytes, *, timeout_seconds: float = WALL_SECONDS) -> Facts:
        """Examine an artifact.

        Raises:
            ModelArtifactError: It must not be served.
            ModelCheckError: It could not be judged.
        """
        began = time.monotonic()
        try:
            with self._lock:
                if self._is_stopped:
                    raise ModelCheckError("the service is being stopped")
                process = self._process = _start()
            try:
                said, _ = process.communicate(artifact, timeout_seconds)
            except subprocess.TimeoutExpired:
                raise ModelCheckError(f"the check did not end in {timeout_seconds:.3g} s") from None
            finally:
                _kill(process)
                process.communicate()
        except (OSError, MemoryError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ModelCheckError(f"the check could not be started: {reason}") from error
        finally:
            self._process = None
        return _facts(said, process.returncode, time.monotonic() - began)

    def stop(self) -> None:
        """End what is under way and begin nothing more."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                _kill(self._process)


def _start() -> "subprocess.Popen[bytes]":
    kept = {name: of for name, of in os.environ.items() if not name.startswith(PRIVATE)}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "sepsis_detect.model_delivery.sandbox_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,  # one group to kill; Ctrl+C is not for it
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def _facts(said: bytes, returncode: int, seconds: float) -> Facts:
    answers: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    if len(answers) == 2 and returncode == 0:
        verdict = answers[1]
        if "refused" in verdict:
            raise ModelArtifactError(verdict["refused"])
        return Facts(**verdict)
    ended = signal.Signals(-returncode).name if returncode < 0 else f"exit code {returncode}"
    if answers and ended in BY_ITSELF:
        raise ModelArtifactError(BY_ITSELF[ended])
    raise ModelCheckError(f"the check ended with {ended} after {seconds:.3g} s")
