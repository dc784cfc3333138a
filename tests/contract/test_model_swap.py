"""Model swap on a running server: uploads, faults of S3, killed workers."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from sepsis_detect.api.schema.responses import Health, ServedModel
from sepsis_detect.prediction.model import EMBEDDED_MODEL
from tests.artifacts import BAD, a_model
from tests.contract.test_server import PATIENT, Server, resident_megabytes, serving
from tests.faulty_s3 import URI, FaultyS3
from tests.waiting import until

MAX_MEGABYTES = 150
pytestmark = pytest.mark.timeout(600)  # workers start and candidates are checked many times


def settings(tmp_path: Path, uri: str = URI) -> dict[str, str]:
    return {
        "MODEL_URI": uri,
        "MODEL_POLL_SECONDS": "0.3",
        "MODEL_CACHE_DIR": str(tmp_path / "cache"),
    }


def health(server: Server) -> Health:
    status, answer = server.ask("GET", "/health")
    assert status == 200
    return Health.model_validate(answer)


def served(server: Server) -> str:
    """The model version of an answer."""
    status, answer = server.ask("POST", "/predict/patient", PATIENT)
    assert status == 200
    return str(answer["model"]["version"])


def is_everywhere(server: Server, version: str) -> bool:
    """Whether every worker answers with it: ten connections reach both of two."""
    return all(served(server) == version for _ in range(10))


def test_an_upload_is_served_a_refused_one_is_shown_and_a_deletion_changes_nothing(
    s3: FaultyS3, tmp_path: Path
) -> None:
    first = s3.put(a_model("1"))
    with serving(**settings(tmp_path)) as server:
        assert f"model made-up 1 ({URI}), on " in server.banner
        found = health(server)
        assert (found.model.source, found.model.etag) == (URI, first)
        assert found.model.version_id
        assert ServedModel.model_validate(server.ask("GET", "/model")[1]).etag == first
        s3.put(a_model("2", scale=0.9))
        until(lambda: served(server) == "2")
        bad = s3.put(BAD["unknown feature"][0]())
        until(lambda: health(server).candidate)
        candidate = health(server).candidate
        assert candidate is not None
        assert (candidate.etag, candidate.status) == (bad, "refused")
        assert candidate.reason == "unknown feature 'shoe_size' (1 in all)"
        assert served(server) == "2"
        s3.delete()
        until(lambda: getattr(health(server).candidate, "status", None) == "unreachable")
        assert served(server) == "2"
        s3.put(a_model("3"))
        until(lambda: served(server) == "3")
        assert server.stop() == 0
    refusals = [line for line in server.log if line["event"] == "model_refused"]
    assert [line["RefusedCandidates"] for line in refusals] == [1]


def test_an_upload_with_a_step_in_the_risk_is_shown_and_not_served(
    s3: FaultyS3, tmp_path: Path
) -> None:
    s3.put(a_model("1"))
    with serving(**settings(tmp_path)) as server:
        make, reason = BAD["a step"]
        stepped = s3.put(make())
        until(lambda: health(server).candidate)
        candidate = health(server).candidate
        assert candidate is not None
        assert (candidate.etag, candidate.status) == (stepped, "refused")
        assert candidate.reason == f"the risk of a well patient {reason}"
        assert served(server) == "1"
        assert server.stop() == 0


def test_memory_after_a_swap_is_within_the_bound(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    with serving(**settings(tmp_path)) as server:
        s3.put(EMBEDDED_MODEL.read_bytes())
        until(lambda: health(server).model.name == "sepsis-hgb")
        until(lambda: resident_megabytes(server.process.pid) < MAX_MEGABYTES)
        assert server.stop() == 0


def test_the_replacement_of_a_killed_worker_serves_the_current_model(
    s3: FaultyS3, tmp_path: Path
) -> None:
    s3.put(a_model("1"))
    with serving("--workers", "2", **settings(tmp_path)) as server:
        s3.put(a_model("2"))
        until(lambda: is_everywhere(server, "2"))
        killed = server.workers()[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(server.workers()) == 2 and killed not in server.workers())
        until(lambda: is_everywhere(server, "2"))
        # Without S3 it serves the cached model.
        s3.show("down")
        os.kill(server.workers()[0], signal.SIGKILL)
        until(lambda: any(health(server).model.source == "cache" for _ in range(10)))
        until(lambda: is_everywhere(server, "2"))
        s3.show(None)
        s3.put(a_model("3"))
        until(lambda: is_everywhere(server, "3"))
        assert server.stop() == 0


def test_a_killed_worker_is_replaced_although_its_model_file_is_incomplete(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(a_model("1"))
    with serving("--workers", "2", **settings(tmp_path, str(path))) as server:
        path.write_bytes(b"half")
        until(lambda: all(health(server).candidate for _ in range(10)))
        killed = server.workers()[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: any(health(server).model.source == "cache" for _ in range(10)))
        assert is_everywhere(server, "1")
        assert server.stop() == 0


def test_health_shows_the_fallback_of_a_start_without_s3(s3: FaultyS3, tmp_path: Path) -> None:
    s3.show("down")
    with serving(**settings(tmp_path)) as server:
        found = health(server)
        assert found.model.source == "embedded"
        assert found.fallback is not None
        assert found.fallback.startswith("at the start: S3 cannot be connected to; the embedded")
        s3.show(None)
        s3.put(a_model("1"))
        until(lambda: served(server) == "1")
        assert health(server).fallback is None
        assert server.stop() == 0


def test_a_server_that_stops_kills_its_check(s3: FaultyS3, tmp_path: Path) -> None:
    s3.put(a_model("1"))
    with serving(**settings(tmp_path)) as server:
        s3.put(BAD["endless loop"][0]())
        check = wait_for_check(server)
        assert served(server) == "1"
        assert server.stop() == 0
        assert not Path(f"/proc/{check}/cmdline").exists()


def wait_for_check(server: Server) -> int:
    """The process id of the running check."""
    found: list[int] = []

    def is_found() -> bool:
        found.extend(checks(server))
        return bool(found)

    until(is_found)
    return found[0]


def checks(server: Server) -> list[int]:
    pid = server.process.pid
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():  # started by the polling thread
        with suppress(OSError):  # the thread or the child has ended
            for child in map(int, (task / "children").read_text(encoding="ascii").split()):
                if b"sandbox_process" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(child)
    return found
