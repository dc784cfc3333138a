"""Model registry: the versions of the model in one bucket, for publishing and rollback.

Every write is conditional on the object seen before (`If-Match`): of two concurrent publishers, one
gets an error.
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
from sepsis_detect.model_delivery.sandbox import CheckedModel

READ_SECONDS = 60  # time-out; an upload may be slow
CONFLICT_STATUSES = (409, 412)
METADATA_KEYS = ("name", "version", "sha256")
NO_VERSION = "null"  # S3's version id of an object in a bucket without versioning


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version of the object.

    Attributes:
        version_id: S3's id; None where the bucket is not versioned.
        etag: Of the content; empty for a deletion.
        modified_at: Time of the upload or deletion.
        is_current: Whether it is the version that the service reads.
        is_deletion: Whether it is a delete marker.
        name: Of the model; None where it was not uploaded by `sepsis-detect model publish`.
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


class ModelRegistry:
    """The versions of one object, s3://bucket/key."""

    def __init__(self, uri: str):
        """Open the registry at `uri`.

        Raises:
            PublishingError: It is not s3://bucket/key, or AWS is not configured here.
        """
        self.uri = uri
        bucket, key = split_uri(uri)
        if not uri.startswith("s3://") or not bucket or not key:
            raise PublishingError(f"'{uri}' is not of the form s3://bucket/key")
        self._object: Any = {"Bucket": bucket, "Key": key}
        try:
            self._client = s3_client(read_seconds=READ_SECONDS)
        except ModelSourceError as error:
            raise PublishingError(str(error)) from error

    def current(self) -> ModelVersion | None:
        """The version that the service reads; None when there is none."""
        try:
            with self._s3_errors():
                found = self._client.head_object(**self._object)
        except PublishingError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and _status(cause) == 404:
                return None
            raise
        version = ModelVersion(
            version_id=_version_id(found.get("VersionId")),
            etag=found["ETag"],
            modified_at=found["LastModified"],
            is_current=True,
        )
        return _with_metadata(version, found["Metadata"])

    def put(
        self, content: bytes, checked: CheckedModel, *, replacing: ModelVersion | None
    ) -> str | None:
        """Upload `content` if `replacing` is still current; its version id, if any.

        Raises:
            PublishingError: Another version is current, or the object may not be written.
        """
        metadata = {"name": checked.name, "version": checked.version}
        condition: Any = {"IfMatch": replacing.etag} if replacing else {"IfNoneMatch": "*"}
        with self._s3_errors():
            answer = self._client.put_object(
                **self._object,
                **condition,
                Body=content,
                ContentType="application/octet-stream",
                Metadata={key: quote(value, safe=" ") for key, value in metadata.items()}
                | {"sha256": sha256(content)},
            )
        return _version_id(answer.get("VersionId"))

    def history(self, n_newest: int) -> list[ModelVersion]:
        """The newest versions and deletions, newest first.

        Raises:
            PublishingError: The bucket cannot be listed, or is not versioned.
        """
        key, found = self._object["Key"], list[ModelVersion]()
        with self._s3_errors():
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._object["Bucket"], Prefix=key
            )
            for page in pages:
                found += [_listed(each) for each in page.get("Versions", []) if each["Key"] == key]
                found += [
                    _listed(each, is_deletion=True)
                    for each in page.get("DeleteMarkers", [])
                    if each["Key"] == key
                ]
        if not found:
            raise PublishingError(f"there never was a model at {self.uri}")
        if all(each.version_id is None for each in found):
            raise PublishingError(
                f"the bucket of {self.uri} keeps no versions, so there is no history: enable "
                "versioning on it"
            )
        found.sort(key=lambda each: (each.is_current, each.modified_at), reverse=True)
        return [self._read_metadata(each) for each in found[:n_newest]]

    def read(self, version: ModelVersion) -> bytes:
        """The artifact of one version."""
        with self._s3_errors():
            answer = self._client.get_object(**self._object, VersionId=_id_in_s3(version))
            return answer["Body"].read()

    def _read_metadata(self, version: ModelVersion) -> ModelVersion:
        if version.is_deletion:
            return version
        with self._s3_errors():
            found = self._client.head_object(**self._object, VersionId=_id_in_s3(version))
        return _with_metadata(version, found["Metadata"])

    @contextmanager
    def _s3_errors(self) -> Iterator[None]:
        """Raise any failure of S3 as a `PublishingError` of one sentence."""
        try:
            yield
        except (BotoCoreError, ClientError, OSError) as error:
            status = _status(error) if isinstance(error, ClientError) else None
            if status in CONFLICT_STATUSES:
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


def previous(history: list[ModelVersion]) -> ModelVersion | None:
    """The newest version whose content differs from the current one."""
    current = history[0]
    return next((each for each in history if _differs(each, current)), None)


def chosen(history: list[ModelVersion], wanted: str) -> ModelVersion | None:
    """The newest version with the S3 version id `wanted`, or else the model version `wanted`."""
    by_id = (each for each in history if each.version_id == wanted)
    by_version = (each for each in history if each.version == wanted and not each.is_deletion)
    return next(by_id, None) or next(by_version, None)


def _differs(each: ModelVersion, current: ModelVersion) -> bool:
    if each.is_deletion or each.is_current or each.etag == current.etag:
        return False
    # With KMS encryption the same content has different ETags.
    return each.sha256 is None or each.sha256 != current.sha256


def _listed(found: Any, *, is_deletion: bool = False) -> ModelVersion:
    return ModelVersion(
        version_id=_version_id(found["VersionId"]),
        etag=found.get("ETag", ""),
        modified_at=found["LastModified"],
        is_current=found["IsLatest"],
        is_deletion=is_deletion,
    )


def _version_id(version_id: str | None) -> str | None:
    return None if version_id == NO_VERSION else version_id


def _id_in_s3(version: ModelVersion) -> str:
    return version.version_id or NO_VERSION


def _with_metadata(version: ModelVersion, metadata: dict[str, str]) -> ModelVersion:
    known: Any = {key: unquote(metadata[key]) for key in METADATA_KEYS if key in metadata}
    return replace(version, **known)


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
