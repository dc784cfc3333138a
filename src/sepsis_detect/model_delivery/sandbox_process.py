"""The check of a candidate model, in a process of its own that reads the artifact on stdin.

It answers in lines of JSON: `{"ready": true}` when it has all it needs, so that an end after that
is the candidate's doing, then the verdict. What a candidate may cost is bounded here, by the
process itself, before it opens anything; `sandbox` starts it and bounds it from outside.
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
MODEL_CPU_SECONDS = 6  # to open, to check itself and to be timed; the present one takes 0.2
WALL_SECONDS = 60  # on a machine that is starved; the present one takes 1

N_PROBES = 1_000
ROW_SECONDS_AT_MOST = 0.010  # the present model takes 0.0001
PROBES_SECONDS_AT_MOST = 0.5  # the present model takes 0.015
N_TIMINGS = 3  # the fastest counts: others may have been disturbed
N_ROWS_TIMED = 20  # one after the other, as requests come


def main() -> int:
    """Judge the artifact on standard input; 0 whatever the verdict."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing else is to speak there
    artifact = sys.stdin.buffer.read()
    _bound()

    def say(**answer: Any) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    say(ready=True)
    try:
        say(**examine(artifact))
    except (ModelArtifactError, MemoryError) as error:
        too_much = f"it needs more than {MODEL_MEBIBYTES} MiB of memory"
        say(refused=too_much if _is_of_memory(error) else str(error))
    return 0


def examine(artifact: bytes) -> dict[str, Any]:
    """Open an artifact and try it as serving would.

    Returns:
        Its name, its version and how many milliseconds an hour takes.

    Raises:
        ModelArtifactError: The fleet must not serve it.
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
    except Exception as error:  # ONNX Runtime raises classes of its own making
        raise ModelArtifactError("it fails on some hours") from error
    if row_seconds > ROW_SECONDS_AT_MOST or probes_seconds > PROBES_SECONDS_AT_MOST:
        raise ModelArtifactError(
            f"it is too slow: {row_seconds * 1000:.3g} ms for an hour (at most "
            f"{ROW_SECONDS_AT_MOST * 1000:g}), {probes_seconds:.3g} s for {N_PROBES} (at most "
            f"{PROBES_SECONDS_AT_MOST:g})"
        )
    return {
        "name": model.metadata.name,
        "version": model.metadata.version,
        "row_ms": round(row_seconds * 1000, 3),
    }


def _probes(model: Model) -> Float32Array:
    """Shape (N_PROBES, n_features): typical hours, moved a little and a lot, half of it missing."""
    random = np.random.default_rng(2019)
    shape = (N_PROBES, len(features.NAMES))
    typical = np.nan_to_num(model.reference)
    spread = 10.0 ** random.integers(-2, 4, shape)
    rows = (typical + spread * random.standard_normal(shape)).astype(np.float32)
    rows[random.random(shape) < 0.5] = np.nan
    rows[0] = np.nan
    return rows


def _fastest(model: Model, rows: Float32Array, n_times: int) -> float:
    """Seconds that `n_times` runs over the rows take, undisturbed."""

    def seconds() -> float:
        began = time.perf_counter()
        for _ in range(n_times):
            model.probabilities(rows)
        return time.perf_counter() - began

    return min(seconds() for _ in range(N_TIMINGS))


def _is_of_memory(error: BaseException) -> bool:
    cause = error.__cause__ or error
    words = ("bfc_arena", "allocate memory", "bad_alloc", "bad allocation")
    return isinstance(cause, MemoryError) or any(word in str(cause) for word in words)


def _bound() -> None:
    """Limit what the rest of this process may take; it ends by itself if its parent is gone."""
    with contextlib.suppress(OSError):  # where memory runs out, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    if sys.platform == "win32":
        return
    import resource

    signal.alarm(WALL_SECONDS + 5)
    cpu_seconds = int(time.process_time()) + 1 + MODEL_CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        used = re.search(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
        if used:
            most = int(used[1]) * 1024 + MODEL_MEBIBYTES * 1024**2
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


if __name__ == "__main__":
    sys.exit(main())
