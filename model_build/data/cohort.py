"""Reader of the challenge's patients, from .psv files or parquet tables, into a `Cohort`.

Both give the same numbers to the bit: parquet columns are float32, and each value becomes the
float64 of its shortest decimal spelling (36.8, not 36.79999923706055), which is what a JSON client
of the service sends. Order on disk does not matter: patients are sorted by hospital and id, hours
by hour.

Layouts read, at any depth: `training_setA/p000001.psv`, and `setA.parquet` with `patient_id` and
`set` beside the challenge's columns.
"""

import hashlib
import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from model_build.data.labels import Labels
from model_build.data.split import rank
from sepsis_detect.clinical.stay import FloatArray, IntArray, Stay
from sepsis_detect.clinical.variables import ICU_HOUR, VARIABLES

LABEL = "SepsisLabel"
Names = NDArray[np.str_]


class CohortError(ValueError):
    """The files do not hold a cohort; the message says which file and why."""


@dataclass(frozen=True)
class Cohort:
    """Patients with their hours, hospitals and labels; values as in the files.

    Attributes:
        stay: All hours, canonical units.
        labels: Shape (n_hours,), the challenge's SepsisLabel.
        patient_ids: Shape (n_stays,).
        hospitals: Shape (n_stays,), `A` or `B`.
    """

    stay: Stay
    labels: Labels
    patient_ids: Names
    hospitals: Names

    @cached_property
    def stay_of_hour(self) -> IntArray:
        """Shape (n_hours,): which stay an hour belongs to."""
        return np.repeat(np.arange(self.stay.n_stays), self.lengths)

    @property
    def lengths(self) -> IntArray:
        """Shape (n_stays,): hours of each stay."""
        return np.diff(self.stay.starts, append=self.stay.n_hours)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of ids, hospitals, lengths, labels and values, in this order."""
        sha256 = hashlib.sha256()
        for text in ("\n".join(self.patient_ids), "\n".join(self.hospitals)):
            sha256.update(text.encode() + b"\0")
        values = np.where(np.isnan(self.stay.values), np.nan, self.stay.values) + 0.0
        for array in (self.lengths.astype("<i8"), self.labels, values.astype("<f8", copy=False)):
            sha256.update(np.ascontiguousarray(array).data)
        return sha256.hexdigest()

    def sample(self, n_patients: int, *, seed: int) -> "Cohort":
        """A sample of `n_patients`, by a hash of their ids; all if there are no more."""
        ranks = np.array([rank(f"sample:{i}", seed) for i in self.patient_ids], dtype=np.uint64)
        return self.take(np.sort(np.argsort(ranks)[:n_patients]))

    def take(self, stays: IntArray) -> "Cohort":
        """Some of the stays, in their present order; `stays` is increasing."""
        chosen = np.zeros(self.stay.n_stays, dtype=bool)
        chosen[stays] = True
        hours = chosen[self.stay_of_hour]
        starts = np.cumsum(self.lengths[stays]) - self.lengths[stays]
        return Cohort(
            Stay(self.stay.values[hours], starts),
            self.labels[hours],
            self.patient_ids[stays],
            self.hospitals[stays],
        )


def load(data: Path) -> Cohort:
    """Read every patient under a folder.

    Raises:
        CohortError: There are no such files, or one of them cannot be read.
    """
    tables, records = sorted(data.rglob("set*.parquet")), sorted(data.rglob("*.psv"))
    if tables and records:
        raise CohortError(f"{data} holds both parquet tables and .psv files: name one of them")
    if tables:
        return _cohort(pa.concat_tables([_parquet(path) for path in tables]))
    if records:
        return _cohort(_psv(records))
    raise CohortError(f"{data} holds neither set*.parquet nor .psv files")


def _cohort(table: pa.Table) -> Cohort:
    values = np.column_stack([_numbers(table[variable.challenge]) for variable in VARIABLES])
    labels = _labels(table[LABEL])
    ids, patients = _codes(table["patient_id"])
    sets, hospitals = _codes(table["set"])
    order = np.lexsort((values[:, ICU_HOUR], patients, hospitals))
    values, labels = values[order], labels[order]
    patients, hospitals = patients[order], hospitals[order]
    changes = (patients[1:] != patients[:-1]) | (hospitals[1:] != hospitals[:-1])
    starts = np.flatnonzero(np.append(True, changes))
    return Cohort(Stay(values, starts), labels, ids[patients[starts]], sets[hospitals[starts]])


def _numbers(column: Any) -> FloatArray:
    """One column as float64 of the shortest decimals, NaN where null.

    Each distinct value is spelled out once.
    """
    if pa.types.is_floating(column.type):
        coded = column.cast(pa.float32()).combine_chunks().dictionary_encode()
        distinct = coded.dictionary.cast(pa.string()).cast(pa.float64())
        column = distinct.take(coded.indices)
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _labels(column: Any) -> Labels:
    numbers = _numbers(column)
    if not np.isin(numbers, (0.0, 1.0)).all():
        raise CohortError(f"{LABEL} must be 0 or 1 in every row")
    return numbers.astype(np.int8)


def _codes(column: Any) -> tuple[Names, IntArray]:
    """Distinct texts in sorted order, and for each row its place among them."""
    coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    texts = np.array(coded.dictionary.to_pylist(), dtype=np.str_)
    order = np.argsort(texts)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return texts[order], places[coded.indices.to_numpy()]


def _parquet(path: Path) -> pa.Table:
    wanted = [*(variable.challenge for variable in VARIABLES), LABEL, "patient_id", "set"]
    _require(wanted, pa.parquet.read_schema(path).names, path)
    table = pa.parquet.read_table(path, columns=wanted)
    texts = {"patient_id": pa.string(), "set": pa.string()}
    fields = [pa.field(f.name, texts.get(f.name, f.type)) for f in table.schema]
    return table.cast(pa.schema(fields))


def _psv(paths: list[Path]) -> pa.Table:
    """All records as one table: one header, their rows one after the other."""
    header, bodies, n_rows = b"", [], []
    for path in paths:
        first, _, body = path.read_bytes().replace(b"\r", b"").partition(b"\n")
        header = header or first
        if first != header:
            raise CohortError(f"{path}: its columns are not those of {paths[0]}")
        body = body.rstrip(b"\n") + b"\n"
        if body == b"\n":
            raise CohortError(f"{path}: no rows")
        bodies.append(body)
        n_rows.append(body.count(b"\n"))
    table = _parsed(header, bodies, paths[0])
    of_row = pa.array(np.repeat(np.arange(len(paths)), n_rows))
    ids, sets = ([path.stem for path in paths], [_hospital(path) for path in paths])
    table = table.append_column("patient_id", pc.take(pa.array(ids), of_row))
    return table.append_column("set", pc.take(pa.array(sets), of_row))


def _parsed(header: bytes, bodies: list[bytes], path: Path) -> pa.Table:
    names = header.decode().split("|")
    wanted = [*(variable.challenge for variable in VARIABLES), LABEL]
    _require(wanted, names, path)
    try:
        return pa.csv.read_csv(
            io.BytesIO(b"".join([header, b"\n", *bodies])),
            parse_options=pa.csv.ParseOptions(delimiter="|"),
            convert_options=pa.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.float64()),
                null_values=["NaN", "nan", ""],
            ),
        )
    except pa.ArrowInvalid as error:
        raise CohortError(f"{path.parent}: {error}") from error


def _hospital(path: Path) -> str:
    """`A` of `training_setA/p000001.psv`."""
    found = re.search(r"set_?([A-Za-z0-9]+)$", path.parent.name)
    return found.group(1) if found else path.parent.name


def _require(wanted: list[str], names: list[str], path: Path) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        raise CohortError(f"{path}: missing column {', '.join(missing)}")
