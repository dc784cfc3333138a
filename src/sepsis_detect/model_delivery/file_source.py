"""A model file on this machine: looked at like an object in S3, read only when it changed."""

from pathlib import Path

from sepsis_detect.errors import NoModelError
from sepsis_detect.model_delivery.candidate import MAX_BYTES, Fetched, sha256

Stamp = tuple[int, int, int]


class FileSource:
    """One path; its content is named by its SHA-256."""

    def __init__(self, path: Path):
        """Look at `path`."""
        self._path = path
        self._seen: tuple[Stamp, str] | None = None

    def fetch(self, known_etag: str | None, *, timeout_seconds: float) -> Fetched | None:
        """Read the file; None when it is still what `known_etag` names.

        Raises:
            NoModelError: It cannot be read.
        """
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if known_etag is not None and self._seen == (stamp, known_etag):
                return None
            if found.st_size > MAX_BYTES:
                etag = f"{found.st_size}-{found.st_mtime_ns}"
                self._seen = (stamp, etag)
                return Fetched(content=None, n_bytes=found.st_size, etag=etag)
            content = self._path.read_bytes()
        except OSError as error:
            raise NoModelError(f"cannot read {self._path.name}: {error.strerror}") from error
        etag = sha256(content)
        self._seen = (stamp, etag)
        if etag == known_etag:
            return None
        return Fetched(content=content, n_bytes=len(content), etag=etag)
