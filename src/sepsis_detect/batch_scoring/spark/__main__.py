"""The command of `spark-submit`: files of hours in, files of scores out, at any URI of Spark."""

import argparse
import os
import re
import sys
from collections.abc import Sequence

from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from sepsis_detect.batch_scoring.score_files import NOTHING_SCORED
from sepsis_detect.batch_scoring.spark import files
from sepsis_detect.batch_scoring.spark.scoring import Summary, score
from sepsis_detect.errors import BadFileError, SepsisDetectError

FAILED_TASK = re.compile(rf"{BadFileError.__module__}\.{BadFileError.__name__}: (.+)")
CAUSE = re.compile(r"^Caused by: [\w.$]+: (.+)", re.MULTILINE)
CODES = re.compile(r"^\[[A-Z0-9_.]+\] |\.? SQLSTATE: \w+$")  # of Spark, around a sentence
EXAMPLES = """examples:
  python -m sepsis_detect.batch_scoring.spark --input stays.parquet --output scored
  ... --input s3://bucket/2024/ s3://bucket/2025/ --output s3://bucket/scored/
  ... --input 'stays/*.csv' --output scored.csv --partial --unit lactate=mg/dL
  ... --input training/ --output scored            the challenge's records, a file a stay

The model is that of SEPSIS_MODEL_URI, else the embedded one.
exit status: 0, also if single stays could not be scored; 3 if no stay could be scored; 2 if files
or model cannot be used."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Score files; 0: scores are written, 2: files or model cannot be used, 3: no stay can."""
    options = _parser().parse_args(arguments)
    # Else the workers run the first `python3` of the path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = SparkSession.builder.appName("sepsis-detect").getOrCreate()
    session.sparkContext.setLogLevel("OFF")  # one sentence, not the trace of each attempt
    summary = Summary(session)
    try:
        kind = files.output_format(session, options.output)
        scores = score(
            files.read(session, options.input),
            units=options.unit,
            is_partial_allowed=options.partial,
            are_files_stays=True,
            name=", ".join(options.input),
            summary=summary,
        )
        files.write(scores, options.output, kind)
    except (SepsisDetectError, PySparkException, Py4JError) as error:
        print(f"sepsis_detect: {_sentence(error)}", file=sys.stderr)  # noqa: T201
        return 2
    print(*summary.lines(options.output), sep="\n", file=sys.stderr)  # noqa: T201
    return 0 if summary.tally().n_hours_scored else NOTHING_SCORED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sepsis_detect.batch_scoring.spark",
        description="Score files of hours with Apache Spark.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="URI",
        help="parquet, or text in UTF-8 with a header (.csv, .psv, .tsv, .txt)",
    )
    parser.add_argument(
        "--output", required=True, metavar="URI", help="a new folder; .csv for text, else parquet"
    )
    parser.add_argument(
        "--unit",
        action="append",
        default=[],
        metavar="VARIABLE=UNIT",
        help="unit of a column that is not in the canonical one, such as creatinine=umol/L",
    )
    parser.add_argument(
        "--partial", action="store_true", help="accept files that lack columns: all missing"
    )
    return parser


def _sentence(error: Exception) -> str:
    """What went wrong in one sentence: our own if a task failed with one, else the first cause."""
    text = str(error)
    if found := FAILED_TASK.search(text):
        return found[1]
    if failure := files.reading_failure(text):
        return failure
    causes: list[str] = CAUSE.findall(text)
    return CODES.sub("", causes[-1] if causes else text.strip().splitlines()[0])


if __name__ == "__main__":
    sys.exit(main())
