"""A model file on this machine as a source: read only when it changed."""

from pathlib import Path

from sepsis_detect.errors import NoModelError
from sepsis_detect.model_delivery.candidate import MAX_BYTES, FetchedModel, sha256

Fingerprint = tuple[int, int, int]  # modification time, size, inode


class FileSource:
    """A file; the ETag of its content is its SHA-256."""

    def __init__(self, path: Path):
        self._path = path
        self._last: tuple[Fingerprint, str] | None = None

    def fetch(self, known_etag: str | None, *, timeout_seconds: float) -> FetchedModel | None:
        """Read the file; None when its content still has the ETag `known_etag`.

        Raises:
            NoModelError: It cannot be read.
        """
        try:
            status = self._path.stat()
            fingerprint = (status.st_mtime_ns, status.st_size, status.st_ino)
            if known_etag is not None and self._last == (fingerprint, known_etag):
                return None
            content = self._path.read_bytes() if status.st_size <= MAX_BYTES else None
        except OSError as error:
            raise NoModelError(f"cannot read {self._path.name}: {error.strerror}") from error
        etag = f"{status.st_size}-{status.st_mtime_ns}" if content is None else sha256(content)
        self._last = (fingerprint, etag)
        if etag == known_etag:
            return None
        return FetchedModel(content=content, n_bytes=status.st_size, etag=etag)
