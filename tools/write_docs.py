"""Generate documents from the code: `make docs`.

A test compares `documents()` with the committed files, so that they stay equal to their source.
"""

from collections.abc import Iterator
from math import isnan
from pathlib import Path

from sepsis_detect.clinical import rules, units
from sepsis_detect.clinical.rules import Rule, Severity
from sepsis_detect.clinical.variables import VARIABLES

DOCS = Path(__file__).parents[1] / "docs"

COHERENCE = """# Coherence: what is refused, what only warns

Written by `make docs` from `variables.csv`, `unit_conversions.csv` and `rules.py`; do not edit.

**Refused** is a 422 (or, with `?on_incoherence=drop`, a value set to missing and listed).
**Warning** accompanies the answer. Every hour of a request is judged, all problems come at once,
and each names its hour. A refusal must be certain: bounds are wider than what data cleaning uses,
and tolerances were measured on 20,000 real stays of the PhysioNet/CinC 2019 challenge (0.15 % of
its hours are refused). What is merely extreme passes: pH 6.7, 31 °C, 2 platelets. How choices were
made: [adr/0005](adr/0005-coherence-choices.md).

## The text itself

| rule | when |
|---|---|
| `json.broken` | empty, truncated, not UTF-8, nested too deeply |
| `json.type` | a list or a word where an object or a number belongs, `true` as a number |
| `json.string` | a number written as a text |
| `json.nan` | `NaN`, `Infinity`, or a number that overflows, such as 1e999 |
| `json.unknown` | a field that does not exist; the nearest names are suggested |
| `json.duplicate` | a key that stands twice |
| `json.alias` | two spellings of one variable that disagree |
| `json.size` | more than 2,000 hours or 1,000 patients |
| `unit.unknown` | a unit that is not accepted for the variable |
| `code.gender` | a word that is no sex |
| `time.format` | a `timestamp` that is none |
| `time.tz` | a `timestamp` without an offset |
| `time.future` | a `timestamp` more than an hour ahead of now |
| `time.iculos_vs_ts` | timestamps that disagree with `icu_hour` by more than an hour |
"""

RULES_TEXT = """
## Values against each other and over time

`{a}`, `{b}` and `{c}` stand for the values compared.

| rule | | sentence | French |
|---|---|---|---|
"""

RANGES_TEXT = """
## Ranges and units

Outside *possible* a value is refused as `range:<name>`; outside *expected* it warns, as
`range_w:<name>` or under the rule named.

| variable | challenge | unit | possible | expected | warns as | also accepted |
|---|---|---|---|---|---|---|
"""


def documents() -> dict[Path, str]:
    """The text of each generated document, by path."""
    return {DOCS / "coherence.md": _coherence()}


def _coherence() -> str:
    lines = [
        f"| `{rule.id}` | {rule.severity.value} | {rule.en} | {rule.fr} |" for rule in _rules()
    ]
    ranges = "\n".join(_range_line(variable.column) for variable in VARIABLES)
    return COHERENCE + RULES_TEXT + "\n".join(lines) + "\n" + RANGES_TEXT + ranges + "\n"


def _rules() -> Iterator[Rule]:
    """Every rule that is not a range, refusals first."""
    found = [rule for rule in vars(rules).values() if isinstance(rule, Rule)]
    found += rules.JUMPS.values()
    return iter(sorted(found, key=lambda rule: (rule.severity is Severity.WARNING, rule.id)))


def _range_line(column: int) -> str:
    variable = VARIABLES[column]
    names = [rules.UNUSUALLY_LOW[column].id, rules.UNUSUALLY_HIGH[column].id]
    named = sorted({name for name in names if not name.startswith("range_w")})
    cells = (
        f"`{variable.name}`",
        f"`{variable.challenge}`",
        f"`{variable.unit}`",
        _interval(variable.hard_low, variable.hard_high),
        _interval(variable.warn_low, variable.warn_high),
        ", ".join(f"`{name}`" for name in named),
        ", ".join(f"`{unit}`" for unit in units.accepted(variable)[1:]),
    )
    return f"| {' | '.join(cells)} |"


def _interval(low: float, high: float) -> str:
    return "" if isnan(low) and isnan(high) else f"{low:g} to {high:g}"


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
