"""The last accepted copy of a model on disk, for a start at which its source cannot be read.

One file per address: a line of JSON that says what follows, then the artifact. It takes its name
when it is whole, and what is not whole, not ours or not for this address is as good as absent.
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
from typing import Any

import onnxruntime

from sepsis_detect import __version__
from sepsis_detect.model_delivery.candidate import MAX_BYTES, sha256
from sepsis_detect.telemetry import logs

ACCEPTED_BY = f"sepsis-detect {__version__}, onnxruntime {onnxruntime.__version__}"
STALE_SECONDS = 600  # an unfinished copy of a process that was killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An accepted artifact.

    Attributes:
        content: The artifact.
        uri: Where it came from.
        etag: What that place called it.
        version_id: S3's name for that upload.
        accepted_by: The versions that accepted it; what is kept was accepted by those that run.
    """

    content: bytes
    uri: str
    etag: str
    version_id: str | None
    accepted_by: str = ""


class ModelCache:
    """The copy of one address; without a usable folder it keeps nothing and says so once."""

    def __init__(self, uri: str, folder: Path | None):
        """Use `folder`, else the user's cache folder, else the temporary one."""
        self._uri = uri
        usable = _chosen(folder) if folder else next(filter(_is_private, _default_folders()), None)
        name = hashlib.sha256(uri.encode()).hexdigest()[:16]
        self.path = usable / f"{name}.model" if usable else None
        if usable is None:
            logs.event(logging.WARNING, "model_cache_unusable", reason="no folder to write in")

    def read(self) -> Copy | None:
        """The last accepted copy, if it is there, whole and of this address."""
        if self.path is None:
            return None
        try:
            with self.path.open("rb") as file:
                header, content = file.readline(10_000), file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._without(str(error.strerror))
        try:
            told = json.loads(header)
            digest = told.pop("sha256")
            copy = Copy(content=content, **told)
        except (ValueError, TypeError, AttributeError, KeyError):
            return self._without("it is no copy of a model")
        if digest != sha256(content):
            return self._without("it is damaged")
        if copy.uri != self._uri:
            return self._without("it is of another address")
        return copy

    def _without(self, reason: str) -> Copy | None:
        logs.event(logging.WARNING, "model_cache_ignored", reason=reason)
        return None

    def vouches_for(self, content: bytes) -> bool:
        """Whether these very bytes were accepted here before, by the versions that run now."""
        copy = self.read()
        return copy is not None and copy.content == content and copy.accepted_by == ACCEPTED_BY

    def keep(self, copy: Copy, *, is_quiet: bool = False) -> bool:
        """Write the copy; False, and a line in the log, where the disk does not take it."""
        if self.path is None:
            return True  # said at the start
        told: dict[str, Any] = {
            "uri": copy.uri,
            "etag": copy.etag,
            "version_id": copy.version_id,
            "accepted_by": ACCEPTED_BY,
            "sha256": sha256(copy.content),
        }
        try:
            _write(self.path, json.dumps(told).encode() + b"\n" + copy.content)
        except OSError as error:
            if not is_quiet:
                reason = str(error.strerror)
                logs.event(logging.WARNING, "model_cache_not_written", reason=reason)
            return False
        return True


def _default_folders() -> list[Path]:
    folders = []
    with contextlib.suppress(RuntimeError):  # a user without a home
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folders.append(Path(home) / "sepsis-detect")
    with contextlib.suppress(FileNotFoundError):  # nothing at all can be written on this machine
        folders.append(Path(tempfile.gettempdir()) / f"sepsis-detect-{_user()}")
    return folders


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _chosen(folder: Path) -> Path | None:
    """The folder of the settings: who may write there is for whoever set it to say."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder if os.access(folder, os.R_OK | os.X_OK) else None


def _is_private(folder: Path) -> bool:
    """Whether it is there, or can be made, and only we may write in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return False
    is_ours = not hasattr(os, "geteuid") or found.st_uid == _user()
    return is_ours and not found.st_mode & 0o022 and os.access(folder, os.W_OK | os.X_OK)


def _write(path: Path, content: bytes) -> None:
    """Write to a name of its own, make it last, then give it the name that is read."""
    for left in path.parent.glob(f"{path.name}.*.partial"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
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
    with contextlib.suppress(OSError):  # the name too; some file systems have no such thing
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
