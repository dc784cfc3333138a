"""The models of a bucket, for those who publish: one key, its versions, and no lost update.

Everything is written on the condition that the key still holds what was seen before: of two people
who publish at once, one is told.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from botocore.exceptions import BotoCoreError, ClientError

from sepsis_detect.errors import ModelSourceError, NoModelError, PublishingError
from sepsis_detect.model_delivery.candidate import sha256
from sepsis_detect.model_delivery.s3_source import failure_of_s3, s3_client, split_uri
from sepsis_detect.model_delivery.sandbox import Facts

READ_SECONDS = 60  # S3 may take its time over an upload
LOST_RACE = (409, 412)
METADATA = ("name", "version", "sha256")
NO_VERSION = "null"  # what S3 calls the version of an object in a bucket that keeps none


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One version of the key.

    Attributes:
        version_id: None where the bucket keeps no versions.
        etag: Of the content; empty for a deletion.
        modified_at: When it was uploaded or deleted.
        is_current: Whether it is what the fleet reads.
        is_deletion: Whether it says that the key was deleted.
        name: Of the model; None where it was uploaded by other means.
        version: Of the model; None as above.
        sha256: Of the artifact; None as above.
    """

    version_id: str | None
    etag: str
    modified_at: datetime
    is_current: bool
    is_deletion: bool = False
    name: str | None = None
    version: str | None = None
    sha256: str | None = None

    def __str__(self) -> str:
        """Name and version, for a sentence."""
        if self.name is None:
            return f"what was uploaded at {self.modified_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"{self.name} {self.version}"


class PublishedModels:
    """What one s3://bucket/key holds and held."""

    def __init__(self, uri: str):
        """Speak of `uri`.

        Raises:
            PublishingError: It is not s3://bucket/key, or AWS is not set up here.
        """
        self.uri = uri
        bucket, key = split_uri(uri)
        if not uri.startswith("s3://") or not bucket or not key:
            raise PublishingError(f"'{uri}' is not of the form s3://bucket/key")
        self._place: Any = {"Bucket": bucket, "Key": key}
        try:
            self._client = s3_client(read_seconds=READ_SECONDS)
        except ModelSourceError as error:
            raise PublishingError(str(error)) from error

    def current(self) -> Published | None:
        """What the fleet reads now; None when there is nothing."""
        try:
            with self._said():
                found = self._client.head_object(**self._place)
        except PublishingError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and _status(cause) == 404:
                return None
            raise
        published = Published(
            version_id=_known(found.get("VersionId")),
            etag=found["ETag"],
            modified_at=found["LastModified"],
            is_current=True,
        )
        return _with(published, found["Metadata"])

    def put(self, content: bytes, facts: Facts, *, replacing: Published | None) -> str | None:
        """Make `content` current, provided that `replacing` still is; its version id, if any.

        Raises:
            PublishingError: The key holds something else by now, or may not be written.
        """
        told = {"name": facts.name, "version": facts.version}
        condition: Any = {"IfMatch": replacing.etag} if replacing else {"IfNoneMatch": "*"}
        with self._said():
            answer = self._client.put_object(
                **self._place,
                **condition,
                Body=content,
                ContentType="application/octet-stream",
                Metadata={key: quote(value, safe=" ") for key, value in told.items()}
                | {"sha256": sha256(content)},
            )
        return _known(answer.get("VersionId"))

    def history(self, n_newest: int) -> list[Published]:
        """The newest versions and deletions, newest first.

        Raises:
            PublishingError: The bucket cannot be listed, or keeps no versions.
        """
        key, found = self._place["Key"], list[Published]()
        with self._said():
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._place["Bucket"], Prefix=key
            )
            for page in pages:
                found += [_version(each) for each in page.get("Versions", []) if each["Key"] == key]
                found += [
                    _deletion(each) for each in page.get("DeleteMarkers", []) if each["Key"] == key
                ]
        if not found:
            raise PublishingError(f"there never was a model at {self.uri}")
        if all(each.version_id is None for each in found):
            raise PublishingError(
                f"the bucket of {self.uri} keeps no versions, so there is no history: enable "
                "versioning on it"
            )
        found.sort(key=lambda each: (each.is_current, each.modified_at), reverse=True)
        return [self._with_model(each) for each in found[:n_newest]]

    def read(self, published: Published) -> bytes:
        """The artifact of one version."""
        version: Any = {"VersionId": published.version_id or NO_VERSION}
        with self._said():
            return self._client.get_object(**self._place, **version)["Body"].read()

    def _with_model(self, published: Published) -> Published:
        if published.is_deletion:
            return published
        with self._said():
            found = self._client.head_object(
                **self._place, VersionId=published.version_id or NO_VERSION
            )
        return _with(published, found["Metadata"])

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say in one sentence what S3 did not do."""
        try:
            yield
        except (BotoCoreError, ClientError, OSError) as error:
            status = _status(error) if isinstance(error, ClientError) else None
            if status in LOST_RACE:
                raise PublishingError(
                    f"somebody else wrote to {self.uri} meanwhile, so nothing was written: look at "
                    "`sepsis-detect model history`, then decide anew"
                ) from error
            failure = failure_of_s3(error)
            if status == 403 and isinstance(failure, NoModelError):
                reason = "S3 answered 403: these credentials may not do that"
            else:
                reason = str(failure)
            raise PublishingError(f"{self.uri}: {reason}") from error


def previous(history: list[Published]) -> Published | None:
    """The newest version that differs from what is current."""
    current = history[0]
    return next((each for each in history if _is_another(each, current)), None)


def chosen(history: list[Published], wanted: str) -> Published | None:
    """The newest version with that version id, or of that version of the model."""
    by_id = (each for each in history if each.version_id == wanted)
    by_version = (each for each in history if each.version == wanted and not each.is_deletion)
    return next(by_id, None) or next(by_version, None)


def _is_another(each: Published, current: Published) -> bool:
    if each.is_deletion or each.is_current or each.etag == current.etag:
        return False
    # The same content has another ETag where it is encrypted with a key of KMS.
    return each.sha256 is None or each.sha256 != current.sha256


def _version(found: Any) -> Published:
    return Published(
        version_id=_known(found["VersionId"]),
        etag=found["ETag"],
        modified_at=found["LastModified"],
        is_current=found["IsLatest"],
    )


def _deletion(found: Any) -> Published:
    return Published(
        version_id=_known(found["VersionId"]),
        etag="",
        modified_at=found["LastModified"],
        is_current=found["IsLatest"],
        is_deletion=True,
    )


def _known(version_id: str | None) -> str | None:
    return None if version_id == NO_VERSION else version_id


def _with(published: Published, metadata: dict[str, str]) -> Published:
    told: Any = {key: unquote(metadata[key]) for key in METADATA if key in metadata}
    return replace(published, **told)


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
