"""Units of measure as UCUM codes, and the accepted conversions.

Values are converted once, when a request or a file is read; all other code uses canonical units.
The factors are in `unit_conversions.csv`, as fractions where they are exact.

Source: UCUM, https://ucum.org/ucum; molar masses as in docs/coherence.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES, Variable, rows_of
from sepsis_detect.errors import SettingsError

# Rounding removes errors of binary fractions: 113 degF is exactly 45 Cel, which is a bound.
DECIMALS_KEPT = 9

# Common spellings of units, and their UCUM codes.
SPELLINGS = {
    "°C": "Cel",
    "degC": "Cel",
    "°F": "[degF]",
    "degF": "[degF]",
    "mmHg": "mm[Hg]",
    "mm Hg": "mm[Hg]",
    "cmHg": "cm[Hg]",
    "IU/L": "[IU]/L",
    "UI/L": "[IU]/L",
    "mEq/L": "meq/L",
    "10^3/uL": "10*3/uL",
    "10^9/L": "10*9/L",
    "G/L": "10*9/L",
    "bpm": "/min",
    "beats/min": "/min",
    "breaths/min": "/min",
    "years": "a",
    "ans": "a",
    "pH": "[pH]",
}

LITRE = re.compile(r"(?<![A-Za-z])([dmu]?)l(?![A-Za-z])")
"""The litre `l`, which UCUM accepts beside the `L` of the tables."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """From `unit` to a variable's canonical unit: `factor * f(value) + offset`.

    `f` is the identity, or the decimal logarithm where `is_logarithmic` (pH from nmol/L).
    """

    unit: str
    factor: float
    offset: float
    is_logarithmic: bool = False

    def to_canonical(self, values: FloatArray) -> FloatArray:
        """Convert; NaN stays NaN, and a value without logarithm becomes infinite: out of range."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.is_logarithmic:
                values = np.where(
                    values > 0, np.log10(values), np.where(values <= 0, np.inf, values)
                )
            return np.round(values * self.factor + self.offset, DECIMALS_KEPT)


def _conversions() -> dict[int, dict[str, Conversion]]:
    table: dict[int, dict[str, Conversion]] = {variable.column: {} for variable in VARIABLES}
    for row in rows_of("unit_conversions.csv"):
        factor, offset = (float(Fraction(row[key])) for key in ("factor", "offset"))
        conversion = Conversion(row["unit"], factor, offset, row["scale"] == "log10")
        table[BY_CHALLENGE[row["challenge"]].column][row["unit"]] = conversion
    return table


CONVERSIONS = _conversions()


def _ucum(unit: str) -> str:
    unit = unit.strip().replace("µ", "u").replace("μ", "u")  # micro sign, Greek mu
    return SPELLINGS.get(unit, LITRE.sub(r"\1L", unit))


def conversion(variable: Variable, unit: str) -> Conversion | None:
    """The conversion from `unit`; None if the unit is not accepted for the variable."""
    ucum = _ucum(unit)
    if ucum == variable.unit:
        return Conversion(ucum, 1.0, 0.0)
    return CONVERSIONS[variable.column].get(ucum)


def accepted(variable: Variable) -> list[str]:
    """The UCUM codes accepted for a variable, the canonical one first."""
    return [variable.unit, *CONVERSIONS[variable.column]]


def stated_conversions(stated: Sequence[str]) -> dict[int, Conversion]:
    """Conversions by column, from the `--unit` options of a command.

    Args:
        stated: `variable=unit` each, such as `creatinine=umol/L`.

    Raises:
        SettingsError: There is no such variable, or the unit is not accepted for it.
    """
    found: dict[int, Conversion] = {}
    for text in stated:
        name, _, unit = text.partition("=")
        variable = next((v for v in VARIABLES if name in (v.name, v.challenge)), None)
        if variable is None:
            raise SettingsError(f"--unit {text}: '{name}' is not a variable")
        chosen = conversion(variable, unit)
        if chosen is None:
            units = ", ".join(accepted(variable))
            raise SettingsError(f"--unit {text}: the units of {name} are {units}")
        if found.setdefault(variable.column, chosen) != chosen:
            raise SettingsError(f"--unit {text}: another unit of {name} was stated before")
    return found
