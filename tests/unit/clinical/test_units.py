"""Units of measure: accepted codes and spellings, and exact conversion."""

import csv

import numpy as np
import pytest

from sepsis_detect.clinical import units
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES, Variable
from sepsis_detect.errors import SettingsError
from tests.paths import SHARED

REFERENCE = SHARED / "reference" / "unit_conversions.csv"


def converted(challenge: str, unit: str, value: float) -> float:
    conversion = units.conversion(BY_CHALLENGE[challenge], unit)
    assert conversion is not None
    return float(conversion.to_canonical(np.array([value]))[0])


@pytest.mark.parametrize(
    ("challenge", "unit", "sent", "canonical"),
    [
        pytest.param("Temp", "[degF]", 98.6, 37.0, id="normal temperature in Fahrenheit"),
        pytest.param("Temp", "[degF]", 113.0, 45.0, id="the upper bound exactly"),
        pytest.param("Temp", "K", 310.15, 37.0, id="kelvin"),
        pytest.param("Creatinine", "umol/L", 88, 0.9954384, id="creatinine of a French laboratory"),
        pytest.param("BUN", "mmol/L", 7, 19.6098, id="urea of a French laboratory"),
        pytest.param("SBP", "cm[Hg]", 12, 120, id="French blood pressure"),
        pytest.param("pH", "nmol/L", 40, 7.397940009, id="hydrogen ions"),
        pytest.param("FiO2", "%", 40, 0.4, id="oxygen in percent"),
        pytest.param("Age", "mo", 600, 50, id="age in months"),
        pytest.param("Lactate", "mg/dL", 18, 1.998216, id="lactate in mg/dL"),
    ],
)
def test_a_value_is_converted_exactly(
    challenge: str, unit: str, sent: float, canonical: float
) -> None:
    assert converted(challenge, unit, sent) == canonical


@pytest.mark.skipif(
    not REFERENCE.exists(), reason="the shared reference is not beside the checkout"
)
def test_every_conversion_of_the_shared_reference_is_accepted() -> None:
    with REFERENCE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 50
    for row in rows:
        expected = 10 * float(row["factor"]) + float(row["offset"])
        found = converted(row["challenge_name"], row["from_unit"], 10.0)
        assert found == pytest.approx(expected, rel=1e-7)
        if row["example_in"]:
            example = converted(row["challenge_name"], row["from_unit"], float(row["example_in"]))
            assert example == pytest.approx(float(row["example_out"]), abs=1e-4)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.challenge)
def test_values_in_the_canonical_unit_stay_unchanged(variable: Variable) -> None:
    assert converted(variable.challenge, variable.unit, 12.5) == 12.5
    assert units.accepted(variable)[0] == variable.unit


@pytest.mark.parametrize(
    ("spelling", "ucum"),
    [("µmol/L", "umol/L"), ("μmol/L", "umol/L"), (" umol/L ", "umol/L")],
    ids=["micro sign", "Greek mu", "spaces around"],
)
def test_common_spellings_mean_the_same_unit(spelling: str, ucum: str) -> None:
    creatinine = BY_CHALLENGE["Creatinine"]
    assert units.conversion(creatinine, spelling) == units.conversion(creatinine, ucum)


def test_a_command_reads_the_same_spellings() -> None:
    stated = units.stated_conversions(["platelets=K/uL", "Temp=°F", "bun=g/l (urea)"])
    assert [each.unit for each in stated.values()] == ["10*3/uL", "[degF]", "g/L (urea)"]
    with pytest.raises(SettingsError, match="the units of platelets are"):
        units.stated_conversions(["platelets=M/uL"])


def test_an_unknown_unit_is_not_guessed() -> None:
    assert units.conversion(BY_CHALLENGE["Creatinine"], "mol/L") is None
    assert units.conversion(BY_CHALLENGE["BUN"], "g/L") is None, "it could be urea or its nitrogen"


def test_missing_values_stay_missing() -> None:
    for challenge, unit in (("Temp", "[degF]"), ("pH", "nmol/L")):
        assert np.isnan(converted(challenge, unit, np.nan))


def test_a_value_without_logarithm_is_out_of_range() -> None:
    assert np.isinf(converted("pH", "nmol/L", 0.0))
    assert np.isinf(converted("pH", "nmol/L", -3.0))
