"""Disk cache: the last accepted model, or none where its file is damaged or of another address."""

import json
import os
import resource
import tempfile
from pathlib import Path

import pytest

from sepsis_detect.model_delivery import disk_cache
from sepsis_detect.model_delivery.disk_cache import CachedModel, ModelDiskCache

URI = "s3://models/model.onnx"
MODEL = CachedModel(content=b"an artifact\nof two lines", uri=URI, etag="abc", version_id="v1")


@pytest.fixture
def cache(tmp_path: Path) -> ModelDiskCache:
    return ModelDiskCache(URI, tmp_path / "cache")


def path_of(cache: ModelDiskCache) -> Path:
    assert cache.path is not None
    return cache.path


def test_a_written_model_is_read_again(cache: ModelDiskCache) -> None:
    assert cache.read() is None
    assert cache.write(MODEL)
    copy = cache.read()
    assert copy is not None
    assert (copy.content, copy.uri, copy.etag) == (MODEL.content, URI, "abc")
    assert copy.version_id == "v1"
    assert [path.suffix for path in path_of(cache).parent.iterdir()] == [".model"]


def test_only_the_same_bytes_accepted_by_the_same_versions_need_no_check(
    cache: ModelDiskCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write(MODEL)
    assert cache.has_accepted(MODEL.content)
    assert not cache.has_accepted(MODEL.content + b"!")
    monkeypatch.setattr(disk_cache, "ACCEPTED_BY", "another version")
    assert not cache.has_accepted(MODEL.content)


def test_a_damaged_or_foreign_file_is_ignored(cache: ModelDiskCache, tmp_path: Path) -> None:
    cache.write(MODEL)
    whole = path_of(cache).read_bytes()
    header = json.loads(whole.splitlines()[0])
    foreign = json.dumps(header | {"uri": "s3://others/model.onnx"}).encode()
    content = whole.partition(b"\n")[2]
    for damaged in (
        b"",
        whole[:-1],
        whole[:30],
        whole.replace(b"artifact", b"artefact"),
        b"{}\n" + content,
        b"[]\n" + content,
        b"\xff\n" + content,
        json.dumps(header | {"more": 1}).encode() + b"\n" + content,
        foreign + b"\n" + content,
        os.urandom(20_000),
    ):
        path_of(cache).write_bytes(damaged)
        assert cache.read() is None
        assert not cache.has_accepted(MODEL.content)
    path_of(cache).unlink()
    path_of(cache).mkdir()
    assert cache.read() is None
    assert not cache.write(MODEL)


def test_each_address_has_its_own_file(tmp_path: Path) -> None:
    ModelDiskCache(URI, tmp_path).write(MODEL)
    assert ModelDiskCache("s3://models/another.onnx", tmp_path).read() is None
    assert ModelDiskCache(URI, tmp_path).read() is not None


def test_the_temporary_file_of_a_killed_process_is_deleted(cache: ModelDiskCache) -> None:
    folder = path_of(cache).parent
    old, new = (folder / f"{path_of(cache).name}.{pid}.partial" for pid in (1, 2))
    for left in (old, new):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    cache.write(MODEL)
    assert not old.exists()
    assert new.exists()


def test_with_a_full_disk_the_former_model_stays(cache: ModelDiskCache) -> None:
    """The process may write files of at most eight kilobytes."""
    cache.write(MODEL)
    large = CachedModel(content=bytes(20_000), uri=URI, etag="def", version_id=None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, before[1]))
    try:
        assert not cache.write(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(list(path_of(cache).parent.iterdir())) == 1
    copy = cache.read()
    assert copy is not None
    assert copy.content == MODEL.content
    assert cache.write(large)


def test_without_its_folder_the_cache_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = ModelDiskCache(URI, tmp_path / "file" / "cache")
    assert cache.path is None
    assert cache.write(MODEL)
    assert cache.read() is None


def test_without_any_writable_folder_the_cache_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_usable() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "gettempdir", none_usable)
    assert ModelDiskCache(URI, None).path is None


def test_the_default_is_a_private_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    folder = path_of(ModelDiskCache(URI, None)).parent
    assert folder == tmp_path / "home" / "sepsis-detect"
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o777)  # other users could put a model there
    folder = path_of(ModelDiskCache(URI, None)).parent
    assert folder == tmp_path / "tmp" / f"sepsis-detect-{os.geteuid()}"
    folder.chmod(0o777)
    assert ModelDiskCache(URI, None).path is None
