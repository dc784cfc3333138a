"""Reader of a hospital's own files: equal stays from every layout, one sentence for bad files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from model_build.__main__ import main
from model_build.data.cohort import Cohort
from model_build.data.stay_files import absent_variables, read_labelled, read_unlabelled
from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.clinical.units import stated_conversions
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.errors import BadFileError
from tests.unit.batch_scoring.stay_tables import ABSENT, a_table, save
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

AS_IT_IS = Reading(conversions={})


def test_layouts_names_units_and_order_change_nothing(tmp_path: Path, cohort: Cohort) -> None:
    table = a_table(cohort)
    expected = read_labelled([save(table, tmp_path / "a.parquet")], AS_IT_IS)
    names = {variable.challenge: variable.name for variable in VARIABLES}
    canonical = {names.get(name, name): column for name, column in table.items()}
    canonical["temperature"] = pa.compute.add(
        pa.compute.multiply(canonical["temperature"], 1.8), 32.0
    )
    stated = stated_conversions(["temperature=[degF]"])
    halves = [cohort.take(np.arange(50, 100)), cohort.take(np.arange(50))]
    files = [save(a_table(half), tmp_path / f"{k}.psv") for k, half in enumerate(halves)]
    for found in (
        read_labelled([save(canonical, tmp_path / "b.csv")], Reading(conversions=stated)),
        read_labelled(files, AS_IT_IS),
    ):
        assert found.digest == expected.digest
        assert found.hospitals.tolist() == cohort.hospitals.tolist()
    np.testing.assert_array_equal(expected.labels, cohort.labels)


def test_without_a_hospital_column_there_is_one_hospital(tmp_path: Path, cohort: Cohort) -> None:
    table = {name: of for name, of in a_table(cohort).items() if name != "hospital"}
    found = read_labelled([save(table, tmp_path / "a.parquet")], AS_IT_IS)
    assert set(found.hospitals.tolist()) == {"unknown"}


def test_variables_without_any_value_are_named(tmp_path: Path, cohort: Cohort) -> None:
    empty = {"SaO2": pa.nulls(cohort.stay.n_hours)}
    found = read_labelled([save(a_table(cohort) | empty, tmp_path / "a.parquet")], AS_IT_IS)
    assert {*ABSENT, "SaO2"} <= set(absent_variables(found))
    assert "HR" not in absent_variables(found)


def test_labels_may_be_true_and_false(tmp_path: Path, cohort: Cohort) -> None:
    table = a_table(cohort) | {"SepsisLabel": pa.array(cohort.labels == 1)}
    found = read_labelled([save(table, tmp_path / "a.parquet")], AS_IT_IS)
    np.testing.assert_array_equal(found.labels, cohort.labels)


def test_unlabelled_stays_need_no_label(tmp_path: Path, cohort: Cohort) -> None:
    kept = a_table(cohort).keys() - {"SepsisLabel", "hospital"}
    table = {name: a_table(cohort)[name] for name in kept}
    assert not read_unlabelled([save(table, tmp_path / "a.csv")], AS_IT_IS).labels.any()


Rows = list[dict[str, Any]]


def changed(row: int, **values: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [of | values if at == row else of for at, of in enumerate(rows)]


def everywhere(**values: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [of | values for of in rows]


def without(name: str) -> Callable[[Rows], Rows]:
    return lambda rows: [{key: of[key] for key in of if key != name} for of in rows]


BAD: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "no label": (without("SepsisLabel"), "has no column SepsisLabel"),
    "no hours": (without("ICULOS"), "ICULOS"),
    "a missing label": (changed(0, SepsisLabel=None), "must be 0 or 1 in every row"),
    "another label": (changed(0, SepsisLabel=2), "must be 0 or 1 in every row"),
    "a label in words": (changed(0, SepsisLabel="yes"), "SepsisLabel: 'yes' is not 0 or 1"),
    "text in numbers": (changed(0, HR="fast"), "column HR: 'fast' is not a number"),
    "only 0": (everywhere(SepsisLabel=0), "0 of 8 stays are septic"),
    "only 1": (everywhere(SepsisLabel=1), "every stay is septic"),
    "hours out of order": (changed(1, ICULOS=9), "whole hours that rise"),
    "half an hour": (changed(1, ICULOS=1.5), "whole hours that rise"),
    "an hour missing": (changed(1, ICULOS=None), "whole hours that rise"),
    "a patient torn apart": (lambda rows: [*rows[1:], rows[0]], "do not stand together"),
    "two hospitals for a stay": (changed(1, hospital="C"), "hospital changes"),
    "no row": (lambda rows: [], "holds no row"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, sentence = BAD[name]
    good = pa.table(a_table(synthetic_cohort(8))).to_pylist()
    rows = change(good)
    path = tmp_path / "stays.csv"
    lines = [",".join((rows or good)[0])]
    lines += [",".join("" if of is None else str(of) for of in row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(["validate", "--data", str(path), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("model_build: ")
    assert told.count("\n") == 1
    assert sentence in told
    assert not (tmp_path / "out").exists()


def test_a_parquet_column_of_words_is_no_label(tmp_path: Path, cohort: Cohort) -> None:
    words = pa.array(["yes"] * cohort.stay.n_hours)
    path = save(a_table(cohort) | {"SepsisLabel": words}, tmp_path / "stays.parquet")
    with pytest.raises(BadFileError, match="SepsisLabel: 'yes' is not 0 or 1"):
        read_labelled([path], AS_IT_IS)


def test_a_label_that_is_taken_back_is_refused(tmp_path: Path, cohort: Cohort) -> None:
    labels = cohort.labels.copy()
    first = int(labels.argmax())
    labels[first + 1] = 0
    path = save(a_table(replace(cohort, labels=labels)), tmp_path / "stays.parquet")
    with pytest.raises(BadFileError, match="goes back from 1 to 0"):
        read_labelled([path], AS_IT_IS)


def test_a_file_given_twice_is_refused(tmp_path: Path, cohort: Cohort) -> None:
    path = save(a_table(cohort), tmp_path / "stays.parquet")
    with pytest.raises(BadFileError, match="patient p000001 is in two files"):
        read_labelled([path, path], AS_IT_IS)
