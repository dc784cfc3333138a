"""Reader of a hospital's own stays: files as for `sepsis-detect score`, with or without labels.

Text or parquet, one row an hour, columns as for `score`. Beside them `SepsisLabel` (0 or 1) and,
where there are several hospitals, `hospital`. Absent columns count as missing. Stays are sorted by
hospital and patient, so that the order of files and patients changes no figure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from model_build.data.cohort import LABEL, Cohort, Names
from model_build.data.labels import Labels, septic_stays
from sepsis_detect.batch_scoring import cells
from sepsis_detect.batch_scoring.cells import FLAG_WORDS, ColumnTypeError
from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.batch_scoring.stay_files import Batch, read_stays
from sepsis_detect.batch_scoring.written_numbers import is_missing
from sepsis_detect.clinical.stay import BoolArray, Stay
from sepsis_detect.clinical.variables import ICU_HOUR, VARIABLES
from sepsis_detect.errors import BadFileError

HOSPITAL = "hospital"
UNKNOWN = "unknown"
LABEL_WORDS = {"0": 0.0, "1": 1.0} | FLAG_WORDS
MIN_SEPTIC_STAYS = 2  # for a bootstrap interval

_HOUR = VARIABLES[ICU_HOUR]
HOURS_RISE = (
    f"{_HOUR.challenge} must be whole hours that rise from row to row, "
    f"from {_HOUR.hard_low:.0f} to {_HOUR.hard_high:.0f}"
)
LABEL_STAYS = f"{LABEL} goes back from 1 to 0; it stays 1 to the last row"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """The stays of one file, in its order.

    Attributes:
        stay: Canonical units.
        patient_ids: One per stay.
        labels: Shape (n_hours,), zeros where there are none.
        hospitals: One per stay.
    """

    stay: Stay
    patient_ids: list[str]
    labels: Labels
    hospitals: list[str]


def read_labelled(files: Sequence[Path], reading: Reading) -> Cohort:
    """Read stays whose hours are labelled.

    Args:
        files: As for `sepsis-detect score`.
        reading: How to read them; label and hospital are added to its further columns.

    Raises:
        BadFileError: A file cannot be read as labelled hours of patients, or the stays are not
            enough for a validation; one sentence.
    """
    cohort = _cohort(_read(files, reading, is_labelled=True))
    n_septic = int(septic_stays(cohort.labels, cohort.stay.starts).sum())
    if n_septic == cohort.stay.n_stays:
        raise BadFileError(f"every stay is septic by {LABEL}: nothing to tell them from")
    if n_septic < MIN_SEPTIC_STAYS:
        raise BadFileError(
            f"{n_septic} of {cohort.stay.n_stays:,} stays are septic by {LABEL}: "
            f"at least {MIN_SEPTIC_STAYS} are needed"
        )
    return cohort


def read_unlabelled(files: Sequence[Path], reading: Reading) -> Cohort:
    """Read stays without outcome: labels are 0; errors as of `read_labelled`."""
    return _cohort(_read(files, reading, is_labelled=False))


def absent_variables(cohort: Cohort) -> list[str]:
    """Challenge names of the variables that have no value in any hour."""
    absent = np.flatnonzero(np.isnan(cohort.stay.values).all(axis=0))
    return [VARIABLES[column].challenge for column in absent.tolist()]


def _cohort(files: Sequence[_File]) -> Cohort:
    stay = Stay.end_to_end([file.stay for file in files])
    ids: Names = np.array([patient_id for file in files for patient_id in file.patient_ids])
    hospitals: Names = np.array([hospital for file in files for hospital in file.hospitals])
    order = np.lexsort((ids, hospitals))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    lengths = np.diff(stay.starts, append=stay.n_hours)
    rows = np.argsort(np.repeat(place, lengths), kind="stable")
    ids, hospitals, lengths = ids[order], hospitals[order], lengths[order]
    again = np.flatnonzero((ids[1:] == ids[:-1]) & (hospitals[1:] == hospitals[:-1]))
    if len(again):
        raise BadFileError(f"patient {ids[again[0]]} is in two files")
    labels = np.concatenate([file.labels for file in files])[rows]
    return Cohort(Stay(stay.values[rows], np.cumsum(lengths) - lengths), labels, ids, hospitals)


def refuse_unreadable(path: Path, batches: Sequence[Batch]) -> None:
    """Check that every stay of a file was read as it was meant, and that its hours rise.

    Raises:
        BadFileError: One was not; the sentence names it.
    """
    for batch in batches:
        for patient_id, reason in zip(batch.patient_ids, batch.reasons, strict=True):
            if reason is not None:
                raise BadFileError(f"{path}, patient {patient_id}: {reason}")
        is_wrong = _is_out_of_order(batch.stay)
        _refuse_first(is_wrong, batch.stay, batch.patient_ids, path, HOURS_RISE)


def _read(files: Sequence[Path], reading: Reading, *, is_labelled: bool) -> list[_File]:
    reading = replace(reading, is_partial_allowed=True, others=(LABEL, HOSPITAL))
    return [_file(path, list(read_stays(path, reading)), is_labelled=is_labelled) for path in files]


def _file(path: Path, batches: Sequence[Batch], *, is_labelled: bool) -> _File:
    refuse_unreadable(path, batches)
    stay = Stay.end_to_end([batch.stay for batch in batches])
    ids = [patient_id for batch in batches for patient_id in batch.patient_ids]
    others = {
        name: pa.concat_arrays([batch.others[name] for batch in batches])
        for name in batches[0].others
    }
    labels = np.zeros(stay.n_hours, dtype=np.int8)
    if is_labelled:
        labels = _labels(others, path)
        _refuse_first(_is_taken_back(labels, stay), stay, ids, path, LABEL_STAYS)
    hospitals = _hospitals(others, stay, ids, path)
    return _File(stay=stay, patient_ids=ids, labels=labels, hospitals=hospitals)


def _refuse_first(
    is_wrong: BoolArray, stay: Stay, ids: Sequence[str], path: Path, problem: str
) -> None:
    """Refuse the first stay that has a wrong hour; `is_wrong` has shape (n_hours,)."""
    if is_wrong.any():
        at = int(np.searchsorted(stay.starts, is_wrong.argmax(), side="right")) - 1
        raise BadFileError(f"{path}, patient {ids[at]}: {problem}")


def _is_out_of_order(stay: Stay) -> BoolArray:
    hours = stay.icu_hours
    is_possible = (hours >= _HOUR.hard_low) & (hours <= _HOUR.hard_high) & (hours % 1 == 0)
    rises = np.append(True, hours[1:] > hours[:-1])
    rises[stay.starts] = True
    is_wrong: BoolArray = ~is_possible | ~rises
    return is_wrong


def _is_taken_back(labels: Labels, stay: Stay) -> BoolArray:
    is_back = np.append(False, labels[1:] < labels[:-1])
    is_back[stay.starts] = False
    return is_back


# --- The columns beside those of `score` --------------------------------------------------------


def _labels(others: Mapping[str, Any], path: Path) -> Labels:
    if LABEL not in others:
        raise BadFileError(f"{path} has no column {LABEL}")
    try:
        found = cells.words(others[LABEL], LABEL_WORDS, is_number_allowed=True)
    except ColumnTypeError as error:
        raise BadFileError(f"{path}, column {LABEL} {error}") from error
    for why in found.wrong.values():
        raise BadFileError(f"{path}, column {LABEL}: {why}")
    if not np.isin(found.values, (0.0, 1.0)).all():
        raise BadFileError(f"{path}: {LABEL} must be 0 or 1 in every row")
    return found.values.astype(np.int8)


def _hospitals(others: Mapping[str, Any], stay: Stay, ids: Sequence[str], path: Path) -> list[str]:
    if HOSPITAL not in others:
        return [UNKNOWN] * stay.n_stays
    texts = others[HOSPITAL].cast(pa.string()).to_pylist()
    known = [UNKNOWN if text is None or is_missing(text) else text for text in texts]
    names = np.array(known, dtype=np.str_)
    changes = np.append(False, names[1:] != names[:-1])
    changes[stay.starts] = False
    _refuse_first(changes, stay, ids, path, f"{HOSPITAL} changes within the stay")
    return [str(name) for name in names[stay.starts]]
