"""A candidate: bytes that ask to become the served model, and what became of them."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

MAX_BYTES = 64 * 1024 * 1024
"""A larger file is refused before it is read: the present model has 2.5 MB."""


class Status(StrEnum):
    """Why the source does not give the served model, as `/health` says it."""

    REFUSED = "refused"
    """It was checked and is not acceptable; it is not looked at again until it changes."""
    UNCHECKED = "unchecked"
    """This machine could not check it; it will be tried again."""
    UNREACHABLE = "unreachable"
    """The source cannot be read; it is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a source holds now.

    Attributes:
        content: The whole artifact; None where it is larger than `MAX_BYTES`.
        n_bytes: Its size, as far as known.
        etag: The source's name for this content.
        version_id: S3's name for this upload, where the bucket keeps versions.
    """

    content: bytes | None
    n_bytes: int
    etag: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What `/health` tells of a model that is not served.

    Attributes:
        etag: Of the content; None where the source could not be read.
        status: What became of it.
        reason: One sentence for a person.
    """

    etag: str | None
    status: Status
    reason: str


def sha256(content: bytes) -> str:
    """Hexadecimal digest of an artifact."""
    return hashlib.sha256(content).hexdigest()


def too_large(n_bytes: int) -> str:
    """The sentence for a file that is not read at all."""
    most = MAX_BYTES // 1024**2
    return f"it has {n_bytes / 1024**2:.0f} MiB, more than the {most} MiB a model may have"


def sentence(text: object) -> str:
    """One printable line of at most 300 characters: parts of it may come from the artifact."""
    line = "".join(each if each.isprintable() else " " for each in str(text))
    return line if len(line) <= 300 else f"{line[:299]}…"
