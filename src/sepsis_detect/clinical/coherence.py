"""Coherence of a stay: every rule of `rules`, applied to one hour or to a million.

`scan` says where each rule fires, `drop` sets the offending values to missing, `findings` puts a
violation into words. Nothing here knows of HTTP or JSON.

Ranges come first: a value that is impossible by itself takes no part in the comparisons, so one
typing error gives one problem.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical import rules
from sepsis_detect.clinical.rules import PAIR_RULES, Rule, Severity
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.clinical.variables import (
    BY_CHALLENGE,
    CLINICAL_COLUMNS,
    MEDICAL_UNIT,
    SURGICAL_UNIT,
    VITAL_COLUMNS,
    bounds,
)

NO_NUMBERS: Mapping[str, FloatArray] = {}


class RuleViolation(NamedTuple):
    """Where one rule fires.

    Attributes:
        rule: The rule.
        rows: Shape (n_violations,), rows of the stay.
        columns: The values concerned: those that `drop` sets to missing, in the rule's order.
        numbers: What the rule's sentence needs beside them, each of shape (n_violations,).
    """

    rule: Rule
    rows: IntArray
    columns: tuple[int, ...] = ()
    numbers: Mapping[str, FloatArray] = NO_NUMBERS

    def up_to(self, row: int) -> "RuleViolation":
        """The same without what fires after `row`."""
        kept = self.rows <= row
        numbers = {name: values[kept] for name, values in self.numbers.items()}
        return RuleViolation(self.rule, self.rows[kept], self.columns, numbers)

    @property
    def is_refusal(self) -> bool:
        """Whether the rule refuses the request."""
        return self.rule.severity is Severity.REFUSED


def scan(stay: Stay) -> list[RuleViolation]:
    """Apply every rule to every hour.

    Args:
        stay: One stay, or several end to end; canonical units.

    Returns:
        One entry for each rule and set of columns that fires; empty for a coherent stay.
    """
    # Hours are compared before they are known to be possible: theirs may be of any size.
    with np.errstate(over="ignore", invalid="ignore"):
        violations = list(_out_of_range(stay))
        values = stay.values
        if any(violation.is_refusal for violation in violations):
            values = _without(stay, violations)
        violations += _pairs(values, stay)
        violations += _acid_base(values)
        violations += _stays(values, stay)
        if stay.n_hours > stay.n_stays:
            violations += _hour_order(stay)
            violations += _constants(values, stay)
            violations += _courses(values, stay)
        return _without_milder(violations)


def scan_each(stay: Stay) -> list[list[RuleViolation]]:
    """Apply every rule to several stays at once: for each of them, what `scan` finds in it alone.

    Rows count from the first one of their stay.
    """
    found: list[list[RuleViolation]] = [[] for _ in range(stay.n_stays)]
    starts = stay.starts
    for violation in scan(stay):
        # The rows of a violation increase, so those of one stay are a slice of them.
        edges = np.searchsorted(violation.rows, starts).tolist()
        rows = violation.rows - stay.first_rows[violation.rows]
        for violations, begin, end in zip(found, edges, [*edges[1:], len(rows)], strict=True):
            if begin < end:
                numbers = {name: values[begin:end] for name, values in violation.numbers.items()}
                violations.append(
                    RuleViolation(violation.rule, rows[begin:end], violation.columns, numbers)
                )
    return found


def drop(stay: Stay, violations: Iterable[RuleViolation]) -> Stay:
    """Set every refused value to missing; a refusal that concerns no value stays as it is."""
    return Stay(_without(stay, violations), stay.starts)


def drop_incoherent(stay: Stay) -> Stay:
    """The stay as `on_incoherence=drop` sees it: training and batch scoring start from this."""
    return drop(stay, scan(stay))


# --- Ranges -------------------------------------------------------------------------------------

HARD_LOW, HARD_HIGH = bounds("hard_low"), bounds("hard_high")
_warn_low, _warn_high = bounds("warn_low"), bounds("warn_high")
USUAL_LOW = np.where(np.isnan(_warn_low), HARD_LOW, _warn_low)
USUAL_HIGH = np.where(np.isnan(_warn_high), HARD_HIGH, _warn_high)
WHOLE = np.array(rules.WHOLE_NUMBERS)
# Constant in a stay: reported once, at the first hour that carries the value.
CONSTANTS = {BY_CHALLENGE[name].column: most for name, most in rules.STAY_CONSTANTS.items()}
MAP = BY_CHALLENGE["MAP"].column
_looked_at_above = USUAL_HIGH.copy()
_looked_at_above[MAP] = np.nextafter(USUAL_HIGH[MAP], 0)  # a flushed line shows its very end


def _out_of_range(stay: Stay) -> Iterator[RuleViolation]:
    values = stay.values
    is_unusual = (values < USUAL_LOW) | (values > _looked_at_above)
    is_fraction = np.remainder(values.take(WHOLE, axis=1), 1) > 0
    if not (np.count_nonzero(is_unusual) or np.count_nonzero(is_fraction)):
        return
    is_unusual[:, WHOLE] |= is_fraction
    for column in np.flatnonzero(is_unusual.any(axis=0)).tolist():
        rows = np.flatnonzero(is_unusual[:, column])
        if column in CONSTANTS:
            rows = _first_of_each_stay(rows, stay)
        yield from _range_hits(column, rows, values[rows, column])


def _range_hits(column: int, rows: IntArray, found: FloatArray) -> Iterator[RuleViolation]:
    is_fraction = np.isin(column, WHOLE) & (found != np.trunc(found))
    is_refused = (found < HARD_LOW[column]) | (found > HARD_HIGH[column]) | is_fraction
    low = ~is_refused & (found < USUAL_LOW[column])
    high = ~is_refused & ~low
    for rule, chosen in (
        (rules.OUT_OF_RANGE[column], is_refused),
        (rules.UNUSUALLY_LOW[column], low),
        (rules.UNUSUALLY_HIGH[column], high),
    ):
        if chosen.any():
            yield RuleViolation(rule, rows[chosen], (column,))


def _first_of_each_stay(rows: IntArray, stay: Stay) -> IntArray:
    _, first = np.unique(stay.first_rows[rows], return_index=True)
    return rows[first]


# --- Two or three values of one hour ------------------------------------------------------------

_a = np.array([BY_CHALLENGE[pair.a].column for pair in PAIR_RULES])
_b = np.array([BY_CHALLENGE[pair.b].column for pair in PAIR_RULES])
_factor_a = np.array([pair.factor_a for pair in PAIR_RULES], dtype=np.float64)
_factor_b = np.array([pair.factor_b for pair in PAIR_RULES], dtype=np.float64)
_more_than = np.array([pair.more_than for pair in PAIR_RULES])
_less_than = np.array([pair.less_than for pair in PAIR_RULES])

PH, HCO3, PACO2, BASE_EXCESS = (
    BY_CHALLENGE[name].column for name in ("pH", "HCO3", "PaCO2", "BaseExcess")
)
_ACID_BASE = np.array([PH, PACO2, HCO3, BASE_EXCESS])


def _pairs(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    compared = values.take(_a, axis=1) * _factor_a + values.take(_b, axis=1) * _factor_b
    fires = (compared > _more_than) & (compared < _less_than)
    if np.count_nonzero(fires):
        for index in np.flatnonzero(fires.any(axis=0)).tolist():
            rows = np.flatnonzero(fires[:, index])
            columns = (int(_a[index]), int(_b[index]))
            if columns == (MEDICAL_UNIT, SURGICAL_UNIT):
                rows = _first_of_each_stay(rows, stay)
            yield RuleViolation(PAIR_RULES[index].rule, rows, columns)
    half = np.isnan(values[:, MEDICAL_UNIT]) != np.isnan(values[:, SURGICAL_UNIT])
    if np.count_nonzero(half):
        rows = _first_of_each_stay(np.flatnonzero(half), stay)
        yield RuleViolation(rules.UNIT_HALF, rows, (MEDICAL_UNIT, SURGICAL_UNIT))


def _acid_base(values: FloatArray) -> Iterator[RuleViolation]:
    is_known = ~np.isnan(values[:, PH] + values[:, PACO2])
    if not np.count_nonzero(is_known):
        return
    rows = is_known.nonzero()[0]
    ph, paco2, hco3, excess = values[rows[:, None], _ACID_BASE].T
    implied_ph = rules.PK + np.log10(hco3 / (rules.CO2_SOLUBILITY * paco2))
    gap = np.abs(ph - implied_ph)
    fires = gap > rules.HH_WARNS_ABOVE + rules.SLACK
    if np.count_nonzero(fires):
        refused = gap > rules.HH_REFUSED_ABOVE + rules.SLACK
        yield from _hits(rules.HENDERSON_HASSELBALCH, rows[refused], (PH, HCO3, PACO2))
        yield from _hits(rules.HENDERSON_HASSELBALCH_W, rows[fires], (PH, HCO3, PACO2))
    if not np.count_nonzero(excess == excess):  # not measured
        return
    implied_hco3 = rules.CO2_SOLUBILITY * paco2 * 10 ** (ph - rules.PK)
    implied_excess = 0.93 * (implied_hco3 - 24.4 + 14.8 * (ph - 7.4))  # Van Slyke
    is_excess_off = np.abs(excess - implied_excess) > rules.BASE_EXCESS_WARNS_ABOVE + rules.SLACK
    is_deficit = (
        (excess < rules.DEFICIT_BELOW)
        & (ph > rules.DEFICIT_PH_ABOVE)
        & (paco2 > rules.DEFICIT_PACO2_ABOVE)
    ) | (
        (excess > rules.EXCESS_ABOVE)
        & (ph < rules.EXCESS_PH_BELOW)
        & (paco2 < rules.EXCESS_PACO2_BELOW)
    )
    yield from _hits(rules.BASE_EXCESS_W, rows[is_excess_off], (PH, PACO2, BASE_EXCESS))
    yield from _hits(rules.BASE_EXCESS_SIGN, rows[is_deficit], (PH, PACO2, BASE_EXCESS))


def _hits(rule: Rule, rows: IntArray, columns: tuple[int, ...]) -> Iterator[RuleViolation]:
    if rows.size:
        yield RuleViolation(rule, rows, columns)


# --- The stay as a whole ------------------------------------------------------------------------


def _stays(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    last_rows, hours = stay.last_rows, stay.icu_hours
    # A stay whose last hour has a vital sign is neither empty nor stale.
    is_unsure = np.isnan(values[last_rows, VITAL_COLUMNS]).all(axis=1)
    if np.count_nonzero(is_unsure):
        yield from _nothing_recent(values, stay)
    history = np.where(stay.starts == last_rows, 1, hours[last_rows] - hours[stay.starts] + 1)
    is_short = history < rules.SHORT_STAY_HOURS
    if np.count_nonzero(is_short):
        numbers = {"value": history[is_short].astype(np.float64)}
        yield RuleViolation(rules.TOO_SHORT, last_rows[is_short], numbers=numbers)


def _nothing_recent(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    last_rows, hours = stay.last_rows, stay.icu_hours
    # A value that was refused was sent all the same.
    was_sent = ~np.isnan(stay.values[:, CLINICAL_COLUMNS])
    is_empty = ~np.logical_or.reduceat(was_sent.any(axis=1), stay.starts)
    if is_empty.any():
        yield RuleViolation(rules.ALL_MISSING, last_rows[is_empty])
    has_vital = (~np.isnan(values[:, VITAL_COLUMNS])).any(axis=1)
    last_vital = np.maximum.reduceat(np.where(has_vital, np.arange(stay.n_hours), -1), stay.starts)
    age = hours[last_rows] - hours[last_vital]
    is_stale = ~is_empty & ((last_vital < 0) | (age > rules.NO_VITALS_FOR_HOURS))
    if is_stale.any():
        yield RuleViolation(rules.NO_VITALS, last_rows[is_stale])


def _hour_order(stay: Stay) -> Iterator[RuleViolation]:
    hours = stay.icu_hours
    is_next = hours[1:] - hours[:-1] == 1
    is_next[stay.starts[1:] - 1] = True
    if np.count_nonzero(is_next) == is_next.size:
        return
    is_first = np.zeros(stay.n_hours, dtype=bool)
    is_first[stay.starts] = True
    is_missing = np.isnan(hours) & (
        np.bincount(stay.first_rows, minlength=stay.n_hours)[stay.first_rows] > 1
    )
    if is_missing.any():
        rows = np.flatnonzero(is_missing)
        position = (rows - stay.first_rows[rows] + 1).astype(np.float64)
        yield RuleViolation(rules.HOUR_MISSING, rows, numbers={"position": position})
    step = np.diff(hours, prepend=np.nan)
    step[is_first] = np.nan
    before = np.concatenate([[np.nan], hours[:-1]])
    for rule, fires in (
        (rules.HOUR_DUPLICATE, step == 0),
        (rules.HOUR_ORDER, step < 0),
        (rules.HOUR_GAP, step > 1),
    ):
        if fires.any():
            rows = np.flatnonzero(fires)
            yield RuleViolation(rule, rows, numbers={"value": hours[rows], "b": before[rows]})


_constant_columns = np.array(list(CONSTANTS))
_constant_within = np.array(list(CONSTANTS.values()))


def _constants(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    columns = _constant_columns
    constants = values.take(columns, axis=1)
    highest = np.fmax.reduceat(constants, stay.starts)
    lowest = np.fmin.reduceat(constants, stay.starts)
    changes = highest - lowest > _constant_within
    if not np.count_nonzero(changes):
        return
    for index in np.flatnonzero(changes.any(axis=0)).tolist():
        stays = np.flatnonzero(changes[:, index])
        for at in stays.tolist():
            rows = slice(stay.starts[at], stay.last_rows[at] + 1)
            known = values[rows, columns[index]]
            changed = np.flatnonzero(~np.isnan(known) & (known != known[~np.isnan(known)][0]))[:1]
            numbers = {"a": lowest[at : at + 1, index], "b": highest[at : at + 1, index]}
            yield RuleViolation(
                rules.CONSTANT, stay.starts[at] + changed, (int(columns[index]),), numbers
            )


_jumping = np.array([BY_CHALLENGE[name].column for name in rules.JUMP_LIMITS])
_jump_limits = np.array(list(rules.JUMP_LIMITS.values())) + rules.SLACK
_jump_rules = list(rules.JUMPS.values())
_frozen = np.array([BY_CHALLENGE[name].column for name in rules.FROZEN_COLUMNS])


def _courses(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    hours, jumping = stay.icu_hours, values.take(_jumping, axis=1)
    is_next = hours[1:] - hours[:-1] == 1
    is_next[stay.starts[1:] - 1] = False
    jumps = np.abs(jumping[1:] - jumping[:-1]) > _jump_limits
    jumps &= is_next[:, None]
    jumped = np.flatnonzero(jumps.any(axis=0)).tolist() if np.count_nonzero(jumps) else []
    for index in jumped:
        rows = np.flatnonzero(jumps[:, index]) + 1
        before = values[rows - 1, _jumping[index]]
        yield RuleViolation(_jump_rules[index], rows, (int(_jumping[index]),), {"b": before})
    yield from _frozen_vitals(values, is_next)


def _frozen_vitals(values: FloatArray, is_next: BoolArray) -> Iterator[RuleViolation]:
    n_same = rules.FROZEN_HOURS - 1
    if len(values) <= n_same:
        return
    frozen = values.take(_frozen, axis=1)
    is_same = is_next & (frozen[1:] == frozen[:-1]).all(axis=1)
    if np.count_nonzero(is_same) < n_same:
        return
    run = np.concatenate([[0], np.cumsum(is_same)])
    is_frozen = run[n_same:] - run[:-n_same] == n_same
    begins = is_frozen & ~np.concatenate([[False], is_frozen[:-1]])
    if begins.any():
        yield RuleViolation(rules.FROZEN, np.flatnonzero(begins) + n_same, tuple(_frozen.tolist()))


# --- What becomes of violations ------------------------------------------------------------------


def _without(stay: Stay, violations: Iterable[RuleViolation]) -> FloatArray:
    values = stay.values.copy()
    for violation in violations:
        if not violation.is_refusal or not violation.columns:
            continue
        rows = violation.rows
        if violation.columns[0] in CONSTANTS:
            # True of the stay, not of an hour: reported once, removed everywhere.
            rows = np.flatnonzero(np.isin(stay.first_rows, stay.first_rows[rows]))
        for column in violation.columns:
            values[rows, column] = np.nan
    return values


def _without_milder(violations: list[RuleViolation]) -> list[RuleViolation]:
    refused: dict[str, IntArray] = {}
    for violation in violations:
        if violation.is_refusal:
            known = refused.get(violation.rule.id)
            refused[violation.rule.id] = (
                violation.rows if known is None else np.append(known, violation.rows)
            )
    if not refused:
        return violations
    kept = []
    for violation in violations:
        stronger = refused.get(rules.MILDER_THAN.get(violation.rule.id, ""))
        if stronger is None:
            kept.append(violation)
        elif (remain := ~np.isin(violation.rows, stronger)).any():
            kept.append(RuleViolation(violation.rule, violation.rows[remain], violation.columns))
    return kept
