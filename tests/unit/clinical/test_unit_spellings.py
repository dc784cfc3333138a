"""Spellings of units: what is accepted means what UCUM says, what is not clear is refused."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ucumvert import PintUcumRegistry

from sepsis_detect.clinical import units
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES, Variable
from tests import unit_spellings

UCUM = PintUcumRegistry()

ARBITRARY = ("[pH]", "[IU]/L")  # defined by a procedure: they have no dimension in UCUM


def ucum(code: str) -> Any:
    """The quantity that UCUM means by a code."""
    return UCUM.from_ucum(code.split(" (")[0])


def read_as(challenge: str, spelling: str) -> str | None:
    """The accepted unit that a spelling is read as."""
    found = units.conversion(BY_CHALLENGE[challenge], spelling)
    return found.unit if found else None


def other_units() -> list[Any]:
    return [
        pytest.param(variable, conversion, id=f"{variable.challenge} in {conversion.unit}")
        for variable in VARIABLES
        for conversion in units.CONVERSIONS[variable.column].values()
        if not {conversion.unit, variable.unit} & set(ARBITRARY)
        # Urea is not its nitrogen: the table converts between two analytes.
        if ucum(conversion.unit).check(ucum(variable.unit)) and "urea" not in conversion.unit
    ]


@pytest.mark.parametrize(("variable", "conversion"), other_units())
def test_a_conversion_inside_one_dimension_is_that_of_ucum(
    variable: Variable, conversion: Conversion
) -> None:
    theirs, canonical = ucum(conversion.unit), ucum(variable.unit)
    converted = UCUM.Quantity(37.5 * theirs.magnitude, theirs.units).to(canonical.units)
    expected = converted.magnitude / canonical.magnitude
    assert conversion.converted(37.5) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("challenge", "spelling"), unit_spellings.each(unit_spellings.UCUM))
def test_a_ucum_spelling_is_read_as_the_unit_that_it_is(challenge: str, spelling: str) -> None:
    unit = read_as(challenge, spelling)
    assert unit is not None
    annotation = spelling.startswith("{") and spelling.endswith("}")
    assert ucum("1" if annotation else spelling).to_base_units().magnitude == pytest.approx(
        ucum(unit).to_base_units().magnitude, rel=1e-12
    )


PREFIXES = ("", "k", "d", "c", "m", "u", "n", "p", "G")
AMOUNTS = ("g", "mol", "eq", "U", "kat", "L")
NUMBERS = ("", "1", "%", "10*3", "10^6", "10*9", "10*12", "1000", "{cells}")
VOLUMES = ("L", "l", "m3", "min", "s")
NUMERATORS = (*(prefix + amount for prefix in PREFIXES for amount in AMOUNTS), *NUMBERS)


def ucum_codes() -> Iterator[str]:
    """Codes that are valid in UCUM, of which nearly all are no accepted unit."""
    for numerator, prefix, volume in product(NUMERATORS, PREFIXES, VOLUMES):
        yield f"{numerator}/{prefix}{volume}"
        if numerator and volume != "m3":  # an exponent belongs to the whole unit
            yield f"{numerator}.{prefix}{volume}-1"
    yield from NUMERATORS


OF_EACH_KIND = ("HR", "O2Sat", "AST", "BUN", "Glucose", "TroponinI", "Hgb", "WBC", "Fibrinogen")


@pytest.mark.parametrize("challenge", [*OF_EACH_KIND, "Potassium", "Creatinine", "Lactate", "pH"])
def test_no_ucum_code_is_read_as_another_unit(challenge: str) -> None:
    read = {code: read_as(challenge, code) for code in ucum_codes()}
    accepted = {code: unit for code, unit in read.items() if unit and unit not in ARBITRARY}
    assert len(accepted) > 1
    for code, unit in accepted.items():
        if code.startswith("G/"):  # gauss in UCUM, giga as laboratories print it
            continue
        meant, found = (ucum(each) for each in (code.replace("{cells}", "1"), unit))
        assert meant.check(found), (code, unit)
        assert meant.to_base_units().magnitude == pytest.approx(
            found.to_base_units().magnitude, rel=1e-12
        ), (code, unit)


@pytest.mark.parametrize(("challenge", "unit", "spelling"), unit_spellings.each_printed())
def test_a_clear_printed_spelling_is_read(challenge: str, unit: str, spelling: str) -> None:
    assert read_as(challenge, spelling) == unit


@pytest.mark.parametrize(("challenge", "spelling"), unit_spellings.each(unit_spellings.UNCLEAR))
def test_a_spelling_that_is_not_clear_is_refused(challenge: str, spelling: str) -> None:
    assert read_as(challenge, spelling) is None


@given(variable=st.sampled_from(VARIABLES), text=st.text(max_size=60))
def test_any_text_is_read_or_refused(variable: Variable, text: str) -> None:
    found = units.conversion(variable, text)
    assert found is None or found.unit in units.accepted(variable)


def test_an_accepted_unit_is_read_as_itself() -> None:
    for variable in VARIABLES:
        for unit in units.accepted(variable):
            assert read_as(variable.challenge, unit) == unit
