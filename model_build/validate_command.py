"""The command `python -m model_build validate`: options, limits and exit code."""

import argparse
import logging
from pathlib import Path
from typing import Any

from model_build.judge import limits
from model_build.judge.figures import Figures
from model_build.learn.export import with_external
from model_build.report import external_figures
from model_build.report.formatting import number
from model_build.site import column_options, own_data
from model_build.train import write_artifact
from model_build.validate import validate, write
from sepsis_detect.errors import BadFileError
from sepsis_detect.prediction.model import EMBEDDED_MODEL

log = logging.getLogger(__name__)

LIMIT_MISSED = 3

DESCRIPTION = """\
Judge a finished artifact on labelled stays it never saw: one row an hour, the columns of
`sepsis-detect score`, SepsisLabel (0 or 1) and, where there are several, hospital.
Writes validation.md, validation.json and plots into the folder OUT.

Exit code: 0, or 2 if the data cannot be judged, or 3 if a stated limit is missed.
"""
EXAMPLE = f"""\
example:
  python -m model_build validate --data stays.parquet --out validation \\
    --about "Adults of our two ICUs, 2024" --unit creatinine=umol/L \\
    --min auroc=.75 --min utility=0 --max alerts_per_patient_day=2.5

figures that --min and --max know, over all hours: {", ".join(limits.OF_HOURS)};
over all patients: {", ".join(limits.OF_PATIENTS)}.
What each means: docs/validation.md
"""


def add_to(stages: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = stages.add_parser(
        "validate",
        help="judge a finished model on other labelled stays",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    files = {"type": Path, "nargs": "+", "metavar": "FILE"}
    column_options.add_model_to(parser)
    parser.add_argument("--data", required=True, help="labelled stays: psv, csv, parquet", **files)
    parser.add_argument("--unlabelled", default=[], help="stays to count alerts in only", **files)
    parser.add_argument("--out", required=True, type=Path, help="folder of the results")
    parser.add_argument(
        "--record",
        action="store_true",
        help="write the main figures into the artifact too, so that GET /model shows them",
    )
    parser.add_argument("--about", default="", metavar="TEXT", help="what the stays are")
    many = {"action": "append", "default": []}
    column_options.add_to(parser)
    parser.add_argument(
        "--min", dest="minima", metavar="FIGURE=VALUE", help="what a figure must reach", **many
    )
    parser.add_argument(
        "--max", dest="maxima", metavar="FIGURE=VALUE", help="what it may not pass", **many
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Validate, write the results, and check the stated limits.

    Raises:
        SepsisDetectError: Options, files or model cannot be used; nothing is written.
    """
    stated = limits.parsed(options.minima, options.maxima)
    others = options.unlabelled
    reading = column_options.reading(options, [*options.data, *others])
    if options.out.exists() and not options.out.is_dir():
        raise BadFileError(f"{options.out} is not a folder")
    model = column_options.model(options)
    own = own_data.read(options.data, reading, model.metadata)
    unlabelled = None
    if others:
        unlabelled = own_data.read(others, reading, model.metadata, is_labelled=False).cohort
    for warning in own.warnings:
        log.warning("%s", warning)
    found = validate(model, own.cohort, unlabelled=unlabelled, stated=stated, about=options.about)
    write(found, options.out)
    if options.record:
        _record(found, options.model or EMBEDDED_MODEL)
    missed = [limit for limit in found["limits"] if not limit["is_kept"]]
    for limit in missed:
        value = (limit["found"] or {}).get("value")
        log.warning(
            "%s %s misses its limit (%s %g)",
            limit["figure"],
            number(value),
            limit["bound"],
            limit["limit"],
        )
    return LIMIT_MISSED if missed else 0


def _record(found: Figures, path: Path) -> None:
    summary = external_figures.summary(found)
    if summary is not None:
        write_artifact(with_external(path.read_bytes(), summary), path)
