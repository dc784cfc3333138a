"""A hospital's own stays: read as they are meant, or stopped with one sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_build.__main__ import main
from model_build.data.cohort import Cohort
from model_build.site import own_data
from model_build.site.own_data import OwnData
from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.clinical import units
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import AGE, BY_CHALLENGE, CLINICAL, VARIABLES
from sepsis_detect.errors import BadFileError
from sepsis_detect.prediction.model import Model
from tests.artifacts import NOW
from tests.unit.batch_scoring.stay_tables import ABSENT, a_table, save
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

AS_IT_IS = Reading(conversions={})
METADATA = Model.embedded(loaded_at=NOW).metadata


def with_column(cohort: Cohort, name: str, values: Any) -> Cohort:
    changed = cohort.stay.values.copy()
    changed[:, BY_CHALLENGE[name].column] = values
    return replace(cohort, stay=Stay(changed, cohort.stay.starts))


def in_unit(cohort: Cohort, name: str, unit: str) -> Cohort:
    """The values of a variable as a hospital with another unit has them."""
    conversion = units.conversion(BY_CHALLENGE[name], unit)
    assert conversion is not None
    values = cohort.stay.values[:, BY_CHALLENGE[name].column]
    return with_column(cohort, name, (values - conversion.offset) / conversion.factor)


def read(cohort: Cohort, folder: Path, reading: Reading = AS_IT_IS) -> OwnData:
    return own_data.read([save(a_table(cohort), folder / "stays.parquet")], reading, METADATA)


def test_good_data_have_no_warning(tmp_path: Path, cohort: Cohort) -> None:
    own = read(cohort, tmp_path)
    assert own.warnings == []
    assert own.cohort.stay.n_stays == cohort.stay.n_stays
    assert own.is_labelled


# --- Units --------------------------------------------------------------------------------------

IMPOSSIBLE = [
    ("FiO2", 0.4, "%"),
    ("Temp", None, "[degF]"),
    ("Temp", None, "K"),
    ("Creatinine", None, "umol/L"),
    ("Glucose", 120.0, "mmol/L"),
    ("O2Sat", None, "1"),
    ("Fibrinogen", 300.0, "g/L"),
    ("pH", 7.4, "nmol/L"),
]
SUSPICIOUS = [
    ("Hgb", 11.0, "mmol/L"),
    ("Bilirubin_total", 0.8, "umol/L"),
    ("Lactate", None, "mg/dL"),
    ("Magnesium", 2.0, "mmol/L"),
    ("BUN", 17.0, "mmol/L"),
    ("Phosphate", 3.3, "mmol/L"),
]


def spread(cohort: Cohort, name: str, around: float | None) -> Cohort:
    """Values around a median in a third of the hours; None: those of the cohort."""
    if around is None:
        return cohort
    random = np.random.default_rng(3)
    values = around * random.normal(1, 0.02 if name == "pH" else 0.1, cohort.stay.n_hours)
    return with_column(
        cohort, name, np.where(random.random(cohort.stay.n_hours) < 1 / 3, values, np.nan)
    )


@pytest.mark.parametrize(("name", "around", "unit"), IMPOSSIBLE)
def test_values_that_cannot_be_in_their_unit_stop_with_the_likely_one(
    tmp_path: Path, cohort: Cohort, name: str, around: float | None, unit: str
) -> None:
    if unit == "nmol/L":
        wrong = with_column(
            cohort, name, 10 ** (9 - spread(cohort, name, around).stay.values[:, column_of(name)])
        )
    else:
        wrong = in_unit(spread(cohort, name, around), name, unit)
    with pytest.raises(BadFileError, match=f"{BY_CHALLENGE[name].name} cannot be what") as caught:
        read(wrong, tmp_path)
    assert f"--unit {BY_CHALLENGE[name].name}={unit}" in str(caught.value)
    assert "\n" not in str(caught.value)


def column_of(name: str) -> int:
    return BY_CHALLENGE[name].column


@pytest.mark.parametrize(("name", "around", "unit"), SUSPICIOUS)
def test_values_that_would_fit_better_in_another_unit_are_a_warning(
    tmp_path: Path, cohort: Cohort, name: str, around: float | None, unit: str
) -> None:
    right = spread(cohort, name, around)
    warned = read(in_unit(right, name, unit), tmp_path).warnings
    assert len(warned) == 1
    assert BY_CHALLENGE[name].name in warned[0]
    assert f"--unit {BY_CHALLENGE[name].name}={unit}" in warned[0]


@pytest.mark.parametrize(("name", "around", "unit"), SUSPICIOUS + IMPOSSIBLE[:-1])
def test_a_stated_unit_ends_the_doubt(
    tmp_path: Path, cohort: Cohort, name: str, around: float | None, unit: str
) -> None:
    other = in_unit(spread(cohort, name, around), name, unit)
    stated = units.stated_conversions([f"{BY_CHALLENGE[name].name}={unit}"])
    assert read(other, tmp_path, Reading(conversions=stated)).warnings == []


def test_a_unit_that_was_stated_wrongly_is_noticed(tmp_path: Path, cohort: Cohort) -> None:
    """Creatinine in mg/dL, stated to be in umol/L: a hundredth."""
    stated = units.stated_conversions(["creatinine=umol/L"])
    with pytest.raises(BadFileError, match="creatinine cannot be what it claims") as caught:
        read(cohort, tmp_path, Reading(conversions=stated))
    assert "they would be usual in mg/dL" in str(caught.value)


@pytest.mark.parametrize(
    "variable",
    [variable for variable in CLINICAL if variable.challenge not in ABSENT],
    ids=lambda variable: variable.challenge,
)
def test_usual_values_are_never_suspicious(tmp_path: Path, cohort: Cohort, variable: Any) -> None:
    low, high = variable.reference_low, variable.reference_high
    random = np.random.default_rng(5)
    values = random.uniform(low, high, cohort.stay.n_hours)
    empty = np.full((cohort.stay.n_hours, len(VARIABLES)), np.nan)
    stay = Stay(np.where(known_of(cohort), cohort.stay.values, empty), cohort.stay.starts)
    usual = with_column(replace(cohort, stay=stay), variable.challenge, values)
    assert not [each for each in read(usual, tmp_path).warnings if each.startswith("unit")]


def known_of(cohort: Cohort) -> Any:
    """All columns but the clinical ones."""
    known = np.zeros(cohort.stay.values.shape, dtype=bool)
    known[:, [each.column for each in VARIABLES if not each.is_clinical]] = True
    return known


def test_ionised_calcium_among_total_calcium_is_a_warning(tmp_path: Path, cohort: Cohort) -> None:
    calcium = np.where(np.arange(cohort.stay.n_hours) % 5 == 0, 1.15, 8.6)
    warned = read(with_column(cohort, "Calcium", calcium), tmp_path).warnings
    assert any("20% of the values of calcium look like another unit" in each for each in warned)


# --- Stays and labels ---------------------------------------------------------------------------


def test_identifiers_that_mix_patients_stop(tmp_path: Path, cohort: Cohort) -> None:
    ages = np.random.default_rng(1).integers(20, 90, cohort.stay.n_hours)
    with pytest.raises(BadFileError, match="age changes within 100 of 100 stays: do several"):
        read(with_column(cohort, "Age", ages), tmp_path)


def test_a_year_of_birth_for_an_age_stops(tmp_path: Path, cohort: Cohort) -> None:
    born = 2024 - cohort.stay.values[:, AGE]
    with pytest.raises(BadFileError, match="age cannot be what it claims"):
        read(with_column(cohort, "Age", born), tmp_path)


def test_a_label_of_the_stay_instead_of_the_hour_stops(tmp_path: Path, cohort: Cohort) -> None:
    septic = np.maximum.reduceat(cohort.labels, cohort.stay.starts)
    of_stay = replace(cohort, labels=septic[cohort.stay_of_hour])
    with pytest.raises(BadFileError, match="it must say when sepsis begins"):
        read(of_stay, tmp_path)


def test_files_without_any_measurement_stop(tmp_path: Path, cohort: Cohort) -> None:
    values = np.where(known_of(cohort), cohort.stay.values, np.nan)
    empty = replace(cohort, stay=Stay(values, cohort.stay.starts))
    with pytest.raises(BadFileError, match="no vital sign and no laboratory value"):
        read(empty, tmp_path)


def test_stays_that_begin_like_another_are_counted(tmp_path: Path) -> None:
    cohort = synthetic_cohort(30)
    again = replace(cohort, patient_ids=np.array([f"again{k}" for k in range(30)]))
    files = [save(a_table(of), tmp_path / f"{k}.parquet") for k, of in enumerate((cohort, again))]
    own = own_data.read(files, AS_IT_IS, METADATA)
    assert own.n_duplicates == 30
    assert "duplicates: 30 stays begin exactly like another" in own.warnings


def test_columns_that_resemble_a_variable_are_named(tmp_path: Path, cohort: Cohort) -> None:
    table = a_table(cohort)
    table["lactat"] = table.pop("Lactate")
    own = own_data.read([save(table, tmp_path / "stays.parquet")], AS_IT_IS, METADATA)
    assert any("lactat (did you mean lactate?)" in each for each in own.warnings)


def test_validate_maps_columns_and_warns(
    tmp_path: Path, cohort: Cohort, caplog: pytest.LogCaptureFixture
) -> None:
    table = a_table(in_unit(cohort, "Lactate", "mg/dL"))
    table["laktat"] = table.pop("Lactate")
    table["outcome"] = table.pop("SepsisLabel")
    data = save(table, tmp_path / "stays.parquet")
    options = ["--data", str(data), "--out", str(tmp_path / "out")]
    options += ["--map", "laktat=lactate", "--map", "outcome=SepsisLabel"]
    assert main(["validate", *options]) == 0
    assert "unit: lactate is unlike the values of training" in caplog.text
