"""Coherence check: applies every rule of `rules` to a stay, vectorised over hours and stays.

`scan` finds the violations, `drop` sets the refused values to missing. `findings` renders
violations as sentences.

Ranges are checked first. A value out of its hard range takes no part in the other rules, so that
one typing error gives one problem.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical import acid_base, rules
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
    """The rows at which a stay violates one rule.

    Attributes:
        rule: The rule.
        rows: Shape (n_violations,), increasing rows of the stay.
        columns: The variables concerned, in the rule's order; `drop` sets them to missing.
        numbers: Other values for the rule's sentence, by placeholder; shape (n_violations,) each.
    """

    rule: Rule
    rows: IntArray
    columns: tuple[int, ...] = ()
    numbers: Mapping[str, FloatArray] = NO_NUMBERS

    def up_to(self, row: int) -> "RuleViolation":
        """The violations up to and including a row."""
        return self.at(self.rows <= row)

    def at(self, selected: BoolArray | slice) -> "RuleViolation":
        """Some of the violations.

        Args:
            selected: A mask of shape (n_violations,), or a slice.
        """
        numbers = {name: values[selected] for name, values in self.numbers.items()}
        return RuleViolation(self.rule, self.rows[selected], self.columns, numbers)

    @property
    def is_refusal(self) -> bool:
        """Whether the rule refuses the request."""
        return self.rule.severity is Severity.REFUSED


def scan(stay: Stay) -> list[RuleViolation]:
    """Find every violation of every rule.

    Args:
        stay: One stay, or several end to end; canonical units.

    Returns:
        One entry for each rule and set of columns; empty for a coherent stay.
    """
    # An icu_hour out of its range takes part in the comparisons of hours and may overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        violations, values = _scan_hours(stay)
        violations += _coverage_violations(values, stay)
        if stay.n_hours > stay.n_stays:
            violations += _hour_order_violations(stay)
            violations += _constant_violations(values, stay)
            violations += _course_violations(values, stay)
        return _without_superseded(violations)


def scan_hours(stay: Stay) -> list[RuleViolation]:
    """Find every violation inside single hours: ranges, and values that contradict each other."""
    with np.errstate(over="ignore", invalid="ignore"):
        violations, _ = _scan_hours(stay)
        return _without_superseded(violations)


def _scan_hours(stay: Stay) -> tuple[list[RuleViolation], FloatArray]:
    """Violations inside single hours, and the values without those out of their hard ranges."""
    violations, values = list(_out_of_range(stay)), stay.values
    if any(violation.is_refusal for violation in violations):
        values = _without(stay, violations)
    violations += _pair_violations(values, stay)
    violations += _pressure_violations(values)
    violations += [RuleViolation(*found) for found in acid_base.contradictions(values)]
    return violations, values


def scan_each(stay: Stay) -> list[list[RuleViolation]]:
    """Find the violations of each of several stays: the results of `scan` for each one alone.

    Rows count from the first row of their stay.
    """
    found: list[list[RuleViolation]] = [[] for _ in range(stay.n_stays)]
    for violation in scan(stay):
        # Rows increase, so that those of one stay are consecutive.
        edges = np.searchsorted(violation.rows, stay.starts).tolist()
        in_stay = violation._replace(rows=violation.rows - stay.first_rows[violation.rows])
        ends = [*edges[1:], len(violation.rows)]
        for violations, begin, end in zip(found, edges, ends, strict=True):
            if begin < end:
                violations.append(in_stay.at(slice(begin, end)))
    return found


def drop(stay: Stay, violations: Iterable[RuleViolation]) -> Stay:
    """Set every refused value to missing; refusals without a value, such as order, remain."""
    return Stay(_without(stay, violations), stay.starts)


def drop_incoherent(stay: Stay) -> Stay:
    """The stay without its refused values, as `on_incoherence=drop`, training and files use it."""
    return drop(stay, scan(stay))


# --- Ranges -------------------------------------------------------------------------------------

HARD_LOW, HARD_HIGH = bounds("hard_low"), bounds("hard_high")
USUAL_LOW, USUAL_HIGH = bounds("usual_low"), bounds("usual_high")
WHOLE = np.array(rules.WHOLE_NUMBERS)
# Column of each constant of a stay, and the accepted difference. A violation is reported once, at
# the first hour that has the value.
CONSTANTS = {BY_CHALLENGE[name].column: most for name, most in rules.STAY_CONSTANTS.items()}
SBP, MAP, DBP = (BY_CHALLENGE[name].column for name in ("SBP", "MAP", "DBP"))
_warned_above = USUAL_HIGH.copy()
# A flushed arterial line shows the bound itself, so that the bound is unusual too.
_warned_above[MAP] = np.nextafter(USUAL_HIGH[MAP], 0)


def _out_of_range(stay: Stay) -> Iterator[RuleViolation]:
    values = stay.values
    is_unusual = (values < USUAL_LOW) | (values > _warned_above)
    is_fraction = np.remainder(values.take(WHOLE, axis=1), 1) > 0
    if not (np.count_nonzero(is_unusual) or np.count_nonzero(is_fraction)):
        return
    is_unusual[:, WHOLE] |= is_fraction
    for column in np.flatnonzero(is_unusual.any(axis=0)).tolist():
        rows = np.flatnonzero(is_unusual[:, column])
        if column in CONSTANTS:
            rows = _first_of_each_stay(rows, stay)
        yield from _range_violations(column, rows, values[rows, column])


def _range_violations(column: int, rows: IntArray, found: FloatArray) -> Iterator[RuleViolation]:
    is_fraction = np.isin(column, WHOLE) & (found != np.trunc(found))
    is_refused = (found < HARD_LOW[column]) | (found > HARD_HIGH[column]) | is_fraction
    is_low = ~is_refused & (found < USUAL_LOW[column])
    is_high = ~is_refused & ~is_low
    yield from _violations(rules.OUT_OF_RANGE[column], rows[is_refused], (column,))
    yield from _violations(rules.UNUSUALLY_LOW[column], rows[is_low], (column,))
    yield from _violations(rules.UNUSUALLY_HIGH[column], rows[is_high], (column,))


def _violations(
    rule: Rule, rows: IntArray, columns: tuple[int, ...] = ()
) -> Iterator[RuleViolation]:
    """The violation of a rule at some rows; none if there is no row."""
    if rows.size:
        yield RuleViolation(rule, rows, columns)


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

# Clinical variables that a refusing rule, or a rule of acids and bases, compares with each other.
COMPARED = (
    (SBP, MAP, DBP),
    acid_base.COLUMNS,
    tuple(BY_CHALLENGE[name].column for name in ("Bilirubin_direct", "Bilirubin_total")),
    tuple(BY_CHALLENGE[name].column for name in ("Hct", "Hgb")),
)


def _pair_violations(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    compared = values.take(_a, axis=1) * _factor_a + values.take(_b, axis=1) * _factor_b
    fires = (compared > _more_than) & (compared < _less_than)
    if np.count_nonzero(fires):
        for index in np.flatnonzero(fires.any(axis=0)).tolist():
            rows = np.flatnonzero(fires[:, index])
            columns = (int(_a[index]), int(_b[index]))
            if PAIR_RULES[index].rule is rules.DBP_GE_SBP:
                rows = rows[~_no_pulse(values[rows])]
            if columns == (MEDICAL_UNIT, SURGICAL_UNIT):
                rows = _first_of_each_stay(rows, stay)
            yield from _violations(PAIR_RULES[index].rule, rows, columns)
    is_half_known = np.isnan(values[:, MEDICAL_UNIT]) != np.isnan(values[:, SURGICAL_UNIT])
    if np.count_nonzero(is_half_known):
        rows = _first_of_each_stay(np.flatnonzero(is_half_known), stay)
        yield RuleViolation(rules.UNIT_HALF, rows, (MEDICAL_UNIT, SURGICAL_UNIT))


def _no_pulse(values: FloatArray) -> BoolArray:
    """Shape (n_hours,): systolic, mean and diastolic pressure are known and equal."""
    is_flat: BoolArray = (values[:, SBP] == values[:, MAP]) & (values[:, MAP] == values[:, DBP])
    return is_flat


def _pressure_violations(values: FloatArray) -> Iterator[RuleViolation]:
    """Rules about three pressures: no pulse at all, and a mean that no pulse has."""
    columns = (SBP, MAP, DBP)
    systolic, mean, diastolic = values[:, SBP], values[:, MAP], values[:, DBP]
    pulse = systolic - diastolic
    is_wide = pulse >= rules.MAP_FORM_WARNS_FROM
    if np.count_nonzero(is_wide):
        low, high = (diastolic + part * pulse for part in rules.MAP_FORM_USUAL)
        is_between = (mean >= diastolic) & (mean <= systolic)
        is_high = is_wide & (mean > high + rules.ROUNDING)
        is_refused = is_high & is_between & (pulse >= rules.MAP_FORM_REFUSED_FROM)
        is_odd = is_wide & (is_high | (mean < low - rules.ROUNDING)) & is_between & ~is_refused
        yield from _violations(rules.MAP_FORM, np.flatnonzero(is_refused), columns)
        yield from _violations(rules.MAP_FORM_W, np.flatnonzero(is_odd), columns)
    yield from _violations(rules.NO_PULSE, np.flatnonzero(_no_pulse(values)), columns)


# --- The stay as a whole ------------------------------------------------------------------------


def _coverage_violations(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    """Rules about what was measured at all: nothing, nothing recent, a short history."""
    last_rows, hours = stay.last_rows, stay.icu_hours
    # A stay with a vital sign in its last hour is neither empty nor without recent vital signs.
    has_no_vital_now = np.isnan(values[last_rows, VITAL_COLUMNS]).all(axis=1)
    if np.count_nonzero(has_no_vital_now):
        yield from _recency_violations(values, stay)
    history = np.where(stay.starts == last_rows, 1, hours[last_rows] - hours[stay.starts] + 1)
    is_short = history < rules.SHORT_STAY_HOURS
    if np.count_nonzero(is_short):
        numbers = {"value": history[is_short].astype(np.float64)}
        yield RuleViolation(rules.TOO_SHORT, last_rows[is_short], numbers=numbers)


def _recency_violations(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    last_rows, hours = stay.last_rows, stay.icu_hours
    # A refused value counts as sent.
    was_sent = ~np.isnan(stay.values[:, CLINICAL_COLUMNS])
    is_empty = ~np.logical_or.reduceat(was_sent.any(axis=1), stay.starts)
    yield from _violations(rules.ALL_MISSING, last_rows[is_empty])
    has_vital = (~np.isnan(values[:, VITAL_COLUMNS])).any(axis=1)
    last_vital = np.maximum.reduceat(np.where(has_vital, np.arange(stay.n_hours), -1), stay.starts)
    age = hours[last_rows] - hours[last_vital]
    is_stale = ~is_empty & ((last_vital < 0) | (age > rules.NO_VITALS_FOR_HOURS))
    yield from _violations(rules.NO_VITALS, last_rows[is_stale])


def _hour_order_violations(stay: Stay) -> Iterator[RuleViolation]:
    hours = stay.icu_hours
    is_next = hours[1:] - hours[:-1] == 1
    is_next[stay.starts[1:] - 1] = True
    if np.count_nonzero(is_next) == is_next.size:
        return
    is_missing = np.isnan(hours) & (
        np.bincount(stay.first_rows, minlength=stay.n_hours)[stay.first_rows] > 1
    )
    if is_missing.any():
        rows = np.flatnonzero(is_missing)
        position = (rows - stay.first_rows[rows] + 1).astype(np.float64)
        yield RuleViolation(rules.HOUR_MISSING, rows, numbers={"position": position})
    step = np.diff(hours, prepend=np.nan)
    step[stay.starts] = np.nan
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
_max_differences = np.array(list(CONSTANTS.values()))


def _constant_violations(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    columns = _constant_columns
    constants = values.take(columns, axis=1)
    highest = np.fmax.reduceat(constants, stay.starts)
    lowest = np.fmin.reduceat(constants, stay.starts)
    changes = highest - lowest > _max_differences
    if not np.count_nonzero(changes):
        return
    for index in np.flatnonzero(changes.any(axis=0)).tolist():
        for at in np.flatnonzero(changes[:, index]).tolist():
            rows = np.arange(stay.starts[at], stay.last_rows[at] + 1)
            known_rows = rows[~np.isnan(constants[rows, index])]
            known = constants[known_rows, index]
            changed = known_rows[known != known[0]][:1]
            numbers = {"a": lowest[at : at + 1, index], "b": highest[at : at + 1, index]}
            yield RuleViolation(rules.CONSTANT, changed, (int(columns[index]),), numbers)


_jump_columns = np.array([BY_CHALLENGE[name].column for name in rules.JUMP_LIMITS])
_jump_limits = np.array(list(rules.JUMP_LIMITS.values())) + rules.ROUNDING
_jump_rules = list(rules.JUMPS.values())
_frozen_columns = np.array([BY_CHALLENGE[name].column for name in rules.FROZEN_COLUMNS])


def _course_violations(values: FloatArray, stay: Stay) -> Iterator[RuleViolation]:
    """Rules about changes from one hour to the next: jumps, and vital signs that never change."""
    hours, watched = stay.icu_hours, values.take(_jump_columns, axis=1)
    is_next = hours[1:] - hours[:-1] == 1
    is_next[stay.starts[1:] - 1] = False
    jumps = np.abs(watched[1:] - watched[:-1]) > _jump_limits
    jumps &= is_next[:, None]
    jumped = np.flatnonzero(jumps.any(axis=0)).tolist() if np.count_nonzero(jumps) else []
    for index in jumped:
        rows = np.flatnonzero(jumps[:, index]) + 1
        numbers = {"b": watched[rows - 1, index]}
        yield RuleViolation(_jump_rules[index], rows, (int(_jump_columns[index]),), numbers)
    yield from _frozen_violations(values, is_next)


def _frozen_violations(values: FloatArray, is_next: BoolArray) -> Iterator[RuleViolation]:
    n_same = rules.FROZEN_HOURS - 1
    if len(values) <= n_same:
        return
    watched = values.take(_frozen_columns, axis=1)
    is_same = is_next & (watched[1:] == watched[:-1]).all(axis=1)
    if np.count_nonzero(is_same) < n_same:
        return
    run = np.concatenate([[0], np.cumsum(is_same)])
    is_frozen = run[n_same:] - run[:-n_same] == n_same
    begins = is_frozen & ~np.concatenate([[False], is_frozen[:-1]])
    rows = np.flatnonzero(begins) + n_same
    yield from _violations(rules.FROZEN, rows, tuple(_frozen_columns.tolist()))


# --- Consequences of violations -----------------------------------------------------------------


def _without(stay: Stay, violations: Iterable[RuleViolation]) -> FloatArray:
    values = stay.values.copy()
    for violation in violations:
        if not violation.is_refusal or not violation.columns:
            continue
        rows = violation.rows
        if violation.columns[0] in CONSTANTS:
            # A constant belongs to the stay: reported once, removed from every hour.
            rows = np.flatnonzero(np.isin(stay.first_rows, stay.first_rows[rows]))
        for column in violation.columns:
            values[rows, column] = np.nan
    return values


def _without_superseded(violations: list[RuleViolation]) -> list[RuleViolation]:
    """Leave out the warnings at rows where the stronger rule about the same values refuses."""
    refused_rows: dict[str, list[IntArray]] = {}
    for violation in violations:
        if violation.is_refusal:
            refused_rows.setdefault(violation.rule.id, []).append(violation.rows)
    if not refused_rows:
        return violations
    kept = []
    for violation in violations:
        stronger = refused_rows.get(rules.SUPERSEDED_BY.get(violation.rule.id, ""))
        if stronger:
            violation = violation.at(~np.isin(violation.rows, np.concatenate(stronger)))
        if violation.rows.size:
            kept.append(violation)
    return kept
