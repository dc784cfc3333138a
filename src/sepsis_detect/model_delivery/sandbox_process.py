"""The sandboxed process: checks a candidate model that it reads on standard input.

It writes lines of JSON: `{"ready": true}` when it is set up, so that a later crash is the
candidate's fault, then the result. The process limits its own memory and processor time before it
opens the model; `sandbox` starts it and limits its time from outside.
"""

import contextlib
import json
import os
import re
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction import features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import Model

MODEL_MEBIBYTES = 256  # beyond what this process needs without a model; the present one takes 30
MODEL_CPU_SECONDS = 6  # to open, self-check and time the model; the present one takes 0.2
WALL_SECONDS = 60  # on a slow machine; the present model takes 1

N_PROBES = 1_000
MAX_ROW_SECONDS = 0.010  # the present model takes 0.0001
MAX_PROBES_SECONDS = 0.5  # the present model takes 0.015
N_TIMINGS = 3  # the fastest counts: others may have been disturbed
N_ROWS_TIMED = 20  # one after the other, like requests


def main() -> int:
    """Check the artifact on standard input; 0 whether it is accepted or refused."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries must not write into the result
    artifact = sys.stdin.buffer.read()
    _limit_resources()

    def write(**message: Any) -> None:
        print(json.dumps(message), file=output, flush=True)

    write(ready=True)
    try:
        write(**check(artifact))
    except (ModelArtifactError, MemoryError) as error:
        out_of_memory = f"it needs more than {MODEL_MEBIBYTES} MiB of memory"
        write(refused=out_of_memory if _is_out_of_memory(error) else str(error))
    return 0


def check(artifact: bytes) -> dict[str, Any]:
    """Open an artifact and predict with it, as the service would.

    Returns:
        Fields of `sandbox.CheckedModel`.

    Raises:
        ModelArtifactError: It is not acceptable.
    """
    model = Model(artifact, source="candidate", loaded_at=datetime.now(UTC))
    rows = _probes(model)
    try:
        found = model.probabilities(rows)
        if found.shape != (N_PROBES,) or not ((found >= 0) & (found <= 1)).all():
            raise ModelArtifactError("for some hours it answers what is no probability")
        row_seconds = _fastest(model, rows[:1], N_ROWS_TIMED) / N_ROWS_TIMED
        probes_seconds = _fastest(model, rows, 1)
    except ModelArtifactError:
        raise
    except Exception as error:  # ONNX Runtime's exceptions have no common class
        raise ModelArtifactError("it fails on some hours") from error
    if row_seconds > MAX_ROW_SECONDS or probes_seconds > MAX_PROBES_SECONDS:
        raise ModelArtifactError(
            f"it is too slow: {row_seconds * 1000:.3g} ms for an hour (at most "
            f"{MAX_ROW_SECONDS * 1000:g}), {probes_seconds:.3g} s for {N_PROBES} (at most "
            f"{MAX_PROBES_SECONDS:g})"
        )
    name, version = model.metadata.name, model.metadata.version
    return {"name": name, "version": version, "row_ms": round(row_seconds * 1000, 3)}


def _probes(model: Model) -> Float32Array:
    """Shape (N_PROBES, n_features): typical hours with noise of many sizes, half of it missing."""
    random = np.random.default_rng(2019)
    shape = (N_PROBES, len(features.NAMES))
    typical = np.nan_to_num(model.reference)
    spread = 10.0 ** random.integers(-2, 4, shape)
    rows = (typical + spread * random.standard_normal(shape)).astype(np.float32)
    rows[random.random(shape) < 0.5] = np.nan
    rows[0] = np.nan
    return rows


def _fastest(model: Model, rows: Float32Array, n_times: int) -> float:
    """Seconds for `n_times` predictions of the rows, the fastest of `N_TIMINGS` timings."""

    def seconds() -> float:
        started = time.perf_counter()
        for _ in range(n_times):
            model.probabilities(rows)
        return time.perf_counter() - started

    return min(seconds() for _ in range(N_TIMINGS))


def _is_out_of_memory(error: BaseException) -> bool:
    cause = error.__cause__ or error
    words = ("bfc_arena", "allocate memory", "bad_alloc", "bad allocation")
    return isinstance(cause, MemoryError) or any(word in str(cause) for word in words)


def _limit_resources() -> None:
    """Limit the memory and processor time of this process; it also ends without its parent."""
    limit_memory()
    if sys.platform == "win32":
        return
    import resource

    signal.alarm(WALL_SECONDS + 5)
    cpu_seconds = int(time.process_time()) + 1 + MODEL_CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))


def limit_memory() -> None:
    """Limit what this process may allocate from now on to `MODEL_MEBIBYTES`."""
    with contextlib.suppress(OSError):  # the kernel kills this process first when memory runs out
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        used = re.search(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
        if used:
            limit = int(used[1]) * 1024 + MODEL_MEBIBYTES * 1024**2
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


if __name__ == "__main__":
    sys.exit(main())
