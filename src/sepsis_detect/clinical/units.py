"""Units of measure as UCUM codes, and the accepted conversions.

Values are converted once, when a request or a file is read; all other code uses canonical units.
The factors are in `unit_conversions.csv`, as fractions where they are exact. `unit_spellings.csv`
lists how else a unit is written: equal units of UCUM, and what laboratories and monitors print.
JSON, FHIR, files and the page read units with these two tables, and nothing else.

Source: UCUM, https://ucum.org/ucum; molar masses as in docs/coherence.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES, Variable, rows_of
from sepsis_detect.errors import SettingsError

# Rounding removes errors of binary fractions: 113 degF is exactly 45 Cel, which is a bound.
DECIMALS_KEPT = 9

MAX_LENGTH = 40  # of a text that may be a unit


class Spelling(NamedTuple):
    r"""One step that turns a spelling of a unit into its code.

    Attributes:
        pattern: A regular expression that Python and JavaScript read alike.
        replacement: Its replacement; `\1` is the first group.
        ignores_case: Whether upper and lower case are the same.
    """

    pattern: str
    replacement: str
    ignores_case: bool

    def applied_to(self, text: str) -> str:
        """The text after this step."""
        return re.sub(self.pattern, self.replacement, text, flags=_flags(self))


def _flags(spelling: Spelling) -> re.RegexFlag:
    return re.IGNORECASE if spelling.ignores_case else re.NOFLAG


SPELLINGS = tuple(
    Spelling(row["pattern"], row["replacement"], row["case"] == "any")
    for row in rows_of("unit_spellings.csv")
)
"""Applied in this order, until the text is a unit that the variable accepts."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """From `unit` to a variable's canonical unit: `factor * f(value) + offset`.

    `f` is the identity, or the decimal logarithm where `is_logarithmic` (pH from nmol/L).
    `is_rare` tells a unit that few laboratories or monitors use for the variable.
    """

    unit: str
    factor: float
    offset: float
    is_logarithmic: bool = False
    is_rare: bool = False

    def to_canonical(self, values: FloatArray) -> FloatArray:
        """Convert; NaN stays NaN, and a value without logarithm becomes infinite: out of range."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.is_logarithmic:
                values = np.where(
                    values > 0, np.log10(values), np.where(values <= 0, np.inf, values)
                )
            return np.round(values * self.factor + self.offset, DECIMALS_KEPT)

    def converted(self, value: float) -> float:
        """Convert one value."""
        return float(self.to_canonical(np.array([value]))[0])

    def from_canonical(self, value: float) -> float:
        """The number in `unit` of a value in the canonical unit."""
        linear = (value - self.offset) / self.factor
        return float(10**linear) if self.is_logarithmic else linear

    def is_same_as(self, other: "Conversion") -> bool:
        """Whether both convert every value alike, such as ng/L and pg/mL."""
        return (self.factor, self.offset, self.is_logarithmic) == (
            other.factor,
            other.offset,
            other.is_logarithmic,
        )


def canonical(variable: Variable) -> Conversion:
    """The conversion from the canonical unit, which changes nothing."""
    return Conversion(variable.unit, 1.0, 0.0)


def _conversions() -> dict[int, dict[str, Conversion]]:
    table: dict[int, dict[str, Conversion]] = {variable.column: {} for variable in VARIABLES}
    for row in rows_of("unit_conversions.csv"):
        factor, offset = (float(Fraction(row[key])) for key in ("factor", "offset"))
        conversion = Conversion(
            row["unit"], factor, offset, row["scale"] == "log10", row["use"] == "rare"
        )
        table[BY_CHALLENGE[row["challenge"]].column][row["unit"]] = conversion
    return table


CONVERSIONS = _conversions()


@lru_cache(maxsize=2_048)
def conversion(variable: Variable, unit: str) -> Conversion | None:
    """The conversion from `unit`, a UCUM code or another clear spelling of an accepted unit.

    Returns:
        None if the unit is not accepted for the variable, or its spelling is not clear.
    """
    text = unit.strip()
    if not 0 < len(text) <= MAX_LENGTH:
        return None
    known = CONVERSIONS[variable.column] | {variable.unit: canonical(variable)}
    for spelling in SPELLINGS:
        if text in known:
            break
        text = spelling.applied_to(text)
    return known.get(text)


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
