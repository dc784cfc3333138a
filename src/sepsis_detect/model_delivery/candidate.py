"""A candidate: an uploaded model under check, and the result of that check."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

MAX_BYTES = 64 * 1024 * 1024
"""A larger file is refused unread: the present model has 2.5 MB."""
MAX_REASON_CHARACTERS = 300


class CandidateStatus(StrEnum):
    """Why the model at the source is not the served one, as `/health` shows it."""

    REFUSED = "refused"
    """It is not acceptable; it is not checked again until it changes."""
    UNCHECKED = "unchecked"
    """This machine could not check it; the check is repeated."""
    UNREACHABLE = "unreachable"
    """The source cannot be read; it is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedModel:
    """What a source holds now.

    Attributes:
        content: The whole artifact; None where it is larger than `MAX_BYTES`.
        n_bytes: Its size, as far as known.
        etag: Identifies this content at the source.
        version_id: S3's id of this upload, where the bucket is versioned.
    """

    content: bytes | None
    n_bytes: int
    etag: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that is not served, as `/health` shows it.

    Attributes:
        etag: Of the content; None where the source could not be read.
        status: Result of the check.
        reason: One sentence for a person.
    """

    etag: str | None
    status: CandidateStatus
    reason: str


def sha256(content: bytes) -> str:
    """Hexadecimal digest of an artifact."""
    return hashlib.sha256(content).hexdigest()


def too_large(n_bytes: int) -> str:
    """The reason to refuse a file unread."""
    limit = MAX_BYTES // 1024**2
    return f"it has {n_bytes / 1024**2:.0f} MiB, more than the {limit} MiB a model may have"


def one_line(text: object) -> str:
    """One printable line of limited length: parts of `text` may come from the artifact."""
    line = "".join(each if each.isprintable() else " " for each in str(text))
    is_short = len(line) <= MAX_REASON_CHARACTERS
    return line if is_short else f"{line[: MAX_REASON_CHARACTERS - 1]}…"
