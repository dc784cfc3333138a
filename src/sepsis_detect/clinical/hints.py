"""Hints: the likely cause of a value out of range, such as another unit or a year of birth.

Most hints follow from the table of conversions: if the value is usual when taken as another
accepted unit, that unit is named. Hints for other causes are written here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical.units import CONVERSIONS, Conversion
from sepsis_detect.clinical.variables import Variable, decimal_comma, number


@dataclass(frozen=True, slots=True)
class Hint:
    """A likely cause; `unit` and `converted` are set if it is another unit."""

    en: str
    fr: str
    unit: str | None = None
    converted: float | None = None


NOT_MEASURED = Hint(
    "Zero is not a measurement: send null when it was not measured.",
    "Zéro n'est pas une mesure : envoyez null si elle n'a pas été faite.",
)
IONISED_CALCIUM = (
    " Ionised calcium is another analyte: do not send it.",
    " Le calcium ionisé est un autre dosage : ne l'envoyez pas.",
)


CAUSES_BESIDE_UNITS: dict[str, tuple[Callable[[float], bool], str, str]] = {
    "Age": (
        lambda value: 1900 <= value <= 2100,
        "Is this the year of birth? Send the age in years.",
        "Est-ce l'année de naissance ? Envoyez l'âge en années.",
    ),
    "HospAdmTime": (
        lambda value: value > 0,
        "Hours before intensive care are negative: send -{value}.",
        "Les heures précédant la réanimation sont négatives : envoyez -{value}.",
    ),
    "ICULOS": (
        lambda value: value == 0,
        "Hours count from 1: the first hour in intensive care is 1. Add 1 to every hour.",
        "Les heures se comptent à partir de 1 : la première en réanimation est 1. "
        "Ajoutez 1 à chaque heure.",
    ),
    "Gender": (
        lambda value: value == 2,
        "Coded 1 male, 2 female? Send 0 for female and 1 for male, or the words.",
        "Codage 1 homme, 2 femme ? Envoyez 0 pour femme et 1 pour homme, ou les mots.",
    ),
    "PTT": (
        lambda value: 0 < value < 10,
        "This looks like a patient/control ratio: send seconds.",
        "Cela ressemble à un rapport malade/témoin : envoyez des secondes.",
    ),
}
"""By challenge name, which values a cause explains, and its sentence."""


def hint(variable: Variable, value: float) -> Hint | None:
    """The likely cause of an unusual or impossible value; None if there is none."""
    cause = CAUSES_BESIDE_UNITS.get(variable.challenge)
    if cause and cause[0](value):
        _, en, fr = cause
        return Hint(en.format(value=number(value)), fr.format(value=number(value, "fr")))
    if value == 0 and variable.kind == "vital":
        return NOT_MEASURED
    likely = [
        (conversion, converted)
        for conversion in CONVERSIONS[variable.column].values()
        if _is_usual(variable, converted := _converted(conversion, value))
    ]
    # A unit that makes the value normal is likelier than one that makes it only possible.
    likely.sort(key=lambda pair: not variable.reference_low <= pair[1] <= variable.reference_high)
    if not likely or variable.kind == "demographic":
        return None
    return _other_unit(variable, value, *likely[0])


def _converted(conversion: Conversion, value: float) -> float:
    return float(conversion.to_canonical(np.array([value]))[0])


def _is_usual(variable: Variable, value: float) -> bool:
    low = variable.hard_low if isnan(variable.warn_low) else variable.warn_low
    high = variable.hard_high if isnan(variable.warn_high) else variable.warn_high
    return low <= value <= high


def _other_unit(variable: Variable, value: float, conversion: Conversion, converted: float) -> Hint:
    # Blood gas analysers report ionised calcium: no conversion makes it total calcium.
    note_en, note_fr = IONISED_CALCIUM if variable.challenge == "Calcium" else ("", "")
    names = UNIT_NAMES.get(conversion.unit, UnitNames(*[conversion.unit] * 3))
    sent, unit = number(value), variable.unit_label_en.replace("fraction", "")
    equation = " ".join(f"{sent} {names.symbol} = {converted:.4g} {unit}".split())
    return Hint(
        f"{sent} looks like {names.en}: {equation}. "
        f"Convert it, or state its unit in `units`.{note_en}",
        f"{decimal_comma(sent)} ressemble à {names.fr} : {decimal_comma(equation)}. "
        f"Convertissez, ou précisez l'unité dans `units`.{note_fr}",
        conversion.unit,
        converted,
    )


class UnitNames(NamedTuple):
    """The names of a unit in a sentence, and its symbol after a number."""

    en: str
    fr: str
    symbol: str


UNIT_NAMES = {
    "1": UnitNames("a fraction", "une fraction", ""),
    "%": UnitNames("percent", "un pourcentage", "%"),
    "[degF]": UnitNames("°F", "°F", "°F"),
    "cm[Hg]": UnitNames("cmHg", "cmHg", "cmHg"),
    "umol/L": UnitNames("µmol/L", "µmol/L", "µmol/L"),
    "nmol/L": UnitNames("H+ in nmol/L", "H+ en nmol/L", "nmol/L"),
    "g/L (urea)": UnitNames("urea in g/L", "de l'urée en g/L", "g/L"),
    "mmol/L (urea)": UnitNames("urea in mmol/L", "de l'urée en mmol/L", "mmol/L"),
}
