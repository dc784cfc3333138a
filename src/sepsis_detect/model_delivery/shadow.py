"""The shadow: a second model that scores every request and answers none.

Its model is followed as the served one is, and runs in a process of its own (`shadow_model`).
Requests hand over their features and go on; a thread asks that process, compares the answers, and
completes what waits for them. Whatever happens to the shadow, an answer neither waits nor fails:
the shadow then has no score for some patients, and `/health` says why.
"""

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from sepsis_detect.clinical.stay import IntArray
from sepsis_detect.errors import ModelArtifactError, ShadowError
from sepsis_detect.model_delivery.candidate import one_line
from sepsis_detect.model_delivery.follower import ModelFollower
from sepsis_detect.model_delivery.shadow_model import ShadowModel
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.predictor import Predictions
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.metrics import Metrics
from sepsis_detect.telemetry.shadow_comparison import PendingShadowScores, Scores, ShadowScores

MAX_PENDING_ROWS = 2_000  # that wait to be scored; 3 MB
MAX_PAUSE_SECONDS = 60.0  # until an ended process is started again
CALM_SECONDS = 600.0  # without a failure, after which pauses begin at one second again
STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowFailure:
    """The last failure of the present shadow model, as `/health` shows it.

    Attributes:
        reason: One sentence for a person.
        failed_at: When.
        n_failures: Since the model was opened.
    """

    reason: str
    failed_at: datetime
    n_failures: int


class Shadow:
    """The shadow of one process.

    Attributes:
        models: Follows the shadow model; `opened` is None until there is one.
        failure: None: the present model has not failed.
    """

    def __init__(self, uri: str, settings: Settings, metrics: Metrics):
        """Start nothing yet: the first model is opened by the polling thread."""
        self.models = ModelFollower(uri, settings, name="shadow", open_model=ShadowModel)
        if self.models.polling is not None:
            self.models.polling.due_at_seconds = time.monotonic()
        self.failure: ShadowFailure | None = None
        self._metrics = metrics
        self._pending: deque[_Job] = deque()
        self._n_pending_rows = 0
        self._has_changed = threading.Condition()
        self._is_stopped = False
        self._failing: ShadowModel | None = None
        self._paused_until = 0.0
        self._n_pauses = 0
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        """Follow the model and score, in threads, until `stop()`."""
        self.models.start_polling()
        self._thread.start()

    def stop(self) -> None:
        """Score what waits, for `STOP_SECONDS` at most, and end the process."""
        self.models.stop()
        with self._has_changed:
            self._is_stopped = True
            self._has_changed.notify()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        if self.models.opened is not None:
            self.models.opened.process.end()  # the thread then completes the rest without scores
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def submit(
        self, predictions: Predictions, last: IntArray | slice
    ) -> PendingShadowScores | None:
        """Have patients scored; returns at once.

        Args:
            predictions: Of the served model.
            last: The rows to score, one for each patient.

        Returns:
            What will be scored; None: the shadow cannot score now.
        """
        rows = predictions.features[last]
        model = self.models.opened
        if model is None or self._is_paused(model):
            self._metrics.not_compared(len(rows))
            return None
        served = Scores(
            probabilities=predictions.probabilities[last],
            is_positive=predictions.is_positive[last],
        )
        job = _Job(rows, served, Future())
        with self._has_changed:
            if self._is_stopped or self._n_pending_rows + len(rows) > MAX_PENDING_ROWS:
                self._metrics.not_compared(len(rows))
                return None
            self._n_pending_rows += len(rows)
            self._pending.append(job)
            self._has_changed.notify()
        return PendingShadowScores(job.future)

    def _is_paused(self, model: ShadowModel) -> bool:
        return model is self._failing and time.monotonic() < self._paused_until

    def _run(self) -> None:
        while True:
            with self._has_changed:
                self._has_changed.wait_for(lambda: self._pending or self._is_stopped)
                jobs = list(self._pending)
                self._pending.clear()
                self._n_pending_rows = 0
            if not jobs:
                return
            self._score(jobs)

    def _score(self, jobs: "list[_Job]") -> None:
        """Score jobs in one call."""
        model = self.models.opened
        assert model is not None  # noqa: S101 - there was one when they were submitted
        probabilities = self._probabilities(model, np.concatenate([job.rows for job in jobs]))
        begin = 0
        for job in jobs:
            end = begin + len(job.rows)
            self._complete(job, model, probabilities[begin:end])
            begin = end

    def _probabilities(self, model: ShadowModel, rows: Float32Array) -> Float32Array:
        """Shape (n_rows,), NaN where the shadow fails."""
        if model is not self._failing:
            self._failing = self.failure = None
        unscored = np.full(len(rows), np.nan, dtype=np.float32)
        if self._is_paused(model):
            return unscored
        try:
            probabilities = model.probabilities(rows)
        except (ShadowError, ModelArtifactError) as error:
            self._note_failure(model, str(error))
            self._pause()
            return unscored
        if np.isnan(probabilities).any():
            self._note_failure(model, "it fails on some hours")
        return probabilities

    def _complete(self, job: "_Job", model: ShadowModel, probabilities: Float32Array) -> None:
        scores = Scores(probabilities=probabilities, is_positive=probabilities >= model.threshold)
        self._metrics.compared(job.served, scores)
        job.future.set_result(
            ShadowScores(name=model.metadata.name, version=model.metadata.version, scores=scores)
        )

    def _note_failure(self, model: ShadowModel, reason: str) -> None:
        n_failures = 1 + (self.failure.n_failures if self.failure else 0)
        is_new = self.failure is None or self.failure.reason != reason
        now = datetime.now(UTC)
        self._failing = model
        self.failure = ShadowFailure(reason=one_line(reason), failed_at=now, n_failures=n_failures)
        if is_new:
            logs.event(
                logging.WARNING,
                "shadow_failed",
                reason=self.failure.reason,
                model_version=one_line(model.metadata.version),
            )

    def _pause(self) -> None:
        """Pause before the process is started again: twice as long after each failure."""
        now = time.monotonic()
        self._n_pauses = 0 if now > self._paused_until + CALM_SECONDS else self._n_pauses + 1
        self._paused_until = now + min(2.0**self._n_pauses, MAX_PAUSE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Job:
    rows: Float32Array
    served: Scores
    future: "Future[ShadowScores]"
