"""Stage `fetch` against a local S3 (moto) with faults: complete, resumed, refused downloads."""

import hashlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from model_build.__main__ import main
from model_build.data import fetch as stage
from model_build.data.cohort import Cohort, load
from model_build.data.fetch import BUCKET, DATASET, FetchError, fetch, parse
from tests.paths import ROOT
from tests.unit.model_build.data.test_cohort import assert_same, write_psv
from tests.unit.model_build.synthetic_cohort import synthetic_cohort
from tests.waiting import until

N_PATIENTS = 30
RECORD = "training_setA/p000007.psv"
CUT = 200  # a body that ends before it should
OTHER = "training_setB/p100030.psv"


class Quiet(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class S3:
    """Moto's S3 on a free port: what was asked of it, and the faults it shows."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.reset()

    def reset(self) -> None:
        """An empty S3 without faults."""
        connection = http.client.HTTPConnection("127.0.0.1", self._server.server_port)
        connection.request("POST", "/moto-api/reset")
        connection.getresponse().read()
        connection.close()
        self.asked: list[str] = []
        self.was_signed = False
        self.fault: Callable[[str, int], int | None] = lambda place, n: None
        self.gate = threading.Event()
        self.gate.set()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] == "GET":
            place = environ["PATH_INFO"].removeprefix(f"/{BUCKET}/{DATASET}/")
            self.asked.append(place)
            self.was_signed |= "HTTP_AUTHORIZATION" in environ
            if len(self.asked) > N_PATIENTS // 3:
                self.gate.wait()
            status = self.fault(place, self.asked.count(place))
            if status == CUT:
                start_response("200 OK", [("Content-Length", "1000")])
                return [b"HR|O2Sat"]
            if status:
                start_response(f"{status} Fault", [("Content-Length", "0")])
                return [b""]
        return self._moto(environ, start_response)

    @cached_property
    def client(self) -> Any:
        """A client with write access."""
        return boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="curator",
            aws_secret_access_key="made-up",  # noqa: S106 - for the local server
        )

    def put(self, place: str, content: bytes) -> None:
        key = f"{DATASET}/{place}"
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content, ACL="public-read")

    def remove(self, place: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=f"{DATASET}/{place}")

    def publish(self, folder: Path) -> None:
        """The records of a folder and their checksums, in the published layout."""
        self.client.create_bucket(Bucket=BUCKET, ACL="public-read")
        lines = ["0" * 64 + " LICENSE.txt\n"]
        for path in sorted(folder.rglob("*.psv")):
            content, place = path.read_bytes(), f"training/{path.parent.name}/{path.name}"
            self.put(place, content)
            lines.append(f"{hashlib.sha256(content).hexdigest()} {place}\n")
        self.put("SHA256SUMS.txt", "".join(lines).encode())


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    server = S3()
    yield server
    server.close()


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return synthetic_cohort(N_PATIENTS)


@pytest.fixture
def s3(server: S3, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    server.reset()
    write_psv(cohort, tmp_path / "published")
    server.publish(tmp_path / "published")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    yield server
    server.gate.set()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_is_fetched_is_what_was_published_and_can_be_trained_on(
    s3: S3, cohort: Cohort, tmp_path: Path, out: Path
) -> None:
    assert main(["fetch", "--out", str(out)]) == 0
    assert tree(out) == tree(tmp_path / "published")
    assert_same(load(out), cohort)
    assert not s3.was_signed
    assert len(s3.asked) == len(set(s3.asked)) == N_PATIENTS + 1


def test_a_second_run_asks_for_nothing_but_the_checksums(s3: S3, out: Path) -> None:
    assert fetch(out) == N_PATIENTS
    s3.asked.clear()
    assert fetch(out) == 0
    assert s3.asked == ["SHA256SUMS.txt"]


def test_only_missing_and_damaged_records_are_fetched_again(
    s3: S3, tmp_path: Path, out: Path
) -> None:
    fetch(out)
    (out / RECORD).write_bytes((out / RECORD).read_bytes()[:-1])
    (out / OTHER).unlink()
    s3.asked.clear()
    assert fetch(out) == 2
    assert sorted(s3.asked) == ["SHA256SUMS.txt", f"training/{RECORD}", f"training/{OTHER}"]
    assert tree(out) == tree(tmp_path / "published")


def test_a_record_that_differs_from_its_checksum_is_named_and_not_kept(
    s3: S3, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out.joinpath(RECORD).parent.mkdir(parents=True)
    out.joinpath(RECORD).write_bytes(b"an older try")
    s3.put(f"training/{RECORD}", b"HR|SepsisLabel\n80|0\n")
    assert main(["fetch", "--out", str(out)]) == 2
    assert f"model_build: {RECORD} in the bucket differs from" in capsys.readouterr().err
    assert len(tree(out)) == N_PATIENTS - 1
    assert RECORD not in tree(out)


def test_missing_records_are_all_named_and_the_others_fetched(s3: S3, out: Path) -> None:
    for place in (RECORD, OTHER):
        s3.remove(f"training/{place}")
    with pytest.raises(FetchError) as refusal:
        fetch(out)
    assert all(f"{place} is not in the bucket" in str(refusal.value) for place in (RECORD, OTHER))
    assert len(tree(out)) == N_PATIENTS - 2


def test_a_download_from_an_empty_bucket_stops_early(s3: S3, tmp_path: Path, out: Path) -> None:
    for place in tree(tmp_path / "published"):
        s3.remove(f"training/{place}")
    with pytest.raises(FetchError) as refusal:
        fetch(out)
    assert str(refusal.value).count("is not in the bucket") == stage.MAX_FAILED_RECORDS


def test_without_published_checksums_nothing_is_fetched(s3: S3, out: Path) -> None:
    s3.remove("SHA256SUMS.txt")
    with pytest.raises(FetchError, match=r"SHA256SUMS\.txt is not in the bucket"):
        fetch(out)
    assert not out.exists()


def test_without_the_bucket_nothing_is_fetched(server: S3, s3: S3, out: Path) -> None:
    server.reset()
    with pytest.raises(FetchError, match=r"cannot be read: .*NoSuchBucket"):
        fetch(out)


def test_a_transient_error_is_retried(s3: S3, tmp_path: Path, out: Path) -> None:
    places = [f"training/training_setA/p00000{k}.psv" for k in range(1, 5)]
    faults = dict(zip(places, (503, 500, 429, CUT), strict=True))
    s3.fault = lambda place, n: faults.get(place) if n == 1 else None
    assert fetch(out) == N_PATIENTS
    assert tree(out) == tree(tmp_path / "published")
    assert {place for place, n in Counter(s3.asked).items() if n == 2} == set(places)


def test_a_refusal_is_not_retried(s3: S3, out: Path) -> None:
    s3.fault = lambda place, n: 403
    with pytest.raises(FetchError, match=r"cannot be read: .*403"):
        fetch(out)
    assert s3.asked == ["SHA256SUMS.txt"]


def test_an_endpoint_that_does_not_answer_is_named(
    s3: S3, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert main(["fetch", "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("model_build: No answer from http://127.0.0.1:9 ")
    assert said.endswith("check the network, then run the same command again to go on from here.\n")


def test_wrong_aws_settings_are_a_sentence(
    s3: S3, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    with pytest.raises(FetchError, match=r"settings of this machine are wrong: .*nowhere"):
        fetch(out)


def test_a_full_disk_is_reported_and_leaves_no_partial_record(s3: S3, out: Path) -> None:
    partial = out / f"{RECORD}.partial"
    partial.parent.mkdir(parents=True)
    partial.symlink_to("/dev/full")
    with pytest.raises(FetchError, match="the disk is full"):
        fetch(out)
    assert not [name for name in tree(out) if name.startswith(RECORD)]
    fetch(out)
    assert len(tree(out)) == N_PATIENTS


def test_a_folder_that_cannot_be_written_is_reported(s3: S3, out: Path) -> None:
    out.write_bytes(b"a file")
    with pytest.raises(FetchError, match=r"Cannot write under .*/out: "):
        fetch(out)


def test_data_are_never_written_into_the_project(
    s3: S3, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "link"
    link.symlink_to(ROOT)
    for out in (ROOT, ROOT / "data", ROOT / "x/../y", link / "data"):
        assert main(["fetch", "--out", str(out)]) == 2
        assert capsys.readouterr().err == (
            f"model_build: {out} is inside the project, which never holds data: name another DIR.\n"
        )
    assert not s3.asked


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(signal.SIGKILL, -signal.SIGKILL, id="killed"),
        pytest.param(signal.SIGINT, 130, id="Ctrl-C"),
    ],
)
def test_an_interrupted_download_resumes(
    s3: S3, cohort: Cohort, out: Path, sent: signal.Signals, code: int
) -> None:
    s3.gate.clear()  # about a third of the records are answered, the next wait
    command = [sys.executable, "-m", "model_build", "fetch", "--out", str(out)]
    # A job in the background of a shell inherits an ignored Ctrl-C.
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:
        until(lambda: len(s3.asked) >= N_PATIENTS // 3 + stage.N_THREADS)
        run.send_signal(sent)
        time.sleep(2)  # for Ctrl-C to be heard on a busy machine; what is under way may then end
        s3.gate.set()
        said = run.communicate(timeout=20)[1]
    assert run.returncode == code
    assert "Traceback" not in said
    n_there = len(tree(out))
    assert N_PATIENTS // 4 < n_there < N_PATIENTS
    assert fetch(out) == N_PATIENTS - n_there
    assert_same(load(out), cohort)


@pytest.mark.parametrize("between", [" ", "  ", " *", "\t"])
def test_checksums_are_read_in_every_usual_spelling(between: str) -> None:
    others = "".join(
        f"{'0' * 64} {name}\n" for name in ("training/training_setA/index.html", "x.psv")
    )
    (record,) = parse(f"{'AB' * 32}{between}training/{RECORD}\r\n{others}")
    assert record.place == RECORD
    assert record.key == f"{DATASET}/training/{RECORD}"
    assert record.sha256 == "ab" * 32


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("<html>Sign in to the hotel's network</html>", id="a page"),
        pytest.param(f"{'0' * 63} training/{RECORD}", id="a short checksum"),
        pytest.param(f"{'0' * 64} training/../../{RECORD}", id="a path that leads out"),
    ],
)
def test_a_list_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(FetchError, match="not the expected list"):
        parse(text)
