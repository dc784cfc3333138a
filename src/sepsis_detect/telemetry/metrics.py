"""What the service counts of itself: sums and samples of a minute, written as metrics.

Nothing here is about one patient: counts, shares, and how far the inputs of many patients lie from
those the model learnt from. Requests only add to numbers; what takes time is done once a minute.
"""

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

import numpy as np

from sepsis_detect.clinical.stay import IntArray
from sepsis_detect.prediction import drift, features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import Model
from sepsis_detect.prediction.predictor import Predictions
from sepsis_detect.telemetry import logs

FLUSH_SECONDS = 60.0
MAX_LATENCIES = 100  # CloudWatch takes no more values at a time
MAX_RULES = 200  # that are told apart
SEEN_ROWS = 2000  # the newest predictions, of which drift is told
MIN_ROWS = 500  # below, chance alone would look like drift

INPUTS = np.array(
    [column for column, name in enumerate(features.NAMES) if name.endswith("_last")]
    + [features.NAMES.index(name) for name in ("age", "hospital_admission_hour")]
)
"""Columns of the features that are inputs as they were sent, or last sent."""


def _metric_of(status: int) -> str | None:
    """The metric that counts answers of a status beside all `Requests`."""
    if status >= 500:
        return "Overloads" if status == 503 else "ServerErrors"
    return METRICS.get(status)


METRICS = {401: "Unauthorized", 422: "Refusals", 429: "Unauthorized"}


class Metrics:
    """Counts for one process.

    Attributes:
        n_turned_away: Requests not taken on, ever; their time would only make latencies look good.
            The event loop alone adds to it, so that it needs no lock.
    """

    def __init__(self) -> None:
        """Nothing was counted yet."""
        self._lock = threading.Lock()
        self._due_at = time.monotonic() + FLUSH_SECONDS
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen: deque[Float32Array] = deque(maxlen=SEEN_ROWS)
        self._model: Model | None = None
        self.n_turned_away = self._n_turned_away_before = 0
        self._begin()

    def _begin(self) -> None:
        self._counts: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._n_missing = 0

    def requests(self, answers: Iterable[tuple[int, float]]) -> None:
        """Count answers: of each the status and how many milliseconds it took."""
        with self._lock:
            for status, milliseconds in answers:
                self._counts["Requests"] += 1
                if status >= 400 and (metric := _metric_of(status)):
                    self._counts[metric] += 1
                # A sample of the minute in which each request is as likely as another.
                if len(self._latencies) < MAX_LATENCIES:
                    self._latencies.append(milliseconds)
                elif (at := int(random.random() * self._counts["Requests"])) < MAX_LATENCIES:  # noqa: S311
                    self._latencies[at] = milliseconds

    def refused(self, rules: Iterable[str]) -> None:
        """Count the rules that one patient breaks."""
        with self._lock:
            for rule in set(rules):
                if rule in self._rules or len(self._rules) < MAX_RULES:
                    self._rules[rule] += 1

    def predicted(
        self, model: Model, predictions: Predictions, last: IntArray | slice = slice(None)
    ) -> None:
        """Count the answers to patients: of their hours in `predictions` the last ones."""
        inputs = predictions.features[last][:, INPUTS]
        n_missing = int(np.count_nonzero(np.isnan(inputs)))
        n_positive = int(np.count_nonzero(predictions.is_positive[last]))
        with self._lock:
            if model is not self._model:  # another reference to be held against
                self._model = model
                self._seen.clear()
            self._counts["Predictions"] += len(inputs)
            self._counts["PositivePredictions"] += n_positive
            self._n_missing += n_missing
            self._seen.extend(inputs)

    def start(self) -> None:
        """Write every minute, in a thread, until `stop()`."""
        self._thread = threading.Thread(target=self._flush_on, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what was counted last."""
        self._is_stopped.set()
        self.flush()

    def flush_if_due(self) -> None:
        """Write, if that was not done for a minute: for processes without a thread."""
        if time.monotonic() >= self._due_at:
            self.flush()

    def flush(self) -> None:
        """Write what was counted since the last time, and begin anew."""
        with self._lock:
            self._due_at = time.monotonic() + FLUSH_SECONDS
            counts, rules, latencies = self._counts, self._rules, self._latencies
            n_missing = self._n_missing
            model, seen = self._model, list(self._seen)
            before, self._n_turned_away_before = self._n_turned_away_before, self.n_turned_away
            if n_turned_away := self._n_turned_away_before - before:
                counts.update(Requests=n_turned_away, Overloads=n_turned_away)
            self._begin()
        if not counts:
            return
        metrics: dict[str, float | list[float]] = {**counts}
        if latencies:
            metrics["Latency"] = latencies
        fields: dict[str, Any] = {}
        if model is not None and (n := counts["Predictions"]):
            metrics["MissingShare"] = round(n_missing / (n * len(INPUTS)), 4)
            fields["model_version"] = model.metadata.version
            if model.metadata.drift is not None and len(seen) >= MIN_ROWS:
                metrics |= self._drift(model, np.array(seen), fields)
        logs.measured("metrics", metrics, **fields)
        for rule, n in rules.items():
            logs.measured("metrics_of_rule", {"RefusalsByRule": n}, dimensions={"Rule": rule})

    def _drift(self, model: Model, rows: Float32Array, fields: dict[str, Any]) -> dict[str, float]:
        names = [features.NAMES[column] for column in INPUTS]
        distances = drift.distances(model.metadata, names, rows)
        if not distances:
            return {}
        farthest = max(distances, key=lambda name: distances[name])
        fields["drifted_most"] = farthest
        return {
            "DriftedInputs": sum(each > drift.NOTABLE for each in distances.values()),
            "LargestDrift": round(distances[farthest], 4),
        }

    def _flush_on(self) -> None:
        while not self._is_stopped.wait(max(0.1, self._due_at - time.monotonic())):
            try:
                self.flush()
            except Exception as error:  # counting must not end, and must not end anything
                logs.event(logging.ERROR, "metrics_failed", **logs.failure(error))
