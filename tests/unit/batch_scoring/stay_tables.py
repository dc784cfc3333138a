"""Made-up labelled stays as files of a hospital."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from model_build.data.cohort import Cohort
from sepsis_detect.clinical.variables import VARIABLES

ABSENT = ("EtCO2", "Unit1", "Unit2", "HospAdmTime")
Table = dict[str, Any]


def a_table(cohort: Cohort) -> Table:
    """The columns of a file of labelled stays."""
    of_hour = cohort.stay_of_hour
    columns = {
        variable.challenge: pa.array(cohort.stay.values[:, variable.column], from_pandas=True)
        for variable in VARIABLES
        if variable.challenge not in ABSENT
    }
    return columns | {
        "patient_id": cohort.patient_ids[of_hour].tolist(),
        "hospital": cohort.hospitals[of_hour].tolist(),
        "SepsisLabel": cohort.labels,
    }


def save(table: Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        pa.parquet.write_table(pa.table(table), path)
    else:
        options = pa.csv.WriteOptions(delimiter="|" if path.suffix == ".psv" else ",")
        pa.csv.write_csv(pa.table(table), path, options)
    return path
