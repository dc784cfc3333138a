"""The table of variables: columns, bounds, labels and codes."""

import csv

import numpy as np
import pytest

from sepsis_detect.clinical.variables import (
    BY_CHALLENGE,
    CLINICAL,
    LABS,
    RANGES,
    VARIABLES,
    VITALS,
    bounds,
)
from tests.paths import SHARED

REFERENCE = SHARED / "reference" / "variables.csv"


def test_there_are_forty_columns_clinical_ones_first() -> None:
    assert len(VARIABLES) == 40
    assert [variable.column for variable in VARIABLES] == list(range(40))
    assert VARIABLES[: len(CLINICAL)] == CLINICAL == (*VITALS, *LABS)
    assert (len(VITALS), len(LABS)) == (8, 26)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.challenge)
def test_hard_range_expected_range_and_reference_interval_are_nested(
    variable: object,
) -> None:
    low = [getattr(variable, name) for name in ("hard_low", "warn_low", "reference_low")]
    high = [getattr(variable, name) for name in ("reference_high", "warn_high", "hard_high")]
    known = [bound for bound in low + high if not np.isnan(bound)]
    assert known == sorted(known)


@pytest.mark.parametrize("variable", CLINICAL, ids=lambda variable: variable.challenge)
def test_a_clinical_variable_has_labels_a_unit_and_a_code(variable: object) -> None:
    for name in ("label_en", "label_fr", "unit", "loinc", "panel"):
        assert getattr(variable, name)


@pytest.mark.skipif(
    not REFERENCE.exists(), reason="the shared reference is not beside the checkout"
)
def test_names_and_bounds_are_those_of_the_shared_reference() -> None:
    columns = {
        "unit": "ucum_code",
        "reference_low": "adult_ref_low",
        "reference_high": "adult_ref_high",
        "hard_low": "hard_low_422",
        "hard_high": "hard_high_422",
        "warn_low": "warn_low",
        "warn_high": "warn_high",
    }
    with REFERENCE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["challenge_name"] for row in rows] == list(BY_CHALLENGE)
    for row in rows:
        variable = BY_CHALLENGE[row["challenge_name"]]
        assert variable.unit == row[columns["unit"]]
        for name in RANGES:
            expected = float(row[columns[name]] or "nan")
            np.testing.assert_equal(getattr(variable, name), expected)


def test_bounds_come_as_one_array() -> None:
    hard_low = bounds("hard_low")
    assert hard_low.shape == (40,)
    assert hard_low[BY_CHALLENGE["HR"].column] == 10
