"""Made-up hours as text, and what `read_stays` makes of a file."""

from pathlib import Path

import numpy as np
import pytest

from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.batch_scoring.stay_files import Batch, read_stays
from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.clinical.units import stated_conversions
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES
from sepsis_detect.errors import BadFileError

NAMES = [variable.challenge for variable in VARIABLES]
HOUR = {"HR": "80", "Temp": "36.8", "Age": "63", "Gender": "1"}
TextRow = dict[str, str]


def an_hour(icu_hour: int, **changed: str) -> TextRow:
    """One row of text, challenge names."""
    return dict.fromkeys(NAMES, "") | HOUR | {"ICULOS": str(icu_hour)} | changed


def text_of(rows: list[TextRow], separator: str = "|", end: str = "\n") -> str:
    return "".join(
        separator.join(line) + end for line in [list(rows[0]), *(r.values() for r in rows)]
    )


def psv(folder: Path, *rows: TextRow, name: str = "p000001.psv") -> Path:
    return saved(folder / name, text_of(list(rows)))


def saved(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def few_columns(folder: Path, header: str, *rows: str, name: str = "few.csv") -> Path:
    """A file of some columns; it is read with `--partial`."""
    return saved(folder / name, "\n".join([header, *rows]) + "\n")


def reading(*units: str, is_partial_allowed: bool = False) -> Reading:
    """How to read files whose columns are in these units, such as `lactate=mg/dL`."""
    return Reading(conversions=stated_conversions(units), is_partial_allowed=is_partial_allowed)


FULL, PARTIAL = reading(), reading(is_partial_allowed=True)


def batches_of(path: Path, how: Reading = FULL) -> list[Batch]:
    return list(read_stays(path, how))


def values_of(path: Path, how: Reading = FULL) -> FloatArray:
    return np.concatenate([batch.stay.values for batch in batches_of(path, how)])


def column_of(path: Path, name: str, how: Reading = PARTIAL) -> list[float | None]:
    """The values of one variable by challenge name; None where missing."""
    found = values_of(path, how)[:, BY_CHALLENGE[name].column].tolist()
    return [None if np.isnan(each) else each for each in found]


def patients_of(path: Path, how: Reading = FULL) -> list[tuple[str, int]]:
    """Each stay's name and length, in order."""
    return [
        (patient_id, int(length))
        for batch in batches_of(path, how)
        for patient_id, length in zip(
            batch.patient_ids,
            np.diff(batch.stay.starts, append=batch.stay.n_hours),
            strict=True,
        )
    ]


def reasons_of(path: Path, how: Reading = PARTIAL) -> dict[str, str | None]:
    """By name of the stay, why it could not be read as it was meant."""
    return {
        patient_id: reason
        for batch in batches_of(path, how)
        for patient_id, reason in zip(batch.patient_ids, batch.reasons, strict=True)
    }


def refusal_of(path: Path, how: Reading = FULL) -> str:
    with pytest.raises(BadFileError) as raised:
        batches_of(path, how)
    sentence = str(raised.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence.replace(str(path), "FILE")
