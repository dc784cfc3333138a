"""The served model, where it comes from, and how another one takes its place.

Readers take `current` once per request: one attribute, replaced by one assignment. Whatever takes
time, reading the source, checking a candidate, opening it, happens in the thread that polls; a
candidate that is not acceptable changes nothing but `candidate`.

Source of the design: docs/adr/0008-model-swap.md; for operators: docs/model-swap.md.
"""

import ctypes
import gc
import logging
import random
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sepsis_detect.errors import (
    ModelArtifactError,
    ModelCheckError,
    ModelSourceError,
    NoModelError,
    SepsisDetectError,
)
from sepsis_detect.model_delivery.candidate import (
    Candidate,
    Fetched,
    Status,
    sentence,
    sha256,
    too_large,
)
from sepsis_detect.model_delivery.disk_cache import Copy, ModelCache
from sepsis_detect.model_delivery.file_source import FileSource
from sepsis_detect.model_delivery.sandbox import CandidateCheck
from sepsis_detect.prediction.model import Model
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import logs

FETCH_SECONDS = 20.0  # for all of one answer of S3
START_SECONDS = 10.0  # the same, while nobody is served yet
CHECK_SECONDS = 60.0
JITTER = 0.15  # of the interval: so that a fleet does not ask at once
MAX_INTERVALS = 4  # between two questions to a source that fails
MAX_REFUSED = 100  # ETags that are remembered


class Source(Protocol):
    """Where a model comes from."""

    def fetch(self, known_etag: str | None, *, timeout_seconds: float) -> Fetched | None:
        """Read it; None when it is still what `known_etag` names."""


class ModelStore:
    """Holds the accepted model; readers take `current` once per request.

    It polls only between `start_polling()` and `stop()`; without a thread, `refresh_if_due()` does.

    Attributes:
        current: The model that answers.
        candidate: What the source holds instead of it, or that it cannot be read; None when the
            source holds what is served.
        fallback: Why the served model is not from its source, in a sentence; None when it is.
    """

    def __init__(self, settings: Settings, *, may_fall_back: bool = False):
        """Open the model the settings name.

        Args:
            settings: `model_uri`, `model_poll_seconds` and `model_cache_dir` matter here.
            may_fall_back: Take the last accepted copy or the embedded model also where a path
                was named: for a process that takes the place of one that served.

        Raises:
            ModelArtifactError: The file named in the settings is no acceptable model.
            ModelSourceError: It cannot be read.
        """
        self.candidate: Candidate | None = None
        self.fallback: str | None = None
        self._uri = settings.model_uri
        self._poll_seconds = settings.model_poll_seconds
        self._check = CandidateCheck()
        self._refused: dict[str, Candidate] = {}
        self._seen: str | None = None  # the ETag that was judged last, whatever the verdict
        self._unkept: Copy | None = None  # an accepted copy that the disk did not take
        self._n_failures = 0
        self._polling = threading.Lock()
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._due_at = 0.0
        if self._uri is None:
            self.current = Model.embedded(loaded_at=_now())
            return
        self._source = _source(self._uri)
        self._cache = ModelCache(self._uri, settings.model_cache_dir)
        self._open_first(may_fall_back=may_fall_back or self._uri.startswith("s3://"))
        self._due_at = time.monotonic() + self._poll_seconds
        _give_memory_back()

    def start_polling(self) -> None:
        """Look for a new model every `model_poll_seconds`, in a thread, until `stop()`."""
        if self._uri is not None:
            self._thread = threading.Thread(target=self._poll_on, name="model", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End polling; a check that is under way is given up."""
        self._is_stopped.set()
        self._check.stop()
        if self._thread is not None:
            self._thread.join(timeout=2)  # an answer of S3 may take longer: nobody waits for it

    def refresh_if_due(self, *, timeout_seconds: float = FETCH_SECONDS) -> None:
        """Look for a new model in this thread, if that was not done for `model_poll_seconds`.

        For processes that are stopped between two requests, where a thread would be too. It takes
        `timeout_seconds` at most, or hardly longer, and never raises.
        """
        if self._uri is None or time.monotonic() < self._due_at:
            return
        if self._polling.acquire(blocking=False):
            try:
                self._poll(timeout_seconds)
                self._due_at = time.monotonic() + self._interval()
            finally:
                self._polling.release()

    def _poll_on(self) -> None:
        wait_seconds = random.random() * self._poll_seconds  # noqa: S311 - to spread a fleet
        while not self._is_stopped.wait(wait_seconds):
            with self._polling:
                self._poll(FETCH_SECONDS + CHECK_SECONDS)
            wait_seconds = self._interval()

    def _interval(self) -> float:
        n_intervals = min(max(2 * (self._n_failures - 1), 1), MAX_INTERVALS)
        spread = 1 - JITTER * random.random()  # noqa: S311 - to spread a fleet
        return self._poll_seconds * n_intervals * spread

    def _poll(self, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        try:
            fetched = self._source.fetch(
                self._seen, timeout_seconds=min(FETCH_SECONDS, timeout_seconds)
            )
            if fetched is None:
                self._shown(self._refused.get(self._seen or ""))
            else:
                self._consider(fetched, deadline)
            self._n_failures = 0
            self._keep(self._unkept)
        except ModelSourceError as error:
            self._n_failures = 0 if isinstance(error, NoModelError) else self._n_failures + 1
            self._unreachable(error)
        except ModelCheckError:
            self._n_failures += 1
        except Exception as error:  # the last resort: a bug must not end polling for good
            self._n_failures += 1
            if not self._is_stopped.is_set():
                logs.event(logging.ERROR, "model_poll_failed", **logs.failure(error))

    def _consider(self, fetched: Fetched, deadline: float) -> None:
        """Serve what was fetched, or show why not.

        Raises:
            ModelCheckError: It could not be judged.
        """
        if (known := self._refused.get(fetched.etag)) is not None:
            self._seen = fetched.etag
            self._shown(known)
            return
        began = time.monotonic()
        try:
            model = self._accepted(fetched, timeout_seconds=deadline - began)
        except ModelArtifactError as error:
            self._seen = fetched.etag
            self._refuse(fetched.etag, error)
            return
        except ModelCheckError as error:
            if not self._is_stopped.is_set():  # else it was given up, which is nobody's fault
                self._shown(_candidate(fetched.etag, Status.UNCHECKED, error))
            raise
        replaced, self.current = self.current, model
        self._seen, self.fallback = fetched.etag, None
        self._shown(None)
        if replaced.sha256 != model.sha256 or replaced.source != model.source:
            logs.event(logging.INFO, "model_swapped", **_named(model), **_since(began))
        del replaced
        _give_memory_back()

    def _accepted(self, fetched: Fetched, *, timeout_seconds: float) -> Model:
        """The model of what was fetched, kept on disk for a start without its source.

        Raises:
            ModelArtifactError: It must not be served.
            ModelCheckError: It could not be judged.
        """
        content, origin = fetched.content, (fetched.etag, fetched.version_id)
        if content is None:
            raise ModelArtifactError(too_large(fetched.n_bytes))
        uri = self._uri or ""
        if self._serves(content):
            model = self.current.also_at(uri, etag=origin[0], version_id=origin[1])
        else:
            if not self._cache.vouches_for(content):
                self._check.check(
                    content, timeout_seconds=max(1.0, min(CHECK_SECONDS, timeout_seconds))
                )
            try:
                model = Model(
                    content, source=uri, loaded_at=_now(), etag=origin[0], version_id=origin[1]
                )
            except MemoryError as error:
                raise ModelCheckError("there is no memory to open it beside the present one") from (
                    error
                )
        self._keep(Copy(content=content, uri=uri, etag=origin[0], version_id=origin[1]))
        return model

    def _serves(self, content: bytes) -> bool:
        current: Model | None = getattr(self, "current", None)
        return current is not None and current.sha256 == sha256(content)

    def _keep(self, copy: Copy | None) -> None:
        if copy is not None:
            is_known = copy is self._unkept
            self._unkept = None if self._cache.keep(copy, is_quiet=is_known) else copy

    def _refuse(self, etag: str, error: SepsisDetectError) -> None:
        while len(self._refused) >= MAX_REFUSED:
            del self._refused[next(iter(self._refused))]
        self._refused[etag] = candidate = _candidate(etag, Status.REFUSED, error)
        self.candidate = candidate
        # An error, so that no log level hides the metric that an alarm is on.
        logs.count(
            logging.ERROR,
            "model_refused",
            logs.REFUSED_CANDIDATES,
            etag=etag,
            reason=candidate.reason,
            source=self._uri,
        )

    def _unreachable(self, error: SepsisDetectError) -> None:
        self._shown(_candidate(None, Status.UNREACHABLE, error))

    def _shown(self, candidate: Candidate | None) -> None:
        """Show what the source holds beside the served model; a change is a line in the log."""
        before, self.candidate = self.candidate, candidate
        if candidate == before:
            return
        if candidate is not None:
            told = {"etag": candidate.etag, "reason": candidate.reason, "source": self._uri}
            logs.event(logging.WARNING, f"model_{candidate.status}", **told)
        elif before is not None:
            logs.event(logging.INFO, "model_source_is_served", source=self._uri)

    def _open_first(self, *, may_fall_back: bool) -> None:
        try:
            fetched = self._source.fetch(None, timeout_seconds=START_SECONDS)
            assert fetched is not None  # noqa: S101 - nothing was said to be known
            self._seen = fetched.etag
            self.current = self._accepted(fetched, timeout_seconds=CHECK_SECONDS)
        except (ModelArtifactError, ModelSourceError, ModelCheckError) as error:
            if not may_fall_back:
                raise
            if isinstance(error, ModelArtifactError):
                self._refuse(self._seen or "", error)
            elif isinstance(error, ModelSourceError):
                self._unreachable(error)
            else:
                self._shown(_candidate(self._seen, Status.UNCHECKED, error))
                self._seen = None
            self.current = self._fallback(error)
            logs.event(
                logging.WARNING, "model_fallback", reason=self.fallback, **_named(self.current)
            )

    def _fallback(self, error: SepsisDetectError) -> Model:
        """The last accepted copy, else the embedded model."""
        reason = sentence(error)
        copy = self._cache.read()
        if copy is not None:
            with suppress(ModelArtifactError):
                model = Model(
                    copy.content,
                    source="cache",
                    loaded_at=_now(),
                    etag=copy.etag,
                    version_id=copy.version_id,
                )
                self.fallback = f"at the start: {reason}; the last accepted copy on disk is served"
                return model
            logs.event(logging.WARNING, "model_cache_ignored", reason="it is no acceptable model")
        self.fallback = f"at the start: {reason}; the embedded model is served, for want of a copy"
        return Model.embedded(loaded_at=_now())


def _source(uri: str) -> Source:
    if not uri.startswith("s3://"):
        return FileSource(Path(uri))
    from sepsis_detect.model_delivery.s3_source import (
        S3Source,  # brings botocore, for those who need it
    )

    return S3Source(uri)


def _candidate(etag: str | None, status: Status, error: SepsisDetectError) -> Candidate:
    return Candidate(etag=etag, status=status, reason=sentence(error))


def _named(model: Model) -> dict[str, str | None]:
    return {
        "model_name": sentence(model.metadata.name),
        "model_version": sentence(model.metadata.version),
        "source": model.source,
        "etag": model.etag,
        "version_id": model.version_id,
    }


def _since(began: float) -> dict[str, float]:
    return {"duration_ms": round((time.monotonic() - began) * 1000, 3)}


def _now() -> datetime:
    return datetime.now(UTC)


def _give_memory_back() -> None:
    """What opening a model leaves free goes back to the machine: glibc would keep it, 20 MB."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
