"""Disk cache: the last accepted model, for a start at which its source cannot be read.

One file for each address: a line of JSON (the header), then the artifact. The file is written under
a temporary name and renamed when complete. A file that is incomplete, damaged or of another address
is ignored.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from sepsis_detect import __version__
from sepsis_detect.model_delivery.candidate import MAX_BYTES, sha256
from sepsis_detect.telemetry import logs

ACCEPTED_BY = f"sepsis-detect {__version__}, onnxruntime {onnxruntime.__version__}"
MAX_HEADER_BYTES = 10_000
STALE_SECONDS = 600  # age at which the temporary file of a killed process is deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedModel:
    """An accepted artifact.

    Attributes:
        content: The artifact.
        uri: Address of its source.
        etag: Its ETag there.
        version_id: S3's id of that upload.
        accepted_by: The software versions that accepted it; `ACCEPTED_BY` when it is written.
    """

    content: bytes
    uri: str
    etag: str
    version_id: str | None
    accepted_by: str = ""


class ModelDiskCache:
    """The cached model of one address; without a usable folder it stores nothing.

    Attributes:
        path: Of the file; None where there is no usable folder.
    """

    def __init__(self, uri: str, folder: Path | None):
        """Use `folder`, else the user's cache folder, else the temporary one."""
        self._uri = uri
        usable = (
            _configured(folder) if folder else next(filter(_is_private, _default_folders()), None)
        )
        name = hashlib.sha256(uri.encode()).hexdigest()[:16]
        self.path = usable / f"{name}.model" if usable else None
        if usable is None:
            logs.event(logging.WARNING, "model_cache_unusable", reason="no folder to write in")

    def read(self) -> CachedModel | None:
        """The last accepted model, if its file is present, undamaged and of this address."""
        if self.path is None:
            return None
        try:
            with self.path.open("rb") as file:
                header, content = file.readline(MAX_HEADER_BYTES), file.read(MAX_BYTES + 1)
            return self._parse(header, content)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = str(error.strerror)
        except ValueError as error:
            reason = str(error)
        logs.event(logging.WARNING, "model_cache_ignored", reason=reason)
        return None

    def _parse(self, header: bytes, content: bytes) -> CachedModel:
        try:
            fields = json.loads(header)
            digest = fields.pop("sha256")
            cached = CachedModel(content=content, **fields)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ValueError("it is no copy of a model") from error
        if digest != sha256(content):
            raise ValueError("it is damaged")
        if cached.uri != self._uri:
            raise ValueError("it is of another address")
        return cached

    def has_accepted(self, content: bytes) -> bool:
        """Whether the same bytes were accepted here before by the software versions running now."""
        cached = self.read()
        return (
            cached is not None and cached.content == content and cached.accepted_by == ACCEPTED_BY
        )

    def write(self, model: CachedModel, *, is_retry: bool = False) -> bool:
        """Store the model; False where the disk is full or read-only, logged unless `is_retry`."""
        if self.path is None:
            return True  # logged at the start
        header = {
            "uri": model.uri,
            "etag": model.etag,
            "version_id": model.version_id,
            "accepted_by": ACCEPTED_BY,
            "sha256": sha256(model.content),
        }
        try:
            _write_atomically(self.path, json.dumps(header).encode() + b"\n" + model.content)
        except OSError as error:
            if not is_retry:
                reason = str(error.strerror)
                logs.event(logging.WARNING, "model_cache_not_written", reason=reason)
            return False
        return True


def _default_folders() -> list[Path]:
    folders = []
    with contextlib.suppress(RuntimeError):  # a user without a home folder
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folders.append(Path(home) / "sepsis-detect")
    with contextlib.suppress(FileNotFoundError):  # no writable folder on this machine
        folders.append(Path(tempfile.gettempdir()) / f"sepsis-detect-{_user_id()}")
    return folders


def _user_id() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _configured(folder: Path) -> Path | None:
    """The folder of the settings, if it can be used; its permissions are the operator's choice."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder if os.access(folder, os.R_OK | os.X_OK) else None


def _is_private(folder: Path) -> bool:
    """Whether the folder exists or can be made, and only this user can write in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return False
    is_own = not hasattr(os, "geteuid") or status.st_uid == _user_id()
    return is_own and not status.st_mode & 0o022 and os.access(folder, os.W_OK | os.X_OK)


def _write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file, sync it, and rename it."""
    _delete_stale(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # the new name too; not every file system can
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _delete_stale(path: Path) -> None:
    for partial in path.parent.glob(f"{path.name}.*.partial"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > STALE_SECONDS:
                partial.unlink()
