"""Check that a file without identifiers is one stay, not several that would be merged."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from sepsis_detect.batch_scoring import cells
from sepsis_detect.batch_scoring.hour_columns import HourColumns
from sepsis_detect.batch_scoring.hour_tables import HourTable
from sepsis_detect.clinical import coherence, rules
from sepsis_detect.clinical.findings import findings
from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.variables import ICU_HOUR
from sepsis_detect.errors import BadFileError

MAX_STAY_ROWS = 100_000  # eleven years
OF_SEVERAL_STAYS = (rules.HOUR_DUPLICATE, rules.HOUR_ORDER, rules.CONSTANT)


class OneStay:
    """The check of one file.

    Args:
        path: The file.
        columns: What its columns are; there is no identifier among them.
    """

    def __init__(self, path: Path | str, columns: HourColumns):
        self._path = path
        self._columns = columns
        self._candidates: dict[int, str] = {}

    def check_candidates(self, table: HourTable) -> None:
        """Check that no column that may be an identifier changes.

        Raises:
            BadFileError: One does.
        """
        for at in self._columns.id_candidates:
            distinct = pc.unique(cells.texts(table.columns[at]).dictionary_decode().drop_null())
            for text in distinct.to_pylist()[:2]:
                if self._candidates.setdefault(at, text) != text:
                    header = self._columns.headers[at]
                    raise self._refusal(f"column {header} changes: does it identify the stays?")

    def check_length(self, values: FloatArray) -> None:
        """Check the number of rows up to now; errors as of `check`."""
        if len(values) > MAX_STAY_ROWS:
            raise self._refusal(f"there are more than {MAX_STAY_ROWS:,} rows")

    def check(self, values: FloatArray) -> None:
        """Check all rows.

        Args:
            values: Shape (n_rows, 40), canonical units.

        Raises:
            BadFileError: Hours repeat or go back, or constants change.
        """
        constants = values[:, list(coherence.CONSTANTS)]
        spread = np.fmax.reduce(constants) - np.fmin.reduce(constants)
        is_rising = (np.diff(values[:, ICU_HOUR]) > 0).all()
        if is_rising and not (spread > list(coherence.CONSTANTS.values())).any():
            return
        stay = Stay(values)
        found = [each for each in coherence.scan(stay) if each.rule in OF_SEVERAL_STAYS]
        if found:
            raise self._refusal(findings(stay, found)[0].en.rstrip("."))

    def _refusal(self, why: str) -> BadFileError:
        return BadFileError(
            f"{self._path} has no column that identifies stays, such as stay_id or patient_id, "
            f"and its rows are not of one stay: {why}"
        )
