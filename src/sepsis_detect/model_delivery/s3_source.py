"""S3 source: a model read by conditional GET, without List or Head.

Imported only where the model's address is s3://, with botocore, which takes 17 MB. The whole time
of a fetch is limited: socket time-outs end neither a slow body nor a silent name server, so each
fetch runs in a thread that is abandoned when its time is up.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as EndpointError
from botocore.session import get_session

from sepsis_detect.errors import ModelSourceError, NoModelError
from sepsis_detect.model_delivery.candidate import MAX_BYTES, FetchedModel

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

CONNECT_SECONDS, READ_SECONDS = 3, 5
CHUNK_BYTES = 16 * 1024
MAX_ABANDONED = 4  # threads

BROKEN_CONNECTION = (
    ConnectionClosedError,
    IncompleteReadError,
    ResponseStreamingError,
    ConnectionError,
)
TIMED_OUT = "S3 did not answer in time"


def s3_client(*, read_seconds: float = READ_SECONDS) -> "S3Client":
    """A client without retries: callers decide whether to try again.

    Raises:
        ModelSourceError: The AWS settings of this machine are wrong.
    """
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"total_max_attempts": 1},
    )
    region = os.environ.get("AWS_REGION") or None  # botocore reads only AWS_DEFAULT_REGION
    try:
        return cast(
            "S3Client", get_session().create_client("s3", region_name=region, config=config)
        )
    except (BotoCoreError, ValueError) as error:
        raise ModelSourceError("the AWS settings of this machine are wrong") from error


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of s3://bucket/key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class S3Source:
    """One object, s3://bucket/key."""

    def __init__(self, uri: str):
        self._bucket, self._key = split_uri(uri)
        self._client: S3Client | None = None
        self._abandoned: list[threading.Thread] = []

    def fetch(self, known_etag: str | None, *, timeout_seconds: float) -> FetchedModel | None:
        """Read the object; None when its content still has the ETag `known_etag`.

        Raises:
            ModelSourceError: S3 does not answer, or not in `timeout_seconds`.
            NoModelError: S3 answers that the object does not exist, or may not be read.
        """
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= MAX_ABANDONED:
            raise ModelSourceError(f"{TIMED_OUT}, nor have {MAX_ABANDONED} earlier questions ended")
        deadline = time.monotonic() + timeout_seconds
        thread = _FetchThread(lambda: self._fetch(known_etag, deadline))
        thread.start()
        thread.join(timeout_seconds)
        if thread.is_alive():
            self._abandoned.append(thread)
            self._client = None  # its connections may be the cause
            raise ModelSourceError(f"{TIMED_OUT}: {timeout_seconds:.3g} s")
        return thread.result()

    def _fetch(self, known_etag: str | None, deadline: float) -> FetchedModel | None:
        client = self._client = self._client or s3_client()
        request = {"Bucket": self._bucket, "Key": self._key}
        if known_etag is not None:
            request["IfNoneMatch"] = f'"{known_etag}"'
        try:
            answer = client.get_object(**request)  # type: ignore[arg-type]  # all are str
            with closing(answer["Body"]) as body:
                n_bytes = _length(answer)
                content = _read(body, deadline) if n_bytes <= MAX_BYTES else None
        except (BotoCoreError, ClientError, OSError) as error:
            if _status(error) == 304:
                return None
            raise failure_of_s3(error) from error
        finally:
            if client is not self._client:  # abandoned meanwhile
                client.close()
        return FetchedModel(
            content=content,
            n_bytes=n_bytes,
            etag=answer["ETag"].strip('"'),
            version_id=answer.get("VersionId"),
        )


def _length(answer: "GetObjectOutputTypeDef") -> int:
    """Size of the object in bytes; an incomplete response head may lack it."""
    if "ContentLength" not in answer:
        raise ModelSourceError("S3 did not answer as S3 does (no length)")
    return answer["ContentLength"]


def _read(body: "StreamingBody", deadline: float) -> bytes:
    """The whole body, read in chunks, so that an abandoned fetch ends."""
    content = bytearray()
    while chunk := body.read(CHUNK_BYTES):
        content += chunk
        if time.monotonic() > deadline:
            raise ModelSourceError(TIMED_OUT)
    return bytes(content)


class _FetchThread(threading.Thread):
    """A daemon thread with a result."""

    def __init__(self, fetch: Callable[[], FetchedModel | None]):
        super().__init__(name="s3", daemon=True)
        self._fetch = fetch
        self._fetched: FetchedModel | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._fetched = self._fetch()
        except Exception as error:  # raised again in `result`
            self._error = error

    def result(self) -> FetchedModel | None:
        if self._error is not None:
            raise self._error
        return self._fetched


def _status(error: Exception) -> int | None:
    if isinstance(error, ClientError):
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def failure_of_s3(error: Exception) -> ModelSourceError:
    """The error for a failed S3 request, as one sentence without any part of the request."""
    status = _status(error)
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            return NoModelError("there is no such bucket (S3 answered 404)")
        if status == 404:
            return NoModelError("the object is not there (S3 answered 404)")
        if code == "RequestTimeTooSkewed":
            return ModelSourceError("the clock of this machine is wrong, so S3 answered 403")
        if status == 403:
            return NoModelError("S3 answered 403: it may not be read from here, or is not there")
        name = f" ({code})" if code[:1].isalpha() else ""
        return ModelSourceError(f"S3 answered {status}{name}")
    if isinstance(error, NoCredentialsError):
        return ModelSourceError("this machine has no AWS credentials")
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError, TimeoutError)):
        return ModelSourceError(TIMED_OUT)
    if isinstance(error, BROKEN_CONNECTION):
        return ModelSourceError("S3 broke the connection off")
    if isinstance(error, (EndpointError, OSError)):
        return ModelSourceError("S3 cannot be connected to")
    return ModelSourceError(f"S3 did not answer as S3 does ({type(error).__name__})")
