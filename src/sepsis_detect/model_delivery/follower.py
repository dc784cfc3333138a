"""Model follower: one model, polled from its address and replaced while requests run.

Reading the source, checking a candidate and opening it happen in the polling thread. A candidate
that is not acceptable changes nothing but `candidate`. The served model (`store`) and the shadow
(`shadow`) are each followed by one.

Design: docs/adr/0008-model-swap.md; for operators: docs/model-swap.md.
"""

import ctypes
import gc
import logging
import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

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
from sepsis_detect.prediction.model import ModelMetadata
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.embedded_metrics import EmbeddedMetrics

FETCH_SECONDS = 20.0  # for one whole answer of S3
MAX_BACKOFF_INTERVALS = 4  # between two reads of a source that fails
MAX_REFUSED = 100  # ETags that are remembered
REFUSED_METRICS = {"model": "RefusedCandidates", "shadow": "RefusedShadows"}


class Source(Protocol):
    """Where a model comes from."""

    def fetch(self, known_etag: str | None, *, timeout_seconds: float) -> FetchedModel | None:
        """Read it; None when its content still has the ETag `known_etag`."""


class FollowedModel(Protocol):
    """What a follower knows of a model, whichever way it is run."""

    @property
    def metadata(self) -> ModelMetadata:
        """Metadata of the artifact."""

    @property
    def source(self) -> str:
        """Its address, or `cache`."""

    @property
    def etag(self) -> str | None:
        """ETag of the artifact in its source."""

    @property
    def version_id(self) -> str | None:
        """S3 version id of the upload."""

    @property
    def loaded_at(self) -> datetime:
        """Time of acceptance."""

    @property
    def sha256(self) -> str:
        """Digest of the artifact."""

    def also_at(self, source: str, *, etag: str | None, version_id: str | None) -> Self:
        """A copy with another source, in which the same artifact was found."""


M = TypeVar("M", bound=FollowedModel)
M_co = TypeVar("M_co", bound=FollowedModel, covariant=True)


class OpenModel(Protocol[M_co]):
    """A function that opens an artifact which the sandbox has accepted."""

    def __call__(self, content: bytes, *, source: str, etag: str, version_id: str | None) -> M_co:
        """Open it.

        Raises:
            ModelArtifactError: It is not acceptable.
            ModelCheckError: It cannot be opened here now.
        """


class ModelFollower(Generic[M]):
    """Follows the model at one address.

    It polls between `start_polling()` and `stop()`, or in `refresh_if_due()`.

    Attributes:
        opened: The model; None until one is acceptable.
        candidate: The model at the source, or that the source cannot be read; None when the
            source holds `opened`.
        fallback: Why `opened` is not from its source, in one sentence; None when it is.
        polling: The periodic task; None without an address.
    """

    def __init__(self, uri: str | None, settings: Settings, *, name: str, open_model: OpenModel[M]):
        """Open nothing yet.

        Args:
            uri: `s3://bucket/key` or a path; None: there is no source.
            settings: `model_poll_seconds` and `model_cache_dir` are used.
            name: First word of the events in the log.
            open_model: Opens an accepted artifact.
        """
        self.opened: M | None = None
        self.candidate: Candidate | None = None
        self.fallback: str | None = None
        self.polling: PeriodicTask | None = None
        self._name = name
        self._open_model = open_model
        self._sandbox = CandidateSandbox()
        self._refused: dict[str, Candidate] = {}
        self._checked_etag: str | None = None  # of the last check, whatever its result
        self._unwritten: CachedModel | None = None  # an accepted model not yet in the disk cache
        self._n_failures = 0
        if uri is None:
            return
        self._uri = uri
        self._poll_seconds = settings.model_poll_seconds
        self._source = source_of(uri)
        self._cache = ModelDiskCache(uri, settings.model_cache_dir)
        self.polling = PeriodicTask(self._poll, self._interval_seconds, name=f"{name}_poll")

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
            self._show(candidate_of(None, error))
            self._open_copy(error)
            if not isinstance(error, NoModelError):
                return
        except ModelCheckError as error:
            self._open_copy(error)
            return
        else:
            self._write_to_cache(self._unwritten)
        self._n_failures = 0

    def _consider(self, fetched: FetchedModel, deadline: float) -> None:
        """Open the fetched model, or show why not.

        Raises:
            ModelCheckError: It could not be checked.
        """
        if (known := self._refused.get(fetched.etag)) is not None:
            self._checked_etag = fetched.etag
            self._show(known)
            return
        started = time.monotonic()
        try:
            model = self._open(fetched, timeout_seconds=deadline - started)
        except ModelArtifactError as error:
            self._refuse(fetched.etag, error)
            self._open_copy(error)
        except ModelCheckError as error:
            if not self._sandbox.is_stopped:
                self._show(candidate_of(fetched.etag, error))
            raise
        else:
            self._swap(model, fetched.etag, started)

    def _swap(self, model: M, etag: str, started_seconds: float) -> None:
        replaced, self.opened = self.opened, model
        self._checked_etag, self.fallback = etag, None
        self._show(None)
        if replaced is None or (replaced.sha256, replaced.source) != (model.sha256, model.source):
            milliseconds = round((time.monotonic() - started_seconds) * 1000, 3)
            logs.event(
                logging.INFO,
                f"{self._name}_swapped",
                **_log_fields(model),
                duration_ms=milliseconds,
            )
        del replaced
        release_memory()

    def _open(self, fetched: FetchedModel, *, timeout_seconds: float) -> M:
        """Check and open the fetched model, and write it to the disk cache.

        Raises:
            ModelArtifactError: It is not acceptable.
            ModelCheckError: It could not be checked.
        """
        content, etag, version_id = fetched.content, fetched.etag, fetched.version_id
        if content is None:
            raise ModelArtifactError(too_large(fetched.n_bytes))
        if self.opened is not None and self.opened.sha256 == sha256(content):
            model = self.opened.also_at(self._uri, etag=etag, version_id=version_id)
        else:
            if not self._cache.has_accepted(content):
                timeout_seconds = max(1.0, min(WALL_SECONDS, timeout_seconds))
                self._sandbox.check(content, timeout_seconds=timeout_seconds)
            model = self._open_model(content, source=self._uri, etag=etag, version_id=version_id)
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
        self._refused[etag] = self.candidate = candidate_of(etag, error)
        self._checked_etag = etag
        # An error: no log level hides the metric of the alarm.
        logs.event(
            logging.ERROR,
            f"{self._name}_refused",
            metrics=EmbeddedMetrics({REFUSED_METRICS[self._name]: 1}),
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
            logs.event(logging.INFO, f"{self._name}_source_is_served", source=self._uri)
            return
        logs.event(
            logging.WARNING,
            f"{self._name}_{candidate.status}",
            etag=candidate.etag,
            reason=candidate.reason,
            source=self._uri,
        )

    def _open_copy(self, error: SepsisDetectError) -> None:
        """Where no model is open, open the last accepted copy on disk, if there is one."""
        if self.opened is None and (model := self._cached_model()) is not None:
            self._fall_back(model, error, "the last accepted copy on disk is used")

    def _fall_back(self, model: M, error: SepsisDetectError, what: str) -> None:
        self.opened = model
        self.fallback = f"at the start: {one_line(error)}; {what}"
        logs.event(
            logging.WARNING, f"{self._name}_fallback", reason=self.fallback, **_log_fields(model)
        )

    def _cached_model(self) -> M | None:
        cached = self._cache.read()
        if cached is None:
            return None
        try:
            return self._open_model(
                cached.content, source="cache", etag=cached.etag, version_id=cached.version_id
            )
        except (ModelArtifactError, ModelCheckError):
            logs.event(logging.WARNING, "model_cache_ignored", reason="it is no acceptable model")
            return None


def source_of(uri: str) -> Source:
    """The source of models at `s3://bucket/key` or a path."""
    if not uri.startswith("s3://"):
        return FileSource(Path(uri))
    # Imported only where it is needed: botocore takes 17 MB.
    from sepsis_detect.model_delivery.s3_source import S3Source

    return S3Source(uri)


def candidate_of(etag: str | None, error: SepsisDetectError) -> Candidate:
    """The candidate that an error leaves."""
    status = CandidateStatus.UNCHECKED
    if isinstance(error, ModelArtifactError):
        status = CandidateStatus.REFUSED
    elif isinstance(error, ModelSourceError):
        status = CandidateStatus.UNREACHABLE
    return Candidate(etag=etag, status=status, reason=one_line(error))


def _log_fields(model: FollowedModel) -> dict[str, Any]:
    return {
        "model_name": one_line(model.metadata.name),
        "model_version": one_line(model.metadata.version),
        "source": model.source,
        "etag": model.etag,
        "version_id": model.version_id,
    }


def release_memory() -> None:
    """Return freed memory to the operating system: glibc would keep 20 MB after a model opened."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
