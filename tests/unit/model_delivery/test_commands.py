"""`sepsis-detect model` on a local S3; a failure is one sentence and exit code 2."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepsis_detect.__main__ import main
from sepsis_detect.model_delivery.registry import ModelRegistry
from sepsis_detect.prediction import features
from tests.artifacts import BAD, OPERATING_POINTS, a_model, opened
from tests.faulty_s3 import BUCKET, KEY, URI, FaultyS3

pytestmark = pytest.mark.usefixtures("untraced")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def s3(s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> FaultyS3:
    """The shared S3, with its address in the settings."""
    monkeypatch.setenv("SEPSIS_MODEL_URI", URI)
    return s3


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `sepsis-detect model ...`: exit code, standard output, standard error."""

    def run_command(*arguments: object) -> tuple[int, str, str]:
        code = main(["model", *map(str, arguments)])
        output = capsys.readouterr()
        if code:
            assert (code, output.out) == (2, "")
            assert output.err.startswith("sepsis-detect: ")
            assert output.err.count("\n") == 1
        else:
            assert output.err == ""
        return code, output.out, output.err.removeprefix("sepsis-detect: ").rstrip()

    return run_command


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "candidate.onnx"
        path.write_bytes(content)
        return path

    return write


def served(s3: FaultyS3) -> tuple[bytes, dict[str, Any]]:
    found = s3.client.get_object(Bucket=BUCKET, Key=KEY)
    return found["Body"].read(), found["Metadata"]


def test_verify_gives_the_result_of_the_service(run: Run, file: Callable[[bytes], Path]) -> None:
    path = file(a_model("7"))
    code, out, _ = run("verify", path)
    assert (code, out.startswith(f"{path} is acceptable: made-up 7, 0.0 MB, ")) == (0, True)
    for kind in ("truncated", "wrong self-check", "a step", "huge"):
        make, why = BAD[kind]
        code, _, sentence = run("verify", file(make()))
        assert (code, why in sentence, "would be refused: " in sentence) == (2, True, True)
    assert "No such file" in run("verify", path.with_name("none.onnx"))[2]


def test_publish_uploads_the_model_to_serve(
    s3: FaultyS3, run: Run, file: Callable[[bytes], Path]
) -> None:
    first, second = a_model("1"), a_model("2")
    _, out, _ = run("publish", file(first))
    assert "made-up 1 is at s3://models/sepsis/model.onnx now, S3 version id " in out
    assert "It is the first" in out
    _, out, _ = run("publish", file(second))
    assert "It replaces made-up 1." in out
    assert "To go back: sepsis-detect model rollback " in out
    content, metadata = served(s3)
    assert content == second
    assert (metadata["name"], metadata["version"], len(metadata["sha256"])) == ("made-up", "2", 64)
    assert "already; nothing was written" in run("publish", file(second))[1]
    s3.put(first)
    assert "It replaces what was uploaded at 20" in run("publish", file(second))[1]


def test_a_model_that_the_service_would_refuse_is_not_published(
    s3: FaultyS3, run: Run, file: Callable[[bytes], Path]
) -> None:
    s3.put(a_model("1"))
    for kind in ("truncated", "unknown feature", "a step"):
        make, why = BAD[kind]
        assert why in run("publish", file(make()))[2]
    assert served(s3)[0] == a_model("1")


@pytest.mark.parametrize("is_first", [True, False])
def test_one_of_two_concurrent_publishers_gets_an_error(
    s3: FaultyS3,
    run: Run,
    file: Callable[[bytes], Path],
    monkeypatch: pytest.MonkeyPatch,
    is_first: bool,
) -> None:
    if not is_first:
        s3.put(a_model("1"))
    current = ModelRegistry.current

    def read_and_be_overtaken(self: ModelRegistry) -> Any:
        found = current(self)
        s3.put(a_model("overtaking"))
        return found

    monkeypatch.setattr(ModelRegistry, "current", read_and_be_overtaken)
    sentence = run("publish", file(a_model("2")))[2]
    assert "somebody else wrote to s3://models/sepsis/model.onnx meanwhile" in sentence
    assert served(s3)[0] == a_model("overtaking")


def test_history_lists_versions_and_deletions_newest_first(
    s3: FaultyS3, run: Run, file: Callable[[bytes], Path]
) -> None:
    run("publish", file(a_model("1")))
    s3.client.put_object(Bucket=BUCKET, Key=f"{KEY}.another", Body=b"not ours")
    time.sleep(1.1)  # times of deletions are whole seconds
    s3.delete()
    s3.put(a_model("2"))
    head, newest, deleted, oldest = run("history")[1].splitlines()
    assert head.split() == ["uploaded", "(UTC)", "model", "version", "S3", "version", "id"]
    assert "(uploaded by other means)" in newest
    assert newest.endswith("<- current")
    assert "(deleted)" in deleted
    assert oldest.split()[2:4] == ["made-up", "1"]
    assert len(run("history", "--newest", 1)[1].splitlines()) == 2


def test_rollback_makes_the_previous_different_model_current_again(
    s3: FaultyS3, run: Run, file: Callable[[bytes], Path]
) -> None:
    for version in ("1", "2"):
        run("publish", file(a_model(version)))
    _, out, _ = run("rollback")
    assert "made-up 1 is at" in out
    assert "It replaces made-up 2." in out
    assert served(s3)[1]["version"] == "1"
    run("rollback")
    assert served(s3)[1]["version"] == "2"
    s3.delete()
    run("rollback")
    assert served(s3)[1]["version"] == "2"


def test_rollback_makes_the_named_version_current(
    s3: FaultyS3, run: Run, file: Callable[[bytes], Path]
) -> None:
    for version in ("1", "2", "3"):
        run("publish", file(a_model(version)))
    run("rollback", "1")
    assert served(s3)[0] == a_model("1")
    by_id = next(line.split()[4] for line in run("history")[1].splitlines() if " 2 " in line)
    run("rollback", by_id)
    assert served(s3)[0] == a_model("2")
    assert "already" in run("rollback", "2")[1]
    assert "has no version 9" in run("rollback", "9")[2]


def test_rollback_to_an_unacceptable_model_is_refused(s3: FaultyS3, run: Run) -> None:
    s3.put(BAD["truncated"][0]())
    s3.put(a_model("1"))
    assert "would be refused: not an ONNX model" in run("rollback")[2]
    assert served(s3)[0] == a_model("1")


def test_a_bucket_without_versioning_gives_a_warning(
    s3: FaultyS3, run: Run, file: Callable[[bytes], Path]
) -> None:
    s3.begin(is_versioned=False)
    assert "The bucket keeps no versions" in run("publish", file(a_model("1")))[1]
    assert "It replaces made-up 1." in run("publish", file(a_model("2")))[1]
    for action in ("history", "rollback"):
        assert "keeps no versions, so there is no history" in run(action)[2]


def test_a_missing_model_bucket_or_permission_is_one_sentence(
    s3: FaultyS3, run: Run, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(a_model("1"))
    assert run("history")[2] == f"there never was a model at {URI}"
    s3.put(a_model("1"))
    assert "no other model before the present one" in run("rollback")[2]
    for action in (["publish", path], ["history"], ["rollback"]):
        assert "there is no such bucket" in run(*action, "--to", "s3://others/model.onnx")[2]
        assert "is not of the form s3://" in run(*action, "--uri", "model.onnx")[2]
    for fault, why in (("403", "these credentials may not"), ("down", "cannot be connected to")):
        s3.show(fault)
        for action in (["publish", path], ["history"], ["rollback"]):
            assert why in run(*action)[2]
    monkeypatch.delenv("SEPSIS_MODEL_URI")
    assert "name the model's place" in run("history")[2]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "nowhere")
    assert "AWS settings of this machine are wrong" in run("history", "--uri", URI)[2]


def test_show_prints_the_model_that_would_be_served_and_its_source(
    s3: FaultyS3, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEPSIS_MODEL_CACHE_DIR", str(tmp_path))
    etag = s3.put(a_model("1"))
    out = run("show")[1]
    assert f"source                      {URI}" in out
    assert f"etag                        {etag}" in out
    assert "fallback" not in out
    s3.show("down")
    out = run("show")[1]
    assert "source                      cache" in out
    assert "fallback                    at the start: S3 cannot be connected to" in out


def test_show_prints_operating_points_as_a_table(s3: FaultyS3, run: Run, tmp_path: Path) -> None:
    s3.put(a_model("1", operating_points=OPERATING_POINTS, external={"auroc": 0.78}))
    out = run("show")[1]
    *_, blank, head, served, other = out.splitlines()
    assert blank == ""
    assert head.split()[:3] == ["threshold", "sensitivity", "PPV"]
    assert served.split() == ["0.40000", "0.430", "0.061", "1.90", "0.610", "0.190", "<-", "served"]
    assert other.split() == ["0.90000", "0.000", "-", "0.00", "0.000", "0.000"]
    assert "external                    {'auroc': 0.78}" in out
    s3.put(a_model("2"))
    assert "sensitivity" not in run("show")[1]


def test_files_are_not_scored_by_a_fallback_model(
    s3: FaultyS3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SEPSIS_MODEL_CACHE_DIR", str(tmp_path))
    path = tmp_path / "hours.csv"
    path.write_text("patient_id,HR\n1,80\n", encoding="utf-8")
    assert main(["score", str(path), "-o", str(tmp_path / "out.csv")]) == 2
    assert capsys.readouterr().err.startswith(
        "sepsis-detect: the model is not to be had (at the start: the object is not there"
    )
    assert not (tmp_path / "out.csv").exists()


def test_set_threshold_writes_a_copy_that_answers_the_same_and_says_what_it_gives(
    run: Run, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    content = a_model("1", operating_points=OPERATING_POINTS)
    path, out = file(content), tmp_path / "out.onnx"
    _, said, _ = run("set-threshold", path, "--threshold", 0.5, "-o", out)
    assert f"{out}: made-up 1-t0.5, threshold 0.5 instead of 0.4." in said
    assert "interpolated: 1.52 flagged hours per patient and day, 34.4 % of the septic" in said
    assert path.read_bytes() == content
    before, after = opened(content), opened(out.read_bytes())
    X = np.random.default_rng(1).normal(1, 1, (50, len(features.NAMES))).astype(np.float32)
    np.testing.assert_array_equal(before.probabilities(X), after.probabilities(X))
    assert after.threshold == np.float32(0.5)
    assert "is acceptable: made-up 1-t0.5" in run("verify", out)[1]
    _, said, _ = run("set-threshold", out, "--alerts-per-day", "1", "-o", out)
    assert "PPV unknown" in said
    assert {each.name for each in tmp_path.iterdir()} == {"candidate.onnx", "out.onnx"}


def test_set_threshold_without_operating_points_says_so(
    run: Run, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    said = run("set-threshold", file(a_model("1")), "--threshold", "0.2", "-o", tmp_path / "o")[1]
    assert "What it gives is not known" in said


def test_a_threshold_that_cannot_be_set_leaves_no_file(
    run: Run, file: Callable[[bytes], Path], tmp_path: Path
) -> None:
    path, out = file(a_model("1", operating_points=OPERATING_POINTS)), tmp_path / "out.onnx"
    for options, why in (
        (["--threshold", "0.1"], "what 0.1 would give is not known"),
        (["--threshold", "2"], "--threshold: '2' is not a number above 0 and up to 1"),
        (["--sensitivity", "0.9"], "at most 43.0 % of the septic hours, not 90 %"),
        (["--alerts-per-day", "no"], "'no' is not a number"),
    ):
        assert why in run("set-threshold", path, *options, "-o", out)[2]
    bad = file(BAD["truncated"][0]())
    assert "would be refused" in run("set-threshold", bad, "--threshold", "0.3", "-o", out)[2]
    path = file(a_model("1"))
    nowhere = tmp_path / "none" / "out.onnx"
    assert "cannot write" in run("set-threshold", path, "--threshold", "0.3", "-o", nowhere)[2]
    assert [each.name for each in tmp_path.iterdir()] == ["candidate.onnx"]


def test_show_prints_parent_and_site(s3: FaultyS3, run: Run) -> None:
    parent = {"name": "made-up", "version": "1", "sha256": "0" * 64}
    s3.put(a_model("2", parent=parent, site={"name": "St Elsewhere"}))
    out = run("show")[1]
    assert "site                        St Elsewhere" in out
    assert "parent                      made-up 1" in out
