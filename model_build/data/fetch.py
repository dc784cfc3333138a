"""The challenge's .psv files, from PhysioNet's public bucket to a folder outside the project.

The published SHA256SUMS.txt names every record, so that nothing is listed, and tells whether a file
on disk is right, so that a run goes on where another one stopped without keeping any state. A
record is right or absent: it takes its name when it is whole and its checksum agrees.

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
N_NAMED = 10  # records that cannot be had, before the rest is not tried any more
CONNECT_SECONDS, READ_SECONDS = 10, 20
WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0)  # before the second to the fifth attempt

PASSING = (EndpointError, HTTPClientError, IncompleteReadError, OSError)
PASSING_STATUS = {429, 500, 502, 503, 504}
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
CHECKOUT = Path(__file__).resolve().parents[2]
GO_ON = "run the same command again to go on from here."

log = logging.getLogger(__name__)


class FetchError(Exception):
    """The data cannot be fetched; the message says why and what to do."""


class RecordError(FetchError):
    """One record cannot be had; others may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One patient's file: its key in the bucket, its place under the folder, its checksum."""

    key: str
    place: str
    sha256: str


def fetch(out: Path) -> int:
    """Bring every record under a folder; those that are there and right are left alone.

    Returns:
        How many were fetched.

    Raises:
        FetchError: Not every record is there and right, or `out` is no place for data.
    """
    if out.resolve().is_relative_to(CHECKOUT):
        raise FetchError(f"{out} is inside the project, which never holds data: name another DIR.")
    bucket = Bucket()
    records = parse(bucket.get(CHECKSUMS).decode(errors="replace"))
    log.info("%s records of s3://%s/%s into %s", f"{len(records):,}", BUCKET, DATASET, out)
    try:
        n_fetched = _bring_all(records, bucket, out)
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


def _bring_all(records: list[Record], bucket: "Bucket", out: Path) -> int:
    pool = ThreadPoolExecutor(N_THREADS)
    n_fetched, problems = 0, list[str]()
    try:
        tasks = [pool.submit(_bring, record, bucket, out) for record in records]
        for task in tqdm(as_completed(tasks), "fetch", len(tasks), unit=" records", disable=None):
            try:
                n_fetched += task.result()
            except RecordError as error:
                problems.append(str(error))
                if len(problems) == N_NAMED:
                    break
    finally:  # also on Ctrl-C: what is under way ends, nothing else begins
        bucket.stop.set()
        pool.shutdown(cancel_futures=True)
    if problems:
        raise FetchError("; ".join(problems) + f"; what is right was kept, {GO_ON}")
    return n_fetched


def _bring(record: Record, bucket: "Bucket", out: Path) -> bool:
    """Make the file right if it is not; whether it had to be fetched."""
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
    """PhysioNet's bucket, read without credentials by many threads."""

    def __init__(self) -> None:
        self.stop = Event()  # once set, a passing fault is not waited for any more
        self._s3 = _client()

    def get(self, key: str) -> bytes:
        """One object; passing faults are waited for.

        Raises:
            RecordError: The bucket does not hold it.
            FetchError: The bucket does not answer, or not as S3 does.
        """
        waits = iter(WAITS_SECONDS)
        while True:
            try:
                return self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            except (BotoCoreError, ClientError, OSError) as error:
                if not _is_passing(error):
                    raise _refusal(key, error) from error
                wait_seconds = next(waits, None)
                if wait_seconds is None or self.stop.wait(wait_seconds):
                    raise FetchError(
                        f"No answer from {self._s3.meta.endpoint_url} ({error}); "
                        f"check the network, then {GO_ON}"
                    ) from error


def _client() -> "S3Client":
    config = Config(
        signature_version=UNSIGNED,
        retries={"total_max_attempts": 1},  # `Bucket.get` repeats, the reading of the body too
        max_pool_connections=N_THREADS,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )
    try:
        return boto3.client("s3", region_name=REGION, config=config)
    except (BotoCoreError, ValueError) as error:
        raise FetchError(f"The AWS settings of this machine are wrong: {error}") from error


def _is_passing(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return error.response["ResponseMetadata"]["HTTPStatusCode"] in PASSING_STATUS
    return isinstance(error, PASSING)


def _refusal(key: str, error: Exception) -> FetchError:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchKey":
        return RecordError(f"s3://{BUCKET}/{key} is not in the bucket")
    return FetchError(f"s3://{BUCKET}/{key} cannot be read: {error}")
