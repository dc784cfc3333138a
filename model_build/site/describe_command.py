"""The command `python -m model_build describe`: the data report of a hospital's own stays."""

import argparse
import logging
from pathlib import Path
from typing import Any

from model_build.data.cohort import LABEL
from model_build.report.results_folder import results_folder
from model_build.site import column_options, data_report, own_data
from sepsis_detect.errors import BadFileError

log = logging.getLogger(__name__)

DESCRIPTION = """\
Look at your stays before a model is judged on them or fitted to them: what is measured and how it
differs from the training of a model, units that look wrong, what rules would drop, duplicates.
Writes data.md, data.json and plots into the folder OUT. SepsisLabel may be there or not.
"""
EXAMPLE = """\
example:
  python -m model_build describe --data stays.csv --out look --map krea=creatinine \\
    --unit creatinine=umol/L
"""


def add_to(stages: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = stages.add_parser(
        "describe",
        help="look at your own stays: a data report",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    column_options.add_model_to(parser)
    parser.add_argument(
        "--data", required=True, type=Path, nargs="+", metavar="FILE", help="stays, one row an hour"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder of the results")
    parser.add_argument("--about", default="", metavar="TEXT", help="what the stays are")
    column_options.add_to(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Read, describe and write.

    Raises:
        SepsisDetectError: Options or files cannot be used; nothing is written.
    """
    if options.out.exists() and not options.out.is_dir():
        raise BadFileError(f"{options.out} is not a folder")
    reading = column_options.reading(options, options.data)
    metadata = column_options.model(options).metadata
    is_labelled = column_options.have_column(options.data, reading, LABEL)
    own = own_data.read(options.data, reading, metadata, is_labelled=is_labelled)
    found = data_report.figures(own, metadata, about=options.about)
    with results_folder(options.out, data_report.FILES) as folder:
        data_report.write(found, folder)
    for warning in own.warnings:
        log.warning("%s", warning)
    log.info("%s written", options.out / data_report.REPORT)
