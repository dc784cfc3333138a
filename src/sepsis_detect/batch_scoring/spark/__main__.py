"""The command of `spark-submit`: files of hours in, files of scores out, at any URI of Spark."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from sepsis_detect.batch_scoring import reading_options
from sepsis_detect.errors import SepsisDetectError, SettingsError

LIBRARIES = ("pyspark", "pandas", "pyarrow")
INSTALL = "pip install 'sepsis-detect[spark]'"
EXAMPLES = """examples:
  python -m sepsis_detect.batch_scoring.spark --input stays.parquet --output scored
  ... --input s3://bucket/2024/ s3://bucket/2025/ --output s3://bucket/scored/
  ... --input 'stays/*.csv' --output scored.csv --partial --unit lactate=mg/dL
  ... --input training/ --output scored            the challenge's records, a file a stay

The model is that of SEPSIS_MODEL_URI, else the embedded one.
exit status: 0, also if single stays could not be scored; 3 if no stay could be scored; 2 if files
or model cannot be used, or Spark or Java is absent."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Score files; returns the exit status of `EXAMPLES`."""
    options = _parser().parse_args(arguments)
    try:
        _require_spark()
        from sepsis_detect.batch_scoring.spark import job

        summary = job.run(options)
    except SepsisDetectError as error:
        print(f"sepsis_detect: {error}", file=sys.stderr)
        return 2
    print(*summary.lines(options.output), sep="\n", file=sys.stderr)
    return summary.tally().exit_status


def _require_spark() -> None:
    """Ask for what Spark needs, before it does: its own messages are traces of several pages.

    Raises:
        SettingsError: Libraries or Java are absent.
    """
    if absent := [name for name in LIBRARIES if find_spec(name) is None]:
        raise SettingsError(f"scoring in Spark needs {', '.join(absent)}: {INSTALL}")
    is_submitted = "PYSPARK_GATEWAY_PORT" in os.environ  # by `spark-submit`, which runs in Java
    java_home = os.environ.get("JAVA_HOME")
    if not is_submitted and shutil.which(f"{java_home}/bin/java" if java_home else "java") is None:
        raise SettingsError(
            f"scoring in Spark needs Java 17 or 21, which {INSTALL} does not bring: install it, "
            "and set JAVA_HOME if it is not in the path"
        )


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
    reading_options.add_to(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
