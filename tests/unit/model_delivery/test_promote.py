"""`sepsis-detect model promote` on a local S3: the shadow's object becomes the served one."""

from pathlib import Path
from typing import Any

import pytest

from tests.artifacts import BAD, a_model
from tests.faulty_s3 import BUCKET, KEY, URI, FaultyS3
from tests.unit.model_delivery.test_commands import Run, run, s3

__all__ = ["run", "s3"]  # fixtures

pytestmark = pytest.mark.usefixtures("untraced")

SHADOW_KEY = "sepsis/shadow.onnx"
SHADOW_URI = f"s3://{BUCKET}/{SHADOW_KEY}"


def put(s3: FaultyS3, key: str, content: bytes) -> None:
    s3.client.put_object(Bucket=BUCKET, Key=key, Body=content)


def at(s3: FaultyS3, key: str) -> tuple[bytes, dict[str, Any]]:
    found = s3.client.get_object(Bucket=BUCKET, Key=key)
    return found["Body"].read(), found["Metadata"]


@pytest.mark.parametrize("is_in_settings", [True, False], ids=["settings", "options"])
def test_the_shadow_becomes_the_served_model_and_rollback_undoes_it(
    s3: FaultyS3, run: Run, monkeypatch: pytest.MonkeyPatch, is_in_settings: bool
) -> None:
    first, second = a_model("1"), a_model("2", scale=0.9)
    put(s3, KEY, first)
    put(s3, SHADOW_KEY, second)
    if is_in_settings:
        monkeypatch.setenv("SEPSIS_SHADOW_MODEL_URI", SHADOW_URI)
        _, told, _ = run("promote")
    else:
        monkeypatch.delenv("SEPSIS_MODEL_URI")
        _, told, _ = run("promote", "--from", SHADOW_URI, "--to", URI)
    assert f"made-up 2 is at {URI} now" in told
    content, metadata = at(s3, KEY)
    assert content == second
    assert (metadata["name"], metadata["version"]) == ("made-up", "2")
    assert at(s3, SHADOW_KEY)[0] == second  # it stays
    run("rollback", "--to", URI)
    assert at(s3, KEY)[0] == first


def test_a_shadow_on_disk_can_be_promoted(s3: FaultyS3, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "shadow.onnx"
    path.write_bytes(a_model("2"))
    run("promote", "--from", path)
    assert at(s3, KEY)[0] == path.read_bytes()


def test_promoting_twice_writes_once(s3: FaultyS3, run: Run) -> None:
    put(s3, KEY, a_model("1"))
    put(s3, SHADOW_KEY, a_model("2"))
    run("promote", "--from", SHADOW_URI)
    _, told, _ = run("promote", "--from", SHADOW_URI)
    assert "nothing was written" in told
    assert len(s3.client.list_object_versions(Bucket=BUCKET, Prefix=KEY)["Versions"]) == 2


def test_a_shadow_that_the_service_would_refuse_is_not_promoted(s3: FaultyS3, run: Run) -> None:
    put(s3, KEY, a_model("1"))
    put(s3, SHADOW_KEY, BAD["unknown feature"][0]())
    code, _, sentence = run("promote", "--from", SHADOW_URI)
    assert code == 2
    assert "would be refused: unknown feature 'shoe_size'" in sentence
    assert at(s3, KEY)[0] == a_model("1")


def test_without_a_shadow_it_says_what_is_missing(s3: FaultyS3, run: Run) -> None:
    assert "SEPSIS_SHADOW_MODEL_URI" in run("promote")[2]
    assert "there is no model at" in run("promote", "--from", SHADOW_URI)[2]
    assert "is the served model itself" in run("promote", "--from", URI)[2]
    assert "cannot read" in run("promote", "--from", "/nowhere.onnx")[2]
