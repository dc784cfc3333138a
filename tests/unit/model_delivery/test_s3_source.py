"""S3 source: read only when it changed, within limits, and one sentence for each fault."""

import re
import time

import pytest

from sepsis_detect.errors import ModelSourceError, NoModelError
from sepsis_detect.model_delivery import s3_source
from sepsis_detect.model_delivery.candidate import MAX_BYTES
from sepsis_detect.model_delivery.s3_source import MAX_ABANDONED, S3Source
from tests.faulty_s3 import BUCKET, KEY, URI, FaultyS3
from tests.waiting import until


def test_an_object_is_read_once_and_then_only_when_it_changes(s3: FaultyS3) -> None:
    etag = s3.put(b"first")
    source = S3Source(URI)
    fetched = source.fetch(None, timeout_seconds=10)
    assert fetched is not None
    assert (fetched.content, fetched.n_bytes, fetched.etag) == (b"first", 5, etag)
    assert fetched.version_id
    assert source.fetch(etag, timeout_seconds=10) is None
    s3.put(b"second")
    changed = source.fetch(etag, timeout_seconds=10)
    assert changed is not None
    assert changed.content == b"second"
    path = f"/{BUCKET}/{KEY}"
    assert s3.requests == [("GET", path, False), ("GET", path, True), ("GET", path, True)]


def test_an_object_over_the_limit_is_not_read(s3: FaultyS3) -> None:
    s3.put(bytes(MAX_BYTES + 1))
    fetched = S3Source(URI).fetch(None, timeout_seconds=10)
    assert fetched is not None
    assert (fetched.content, fetched.n_bytes) == (None, MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("403", NoModelError, "S3 answered 403"),
        ("403 clock", ModelSourceError, "the clock of this machine is wrong"),
        ("500", ModelSourceError, "S3 answered 500 (InternalError)"),
        ("slow", ModelSourceError, "S3 did not answer in time"),
        ("trickle", ModelSourceError, "S3 did not answer in time"),
        ("trickling head", ModelSourceError, "S3 did not answer in time"),
        ("no length", ModelSourceError, "S3 did not answer as S3 does (no length)"),
        ("cut", ModelSourceError, "S3 broke the connection off"),
        ("reset", ModelSourceError, "S3 broke the connection off"),
        ("down", ModelSourceError, "S3 cannot be connected to"),
    ],
)
def test_each_fault_is_one_sentence_in_time_and_the_next_fetch_succeeds(
    s3: FaultyS3, fault: str, kind: type[ModelSourceError], said: str
) -> None:
    s3.put(b"there")
    source = S3Source(URI)
    s3.show(fault)
    began = time.monotonic()
    seconds = 1.5 if said.endswith("in time") else 20
    with pytest.raises(kind, match=re.escape(said)):
        source.fetch(None, timeout_seconds=seconds)
    assert time.monotonic() - began < seconds + 3
    s3.show(None)
    fetched = source.fetch(None, timeout_seconds=10)
    assert fetched is not None
    assert fetched.content == b"there"


def test_a_missing_object_or_bucket_is_one_sentence(s3: FaultyS3) -> None:
    with pytest.raises(NoModelError, match=r"the object is not there \(S3 answered 404\)"):
        S3Source(URI).fetch(None, timeout_seconds=10)
    s3.put(b"there")
    s3.delete()
    with pytest.raises(NoModelError, match="the object is not there"):
        S3Source(URI).fetch(None, timeout_seconds=10)
    with pytest.raises(NoModelError, match="no such bucket"):
        S3Source("s3://another/model.onnx").fetch(None, timeout_seconds=10)


def test_the_number_of_abandoned_fetches_is_limited(s3: FaultyS3) -> None:
    source = S3Source(URI)
    s3.show("trickle")
    for _ in range(MAX_ABANDONED):
        with pytest.raises(ModelSourceError, match="in time"):
            source.fetch(None, timeout_seconds=0.2)
    n_requests = len(s3.requests)
    with pytest.raises(ModelSourceError, match="earlier questions"):
        source.fetch(None, timeout_seconds=0.2)
    assert len(s3.requests) == n_requests
    s3.put(b"there")
    s3.show(None)
    until(lambda: is_fetched(source))  # abandoned fetches end with their connections


def is_fetched(source: S3Source) -> bool:
    try:
        return source.fetch(None, timeout_seconds=5) is not None
    except ModelSourceError:
        return False


def test_missing_credentials_are_one_sentence(
    s3: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(ModelSourceError, match="this machine has no AWS credentials"):
        S3Source(URI).fetch(None, timeout_seconds=10)


def test_wrong_aws_settings_are_one_sentence(s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "nowhere")
    with pytest.raises(ModelSourceError, match="AWS settings of this machine are wrong"):
        S3Source(URI).fetch(None, timeout_seconds=10)


def test_an_address_is_split_into_bucket_and_key() -> None:
    assert s3_source.split_uri("s3://a/b/c.onnx") == ("a", "b/c.onnx")
