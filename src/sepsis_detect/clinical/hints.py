"""What a value out of range probably is: another unit, a fraction, a year of birth.

Most hints follow from the table of conversions: when reading the value in another accepted unit
gives a usual one, that unit is named. The few that no unit explains are written here.
"""

from dataclasses import dataclass
from math import isinf, isnan
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical.units import CONVERSIONS, Conversion
from sepsis_detect.clinical.variables import Variable


@dataclass(frozen=True, slots=True)
class Hint:
    """A likely explanation; `unit` and `converted` when it is another unit."""

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


def number(value: float) -> str:
    """Write a number as people do: no trailing zero, and no rounding that hides a difference."""
    if isinf(value):  # a conversion overflowed, or had no logarithm
        return "∞" if value > 0 else "-∞"
    return f"{value:.15g}"


def decimal_comma(text: str) -> str:
    """The French way of writing a number."""
    return text.replace(".", ",")


def _years_of_birth(value: float) -> Hint | None:
    if 1900 <= value <= 2100:
        return Hint(
            "Is this the year of birth? Send the age in years.",
            "Est-ce l'année de naissance ? Envoyez l'âge en années.",
        )
    return None


def _sign(value: float) -> Hint | None:
    if value <= 0:
        return None
    meant = number(-value)
    return Hint(
        f"Hours before intensive care are negative: send {meant}.",
        f"Les heures précédant la réanimation sont négatives : envoyez {decimal_comma(meant)}.",
    )


def _coded_sex(value: float) -> Hint | None:
    if value == 2:
        return Hint(
            "Coded 1 male, 2 female? Send 0 for female and 1 for male, or the words.",
            "Codage 1 homme, 2 femme ? Envoyez 0 pour femme et 1 pour homme, ou les mots.",
        )
    return None


def _clotting_ratio(value: float) -> Hint | None:
    if 0 < value < 10:
        return Hint(
            "This looks like a patient/control ratio: send seconds.",
            "Cela ressemble à un rapport malade/témoin : envoyez des secondes.",
        )
    return None


SPECIAL = {
    "Age": _years_of_birth,
    "HospAdmTime": _sign,
    "Gender": _coded_sex,
    "PTT": _clotting_ratio,
}


def hint(variable: Variable, value: float) -> Hint | None:
    """Explain an unusual or impossible value; None when nothing is likely."""
    if (special := SPECIAL.get(variable.challenge)) and (found := special(value)):
        return found
    if value == 0 and variable.kind == "vital":
        return NOT_MEASURED
    likely = [
        (conversion, converted)
        for conversion in CONVERSIONS[variable.column].values()
        if _is_usual(variable, converted := _read_as(conversion, value))
    ]
    # What becomes normal is likelier than what becomes merely possible.
    likely.sort(key=lambda pair: not variable.reference_low <= pair[1] <= variable.reference_high)
    if not likely or variable.kind == "demographic":
        return None
    return _other_unit(variable, value, *likely[0])


def _read_as(conversion: Conversion, value: float) -> float:
    return float(conversion.to_canonical(np.array([value]))[0])


def _is_usual(variable: Variable, value: float) -> bool:
    low = variable.hard_low if isnan(variable.warn_low) else variable.warn_low
    high = variable.hard_high if isnan(variable.warn_high) else variable.warn_high
    return low <= value <= high


def _other_unit(variable: Variable, value: float, conversion: Conversion, converted: float) -> Hint:
    # The calcium of a blood gas is the ionised one: a conversion alone would mislead.
    note_en, note_fr = IONISED_CALCIUM if variable.challenge == "Calcium" else ("", "")
    spoken = SPOKEN.get(conversion.unit, Spoken(conversion.unit, conversion.unit, conversion.unit))
    sent, unit = number(value), variable.unit_label_en.replace("fraction", "")
    meant = " ".join(f"{sent} {spoken.symbol} = {converted:.4g} {unit}".split())
    return Hint(
        f"{sent} looks like {spoken.en}: {meant}. "
        f"Convert it, or state its unit in `units`.{note_en}",
        f"{decimal_comma(sent)} ressemble à {spoken.fr} : {decimal_comma(meant)}. "
        f"Convertissez, ou précisez l'unité dans `units`.{note_fr}",
        conversion.unit,
        converted,
    )


class Spoken(NamedTuple):
    """A unit in words, and the symbol behind a number."""

    en: str
    fr: str
    symbol: str


SPOKEN = {
    "1": Spoken("a fraction", "une fraction", ""),
    "%": Spoken("percent", "un pourcentage", "%"),
    "[degF]": Spoken("°F", "°F", "°F"),
    "cm[Hg]": Spoken("cmHg", "cmHg", "cmHg"),
    "umol/L": Spoken("µmol/L", "µmol/L", "µmol/L"),
    "nmol/L": Spoken("H+ in nmol/L", "H+ en nmol/L", "nmol/L"),
    "g/L (urea)": Spoken("urea in g/L", "de l'urée en g/L", "g/L"),
    "mmol/L (urea)": Spoken("urea in mmol/L", "de l'urée en mmol/L", "mmol/L"),
}
