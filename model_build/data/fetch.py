"""Stage `fetch`: download of the challenge's .psv files to a folder outside the project.

The published SHA256SUMS.txt names every record, so that the bucket is not listed. Its checksums
decide which files on disk are complete, so that an interrupted download resumes without state. A
record is written under another name and renamed when its checksum agrees.

Source: Reyna et al., doi:10.13026/v64v-d857 (CC BY 4.0), s3://physionet-open/challenge-2019/1.0.0/
"""

import errno
import hashlib
import logging
import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as EndpointError
from tqdm import tqdm

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "physionet-open"
REGION = "us-east-1"
DATASET = "challenge-2019/1.0.0"
CHECKSUMS = f"{DATASET}/SHA256SUMS.txt"
RECORD = re.compile(r"training/training_set.*\.psv")
LINE = re.compile(r"([0-9a-fA-F]{64})\s+\*?(training/(training_set[A-Z]/p\d+\.psv))\s*")

N_THREADS = 16
MAX_FAILED_RECORDS = 10  # before the download stops
CONNECT_SECONDS, READ_SECONDS = 10, 20
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0)  # before the second to the fifth attempt

TRANSIENT = (EndpointError, HTTPClientError, IncompleteReadError, OSError)
TRANSIENT_STATUS = {429, 500, 502, 503, 504}
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
CHECKOUT = Path(__file__).resolve().parents[2]
GO_ON = "run the same command again to go on from here."

log = logging.getLogger(__name__)


class FetchError(Exception):
    """The data cannot be fetched; the message says why and what to do."""


class RecordError(FetchError):
    """One record cannot be downloaded; others may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One patient's file: key in the bucket, path below the folder, checksum."""

    key: str
    place: str
    sha256: str


def fetch(out: Path) -> int:
    """Download every record into a folder; files with the right checksum are not downloaded again.

    Returns:
        How many were fetched.

    Raises:
        FetchError: Some record cannot be downloaded, or `out` is inside the project.
    """
    if out.resolve().is_relative_to(CHECKOUT):
        raise FetchError(f"{out} is inside the project, which never holds data: name another DIR.")
    bucket = Bucket()
    records = parse(bucket.get(CHECKSUMS).decode(errors="replace"))
    log.info("%s records of s3://%s/%s into %s", f"{len(records):,}", BUCKET, DATASET, out)
    try:
        n_fetched = _download_all(records, bucket, out)
    except OSError as error:
        reason = "the disk is full" if error.errno in DISK_FULL else error.strerror
        raise FetchError(f"Cannot write under {out}: {reason}; mend it, then {GO_ON}") from error
    log.info("%s fetched, the others were there; all checksums agree", f"{n_fetched:,}")
    return n_fetched


def parse(checksums: str) -> list[Record]:
    """The records that SHA256SUMS.txt names, in its order; other files are left out."""
    lines = [line for line in checksums.splitlines() if RECORD.search(line)]
    found = [match for line in lines if (match := LINE.fullmatch(line))]
    if not found or len(found) < len(lines):
        raise FetchError(f"s3://{BUCKET}/{CHECKSUMS} is not the expected list of .psv files.")
    return [Record(key=f"{DATASET}/{m[2]}", place=m[3], sha256=m[1].lower()) for m in found]


def _download_all(records: list[Record], bucket: "Bucket", out: Path) -> int:
    pool = ThreadPoolExecutor(N_THREADS)
    n_fetched, problems = 0, list[str]()
    try:
        tasks = [pool.submit(_download, record, bucket, out) for record in records]
        for task in tqdm(as_completed(tasks), "fetch", len(tasks), unit=" records", disable=None):
            try:
                n_fetched += task.result()
            except RecordError as error:
                problems.append(str(error))
                if len(problems) == MAX_FAILED_RECORDS:
                    break
    finally:  # also on Ctrl-C: running downloads end, no other starts
        bucket.stop.set()
        pool.shutdown(cancel_futures=True)
    if problems:
        raise FetchError("; ".join(problems) + f"; what is right was kept, {GO_ON}")
    return n_fetched


def _download(record: Record, bucket: "Bucket", out: Path) -> bool:
    """Download the record unless its file is complete; True if it was downloaded."""
    path = out / record.place
    if path.exists():
        if _sha256(path.read_bytes()) == record.sha256:
            return False
        path.unlink()
    content = bucket.get(record.key)
    if _sha256(content) != record.sha256:
        raise RecordError(f"{record.place} in the bucket differs from its published checksum")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return True


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Bucket:
    """Client of PhysioNet's public bucket, without credentials, for many threads."""

    def __init__(self) -> None:
        self.stop = Event()  # once set, there are no more retries
        self._s3 = _client()

    def get(self, key: str) -> bytes:
        """One object, with retries after transient errors.

        Raises:
            RecordError: There is no such object.
            FetchError: The bucket does not answer, or refuses.
        """
        backoff = iter(BACKOFF_SECONDS)
        while True:
            try:
                return self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            except (BotoCoreError, ClientError, OSError) as error:
                if not _is_transient(error):
                    raise _refusal(key, error) from error
                wait_seconds = next(backoff, None)
                if wait_seconds is None or self.stop.wait(wait_seconds):
                    raise FetchError(
                        f"No answer from {self._s3.meta.endpoint_url} ({error}); "
                        f"check the network, then {GO_ON}"
                    ) from error


def _client() -> "S3Client":
    config = Config(
        signature_version=UNSIGNED,
        retries={"total_max_attempts": 1},  # `Bucket.get` retries, also when reading the body fails
        max_pool_connections=N_THREADS,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )
    try:
        return boto3.client("s3", region_name=REGION, config=config)
    except (BotoCoreError, ValueError) as error:
        raise FetchError(f"The AWS settings of this machine are wrong: {error}") from error


def _is_transient(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return error.response["ResponseMetadata"]["HTTPStatusCode"] in TRANSIENT_STATUS
    return isinstance(error, TRANSIENT)


def _refusal(key: str, error: Exception) -> FetchError:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchKey":
        return RecordError(f"s3://{BUCKET}/{key} is not in the bucket")
    return FetchError(f"s3://{BUCKET}/{key} cannot be read: {error}")
