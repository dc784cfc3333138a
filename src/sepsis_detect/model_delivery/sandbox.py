"""Sandbox: the check of a candidate in a separate process, which the candidate may crash.

The bytes go through a pipe, so that a full disk does not prevent a check. A fault of the candidate
and an inability of this machine are different errors: the first is remembered, the second retried.
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
CANDIDATE_FAULTS = {
    # Signals by which a candidate ends the process that checks it, and the reason they give.
    "SIGXCPU": "it takes too much processor time to be opened and tried",
    "SIGABRT": "it ends the process that opens it",
    "SIGSEGV": "it ends the process that opens it",
    "SIGBUS": "it ends the process that opens it",
    "SIGFPE": "it ends the process that opens it",
    "SIGILL": "it ends the process that opens it",
}
PRIVATE = ("AWS_", "SEPSIS_")  # environment variables that the process does not get


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedModel:
    """Result of the check of an acceptable model.

    Attributes:
        name: Of its metadata.
        version: Of its metadata.
        row_ms: Milliseconds that a prediction for one hour takes.
    """

    name: str
    version: str
    row_ms: float


class CandidateSandbox:
    """Checks one candidate at a time.

    Attributes:
        is_stopped: Whether `stop()` was called.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self.is_stopped = False

    def check(self, artifact: bytes, *, timeout_seconds: float = WALL_SECONDS) -> CheckedModel:
        """Check an artifact.

        Raises:
            ModelArtifactError: It is not acceptable.
            ModelCheckError: It could not be checked.
        """
        started = time.monotonic()
        try:
            with self._lock:
                if self.is_stopped:
                    raise ModelCheckError("the service is being stopped")
                process = self._process = _start()
            try:
                output, _ = process.communicate(artifact, timeout_seconds)
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
        return _result(output, process.returncode, time.monotonic() - started)

    def stop(self) -> None:
        """Kill a running check and refuse further ones."""
        with self._lock:
            self.is_stopped = True
            if self._process is not None:
                _kill(self._process)


def environment_of_models() -> dict[str, str]:
    """Environment of a process that opens a model which is not trusted."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "sepsis_detect.model_delivery.sandbox_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment_of_models(),
        start_new_session=True,  # a process group to kill; not interrupted by Ctrl+C
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def _result(output: bytes, exit_code: int, seconds: float) -> CheckedModel:
    messages: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    if len(messages) == 2 and exit_code == 0:
        result = messages[1]
        if "refused" in result:
            raise ModelArtifactError(result["refused"])
        return CheckedModel(**result)
    ended = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
    if messages and ended in CANDIDATE_FAULTS:
        raise ModelArtifactError(CANDIDATE_FAULTS[ended])
    raise ModelCheckError(f"the check ended with {ended} after {seconds:.3g} s")
