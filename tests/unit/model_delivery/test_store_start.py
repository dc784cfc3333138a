"""Model store, start and disk: the cached or embedded model is served where the source fails."""

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sepsis_detect.errors import ModelArtifactError, ModelSourceError
from sepsis_detect.model_delivery.candidate import CandidateStatus
from sepsis_detect.model_delivery.store import ModelStore
from tests.artifacts import BAD, a_model
from tests.faulty_s3 import URI, FaultyS3
from tests.unit.model_delivery.stores import reason, refresh, settings, version

pytestmark = pytest.mark.usefixtures("untraced")


def test_a_start_without_s3_serves_the_cached_model_until_s3_is_back(
    s3: FaultyS3, tmp_path: Path
) -> None:
    etag = s3.put(a_model("1"))
    ModelStore(settings(tmp_path))
    s3.show("down")
    models = ModelStore(settings(tmp_path))
    assert (version(models), models.current.source) == ("1", "cache")
    assert models.current.etag == etag
    assert models.fallback is not None
    assert "S3 cannot be connected to; the last accepted copy" in models.fallback
    assert reason(models, CandidateStatus.UNREACHABLE)
    refresh(models)
    assert models.current.source == "cache"
    s3.show(None)
    refresh(models)
    assert (version(models), models.current.source) == ("1", URI)
    assert [models.fallback, models.candidate] == [None, None]


@pytest.mark.parametrize("damage", [b"", b"no copy", None], ids=["empty", "foreign", "none"])
def test_a_start_without_s3_or_a_cached_model_serves_the_embedded_model(
    s3: FaultyS3, tmp_path: Path, damage: bytes | None
) -> None:
    s3.put(a_model("1"))
    ModelStore(settings(tmp_path))
    (copy,) = (tmp_path / "cache").iterdir()
    if damage is None:
        copy.unlink()
    else:
        copy.write_bytes(damage)
    s3.show("500")
    models = ModelStore(settings(tmp_path))
    assert models.current.source == "embedded"
    assert models.fallback is not None
    assert models.fallback.startswith("at the start: S3 answered 500 (InternalError); the embedded")


def test_a_start_with_a_bad_object_serves_the_cached_model(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    ModelStore(settings(tmp_path))
    s3.put(BAD["wrong self-check"][0]())
    models = ModelStore(settings(tmp_path))
    assert (version(models), models.current.source) == ("1", "cache")
    assert "misses its self-check" in reason(models, CandidateStatus.REFUSED)
    n_refused = len(s3.requests)
    refresh(models)
    assert s3.requests[n_refused:] == [("GET", "/models/sepsis/model.onnx", True)]
    assert reason(models, CandidateStatus.REFUSED)


def test_with_a_full_disk_a_model_is_served_and_cached_later(
    s3: FaultyS3, tmp_path: Path, log: Callable[[], list[dict[str, Any]]]
) -> None:
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(a_model("2"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, before[1]))
    try:
        for _ in range(3):
            refresh(models)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert version(models) == "2"
    events = [line["event"] for line in log()]
    assert events == ["model_cache_not_written", "model_swapped"]
    refresh(models)
    s3.show("down")
    assert version(ModelStore(settings(tmp_path))) == "2"


def test_models_are_swapped_without_a_folder_to_write_in(s3: FaultyS3, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file, where a folder should be")
    s3.put(a_model("1"))
    models = ModelStore(settings(tmp_path))
    s3.put(a_model("2"))
    refresh(models)
    assert version(models) == "2"


def test_a_path_without_a_model_stops_the_start_but_not_a_replacement_worker(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(ModelSourceError, match=r"cannot read model\.onnx: No such file"):
        ModelStore(settings(tmp_path, str(path)))
    path.write_bytes(a_model("1"))
    ModelStore(settings(tmp_path, str(path)))
    path.write_bytes(b"half")
    with pytest.raises(ModelArtifactError, match="not an ONNX model"):
        ModelStore(settings(tmp_path, str(path)))
    models = ModelStore(settings(tmp_path, str(path)), may_fall_back=True)
    assert (version(models), models.current.source) == ("1", "cache")
