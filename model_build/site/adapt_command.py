"""The command `python -m model_build adapt`: options, files and what is told."""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from model_build.config import LOCAL_RECIPE, LOCAL_SIZES
from model_build.data import stay_files
from model_build.report import adaptation_report
from model_build.site.adapt import MIN_SEPTIC_STAYS, MIN_SEPTIC_STAYS_FOR_MEMBERS, AdaptSettings
from model_build.site.adapt import adapt as adapted
from model_build.site.adapt_data import require_plausible
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.site.given_model import GivenModel
from model_build.train import write_artifact
from sepsis_detect.clinical.units import stated_conversions
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
    parser.add_argument("--model", type=Path, help="an ONNX artifact (default: the embedded one)")
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
    parser.add_argument(
        "--unit",
        dest="units",
        action="append",
        default=[],
        metavar="VARIABLE=UNIT",
        help="unit of a column that is not in the canonical one",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Adapt, then write report and artifact.

    Raises:
        SepsisDetectError: Options, model or files cannot be used; nothing is written.
    """
    rule = OperatingPointRule.parsed(options.operating_point)
    site_name = _site(options.site)
    conversions = stated_conversions(options.units)
    output: Path = options.output
    report: Path = options.report or output.with_name(f"{output.stem}-report")
    _require_writable(output, report)
    given = GivenModel.read(options.model)
    cohort = stay_files.read_labelled(options.data, conversions)
    require_plausible(cohort)
    result = adapted(given, cohort, rule=rule, site_name=site_name, settings=settings())
    adaptation_report.write(result.figures, report)
    write_artifact(result.artifact, output)
    log.info("%s", adaptation_report.summary(result.figures))
    return 0


def settings() -> AdaptSettings:
    """Those of the command: the local recipe, with progress bars on a terminal."""
    return AdaptSettings(recipe=LOCAL_RECIPE, sizes=LOCAL_SIZES, progress=sys.stderr.isatty())


def _site(name: str) -> str:
    stripped = " ".join(name.split())
    if not stripped or len(stripped) > MAX_SITE_CHARACTERS or not stripped.isprintable():
        raise SettingsError(f"--site: a name has 1 to {MAX_SITE_CHARACTERS} printable characters")
    return stripped


def _require_writable(output: Path, report: Path) -> None:
    """Refuse before the fits what could not be written after them."""
    if output.is_dir():
        raise BadFileError(f"{output} is a folder")
    if report.exists() and not report.is_dir():
        raise BadFileError(f"{report} is not a folder")
    for folder in (output.parent, report.parent):
        if folder.exists() and not folder.is_dir():
            raise BadFileError(f"{folder} is not a folder")
