"""The table of variables: names, units, LOINC codes, ranges and labels.

The forty columns are those of the PhysioNet/CinC 2019 challenge, in its order. Parser,
coherence rules, features, OpenAPI schema, page and documentation are derived from this table.

Source: `sepsis_detect/variables.csv`; docs/coherence.md gives the reasons for the ranges.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files
from math import isinf, isnan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Language = Literal["en", "fr"]


def number(value: float, language: Language = "en") -> str:
    """Format a number without trailing zeros, with all digits that tell it from its bound."""
    if isinf(value):  # a conversion overflowed, or the value has no logarithm
        return "∞" if value > 0 else "-∞"
    text = f"{value:.15g}"
    return decimal_comma(text) if language == "fr" else text


def decimal_comma(text: str) -> str:
    """A formatted number with the French decimal sign."""
    return text.replace(".", ",")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One column of an hour.

    Attributes:
        column: Index among the forty columns.
        challenge: Name in the challenge's files, such as `HR`.
        name: Canonical name, such as `heart_rate`. `Unit1` and `Unit2` share `icu_unit`.
        kind: `vital`, `lab` or `demographic`.
        panel: The group of the page's form, such as `blood_gas`.
        unit: Canonical unit, as a UCUM code.
        loinc: Main LOINC code, empty for demographics; `loinc_also` lists equivalents.
        reference_low, reference_high: Adult reference interval, NaN where there is none.
        hard_low, hard_high: Outside, the value is refused.
        warn_low, warn_high: Outside, the value is accepted with a warning; NaN: no bound.
        range_source: Where the bounds come from.
    """

    column: int
    challenge: str
    name: str
    kind: str
    panel: str
    label_en: str
    label_fr: str
    unit: str
    unit_label_en: str
    unit_label_fr: str
    loinc: str
    loinc_also: tuple[str, ...]
    reference_low: float
    reference_high: float
    hard_low: float
    hard_high: float
    warn_low: float
    warn_high: float
    range_source: str

    def label(self, language: Language) -> str:
        """Its name."""
        return self.label_fr if language == "fr" else self.label_en

    def measurement(self, value: float, language: Language) -> str:
        """A value with its unit."""
        unit = self.unit_label_fr if language == "fr" else self.unit_label_en
        return f"{number(value, language)} {unit.removeprefix('fraction')}".rstrip()

    @property
    def usual_low(self) -> float:
        """Below, a value has a warning or is refused."""
        return self.hard_low if isnan(self.warn_low) else self.warn_low

    @property
    def usual_high(self) -> float:
        """Above, a value has a warning or is refused."""
        return self.hard_high if isnan(self.warn_high) else self.warn_high

    @property
    def is_clinical(self) -> bool:
        """Whether it is a vital sign or a laboratory value."""
        return self.kind != "demographic"


RANGES = ("reference_low", "reference_high", "hard_low", "hard_high", "warn_low", "warn_high")


def rows_of(table: str) -> list[dict[str, str]]:
    """The rows of a CSV table of this package."""
    text = files("sepsis_detect").joinpath(table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _variable(column: int, row: dict[str, str]) -> Variable:
    fields: dict[str, Any] = {**row, "loinc_also": tuple(row["loinc_also"].split())}
    fields |= {name: float(row[name] or "nan") for name in RANGES}
    return Variable(column=column, **fields)


VARIABLES = tuple(_variable(column, row) for column, row in enumerate(rows_of("variables.csv")))
BY_CHALLENGE = {variable.challenge: variable for variable in VARIABLES}
CLINICAL = tuple(variable for variable in VARIABLES if variable.is_clinical)
VITALS = tuple(variable for variable in VARIABLES if variable.kind == "vital")
LABS = tuple(variable for variable in VARIABLES if variable.kind == "lab")
N_COLUMNS = len(VARIABLES)
N_CLINICAL = len(CLINICAL)

# Vital signs come first, then laboratory values, so that a slice selects either.
CLINICAL_COLUMNS = slice(0, N_CLINICAL)
VITAL_COLUMNS = slice(0, len(VITALS))

AGE = BY_CHALLENGE["Age"].column
SEX = BY_CHALLENGE["Gender"].column
MEDICAL_UNIT = BY_CHALLENGE["Unit1"].column
SURGICAL_UNIT = BY_CHALLENGE["Unit2"].column
HOSPITAL_ADMISSION_HOUR = BY_CHALLENGE["HospAdmTime"].column
ICU_HOUR = BY_CHALLENGE["ICULOS"].column

SEX_CODES = {"female": 0.0, "male": 1.0}
ICU_UNITS = ("medical", "surgical")


def bounds(field: str) -> NDArray[np.float64]:
    """One bound of every variable: shape (40,), canonical units, NaN where there is none."""
    return np.array([getattr(variable, field) for variable in VARIABLES])
