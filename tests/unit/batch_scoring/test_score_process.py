"""The command `sepsis-detect score` as a process: exit code, terminal, signals, memory."""

import os
import pty
import resource
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.unit.batch_scoring.hour_files import GOOD, write

# Coverage, too, would find the disk full and say so on standard error.
pytestmark = pytest.mark.usefixtures("untraced")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "sepsis_detect", "score", *map(str, arguments)]


def a_big_file(path: Path, n_stays: int) -> Path:
    table = pa.Table.from_pylist(GOOD)
    at = table.column_names.index("patient_id")
    stays = [
        table.set_column(at, "patient_id", pa.array([f"p{n}"] * len(GOOD))) for n in range(n_stays)
    ]
    pa.parquet.write_table(pa.concat_tables(stays), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    """The process may write files of eight kilobytes at most."""
    path = a_big_file(tmp_path / "in.parquet", 2_000)
    done = subprocess.run(
        command(path, "-o", tmp_path / f"out{suffix}"),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192)),
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"sepsis-detect: {tmp_path / f'out{suffix}'} cannot be written: ")
    assert done.stderr.count("\n") == 1
    assert [found.name for found in tmp_path.iterdir()] == ["in.parquet"]


def test_a_bad_line_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    path = write(tmp_path / "in.psv", GOOD)
    path.write_text(path.read_text(encoding="utf-8").replace("63.5", "6|3", 1), encoding="utf-8")
    done = subprocess.run(
        command(path, "-o", tmp_path / "out.csv"), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sepsis-detect: {path}, line 2: 42 cells under 41 columns\n"


def test_a_process_ended_by_a_signal_leaves_no_file(tmp_path: Path) -> None:
    path = a_big_file(tmp_path / "in.parquet", 6_000)
    process = subprocess.Popen(command(path, "-o", tmp_path / "out.csv"), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".sepsis-detect-*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert [found.name for found in tmp_path.iterdir()] == ["in.parquet"]


def on_a_terminal(arguments: list[str]) -> tuple[int, str]:
    """Run with standard error on a terminal; exit code and output."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    with subprocess.Popen(arguments, stderr=theirs, stdout=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # Linux: the other end is closed
            pass
        finally:
            os.close(ours)
    return process.returncode, shown.decode()


def test_a_terminal_shows_a_progress_bar_that_goes_away(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", GOOD)
    status, shown = on_a_terminal(command(path, "-o", tmp_path / "out.csv"))
    assert status == 0
    _, *bars, wiped, closing, _ = shown.split("\r")
    assert all("scoring" in bar for bar in bars)
    assert bars
    assert wiped.isspace()
    assert closing.startswith("12 hours of 1 stay scored")
    status, shown = on_a_terminal(command(path, "--quiet", "-o", tmp_path / "out.csv"))
    assert shown.startswith("12 hours")


def test_a_terminal_shows_no_bar_left_beside_an_error(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("HR,ICULOS\n80,1\n81\n", encoding="utf-8")
    status, shown = on_a_terminal(command(path, "--partial", "-o", tmp_path / "out.csv"))
    assert status == 2
    *_, wiped, sentence, _ = shown.split("\r")
    assert wiped.isspace()
    assert sentence.startswith("sepsis-detect: ")


def test_no_bar_is_written_into_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", GOOD)
    done = subprocess.run(
        command(path, "-o", tmp_path / "out.csv"), capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert done.stderr.startswith("12 hours of 1 stay scored")


# Not ru_maxrss, which a process inherits from the one that started it.
PEAK = """
import sys
from pathlib import Path
from sepsis_detect.__main__ import main
main(sys.argv[1:])
status = Path("/proc/self/status").read_text()
print(status.split("VmHWM:")[1].split()[0])
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for n_stays in (3_000, 9_000):  # 36,000 and 108,000 hours
        path = a_big_file(tmp_path / f"{n_stays}.parquet", n_stays)
        arguments = ["score", str(path), "-o", str(tmp_path / "out.parquet"), "--quiet"]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout) / 1024)
    print(f"peak memory in MB at 1x and 3x: {peaks}")
    assert peaks[1] < peaks[0] * 1.3
