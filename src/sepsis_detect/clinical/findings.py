"""A violation in words: one finding for each hour a rule fires at, in English and French."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import isnan
from typing import Any

from sepsis_detect.clinical import hints, rules
from sepsis_detect.clinical.coherence import (
    HARD_HIGH,
    HARD_LOW,
    USUAL_HIGH,
    USUAL_LOW,
    RuleViolation,
)
from sepsis_detect.clinical.hints import decimal_comma, number
from sepsis_detect.clinical.rules import Rule, Severity
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import ICU_HOUR, VARIABLES, Variable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finding:
    """One rule that fired at one hour of one stay; equal to itself alone.

    Attributes:
        rule: Public id, such as `bp.dbp_ge_sbp` or `range:HR`.
        is_refusal: Whether it refuses the request; a warning otherwise.
        row: Row of the stay.
        columns: The values concerned, the one to look at first in front.
        en, fr: The sentence.
        hint_en, hint_fr: What it probably is, empty when nothing is likely.
        context: The values concerned by canonical name, bounds, and a likely unit.
    """

    rule: str
    is_refusal: bool
    row: int
    columns: tuple[int, ...]
    en: str
    fr: str
    hint_en: str
    hint_fr: str
    context: Mapping[str, Any]

    @property
    def is_of_the_stay(self) -> bool:
        """Whether it is about no hour and no value, but about all of them."""
        return not self.columns and not self.rule.startswith("time.")


def findings(stay: Stay, violations: Iterable[RuleViolation]) -> list[Finding]:
    """Put violations into words, in order of hour, variable and rule."""
    found = list(chain.from_iterable(_of_hit(stay, violation) for violation in violations))
    if len(found) > 1:
        found.sort(key=lambda finding: (finding.row, finding.columns, finding.rule))
    return found


def _of_hit(stay: Stay, violation: RuleViolation) -> list[Finding]:
    told = []
    for index, row in enumerate(violation.rows.tolist()):
        at = stay.values.item(row, ICU_HOUR)
        hour = None if at != at else _plain(at)
        numbers = [(name, float(values[index])) for name, values in violation.numbers.items()]
        if violation.columns:
            told.append(_of_values(stay, violation, row, dict(numbers), {"icu_hour": hour}))
        else:
            told.append(_of_no_value(violation.rule, row, hour, tuple(numbers)))
    return told


def _of_values(
    stay: Stay,
    violation: RuleViolation,
    row: int,
    numbers: dict[str, float],
    context: dict[str, Any],
) -> Finding:
    values = tuple(stay.values.item(row, column) for column in violation.columns)
    if violation.rule.id.startswith("range") or violation.rule.id in RANGE_RULES:
        return _range_finding(violation, row, values[0], context)
    return _finding(violation.rule, row, violation.columns, values, numbers, context)


@lru_cache(maxsize=1024)
def _of_no_value(
    rule: Rule, row: int, icu_hour: float | None, numbers: tuple[tuple[str, float], ...]
) -> Finding:
    """What is said of many patients in the same words, such as that a stay is short."""
    return _finding(rule, row, (), (), dict(numbers), {"icu_hour": icu_hour})


RANGE_RULES = frozenset(rules.NAMED_UNUSUAL.values())
MAX_WHOLE = 2**53


def _range_finding(
    violation: RuleViolation, row: int, value: float, context: dict[str, Any]
) -> Finding:
    column = violation.columns[0]
    variable, rule = VARIABLES[column], violation.rule
    low, high = (HARD_LOW, HARD_HIGH) if violation.is_refusal else (USUAL_LOW, USUAL_HIGH)
    limits = {"low": float(low[column]), "high": float(high[column])}
    en, fr = rule.en, rule.fr
    if violation.is_refusal and limits["low"] <= value <= limits["high"]:
        en, fr = rules.NOT_WHOLE
    context |= {variable.name: _plain(value)} | {key: _plain(at) for key, at in limits.items()}
    hint = hints.hint(variable, value)
    if hint and hint.unit:
        context |= {"likely_unit": hint.unit, "converted": hint.converted}
    words = {name: number(at) for name, at in limits.items()}
    return Finding(
        rule=rule.id,
        is_refusal=violation.is_refusal,
        row=row,
        columns=violation.columns,
        en=en.format(label=variable.label_en, value=_measure(variable, value, "en"), **words),
        fr=fr.format(
            label=variable.label_fr,
            value=_measure(variable, value, "fr"),
            **{name: decimal_comma(text) for name, text in words.items()},
        ),
        hint_en=hint.en if hint else "",
        hint_fr=hint.fr if hint else "",
        context=context,
    )


def _finding(
    rule: Rule,
    row: int,
    columns: tuple[int, ...],
    values: tuple[float, ...],
    numbers: dict[str, float],
    context: dict[str, Any],
) -> Finding:
    variables = [VARIABLES[column] for column in columns]
    for variable, value in zip(variables, values, strict=True):
        context[variable.challenge.lower() if variable.name == "icu_unit" else variable.name] = (
            None if isnan(value) else _plain(value)
        )
    context |= {name: _plain(value) for name, value in numbers.items()}

    def words(language: str) -> dict[str, str]:
        of_values = {
            letter: _measure(variable, value, language)
            for letter, variable, value in zip("abc", variables, values, strict=False)
        }
        unit_of = variables[0] if variables else None
        of_numbers = {
            name: _measure(unit_of, value, language) if unit_of else _local(value, language)
            for name, value in numbers.items()
        }
        label = getattr(unit_of, f"label_{language}") if unit_of else ""
        return {"label": label} | of_values | of_numbers

    return Finding(
        rule=rule.id,
        is_refusal=rule.severity is Severity.REFUSED,
        row=row,
        columns=columns,
        en=rule.en.format(**words("en")),
        fr=rule.fr.format(**words("fr")),
        hint_en=rule.hint_en,
        hint_fr=rule.hint_fr,
        context=context,
    )


def _plain(value: float) -> float | int:
    """A whole number without its `.0`, where JSON can write all its digits."""
    return int(value) if value.is_integer() and abs(value) < MAX_WHOLE else value


def _local(value: float, language: str) -> str:
    text = number(value)
    return decimal_comma(text) if language == "fr" else text


def _measure(variable: Variable, value: float, language: str) -> str:
    unit = variable.unit_label_fr if language == "fr" else variable.unit_label_en
    unit = "" if unit == "fraction" else unit
    return f"{_local(value, language)} {unit}".rstrip()
