"""Measured sets: values that were measured together, so that they are judged and kept together.

The values of one Observation are a set: a blood pressure panel gives its systolic, diastolic and
mean. Single values join a set of the same minute that lacks their variable, such as the parts of a
blood gas that come as Observations of their own. One that finds no such set begins another, which
is judged beside the other values of its minute.
"""

from collections import Counter
from collections.abc import Iterator
from math import inf, nan
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical.coherence import COMPARED, HARD_HIGH, HARD_LOW
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR, N_COLUMNS
from sepsis_detect.fhir.measurements import Measurement, canonical

HOUR_SECONDS = 3_600
TOGETHER_SECONDS = 60.0
MEAN_PRESSURE = BY_CHALLENGE["MAP"].column


class MeasuredSets(NamedTuple):
    """Measurements as sets.

    Attributes:
        measurements: All of them; one that stands in two sets is listed twice.
        columns: Shape (n_measurements,), the variable of each.
        set_of: Shape (n_measurements,), the set of each.
        seconds: Shape (n_sets,), time of the first value.
        minutes: Shape (n_sets,), number of the minute.
        stay: One row a set, with its hour since admission; canonical units.
    """

    measurements: list[Measurement]
    columns: IntArray
    set_of: IntArray
    seconds: FloatArray
    minutes: IntArray
    stay: Stay

    def without(self, is_refused: BoolArray) -> Stay:
        """The sets without some values: a mask of shape (n_measurements,)."""
        values = self.stay.values.copy()
        values[self.set_of[is_refused], self.columns[is_refused]] = nan
        return Stay(values)


def sets_of(measurements: list[Measurement], icu_start_seconds: float | None) -> MeasuredSets:
    """The sets of measurements, at least one of which is given.

    Hour *n* holds what was measured from *n - 1* up to, not including, *n* hours after admission.

    Args:
        measurements: None before admission.
        icu_start_seconds: Admission to intensive care; None: hour 1 begins with the first value.
    """
    seconds = np.array([each.moment.seconds for each in measurements])
    columns = np.array([each.meaning.column for each in measurements])
    start = seconds.min() if icu_start_seconds is None else icu_start_seconds
    hours = (seconds - start) // HOUR_SECONDS + 1
    minutes = _minutes(seconds, hours)
    set_of = _set_of_each(measurements, columns.tolist(), minutes.tolist())
    _, first, set_of = np.unique(set_of, return_index=True, return_inverse=True)
    values = np.full((len(first), N_COLUMNS), nan)
    values[:, ICU_HOUR] = hours[first]
    values[set_of, columns] = canonical(measurements)
    return MeasuredSets(measurements, columns, set_of, seconds[first], minutes[first], Stay(values))


def beside_others(sets: MeasuredSets) -> tuple[MeasuredSets, IntArray]:
    """The sets, each beside the possible values of its minute with which the rules compare it.

    A second diastolic pressure of one minute is judged beside the systolic pressure of that minute,
    as the first one is. Panels say themselves what belongs together.

    Returns:
        The sets, and the index in `sets.measurements` of each of their measurements.
    """
    has_company = len(np.unique(sets.minutes)) < len(sets.minutes)
    added = list(_beside(sets)) if has_company else []
    if not added:
        return sets, np.arange(len(sets.measurements))
    indices, rows = np.array(added).T
    columns = sets.columns[indices]
    values = sets.stay.values.copy()
    values[rows, columns] = values[sets.set_of[indices], columns]
    judged = sets._replace(
        measurements=[*sets.measurements, *(sets.measurements[index] for index in indices)],
        columns=np.concatenate([sets.columns, columns]),
        set_of=np.concatenate([sets.set_of, rows]),
        stay=Stay(values),
    )
    return judged, np.concatenate([np.arange(len(sets.measurements)), indices])


def _beside(sets: MeasuredSets) -> Iterator[tuple[int, int]]:
    """Measurements of a minute, each with a set of that minute which lacks its variable."""
    values = sets.stay.values[sets.set_of, sets.columns]
    is_possible = (values >= HARD_LOW[sets.columns]) & (values <= HARD_HIGH[sets.columns])
    n_values = Counter(id(each.entry) for each in sets.measurements)
    in_panels: set[int] = set()
    first: dict[tuple[int, int], int] = {}  # measurement, by minute and variable
    variables: dict[int, set[int]] = {}  # by set
    for index, each in enumerate(sets.measurements):
        at, column = int(sets.set_of[index]), int(sets.columns[index])
        variables.setdefault(at, set()).add(column)
        if n_values[id(each.entry)] > 1:
            in_panels.add(at)
        if is_possible[index]:
            first.setdefault((int(sets.minutes[at]), column), index)
    for at, known in variables.items():
        for compared in COMPARED if at not in in_panels else ():
            for column in known.intersection(compared) and set(compared) - known:
                found = first.get((int(sets.minutes[at]), column))
                if found is not None:
                    yield found, at


def _minutes(seconds: FloatArray, hours: FloatArray) -> IntArray:
    """Shape (n_measurements,): the number of its minute."""
    times, first, at = np.unique(seconds, return_index=True, return_inverse=True)
    numbers, number, begin, hour = [], -1, -inf, nan
    for time, hour_of_time in zip(times.tolist(), hours[first].tolist(), strict=True):
        if hour_of_time != hour or time - begin > TOGETHER_SECONDS:
            number, begin, hour = number + 1, time, hour_of_time
        numbers.append(number)
    found: IntArray = np.array(numbers)[at]
    return found


def _set_of_each(
    measurements: list[Measurement], columns: list[int], minutes: list[int]
) -> IntArray:
    """Shape (n_measurements,): a number for each set."""
    set_of = np.empty(len(measurements), dtype=np.intp)
    variables: list[set[int]] = []  # of each set
    sets_at: dict[int, list[int]] = {}  # by minute
    next_at: dict[
        tuple[int, int], int
    ] = {}  # by minute and variable: the first set that may lack it
    for indices in _observations(measurements, columns):
        for index in indices:
            minute, column = minutes[index], columns[index]
            sets = sets_at.setdefault(minute, [])
            if len(indices) > 1:
                is_new = index == indices[0] or column in variables[sets[-1]]
                at = len(sets) if is_new else len(sets) - 1
            else:
                at = next_at.get((minute, column), 0)
                while at < len(sets) and column in variables[sets[at]]:
                    at += 1
                next_at[minute, column] = at
            if at == len(sets):
                sets.append(len(variables))
                variables.append(set())
            set_of[index] = sets[at]
            variables[sets[at]].add(column)
    return set_of


def _observations(measurements: list[Measurement], columns: list[int]) -> Iterator[list[int]]:
    """The measurements of each Observation: panels, then single values, mean pressures last.

    A mean pressure shall join the systolic and diastolic pressure that came with it, not a panel.
    """
    by_entry: dict[int, list[int]] = {}
    for index, each in enumerate(measurements):
        by_entry.setdefault(id(each.entry), []).append(index)
    single = [indices for indices in by_entry.values() if len(indices) == 1]
    yield from (indices for indices in by_entry.values() if len(indices) > 1)
    yield from (each for each in single if columns[each[0]] != MEAN_PRESSURE)
    yield from (each for each in single if columns[each[0]] == MEAN_PRESSURE)
