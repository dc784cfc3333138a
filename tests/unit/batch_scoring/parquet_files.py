"""Made-up hours as Arrow tables."""

import numpy as np
import pyarrow as pa

from tests.unit.batch_scoring.text_files import NAMES


def a_table(lengths: dict[str, int]) -> pa.Table:
    """Patients with so many hours, numbers as float32."""
    ids = [patient for patient, length in lengths.items() for _ in range(length)]
    hours = [hour for length in lengths.values() for hour in range(1, length + 1)]
    n = len(ids)
    columns = {name: pa.nulls(n, pa.float32()) for name in NAMES}
    columns["Temp"] = pa.array(np.linspace(35, 40, n).round(1), pa.float32())
    columns["ICULOS"] = pa.array(hours, pa.int16())
    return pa.table(columns | {"patient_id": pa.array(ids, pa.large_string())})


def with_column(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)
