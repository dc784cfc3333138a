"""A job of Spark: reads files of hours, scores them and writes the scores."""

import argparse
import os
import re
import sys

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # py4j has no types
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from sepsis_detect.batch_scoring.spark import files
from sepsis_detect.batch_scoring.spark.scoring import Summary, score
from sepsis_detect.errors import BadFileError

FAILED_TASK = re.compile(rf"{BadFileError.__module__}\.{BadFileError.__name__}: (.+)")
CAUSE = re.compile(r"^Caused by: [\w.$]+: (.+)", re.MULTILINE)
CODES = re.compile(r"^\[[A-Z0-9_.]+\] |\.? SQLSTATE: \w+$")  # of Spark, around a sentence


def run(options: argparse.Namespace) -> Summary:
    """Run one job.

    Args:
        options: Of the command: `input`, `output`, `units`, `partial`.

    Raises:
        SepsisDetectError: Files, model or Spark cannot be used.
    """
    # Else the workers run the first `python3` of the path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        session = SparkSession.builder.appName("sepsis-detect").getOrCreate()
        session.sparkContext.setLogLevel("OFF")  # one sentence, not the trace of each attempt
        summary = Summary(session)
        kind = files.output_format(session, options.output)
        scores = score(
            files.read(session, options.input),
            units=options.units,
            is_partial_allowed=options.partial,
            are_files_stays=True,
            name=", ".join(options.input),
            summary=summary,
        )
        files.write(scores, options.output, kind)
    except (PySparkException, Py4JError) as error:
        raise BadFileError(_sentence(error)) from error
    return summary


def _sentence(error: Exception) -> str:
    """What went wrong in one sentence: our own if a task failed with one, else the first cause."""
    text = str(error)
    if found := FAILED_TASK.search(text):
        return found[1]
    if failure := files.reading_failure(text):
        return failure
    causes: list[str] = CAUSE.findall(text)
    return CODES.sub("", causes[-1] if causes else text.strip().splitlines()[0])
