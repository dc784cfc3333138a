"""Hints: the likely cause of a value out of range, such as another unit or a year of birth.

Most hints follow from the table of conversions: every accepted unit in which the number would be
a usual value is named, the likeliest first. For an impossible number that no unit makes usual, the
units that make it possible are named: 4000 platelets are counted per microlitre also where 4 G/L is
far below what is usual. Hints for other causes are written here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import NamedTuple

from sepsis_detect.clinical import deidentified_ages, units
from sepsis_detect.clinical.rules import WHOLE_NUMBERS
from sepsis_detect.clinical.sent_values import SentValue
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import AGE, VARIABLES, Language, Variable, number

LANGUAGES: tuple[Language, ...] = ("en", "fr")


class LikelyUnit(NamedTuple):
    """A unit in which a number would be usual, or at least possible.

    Attributes:
        unit: UCUM code.
        converted: The number in the canonical unit, if it was measured in `unit`.
        beside: The same for the other arterial pressures of the hour, by canonical name.
    """

    unit: str
    converted: float
    beside: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Hint:
    """A likely cause; `units`, the likeliest first, if it is another unit."""

    en: str
    fr: str
    units: tuple[LikelyUnit, ...] = ()


NO_SIGNAL = Hint(
    "Zero is what a monitor without signal shows: leave it out or send null, also in an apnoea "
    "test.",
    "Zéro est ce qu'affiche un moniteur sans signal : ne l'envoyez pas, ou envoyez null, même lors "
    "d'une épreuve d'apnée.",
)
NO_RESULT = Hint(
    "Zero is not a result: leave it out or send null when it was not measured.",
    "Zéro n'est pas un résultat : ne l'envoyez pas, ou envoyez null, si la mesure n'a pas été "
    "faite.",
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


def hint(variable: Variable, sent: SentValue, *, is_refused: bool) -> Hint | None:
    """The likely cause of an unusual or impossible value; None if none is known.

    Args:
        variable: What was measured.
        sent: The value as it was sent.
        is_refused: Whether it is impossible, not only unusual.
    """
    value = sent.value
    cause = CAUSES_BESIDE_UNITS.get(variable.challenge)
    if cause and cause[0](value):
        _, en, fr = cause
        return Hint(en.format(value=number(value)), fr.format(value=number(value, "fr")))
    if value == 0 and variable.is_clinical and (is_refused or variable.kind == "vital"):
        return NO_SIGNAL if variable.kind == "vital" else NO_RESULT
    if not (variable.is_clinical or is_refused):  # a long stay is no unit
        return None
    likely = _likely_units(variable, sent, is_refused=is_refused and variable.is_clinical)
    if not likely:
        return None
    en, fr = (_sentence(variable, sent, likely, language) for language in LANGUAGES)
    return Hint(en, fr, likely)


Deviation = Callable[[Variable, float], float | None]
"""How far a value lies from the reference interval; None: too far."""


def _likely_units(
    variable: Variable, sent: SentValue, *, is_refused: bool
) -> tuple[LikelyUnit, ...]:
    """The units that make the value usual, or at least possible if it is refused as it is.

    One unit for all unusual pressures of the hour, if there is one.
    """
    deviations = (usual_deviation, possible_deviation) if is_refused else (usual_deviation,)
    alone = SentValue(value=sent.value, stated=sent.stated)
    for each in (sent, alone) if sent.beside else (alone,):
        for deviation_of in deviations:
            if found := _fitting(variable, each, deviation_of):
                return found
    return ()


def _fitting(
    variable: Variable, sent: SentValue, deviation_of: Deviation
) -> tuple[LikelyUnit, ...]:
    """The units that fit: common ones first, then by how usual the value is."""
    found: list[tuple[bool, float, LikelyUnit]] = []
    for conversion in _other_units(variable, sent.stated):
        converted = conversion.converted(sent.value)
        deviation = deviation_of(variable, converted)
        beside = {column: conversion.converted(value) for column, value in sent.beside.items()}
        fits_all = all(
            deviation_of(VARIABLES[column], each) is not None for column, each in beside.items()
        )
        if deviation is not None and fits_all:
            names = {VARIABLES[column].name: each for column, each in beside.items()}
            likely = LikelyUnit(conversion.unit, converted, names)
            found.append((conversion.is_rare, deviation, likely))
    return tuple(likely for *_, likely in sorted(found, key=lambda each: each[:2]))


def _other_units(variable: Variable, stated: Conversion | None) -> list[Conversion]:
    """The units that the number could have been measured in, other than the one it was read in."""
    canonical = units.canonical(variable)
    read_in = stated or canonical
    others = [canonical, *units.CONVERSIONS[variable.column].values()]
    return [each for each in others if not each.is_same_as(read_in)]


def usual_deviation(variable: Variable, value: float) -> float | None:
    """How far a usual value lies from the reference interval.

    Args:
        variable: What was measured.
        value: In the canonical unit.

    Returns:
        0 inside the reference interval, 1 at the bound beyond which a value has a warning, on a
        logarithmic scale between them; None beyond the bound.
    """
    low, high = variable.usual_low, variable.usual_high
    if not low <= value <= high or (variable.column in WHOLE_NUMBERS and value % 1):
        return None
    if value < variable.reference_low:
        return _part_of_the_way(variable.reference_low, value, low)
    if value > variable.reference_high:
        return _part_of_the_way(variable.reference_high, value, high)
    return 0.0


def possible_deviation(variable: Variable, value: float) -> float | None:
    """0 for every possible value, usual or not; None: it would be refused in this unit too."""
    return 0.0 if variable.hard_low <= value <= variable.hard_high else None


def _part_of_the_way(near: float, value: float, far: float) -> float:
    if min(near, value, far) > 0:
        near, value, far = log(near), log(value), log(far)
    return (value - near) / (far - near)


# --- Sentences ----------------------------------------------------------------------------------


class UnitNames(NamedTuple):
    """The names of a unit in a sentence, and its symbols after a number."""

    en: str
    fr: str
    symbol_en: str
    symbol_fr: str


class Words(NamedTuple):
    """The words of a hint about units."""

    looks_like: str
    colon: str
    also: str
    joiner: str
    ask_unstated: str
    ask_stated: str
    ionised_calcium: str  # of blood gas analysers: no conversion makes it total calcium


WORDS: dict[Language, Words] = {
    "en": Words(
        "looks like",
        ":",
        "It could also be",
        " or ",
        "Convert it, or state its unit in `units`.",
        "Is the stated unit right?",
        "Ionised calcium is another analyte: do not send it.",
    ),
    "fr": Words(
        "ressemble à",
        " :",
        "Ce pourrait aussi être",
        " ou ",
        "Convertissez, ou précisez l'unité dans `units`.",
        "L'unité indiquée est-elle la bonne ?",
        "Le calcium ionisé est un autre dosage : ne l'envoyez pas.",
    ),
}
UNIT_NAMES = {
    "1": UnitNames("a fraction", "une fraction", "", ""),
    "%": UnitNames("percent", "un pourcentage", "%", "%"),
    "Cel": UnitNames("°C", "°C", "°C", "°C"),
    "[degF]": UnitNames("°F", "°F", "°F", "°F"),
    "mm[Hg]": UnitNames("mmHg", "mmHg", "mmHg", "mmHg"),
    "cm[Hg]": UnitNames("cmHg", "cmHg", "cmHg", "cmHg"),
    "umol/L": UnitNames("µmol/L", "µmol/L", "µmol/L", "µmol/L"),
    "nmol/L": UnitNames("H+ in nmol/L", "H+ en nmol/L", "nmol/L", "nmol/L"),
    "g/L (urea)": UnitNames("urea in g/L", "de l'urée en g/L", "g/L", "g/L"),
    "mmol/L (urea)": UnitNames("urea in mmol/L", "de l'urée en mmol/L", "mmol/L", "mmol/L"),
    "mg/dL (urea)": UnitNames("urea in mg/dL", "de l'urée en mg/dL", "mg/dL", "mg/dL"),
    "[pH]": UnitNames("pH", "un pH", "", ""),
    "a": UnitNames("years", "des années", "years", "ans"),
    "mo": UnitNames("months", "des mois", "months", "mois"),
    "d": UnitNames("days", "des jours", "days", "jours"),
    "h": UnitNames("hours", "des heures", "h", "h"),
    "min": UnitNames("minutes", "des minutes", "min", "min"),
}


def _sentence(
    variable: Variable, sent: SentValue, likely: tuple[LikelyUnit, ...], language: Language
) -> str:
    """The likeliest unit with its equation, then the others; units of equal size are named once."""
    of_size = {each.converted: each for each in reversed(likely)}  # keeps the likeliest name
    others = sorted(of_size.values(), key=likely.index)
    if variable.column == AGE and deidentified_ages.is_code(sent.value):
        parts = [deidentified_ages.HINT[LANGUAGES.index(language)]]
    else:
        parts = [_looks_like(variable, sent.value, others.pop(0), language)]
    if others:
        joiner, also = WORDS[language].joiner, WORDS[language].also
        names = [
            f"{_names(each.unit, language)[0]} ({_measured(variable, each, language)})"
            for each in others
        ]
        parts.append(f"{also} {joiner.join(names)}.")
    parts.append(WORDS[language].ask_stated if sent.stated else WORDS[language].ask_unstated)
    if variable.challenge == "Calcium":
        parts.append(WORDS[language].ionised_calcium)
    return " ".join(parts)


def _looks_like(variable: Variable, value: float, likely: LikelyUnit, language: Language) -> str:
    name, symbol = _names(likely.unit, language)
    text = f"{number(value, language)} {WORDS[language].looks_like} {name}"
    if likely.unit == variable.unit:  # another one was stated
        return f"{text}."
    equation = f"{number(value, language)} {symbol} = {_measured(variable, likely, language)}"
    return f"{text}{WORDS[language].colon} {' '.join(equation.split())}."


def _names(unit: str, language: Language) -> tuple[str, str]:
    names = UNIT_NAMES.get(unit, UnitNames(unit, unit, unit, unit))
    return (names.fr, names.symbol_fr) if language == "fr" else (names.en, names.symbol_en)


def _measured(variable: Variable, likely: LikelyUnit, language: Language) -> str:
    """The converted number, rounded, with the canonical unit."""
    return variable.measurement(float(f"{likely.converted:.4g}"), language)
