"""Service metrics: counters and samples of one minute, logged as CloudWatch metrics.

Nothing here is about one patient: counts, shares, and the drift of many patients' inputs from the
training data. Requests only add to numbers; aggregation is done once a minute.
"""

import random
import threading
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from sepsis_detect.clinical.stay import IntArray
from sepsis_detect.periodic_task import PeriodicTask
from sepsis_detect.prediction import drift, features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import Model
from sepsis_detect.prediction.predictor import Predictions
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.embedded_metrics import MAX_VALUES, EmbeddedMetrics
from sepsis_detect.telemetry.shadow_comparison import Scores, ShadowComparison

FLUSH_SECONDS = 60.0
MAX_RULES = 200  # counted separately
MAX_ROWS = 2000  # the newest predictions, over which drift is computed
MIN_ROWS = 500  # with fewer rows, chance alone would look like drift

_random = random.Random()  # noqa: S311 - not for security

INPUTS = np.array(
    [column for column, name in enumerate(features.NAMES) if name.endswith("_last")]
    + [features.NAMES.index(name) for name in ("age", "hospital_admission_hour")]
)
"""Columns of the features that are inputs: the last value sent of each variable."""

STATUS_METRICS = {401: "Unauthorized", 422: "Refusals", 429: "Unauthorized", 503: "Overloads"}


@dataclass(slots=True)
class _Counters:
    """What was counted since the last flush."""

    counts: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    n_missing: int = 0
    shadow: ShadowComparison = field(default_factory=ShadowComparison)

    def add_request(self, status: int, milliseconds: float) -> None:
        self.counts["Requests"] += 1
        if metric := STATUS_METRICS.get(status, "ServerErrors" if status >= 500 else None):
            self.counts[metric] += 1
        # Reservoir sampling: each request of the minute is equally likely to be in the sample.
        if len(self.latencies) < MAX_VALUES:
            self.latencies.append(milliseconds)
        elif (index := int(_random.random() * self.counts["Requests"])) < MAX_VALUES:
            self.latencies[index] = milliseconds


class Metrics:
    """Counters of one process, flushed to the log every minute.

    Attributes:
        n_turned_away: Requests rejected unread, in all; without latency, which would look too
            good. Only the event loop adds to it, so that it needs no lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters = _Counters()
        self._rows: deque[Float32Array] = deque(maxlen=MAX_ROWS)
        self._model: Model | None = None
        self._flushing = PeriodicTask(self.flush, lambda: FLUSH_SECONDS, name="metrics")
        self.n_turned_away = self._n_turned_away_before = 0

    def requests(self, answers: Iterable[tuple[int, float]]) -> None:
        """Count answers, each given as its status and its latency in milliseconds."""
        with self._lock:
            for status, milliseconds in answers:
                self._counters.add_request(status, milliseconds)

    def refused(self, rules: Iterable[str]) -> None:
        """Count the rules that one patient breaks."""
        with self._lock:
            counted = self._counters.rules
            for rule in set(rules):
                if rule in counted or len(counted) < MAX_RULES:
                    counted[rule] += 1

    def predicted(
        self, model: Model, predictions: Predictions, last: IntArray | slice = slice(None)
    ) -> None:
        """Count predictions: the hours `last` of `predictions`, one for each patient."""
        inputs = predictions.features[last][:, INPUTS]
        n_missing = int(np.count_nonzero(np.isnan(inputs)))
        n_positive = int(np.count_nonzero(predictions.is_positive[last]))
        with self._lock:
            if model is not self._model:  # drift is measured against its training data
                self._model = model
                self._rows.clear()
            self._counters.counts["Predictions"] += len(inputs)
            self._counters.counts["PositivePredictions"] += n_positive
            self._counters.n_missing += n_missing
            self._rows.extend(inputs)

    def compared(self, served: Scores, shadow: Scores) -> None:
        """Count the answers of the served and of the shadow model for the same patients."""
        with self._lock:
            self._counters.shadow.add(served, shadow)

    def not_compared(self, n_patients: int) -> None:
        """Count patients that the shadow model could not be asked about."""
        with self._lock:
            self._counters.shadow.n_unscored += n_patients

    def start(self) -> None:
        """Flush every minute, in a thread, until `stop()`."""
        self._flushing.start()

    def stop(self) -> None:
        """End the thread and flush the last counters."""
        self._flushing.stop()
        self.flush()

    def flush_if_due(self) -> None:
        """Flush in this thread, if the last time was a minute ago: for AWS Lambda."""
        self._flushing.run_if_due()

    def flush(self) -> None:
        """Log what was counted since the last flush, and reset the counters."""
        with self._lock:
            counters, self._counters = self._counters, _Counters()
            model, rows = self._model, list(self._rows)
            n_turned_away = self.n_turned_away - self._n_turned_away_before
            self._n_turned_away_before += n_turned_away
        if n_turned_away:
            counters.counts.update(Requests=n_turned_away, Overloads=n_turned_away)
        if counters.counts or counters.shadow.n:
            _log(counters, model, rows)


def _log(counters: _Counters, model: Model | None, rows: list[Float32Array]) -> None:
    metrics: dict[str, float | list[float]] = {**counters.counts, **counters.shadow.metrics()}
    if counters.latencies:
        metrics["Latency"] = counters.latencies
    version = drifted_most = None
    if model is not None and (n := counters.counts["Predictions"]):
        version = model.metadata.version
        metrics["MissingShare"] = round(counters.n_missing / (n * len(INPUTS)), 4)
        if distances := _drift(model, rows):
            drifted_most = max(distances, key=lambda name: distances[name])
            metrics["DriftedInputs"] = sum(each > drift.NOTABLE for each in distances.values())
            metrics["LargestDrift"] = round(distances[drifted_most], 4)
    logs.event_at_any_level(
        "metrics",
        metrics=EmbeddedMetrics(metrics),
        model_version=version,
        drifted_most=drifted_most,
    )
    for rule, n in counters.rules.items():
        refusals = EmbeddedMetrics({"RefusalsByRule": n}, dimensions={"Rule": rule})
        logs.event_at_any_level("metrics_of_rule", metrics=refusals)


def _drift(model: Model, rows: list[Float32Array]) -> dict[str, float]:
    """Drift of each input from the training data; empty where there is too little to compare."""
    if model.metadata.drift is None or len(rows) < MIN_ROWS:
        return {}
    names = [features.NAMES[column] for column in INPUTS]
    return drift.distances(model.metadata, names, np.array(rows))
