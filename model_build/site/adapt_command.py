"""The command `python -m model_build adapt`: options, files and what is told."""

import argparse
import logging
import os
from pathlib import Path
from typing import Any

from model_build.config import LOCAL_RECIPE, LOCAL_SIZES
from model_build.report import adaptation_report
from model_build.site import column_options, own_data
from model_build.site.adapt import (
    MIN_SEPTIC_STAYS,
    MIN_SEPTIC_STAYS_FOR_MEMBERS,
    Adapted,
    AdaptSettings,
)
from model_build.site.adapt import adapt as adapted
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.site.given_model import GivenModel
from sepsis_detect.errors import BadFileError, SettingsError

log = logging.getLogger(__name__)

UNNAMED = "unnamed site"
MAX_SITE_CHARACTERS = 100

DESCRIPTION = f"""\
Make a model a hospital's own from its labelled stays: one row an hour, the columns of
`sepsis-detect score`, SepsisLabel (0 or 1) and, where there are several, hospital.

The given model is averaged with trees fitted on these stays, recalibrated, and its threshold is
chosen. At least {MIN_SEPTIC_STAYS} stays with a septic hour among their first 36 are needed; with \
fewer than {MIN_SEPTIC_STAYS_FOR_MEMBERS} septic
stays only calibration and threshold move. The report compares it with the given model on the same
stays, each scored by a model that never saw its patient.

Exit code: 0, or 2 if options, model or data cannot be used; then nothing is written.
"""
EXAMPLE = """\
example:
  python -m model_build adapt --data stays.parquet --site "St Elsewhere" -o adapted.onnx \\
    --operating-point alerts_per_day=1.5
"""


def add_to(stages: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = stages.add_parser(
        "adapt",
        help="make a model a hospital's own",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    column_options.add_model_to(parser)
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        nargs="+",
        metavar="FILE",
        help="labelled stays: psv, csv, parquet",
    )
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE", help="the adapted artifact"
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="folder of the report (default: beside the artifact, with -report after its name)",
    )
    parser.add_argument(
        "--site", default=UNNAMED, metavar="NAME", help="name of the hospital (%(default)s)"
    )
    parser.add_argument(
        "--operating-point",
        default="utility",
        metavar="RULE",
        help="utility, alerts_per_day=X or sensitivity=Y (%(default)s)",
    )
    column_options.add_to(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Adapt, then write report and artifact.

    Raises:
        SepsisDetectError: Options, model or files cannot be used; nothing is written.
    """
    rule = OperatingPointRule.parsed(options.operating_point)
    site_name = _site(options.site)
    reading = column_options.reading(options, options.data)
    output: Path = options.output
    report: Path = options.report or output.with_name(f"{output.stem}-report")
    _require_writable(output, report)
    given = GivenModel.read(options.model)
    own = own_data.read(options.data, reading, given.model.metadata)
    for warning in own.warnings:
        log.warning("%s", warning)
    result = adapted(given, own.cohort, rule=rule, site_name=site_name, settings=settings())
    _write(result, output, report)
    log.info("%s", adaptation_report.summary(result.figures))
    return 0


def settings() -> AdaptSettings:
    """Those of the command: the local recipe, with progress bars."""
    return AdaptSettings(recipe=LOCAL_RECIPE, sizes=LOCAL_SIZES, progress=True)


def _site(name: str) -> str:
    stripped = " ".join(name.split())
    if not stripped or len(stripped) > MAX_SITE_CHARACTERS or not stripped.isprintable():
        raise SettingsError(f"--site: a name has 1 to {MAX_SITE_CHARACTERS} printable characters")
    return stripped


def _write(result: Adapted, output: Path, report: Path) -> None:
    """Write both, or neither: the artifact gets its name when the report is there."""
    partial = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(result.artifact)
        adaptation_report.write(result.figures, report)
        partial.replace(output)
    except OSError as error:
        raise BadFileError(f"{output} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    log.info("%s: %.2f MB", output, len(result.artifact) / 1e6)


def _require_writable(output: Path, report: Path) -> None:
    """Refuse before the fits what could not be written after them."""
    if output.is_dir():
        raise BadFileError(f"{output} is a folder")
    if report.exists() and not report.is_dir():
        raise BadFileError(f"{report} is not a folder")
    for folder in (output.parent, report.parent):
        if folder.exists() and not folder.is_dir():
            raise BadFileError(f"{folder} is not a folder")
