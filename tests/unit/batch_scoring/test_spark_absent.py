"""`python -m sepsis_detect.batch_scoring.spark` where Spark or Java is not installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "sepsis_detect.batch_scoring.spark"]
FILES = ["--input", "stays.parquet", "--output", "scores"]


def run(*options: str, **environment: str) -> tuple[int, str]:
    """Exit status and standard error."""
    done = subprocess.run(
        [*COMMAND, *options],
        capture_output=True,
        text=True,
        check=False,
        env={key: each for key, each in os.environ.items() if key != "JAVA_HOME"} | environment,
    )
    return done.returncode, done.stderr


def without(folder: Path, *libraries: str) -> str:
    """A path of modules with which these libraries cannot be imported."""
    lines = [f"sys.modules[{name!r}] = None" for name in libraries]
    (folder / "sitecustomize.py").write_text("\n".join(["import sys", *lines]), "utf-8")
    return os.pathsep.join([str(folder), *filter(None, sys.path)])


@pytest.mark.parametrize(
    "absent", [("pyspark",), ("pandas",), ("pyarrow",), ("pyspark", "pandas", "pyarrow")]
)
def test_an_absent_library_is_one_sentence_with_the_extra(
    tmp_path: Path, absent: tuple[str, ...]
) -> None:
    status, said = run(*FILES, PYTHONPATH=without(tmp_path, *absent))
    assert status == 2
    assert said == (
        f"sepsis_detect: scoring in Spark needs {', '.join(absent)}: "
        "pip install 'sepsis-detect[spark]'\n"
    )


def test_help_needs_no_spark(tmp_path: Path) -> None:
    assert run("--help", PYTHONPATH=without(tmp_path, "pyspark")) == (0, "")


@pytest.mark.parametrize("java_home", ["", "nowhere"])
def test_absent_java_is_one_sentence(tmp_path: Path, java_home: str) -> None:
    pytest.importorskip("pyspark")
    home = str(tmp_path / java_home) if java_home else ""
    status, said = run(*FILES, PATH=str(tmp_path), JAVA_HOME=home)
    assert status == 2
    (line,) = said.splitlines()
    assert line.startswith("sepsis_detect: scoring in Spark needs Java 17 or 21")


def test_a_java_that_does_not_start_spark_is_no_trace(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").write_text("#!/bin/sh\nexit 1\n", "utf-8")
    (tmp_path / "bin/java").chmod(0o755)
    status, said = run(*FILES, JAVA_HOME=str(tmp_path))
    assert status == 2
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("sepsis_detect: Java gateway")
