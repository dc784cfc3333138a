"""Made-up stays as files of hours, for the command `score`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sepsis_detect.clinical.variables import VARIABLES

NAMES = [variable.challenge for variable in VARIABLES]
Row = dict[str, Any]


def stay_of(patient_id: str, n_hours: int, seed: int = 1) -> list[Row]:
    """A made-up stay: vital signs every hour, laboratory values in some hours."""
    random = np.random.default_rng(seed)
    rows = []
    for hour in range(1, n_hours + 1):
        row: Row = dict.fromkeys(NAMES) | {"ICULOS": float(hour), "patient_id": patient_id}
        row |= {"Age": 63.5, "Gender": 1.0, "HospAdmTime": -3.25}
        signs = {"HR": 88, "Temp": 37.2, "SBP": 118, "MAP": 80, "DBP": 62, "Resp": 18, "O2Sat": 96}
        labs = {"Lactate": 2.1, "Creatinine": 1.3, "WBC": 11.2, "pH": 7.36, "Platelets": 210}
        for name, usual in (signs | labs).items():
            if name in signs or random.random() < 0.2:
                row[name] = float(round(usual * random.uniform(0.97, 1.03), 2))
        rows.append(row)
    return rows


def changed(rows: list[Row], at: int, **values: float | None) -> list[Row]:
    return [row | values if place == at else row for place, row in enumerate(rows)]


def all_missing(rows: list[Row]) -> list[Row]:
    kept = ("Age", "Gender", "ICULOS", "patient_id")
    return [{name: row[name] if name in kept else None for name in row} for row in rows]


GOOD = stay_of("good", 12)


def write(path: Path, rows: Sequence[Row]) -> Path:
    table = pa.Table.from_pylist(list(rows))
    if path.suffix == ".parquet":
        pa.parquet.write_table(table, path)
    else:
        options = pa.csv.WriteOptions(delimiter="|" if path.suffix == ".psv" else ",")
        pa.csv.write_csv(table, path, options)
    return path
