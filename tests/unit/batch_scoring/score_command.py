"""Runs the command `sepsis-detect score` in this process."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from sepsis_detect.__main__ import main
from sepsis_detect.batch_scoring.summary import NOTHING_SCORED


def scored(*arguments: str | Path) -> Any:
    """Run the command, and read its output, which is named last."""
    status = main(["score", *map(str, arguments)])
    table = _read(Path(arguments[-1]))
    assert status == (NOTHING_SCORED if table["probability"].null_count == len(table) else 0)
    return table


def _read(output: Path) -> Any:
    if output.suffix == ".parquet":
        return pa.parquet.read_table(output)
    options = pa.csv.ConvertOptions(
        column_types={"patient_id": pa.string(), "probability": pa.float32()},
        strings_can_be_null=True,
    )
    return pa.csv.read_csv(output, convert_options=options)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run the command, which fails; its error sentence."""
    assert main(["score", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("sepsis-detect: ")
    assert said.err.count("\n") == 1
    return said.err.removeprefix("sepsis-detect: ").rstrip("\n")
