"""Options of the commands that read a hospital's own files: `--model`, `--map`, `--unit`."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from model_build.data.cohort import LABEL
from model_build.data.stay_files import HOSPITAL
from model_build.site.label_hours import ADMISSION_NAMES
from sepsis_detect.batch_scoring import headers
from sepsis_detect.batch_scoring.headers import HeaderError
from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.batch_scoring.hour_tables import open_hours, readable
from sepsis_detect.batch_scoring.reading_options import add_unit_to
from sepsis_detect.clinical.units import stated_conversions
from sepsis_detect.errors import SettingsError
from sepsis_detect.prediction.model import Model


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--map",
        dest="names",
        metavar="COLUMN=VARIABLE",
        help="what a column of yours is: a variable, patient_id, stay_id, hospital, SepsisLabel",
        action="append",
        default=[],
    )
    add_unit_to(parser)


def add_model_to(parser: argparse.ArgumentParser) -> None:
    """Add `--model`."""
    parser.add_argument("--model", type=Path, help="an ONNX artifact (default: the embedded one)")


def model(options: argparse.Namespace) -> Model:
    """The model of `--model`.

    Raises:
        SepsisDetectError: It cannot be opened or is refused.
    """
    now = datetime.now(UTC)
    if options.model is None:
        return Model.embedded(loaded_at=now)
    return Model.load(options.model, loaded_at=now)


def reading(options: argparse.Namespace, files: Sequence[Path]) -> Reading:
    """How the files are to be read; all columns but the hour may be absent.

    Raises:
        SettingsError: A variable or a unit is not known, or a column is in no file.
        BadFileError: A file cannot be read.
    """
    return Reading(
        conversions=stated_conversions(options.units),
        is_partial_allowed=True,
        names=_stated_names(options.names, files),
    )


def _stated_names(stated: Sequence[str], files: Sequence[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in stated:
        column, equals, name = (part.strip() for part in text.rpartition("="))
        if not (equals and column and name):
            raise SettingsError(f"--map {text}: write COLUMN=VARIABLE")
        if not _is_known(name):
            raise SettingsError(f"--map {text}: '{name}' is not a variable{_proposal(name)}")
        if found.setdefault(column, name) != name:
            raise SettingsError(f"--map {text}: {column} was mapped to {found[column]} before")
    known = {name for path in files if found for name in _headers(path)}
    for column in found:
        if column not in known:
            raise SettingsError(f"--map {column}={found[column]}: no file has a column {column}")
    return found


def _is_known(name: str) -> bool:
    beside = map(headers.compact, (LABEL, HOSPITAL, *ADMISSION_NAMES))
    try:
        return headers.compact(name) in beside or headers.meaning(name) is not headers.NOTHING
    except HeaderError as error:
        raise SettingsError(f"--map: {error}") from error


def _proposal(name: str) -> str:
    near = headers.nearest(name)
    return f"; did you mean {near}?" if near else ""


def _headers(path: Path) -> list[str]:
    with readable(path):
        return open_hours(path).headers


def have_column(files: Sequence[Path], how: Reading, name: str) -> bool:
    """Whether any of the files has a column, by its own name or by `--map`."""
    wanted = headers.compact(name)
    return any(
        headers.compact(how.names.get(header, header)) == wanted
        for path in files
        for header in _headers(path)
    )
