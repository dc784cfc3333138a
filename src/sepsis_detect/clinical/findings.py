"""Findings: rule violations rendered as sentences in English and French, one for each hour."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
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
from sepsis_detect.clinical.rules import Rule, Severity
from sepsis_detect.clinical.sent_values import Sender, SentStay
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import ICU_HOUR, VARIABLES, Language, Variable, number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finding:
    """A violation of one rule in one hour of a stay; compared by identity.

    Attributes:
        rule: Public id, such as `bp.dbp_ge_sbp` or `range:HR`.
        is_refusal: Whether it refuses the request; a warning otherwise.
        row: Row of the stay.
        columns: The variables concerned, in the rule's order.
        en, fr: The sentence.
        hint_en, hint_fr: The likely cause; empty when none is known.
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
        """Whether it concerns the stay as a whole, and no single value or hour."""
        return not self.columns and not self.rule.startswith("time.")


def findings(
    stay: Stay, violations: Iterable[RuleViolation], sender: Sender | None = None
) -> list[Finding]:
    """Render violations as findings, sorted by row, variable and rule.

    Args:
        stay: Canonical units.
        violations: Found in `stay`.
        sender: What was sent, in which units; None: the values of `stay`.
    """
    sent = SentStay(stay, sender)
    found = [finding for violation in violations for finding in _rendered(sent, violation)]
    if len(found) > 1:
        found.sort(key=lambda finding: (finding.row, finding.columns, finding.rule))
    return found


def _rendered(sent: SentStay, violation: RuleViolation) -> list[Finding]:
    found, stay = [], sent.stay
    for index, row in enumerate(violation.rows.tolist()):
        icu_hour = stay.values.item(row, ICU_HOUR)
        hour = None if isnan(icu_hour) else _json_number(icu_hour)
        numbers = [(name, float(values[index])) for name, values in violation.numbers.items()]
        if violation.columns:
            found.append(_about_values(sent, violation, row, dict(numbers), {"icu_hour": hour}))
        else:
            found.append(_about_no_value(violation.rule, row, hour, tuple(numbers)))
    return found


def _about_values(
    sent: SentStay,
    violation: RuleViolation,
    row: int,
    numbers: dict[str, float],
    context: dict[str, Any],
) -> Finding:
    if violation.rule.id.startswith("range") or violation.rule.id in RANGE_RULES:
        return _range_finding(sent, violation, row, context)
    values = tuple(sent.stay.values.item(row, column) for column in violation.columns)
    return _finding(violation.rule, row, violation.columns, values, numbers, context)


@lru_cache(maxsize=1024)
def _about_no_value(
    rule: Rule, row: int, icu_hour: float | None, numbers: tuple[tuple[str, float], ...]
) -> Finding:
    """A finding without values, such as a short stay; cached, since many stays have the same."""
    return _finding(rule, row, (), (), dict(numbers), {"icu_hour": icu_hour})


RANGE_RULES = frozenset(rules.NAMED_UNUSUAL.values())
MAX_WHOLE = 2**53  # larger whole numbers lose digits as float64


def _range_finding(
    sent: SentStay, violation: RuleViolation, row: int, context: dict[str, Any]
) -> Finding:
    column = violation.columns[0]
    variable, rule = VARIABLES[column], violation.rule
    value = sent.stay.values.item(row, column)
    low, high = (HARD_LOW, HARD_HIGH) if violation.is_refusal else (USUAL_LOW, USUAL_HIGH)
    limits = {"low": float(low[column]), "high": float(high[column])}
    en, fr = rule.en, rule.fr
    if violation.is_refusal and limits["low"] <= value <= limits["high"]:
        en, fr = rules.NOT_WHOLE
    numbers = {variable.name: value} | limits
    context |= {name: _json_number(each) for name, each in numbers.items()}
    hint = hints.hint(variable, sent.value(row, column), is_refused=violation.is_refusal)
    context |= _likely_units(hint)
    return Finding(
        rule=rule.id,
        is_refusal=violation.is_refusal,
        row=row,
        columns=violation.columns,
        en=en.format(**_range_placeholders(variable, value, limits, "en")),
        fr=fr.format(**_range_placeholders(variable, value, limits, "fr")),
        hint_en=hint.en if hint else "",
        hint_fr=hint.fr if hint else "",
        context=context,
    )


def _likely_units(hint: hints.Hint | None) -> dict[str, Any]:
    """The likeliest unit and its value, then every likely one, the likeliest first."""
    if hint is None or not hint.units:
        return {}
    listed = [
        {"unit": each.unit, "converted": each.converted}
        | ({"beside": dict(each.beside)} if each.beside else {})
        for each in hint.units
    ]
    first = hint.units[0]
    return {"likely_unit": first.unit, "converted": first.converted, "likely_units": listed}


def _range_placeholders(
    variable: Variable, value: float, limits: dict[str, float], language: Language
) -> dict[str, str]:
    texts = {name: number(limit, language) for name, limit in limits.items()}
    return texts | {
        "label": variable.label(language),
        "value": variable.measurement(value, language),
    }


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
            None if isnan(value) else _json_number(value)
        )
    context |= {name: _json_number(value) for name, value in numbers.items()}
    return Finding(
        rule=rule.id,
        is_refusal=rule.severity is Severity.REFUSED,
        row=row,
        columns=columns,
        en=rule.en.format(**_placeholders(variables, values, numbers, "en")),
        fr=rule.fr.format(**_placeholders(variables, values, numbers, "fr")),
        hint_en=rule.hint_en,
        hint_fr=rule.hint_fr,
        context=context,
    )


def _placeholders(
    variables: list[Variable],
    values: tuple[float, ...],
    numbers: dict[str, float],
    language: Language,
) -> dict[str, str]:
    """Texts of a rule's placeholders; `numbers` have the unit of the first variable."""
    texts = {"label": ""}
    for letter, variable, value in zip("abc", variables, values, strict=False):
        texts[letter] = variable.measurement(value, language)
    if not variables:
        return texts | {name: number(value, language) for name, value in numbers.items()}
    texts["label"] = variables[0].label(language)
    of_numbers = {
        name: variables[0].measurement(value, language) for name, value in numbers.items()
    }
    return texts | of_numbers


def _json_number(value: float) -> float | int:
    """A whole number without `.0`, if JSON numbers can hold all its digits."""
    return int(value) if value.is_integer() and abs(value) < MAX_WHOLE else value
