"""Model store: the served model, followed at its address; there always is one.

Readers take `current` once per request: one attribute, replaced by one assignment.
"""

from datetime import UTC, datetime

from sepsis_detect.errors import (
    ModelArtifactError,
    ModelCheckError,
    ModelSourceError,
    SepsisDetectError,
)
from sepsis_detect.model_delivery.follower import (
    ModelFollower,
    candidate_of,
    release_memory,
)
from sepsis_detect.model_delivery.sandbox import WALL_SECONDS
from sepsis_detect.prediction.model import Model
from sepsis_detect.settings import Settings

START_FETCH_SECONDS = 10.0  # for one whole answer of S3, before any request is served


class ModelStore(ModelFollower[Model]):
    """Holds the served model."""

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
        super().__init__(settings.model_uri, settings, name="model", open_model=_opened)
        if settings.model_uri is None:
            self.opened = Model.embedded(loaded_at=_now())
        else:
            is_remote = settings.model_uri.startswith("s3://")
            self._open_at_start(may_fall_back=may_fall_back or is_remote)
        release_memory()

    @property
    def current(self) -> Model:
        """The served model."""
        assert self.opened is not None  # noqa: S101 - since the constructor
        return self.opened

    def _open_at_start(self, *, may_fall_back: bool) -> None:
        etag = None
        try:
            fetched = self._source.fetch(None, timeout_seconds=START_FETCH_SECONDS)
            assert fetched is not None  # noqa: S101 - no ETag was given
            etag = fetched.etag
            self.opened = self._open(fetched, timeout_seconds=WALL_SECONDS)
        except (ModelArtifactError, ModelSourceError, ModelCheckError) as error:
            if not may_fall_back:
                raise
            if isinstance(error, ModelArtifactError):
                self._refuse(etag or "", error)
            else:
                self._show(candidate_of(etag, error))
            self._open_any(error)
        else:
            self._checked_etag = etag

    def _open_any(self, error: SepsisDetectError) -> None:
        """Open the last accepted copy on disk, else the embedded model."""
        self._open_copy(error)
        if self.opened is None:
            embedded = Model.embedded(loaded_at=_now())
            self._fall_back(embedded, error, "the embedded model is used, for want of a copy")


def _opened(content: bytes, *, source: str, etag: str, version_id: str | None) -> Model:
    try:
        return Model(content, source=source, loaded_at=_now(), etag=etag, version_id=version_id)
    except MemoryError as error:
        raise ModelCheckError("there is no memory to open it beside the present one") from error


def _now() -> datetime:
    return datetime.now(UTC)
