"""A model in S3, read by conditional GET alone: no List, no Head, nothing when it did not change.

Imported only where the model's address is s3://, and botocore with it: it costs 17 MB. Time is
bounded as a whole: timeouts of a socket do not end an answer that trickles, or a name server that
does not answer, so each question is asked in a thread that is left to itself when its time is up.
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
from sepsis_detect.model_delivery.candidate import MAX_BYTES, Fetched

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

CONNECT_SECONDS, READ_SECONDS = 3, 5
CHUNK_BYTES = 16 * 1024
MAX_ABANDONED = 4

BROKEN_OFF = (ConnectionClosedError, IncompleteReadError, ResponseStreamingError, ConnectionError)
SLOW = "S3 did not answer in time"


def s3_client(*, read_seconds: float = READ_SECONDS) -> "S3Client":
    """A client that tries once: whoever asks decides whether to ask again.

    Raises:
        ModelSourceError: The AWS settings of this machine are wrong.
    """
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"total_max_attempts": 1},
    )
    region = os.environ.get("AWS_REGION") or None  # botocore reads AWS_DEFAULT_REGION alone
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
    """One object."""

    def __init__(self, uri: str):
        """Read `uri`, which is s3://bucket/key."""
        self._bucket, self._key = split_uri(uri)
        self._client: S3Client | None = None
        self._abandoned: list[threading.Thread] = []

    def fetch(self, known_etag: str | None, *, timeout_seconds: float) -> Fetched | None:
        """Read the object; None when it is still what `known_etag` names.

        Raises:
            ModelSourceError: S3 does not answer, or not in `timeout_seconds`.
            NoModelError: S3 answers that the object is not there, or not for us.
        """
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= MAX_ABANDONED:
            raise ModelSourceError(f"{SLOW}, nor have {MAX_ABANDONED} earlier questions ended")
        deadline = time.monotonic() + timeout_seconds
        asking = _Asking(lambda: self._ask(known_etag, deadline))
        asking.start()
        asking.join(timeout_seconds)
        if asking.is_alive():
            self._abandoned.append(asking)
            self._client = None  # its connections may be what does not answer
            raise ModelSourceError(f"{SLOW}: {timeout_seconds:.3g} s")
        return asking.result()

    def _ask(self, known_etag: str | None, deadline: float) -> Fetched | None:
        client = self._client = self._client or s3_client()
        place = {"Bucket": self._bucket, "Key": self._key}
        if known_etag is not None:
            place["IfNoneMatch"] = f'"{known_etag}"'
        try:
            answer = client.get_object(**place)  # type: ignore[arg-type]  # all are str
            with closing(answer["Body"]) as body:
                n_bytes = _length(answer)
                content = _read(body, deadline) if n_bytes <= MAX_BYTES else None
        except (BotoCoreError, ClientError, OSError) as error:
            if _status(error) == 304:
                return None
            raise failure_of_s3(error) from error
        finally:
            if client is not self._client:  # left to itself meanwhile
                client.close()
        return Fetched(
            content=content,
            n_bytes=n_bytes,
            etag=answer["ETag"].strip('"'),
            version_id=answer.get("VersionId"),
        )


def _length(answer: "GetObjectOutputTypeDef") -> int:
    """Bytes of the object; a head that broke off may lack it."""
    if "ContentLength" not in answer:
        raise ModelSourceError("S3 did not answer as S3 does (no length)")
    return answer["ContentLength"]


def _read(body: "StreamingBody", deadline: float) -> bytes:
    """All of it, chunk by chunk, so that a question that was left to itself ends."""
    content = bytearray()
    while chunk := body.read(CHUNK_BYTES):
        content += chunk
        if time.monotonic() > deadline:
            raise ModelSourceError(SLOW)
    return bytes(content)


class _Asking(threading.Thread):
    """A thread with a result; it never keeps the process from ending."""

    def __init__(self, ask: Callable[[], Fetched | None]):
        super().__init__(name="s3", daemon=True)
        self._ask = ask
        self._fetched: Fetched | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._fetched = self._ask()
        except Exception as error:  # passed on to whoever asked
            self._error = error

    def result(self) -> Fetched | None:
        if self._error is not None:
            raise self._error
        return self._fetched


def _status(error: Exception) -> int | None:
    if isinstance(error, ClientError):
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def failure_of_s3(error: Exception) -> ModelSourceError:
    """The sentence for what S3 answered, or for that it did not; nothing of the request in it."""
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
        return ModelSourceError(SLOW)
    if isinstance(error, BROKEN_OFF):
        return ModelSourceError("S3 broke the connection off")
    if isinstance(error, (EndpointError, OSError)):
        return ModelSourceError("S3 cannot be connected to")
    return ModelSourceError(f"S3 did not answer as S3 does ({type(error).__name__})")
