"""The command `sepsis-detect audit report`: reads the files, prints the report, writes it."""

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sepsis_detect.errors import BadFileError, SettingsError


def add_to(parser: argparse.ArgumentParser, examples: str) -> None:
    """Add the sub-commands to the parser of `audit`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    report = actions.add_parser(
        "report",
        help="alerts against what really happened",
        description="Alerts against what really happened: PPV, sensitivity, calibration, alerts\n"
        "per patient-day, feedback on cards and drift of inputs, by week, served against shadow.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument(
        "--log",
        required=True,
        nargs="+",
        action="extend",
        type=Path,
        metavar="FILE",
        help="logs of the service, as written or as CloudWatch exports them; .gz too",
    )
    report.add_argument(
        "--outcomes",
        required=True,
        type=Path,
        metavar="FILE",
        help="text or parquet with request_id (or input_hmac) and septic_at",
    )
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the report as text, CSV and SVG",
    )
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    try:
        from sepsis_detect.audit_report import charts, report, tables, text
    except ImportError as error:
        raise SettingsError(
            f"the report needs {error.name}: pip install 'sepsis-detect[score]'"
        ) from error
    found = report.read_report(options.log, options.outcomes)
    words = text.text(found)
    if options.output is not None:
        files = tables.csv_files(found) | charts.svg_files(found)
        _write(options.output, {"report.txt": words} | files)
    print(words, end="")
    return 0


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder, all of them or none: written beside it, then moved.

    Raises:
        BadFileError: It cannot be written.
    """
    place = folder.resolve()
    try:
        if place.exists() and not place.is_dir():
            raise BadFileError(f"{folder} cannot be written: it is a file, not a folder")
        part = Path(tempfile.mkdtemp(prefix=".sepsis-detect-", dir=place.parent))
        try:
            for name, content in files.items():
                (part / name).write_text(content, "utf-8")
            place.mkdir(exist_ok=True)
            for name in files:
                (part / name).replace(place / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except FileNotFoundError as error:
        raise BadFileError(
            f"{folder} cannot be written: there is no folder {place.parent}"
        ) from error
    except OSError as error:
        raise BadFileError(f"{folder} cannot be written: {error.strerror}") from error
