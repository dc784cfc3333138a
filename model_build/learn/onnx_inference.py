"""Inference with exported graphs in ONNX Runtime: scores and latency."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from sepsis_detect.clinical.stay import Float32Array

HOURS_PER_BATCH = 5_000  # a kernel SVM keeps a number for each hour and support vector
BATCH_HOURS = 1000
BATCH_CALLS = 20
MICROSECONDS = 1e6


def session(graph: onnx.ModelProto | bytes, *, threads: int = 0) -> ort.InferenceSession:
    """A CPU session; 0 threads: as many as there are cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    content = graph if isinstance(graph, bytes) else graph.SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def served_scores(runtime: ort.InferenceSession, X: Float32Array) -> Float32Array:
    """Shape (n_hours,): the graph's one output for each hour, computed in batches."""
    parts = [
        runtime.run(None, {"features": X[first : first + HOURS_PER_BATCH]})[0]
        for first in range(0, len(X), HOURS_PER_BATCH)
    ]
    return np.concatenate(parts)


def inference_times(graph: bytes, X: Float32Array, *, calls: int) -> tuple[float, float]:
    """Median microseconds per hour, of single hours and of batches of 1,000, on one thread.

    Args:
        graph: From `features` to one number an hour.
        X: Shape (n_hours, n_features), real hours; repeated if there are fewer than 1,000.
        calls: How many single hours are timed.
    """
    runtime = session(graph, threads=1)
    batch = np.ascontiguousarray(np.resize(X, (BATCH_HOURS, X.shape[1])))
    alone = [batch[i % BATCH_HOURS][None] for i in range(calls)]
    one = _median_seconds(runtime, alone)
    many = _median_seconds(runtime, [batch] * BATCH_CALLS)
    return one * MICROSECONDS, many * MICROSECONDS / BATCH_HOURS


def _median_seconds(runtime: ort.InferenceSession, inputs: list[Float32Array]) -> float:
    feeds = [{"features": hours} for hours in inputs]
    runtime.run(None, feeds[0])
    seconds = []
    for feed in feeds:
        started = time.perf_counter()
        runtime.run(None, feed)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """A result and its duration in seconds."""
    started = time.perf_counter()
    result = run()
    return result, time.perf_counter() - started
