"""Model store: the served model, polled from its source and replaced while requests run.

Readers take `current` once per request: one attribute, replaced by one assignment. Reading the
source, checking a candidate and opening it happen in the polling thread. A candidate that is not
acceptable changes nothing but `candidate`.

Design: docs/adr/0008-model-swap.md; for operators: docs/model-swap.md.
"""

import ctypes
import gc
import logging
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sepsis_detect.errors import (
    ModelArtifactError,
    ModelCheckError,
    ModelSourceError,
    NoModelError,
    SepsisDetectError,
)
from sepsis_detect.model_delivery.candidate import (
    Candidate,
    CandidateStatus,
    FetchedModel,
    one_line,
    sha256,
    too_large,
)
from sepsis_detect.model_delivery.disk_cache import CachedModel, ModelDiskCache
from sepsis_detect.model_delivery.file_source import FileSource
from sepsis_detect.model_delivery.sandbox import WALL_SECONDS, CandidateSandbox
from sepsis_detect.periodic_task import PeriodicTask
from sepsis_detect.prediction.model import Model
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.embedded_metrics import EmbeddedMetrics

FETCH_SECONDS = 20.0  # for one whole answer of S3
START_FETCH_SECONDS = 10.0  # the same at the start, before any request is served
MAX_BACKOFF_INTERVALS = 4  # between two reads of a source that fails
MAX_REFUSED = 100  # ETags that are remembered
REFUSED_CANDIDATES = EmbeddedMetrics({"RefusedCandidates": 1})


class Source(Protocol):
    """Where a model comes from."""

    def fetch(self, known_etag: str | None, *, timeout_seconds: float) -> FetchedModel | None:
        """Read it; None when its content still has the ETag `known_etag`."""


class ModelStore:
    """Holds the served model; readers take `current` once per request.

    It polls between `start_polling()` and `stop()`, or in `refresh_if_due()`.

    Attributes:
        current: The served model.
        candidate: The model at the source, or that the source cannot be read; None when the
            source holds the served model.
        fallback: Why the served model is not from its source, in one sentence; None when it is.
        polling: The periodic task; None for the embedded model, which has no source.
    """

    def __init__(self, settings: Settings, *, may_fall_back: bool = False):
        """Open the model of the settings.

        Args:
            settings: `model_uri`, `model_poll_seconds` and `model_cache_dir` are used.
            may_fall_back: Whether the cached or the embedded model may be served also where a path
                is set: for a worker that replaces a killed one.

        Raises:
            ModelArtifactError: The file named in the settings is not an acceptable model.
            ModelSourceError: It cannot be read.
        """
        self.candidate: Candidate | None = None
        self.fallback: str | None = None
        self._sandbox = CandidateSandbox()
        self._refused: dict[str, Candidate] = {}
        self._checked_etag: str | None = None  # of the last check, whatever its result
        self._unwritten: CachedModel | None = None  # an accepted model not yet in the disk cache
        self._n_failures = 0
        self.polling: PeriodicTask | None = None
        if settings.model_uri is None:
            self.current = Model.embedded(loaded_at=_now())
            return
        self._uri = settings.model_uri
        self._poll_seconds = settings.model_poll_seconds
        self._source = _source(self._uri)
        self._cache = ModelDiskCache(self._uri, settings.model_cache_dir)
        self.current = self._open_at_start(
            may_fall_back=may_fall_back or self._uri.startswith("s3://")
        )
        self.polling = PeriodicTask(self._poll, self._interval_seconds, name="model_poll")
        _release_memory()

    def start_polling(self) -> None:
        """Poll the source every `model_poll_seconds`, in a thread, until `stop()`."""
        if self.polling is not None:
            self.polling.start()

    def stop(self) -> None:
        """End polling and kill a running check."""
        self._sandbox.stop()
        if self.polling is not None:
            self.polling.stop(join_seconds=2)  # shorter than S3 may take

    def refresh_if_due(self, *, timeout_seconds: float = FETCH_SECONDS) -> None:
        """Poll the source in this thread, if it is due: for AWS Lambda.

        It takes `timeout_seconds`, or hardly longer, and never raises.
        """
        if self.polling is not None:
            self.polling.run_if_due(timeout_seconds=timeout_seconds)

    def _interval_seconds(self) -> float:
        """Time between two polls; longer while the source fails."""
        n_intervals = min(max(2 * (self._n_failures - 1), 1), MAX_BACKOFF_INTERVALS)
        return self._poll_seconds * n_intervals

    def _poll(self, *, timeout_seconds: float = FETCH_SECONDS + WALL_SECONDS) -> None:
        deadline = time.monotonic() + timeout_seconds
        self._n_failures += 1  # reset below unless this poll fails
        try:
            fetched = self._source.fetch(
                self._checked_etag, timeout_seconds=min(FETCH_SECONDS, timeout_seconds)
            )
            if fetched is None:
                self._show(self._refused.get(self._checked_etag or ""))
            else:
                self._consider(fetched, deadline)
        except ModelSourceError as error:
            self._show(_candidate(None, error))
            if not isinstance(error, NoModelError):
                return
        except ModelCheckError:
            return
        else:
            self._write_to_cache(self._unwritten)
        self._n_failures = 0

    def _consider(self, fetched: FetchedModel, deadline: float) -> None:
        """Serve the fetched model, or show why not.

        Raises:
            ModelCheckError: It could not be checked.
        """
        if (known := self._refused.get(fetched.etag)) is not None:
            self._checked_etag = fetched.etag
            self._show(known)
            return
        started = time.monotonic()
        try:
            model = self._open(fetched, self.current, timeout_seconds=deadline - started)
        except ModelArtifactError as error:
            self._refuse(fetched.etag, error)
        except ModelCheckError as error:
            if not self._sandbox.is_stopped:
                self._show(_candidate(fetched.etag, error))
            raise
        else:
            self._swap(model, fetched.etag, started)

    def _swap(self, model: Model, etag: str, started_seconds: float) -> None:
        replaced, self.current = self.current, model
        self._checked_etag, self.fallback = etag, None
        self._show(None)
        if (replaced.sha256, replaced.source) != (model.sha256, model.source):
            milliseconds = round((time.monotonic() - started_seconds) * 1000, 3)
            logs.event(
                logging.INFO, "model_swapped", **_log_fields(model), duration_ms=milliseconds
            )
        del replaced
        _release_memory()

    def _open(
        self, fetched: FetchedModel, served: Model | None, *, timeout_seconds: float
    ) -> Model:
        """Check and open the fetched model, and write it to the disk cache.

        Raises:
            ModelArtifactError: It is not acceptable.
            ModelCheckError: It could not be checked.
        """
        content, etag, version_id = fetched.content, fetched.etag, fetched.version_id
        if content is None:
            raise ModelArtifactError(too_large(fetched.n_bytes))
        if served is not None and served.sha256 == sha256(content):
            model = served.also_at(self._uri, etag=etag, version_id=version_id)
        else:
            if not self._cache.has_accepted(content):
                timeout_seconds = max(1.0, min(WALL_SECONDS, timeout_seconds))
                self._sandbox.check(content, timeout_seconds=timeout_seconds)
            model = _opened(content, source=self._uri, etag=etag, version_id=version_id)
        self._write_to_cache(
            CachedModel(content=content, uri=self._uri, etag=etag, version_id=version_id)
        )
        return model

    def _write_to_cache(self, model: CachedModel | None) -> None:
        if model is not None:
            is_written = self._cache.write(model, is_retry=model is self._unwritten)
            self._unwritten = None if is_written else model

    def _refuse(self, etag: str, error: SepsisDetectError) -> None:
        """Remember the candidate by its ETag and show why it is refused."""
        while len(self._refused) >= MAX_REFUSED:
            del self._refused[next(iter(self._refused))]
        self._refused[etag] = self.candidate = _candidate(etag, error)
        self._checked_etag = etag
        # An error: no log level hides the metric of the alarm.
        logs.event(
            logging.ERROR,
            "model_refused",
            metrics=REFUSED_CANDIDATES,
            etag=etag,
            reason=self.candidate.reason,
            source=self._uri,
        )

    def _show(self, candidate: Candidate | None) -> None:
        """Show the candidate in `/health`; log a change."""
        if candidate == self.candidate:
            return
        self.candidate = candidate
        if candidate is None:
            logs.event(logging.INFO, "model_source_is_served", source=self._uri)
            return
        logs.event(
            logging.WARNING,
            f"model_{candidate.status}",
            etag=candidate.etag,
            reason=candidate.reason,
            source=self._uri,
        )

    def _open_at_start(self, *, may_fall_back: bool) -> Model:
        """The model to serve at the start."""
        etag = None
        try:
            fetched = self._source.fetch(None, timeout_seconds=START_FETCH_SECONDS)
            assert fetched is not None  # noqa: S101 - no ETag was given
            etag = fetched.etag
            model = self._open(fetched, None, timeout_seconds=WALL_SECONDS)
        except (ModelArtifactError, ModelSourceError, ModelCheckError) as error:
            if not may_fall_back:
                raise
            if isinstance(error, ModelArtifactError):
                self._refuse(etag or "", error)
            else:
                self._show(_candidate(etag, error))
            return self._fallback(error)
        self._checked_etag = etag
        return model

    def _fallback(self, error: SepsisDetectError) -> Model:
        """The cached model, else the embedded one."""
        model = self._cached_model()
        served = (
            "the embedded model is served, for want of a copy"
            if model is None
            else "the last accepted copy on disk is served"
        )
        self.fallback = f"at the start: {one_line(error)}; {served}"
        if model is None:
            model = Model.embedded(loaded_at=_now())
        logs.event(logging.WARNING, "model_fallback", reason=self.fallback, **_log_fields(model))
        return model

    def _cached_model(self) -> Model | None:
        cached = self._cache.read()
        if cached is None:
            return None
        try:
            return _opened(
                cached.content, source="cache", etag=cached.etag, version_id=cached.version_id
            )
        except (ModelArtifactError, ModelCheckError):
            logs.event(logging.WARNING, "model_cache_ignored", reason="it is no acceptable model")
            return None


def _source(uri: str) -> Source:
    if not uri.startswith("s3://"):
        return FileSource(Path(uri))
    # Imported only where it is needed: botocore takes 17 MB.
    from sepsis_detect.model_delivery.s3_source import S3Source

    return S3Source(uri)


def _opened(content: bytes, *, source: str, etag: str, version_id: str | None) -> Model:
    try:
        return Model(content, source=source, loaded_at=_now(), etag=etag, version_id=version_id)
    except MemoryError as error:
        raise ModelCheckError("there is no memory to open it beside the present one") from error


def _candidate(etag: str | None, error: SepsisDetectError) -> Candidate:
    status = CandidateStatus.UNCHECKED
    if isinstance(error, ModelArtifactError):
        status = CandidateStatus.REFUSED
    elif isinstance(error, ModelSourceError):
        status = CandidateStatus.UNREACHABLE
    return Candidate(etag=etag, status=status, reason=one_line(error))


def _log_fields(model: Model) -> dict[str, Any]:
    return {
        "model_name": one_line(model.metadata.name),
        "model_version": one_line(model.metadata.version),
        "source": model.source,
        "etag": model.etag,
        "version_id": model.version_id,
    }


def _now() -> datetime:
    return datetime.now(UTC)


def _release_memory() -> None:
    """Return freed memory to the operating system: glibc would keep 20 MB after a model opened."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
