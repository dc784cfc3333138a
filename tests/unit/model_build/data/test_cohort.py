"""Reader of the challenge's files: both layouts, exact numbers, stable digests and folds."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model_build.__main__ import main
from model_build.data.cohort import Cohort, CohortError, load
from model_build.data.split import folds
from sepsis_detect.clinical.variables import VARIABLES
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

COLUMNS = [*(variable.challenge for variable in VARIABLES), "SepsisLabel"]


def as_text(value: float) -> str:
    return "NaN" if np.isnan(value) else f"{value:g}"


def write_psv(cohort: Cohort, folder: Path) -> None:
    for k, (patient, hospital) in enumerate(zip(cohort.patient_ids, cohort.hospitals, strict=True)):
        hours = cohort.stay_of_hour == k
        rows = np.column_stack([cohort.stay.values[hours], cohort.labels[hours]])
        lines = ["|".join(COLUMNS), *("|".join(map(as_text, row)) for row in rows.tolist())]
        path = folder / f"training_set{hospital}" / f"{patient}.psv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n" * (k % 2), encoding="utf-8")


def write_parquet(cohort: Cohort, folder: Path, *, shuffled: bool = False) -> None:
    """One file a hospital, numbers as float32, as in shared/data."""
    of_hour = cohort.stay_of_hour
    for hospital in ("A", "B"):
        rows = np.flatnonzero(cohort.hospitals[of_hour] == hospital)
        if shuffled:
            rows = np.random.default_rng(0).permutation(rows)
        values = cohort.stay.values[rows].astype(np.float32)
        table = {
            name: pa.array(column, mask=np.isnan(column))
            for name, column in zip(COLUMNS, values.T, strict=False)
        }
        table["ICULOS"] = table["ICULOS"].cast(pa.int16())
        table["SepsisLabel"] = pa.array(cohort.labels[rows])
        table["patient_id"] = pa.array(
            cohort.patient_ids[of_hour[rows]].tolist(), pa.large_string()
        )
        table["set"] = pa.array([hospital] * len(rows), pa.large_string())
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), folder / f"set{hospital}.parquet")


def assert_same(found: Cohort, expected: Cohort) -> None:
    np.testing.assert_array_equal(found.stay.values, expected.stay.values)
    np.testing.assert_array_equal(found.stay.starts, expected.stay.starts)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.patient_ids.tolist() == expected.patient_ids.tolist()
    assert found.hospitals.tolist() == expected.hospitals.tolist()
    assert found.digest == expected.digest


def test_psv_files_give_exactly_their_decimal_numbers(tmp_path: Path) -> None:
    cohort = synthetic_cohort()
    write_psv(cohort, tmp_path / "anywhere" / "training")
    assert_same(load(tmp_path), cohort)


def test_parquet_gives_the_same_numbers_as_psv_to_the_bit(tmp_path: Path) -> None:
    cohort = synthetic_cohort()
    write_parquet(cohort, tmp_path / "physionet2019")
    assert_same(load(tmp_path), cohort)


def test_the_order_of_rows_on_disk_does_not_matter(tmp_path: Path) -> None:
    cohort = synthetic_cohort()
    write_parquet(cohort, tmp_path, shuffled=True)
    assert_same(load(tmp_path), cohort)


def test_a_changed_value_changes_the_digest() -> None:
    cohort = synthetic_cohort()
    before = cohort.digest
    values = cohort.stay.values.copy()
    values[0, 0] = 61.0
    changed = Cohort(
        type(cohort.stay)(values, cohort.stay.starts),
        cohort.labels,
        cohort.patient_ids,
        cohort.hospitals,
    )
    assert changed.digest != before


def test_a_sample_holds_whole_patients_and_is_stable() -> None:
    cohort = synthetic_cohort()
    sample = cohort.sample(10, seed=3)
    assert sample.stay.n_stays == 10
    assert_same(sample, cohort.sample(10, seed=3))
    for k, patient in enumerate(sample.patient_ids):
        original = int(np.flatnonzero(cohort.patient_ids == patient)[0])
        np.testing.assert_array_equal(
            sample.stay.values[sample.stay_of_hour == k],
            cohort.stay.values[cohort.stay_of_hour == original],
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("HR|Temp\n80|37\n", "missing column O2Sat", id="missing columns"),
        pytest.param("|".join(COLUMNS) + "\n", "no rows", id="header only"),
        pytest.param("|".join(COLUMNS) + "\n" + "x|" * 40 + "0\n", "conversion", id="text"),
        pytest.param("|".join(COLUMNS) + "\n1|2\n", "columns", id="short row"),
        pytest.param("|".join(COLUMNS) + "\n" + "1|" * 40 + "2\n", "must be 0 or 1", id="label"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "p000001.psv").write_text(content, encoding="utf-8")
    with pytest.raises(CohortError, match=re.compile(message, re.IGNORECASE)):
        load(tmp_path)


def test_the_command_says_in_one_line_why_it_cannot_train(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(tmp_path), "--work", str(tmp_path / "work")]) == 2
    assert capsys.readouterr().err == (
        f"model_build: {tmp_path} holds neither set*.parquet nor .psv files\n"
    )


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="neither"):
        load(tmp_path)


def test_a_fold_depends_on_the_patient_alone() -> None:
    ids = [f"p{n:06d}" for n in range(2000)]
    found = folds(ids, n_folds=5, seed=1)
    assert folds(ids[::-1], n_folds=5, seed=1).tolist() == found[::-1].tolist()
    assert folds(ids[:7], n_folds=5, seed=1).tolist() == found[:7].tolist()
    assert np.bincount(found).min() > 330
    assert folds(ids, n_folds=5, seed=2).tolist() != found.tolist()
