"""Hand-made hours and orders of two stays, as files, and the command `label` on them."""

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from model_build.__main__ import main
from model_build.data.labels import LABEL_LEADS_ONSET_BY

Rows = list[dict[str, Any]]
ADMITTED = datetime(2024, 3, 1, 8, 0)  # noqa: DTZ001 - local time, as hospitals export it
LAST_HOUR = 60
RISE = {"a": 30, "b": 40}
ONSET = {"a": 28.0, "b": 40.0}  # a: culture at 28; b: SOFA first


def hour_rows(**changed: Any) -> Rows:
    """Two stays whose creatinine rises to 3.0 mg/dL."""
    return [
        {
            "stay_id": stay,
            "icu_hour": hour,
            "heart_rate": 88,
            "creatinine": {1: 0.9, RISE[stay]: 3.0}.get(hour, ""),
            "ward": "north, 2",
        }
        | changed
        for stay in ("a", "b")
        for hour in range(1, LAST_HOUR + 1)
    ]


def order(stay: str, kind: str, time: Any, end: Any = "", route: str = "") -> dict[str, Any]:
    return {"stay_id": stay, "kind": kind, "time": time, "end": end, "route": route}


ORDERS = [
    order("a", "antibiotic", 31, 120, "IV"),
    order("a", "culture", 28),
    order("b", "antibiotic", 45, 117, "intravenous"),
    order("b", "culture", 50),
]
EXPECTED = [
    int(hour >= ONSET[stay] - LABEL_LEADS_ONSET_BY)
    for stay in ("a", "b")
    for hour in range(1, LAST_HOUR + 1)
]


def save(rows: Rows, path: Path, delimiter: str = ",") -> Path:
    if path.suffix == ".parquet":
        pa.parquet.write_table(pa.Table.from_pylist(rows), path)
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(folder: Path, hours: Iterable[Path], orders: Path, *options: str, to: str = "o.csv") -> int:
    paths = [str(path) for path in hours]
    return main(
        ["label", "--hours", *paths, "--orders", str(orders), "-o", str(folder / to), *options]
    )


def labelled(path: Path) -> Any:
    return pa.parquet.read_table(path) if path.suffix == ".parquet" else pa.csv.read_csv(path)


def label(
    folder: Path, hours: Rows | None = None, orders: Rows | None = None, *options: str
) -> list[int]:
    files = [save(hours or hour_rows(), folder / "hours.csv")]
    assert run(folder, files, save(orders or ORDERS, folder / "orders.csv"), *options) == 0
    found: list[int] = labelled(folder / "o.csv")["SepsisLabel"].to_pylist()
    return found


def renamed(rows: Rows, **names: str) -> Rows:
    return [{names.get(key, key): of for key, of in row.items()} for row in rows]


def clock(hour: float, stay: str = "a") -> str:
    admitted = ADMITTED + timedelta(days={"a": 0, "b": 300}[stay])
    return (admitted + timedelta(hours=hour)).isoformat(sep=" ")
