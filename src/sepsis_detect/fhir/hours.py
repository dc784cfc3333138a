"""Hours of a stay, made of measured sets.

Several values of one variable in one hour become their median, as in the training data. Medians of
coherent measurements need not be coherent, such as the median systolic of two panels beside a mean
pressure of one of them. Then the variables that the rules compare (`coherence.COMPARED`) come from
one set, the one nearest to the medians; what it lacks comes from another set of the hour. See
docs/adr/0013-fhir-and-cds-hooks.md.
"""

from collections.abc import Iterator
from math import nan
from statistics import median
from typing import NamedTuple

import numpy as np

from sepsis_detect.clinical import coherence
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray, Stay
from sepsis_detect.clinical.variables import CLINICAL_COLUMNS, ICU_HOUR, N_COLUMNS
from sepsis_detect.fhir.measured_sets import MeasuredSets
from sepsis_detect.fhir.measurements import Cells, Measurement
from sepsis_detect.fhir.places import PRESSURES

MAX_BASES, MAX_OPTIONS = 8, 8  # sets that are tried as a whole, and to complete another
_SPREAD = coherence.USUAL_HIGH - coherence.USUAL_LOW


class Hours(NamedTuple):
    """The hours with measurements.

    Attributes:
        values: Shape (n_hours, 40), canonical units.
        cells: The measurements of each value.
        unused: Those in no value: they contradict the others of their hour.
    """

    values: FloatArray
    cells: Cells
    unused: list[Measurement]


def hours_of(sets: MeasuredSets, stay: Stay) -> Hours:
    """The hours of a stay.

    Args:
        sets: All measurements.
        stay: The rows of `sets.stay` without the values that were refused.
    """
    hours, row_of_set = np.unique(stay.icu_hours, return_inverse=True)
    was_measured = ~np.isnan(stay.values)
    was_measured[:, CLINICAL_COLUMNS.stop :] = False
    values = np.full((len(hours), N_COLUMNS), nan)
    values[:, ICU_HOUR] = hours
    _fill(values, stay.values, row_of_set, was_measured)
    is_kept = was_measured.copy()
    for row, columns in _contradictions(values):
        of_hour = np.flatnonzero((row_of_set == row) & is_kept[:, columns].any(axis=1))
        if len(of_hour) > 1:
            _keep_together(stay.values, sets.seconds, of_hour, columns, is_kept)
            values[row, columns] = nan
    _fill(values, stay.values, row_of_set, is_kept)
    rows = row_of_set[sets.set_of]
    at = (sets.set_of, sets.columns)
    is_unused = was_measured[at] & ~is_kept[at]
    cells = Cells(sets.measurements, np.where(is_kept[at], rows, -1), sets.columns)
    unused = [sets.measurements[index] for index in np.flatnonzero(is_unused).tolist()]
    return Hours(values, cells, unused)


def _fill(values: FloatArray, measured: FloatArray, rows: IntArray, is_kept: BoolArray) -> None:
    """Put the median of the kept values of each hour and variable in its place."""
    at, columns = np.nonzero(is_kept)
    cell_of = rows[at] * N_COLUMNS + columns
    order = np.argsort(cell_of, kind="stable")
    cells, begins, counts = np.unique(cell_of[order], return_index=True, return_counts=True)
    ordered = measured[at, columns][order].tolist()
    values.flat[cells] = [
        median(ordered[begin : begin + count]) if count > 1 else ordered[begin]
        for begin, count in zip(begins.tolist(), counts.tolist(), strict=True)
    ]


def _contradictions(values: FloatArray) -> Iterator[tuple[int, IntArray]]:
    """Rows with values that a rule about several values refuses or warns of, and the variables."""
    violations = [each for each in coherence.scan_hours(Stay(values)) if len(each.columns) > 1]
    for compared in coherence.COMPARED:
        about = [each.rows for each in violations if set(each.columns) <= set(compared)]
        for row in np.unique(np.concatenate(about)).tolist() if about else ():
            columns = np.array(compared)
            yield row, columns[~np.isnan(values[row, columns])]


def _keep_together(
    measured: FloatArray,
    seconds: FloatArray,
    of_hour: IntArray,
    columns: IntArray,
    is_kept: BoolArray,
) -> None:
    """Of the sets of an hour, keep one value of each variable, all from one set where possible."""
    chosen = _chosen(measured[np.ix_(of_hour, columns)], seconds[of_hour], columns)
    is_kept[np.ix_(of_hour, columns)] = False
    found = chosen >= 0
    is_kept[of_hour[chosen[found]], columns[found]] = True


def _chosen(values: FloatArray, seconds: FloatArray, columns: IntArray) -> IntArray:
    """Shape (n_columns,): the set from which each variable comes; -1 from none.

    Args:
        values: Shape (n_sets, n_columns): each column has a value.
        seconds: Shape (n_sets,).
        columns: Shape (n_columns,), the variables.
    """
    distances = np.abs(values - np.nanmedian(values, axis=0)) / _SPREAD[columns]
    n_own = np.count_nonzero(~np.isnan(values), axis=1)
    order = np.lexsort((-seconds, -n_own, np.nanmean(distances, axis=1)))
    tried = (_completed(base, values, seconds, columns) for base in order[:MAX_BASES].tolist())
    nearest, is_coherent = next(tried)
    if is_coherent:
        return nearest
    return next((found for found, is_coherent in tried if is_coherent), nearest)


def _completed(
    base: int, values: FloatArray, seconds: FloatArray, columns: IntArray
) -> tuple[IntArray, bool]:
    """One set, completed by other sets: the nearest in time that contradicts nothing.

    A pressure may change within an hour: one that contradicts the set is left out. Laboratory
    values that contradict each other remain, so that the hour is refused.

    Returns:
        The set from which each variable comes, and whether all is coherent.
    """
    found = np.where(np.isnan(values[base]), -1, base)
    row = values[base].copy()
    is_coherent = True
    for at in np.flatnonzero(found < 0).tolist():
        options = np.flatnonzero(~np.isnan(values[:, at]))
        nearest = np.argsort(np.abs(seconds[options] - seconds[base]), kind="stable")
        options = options[nearest[:MAX_OPTIONS]]
        rows = np.repeat(row[None], len(options), axis=0)
        rows[:, at] = values[options, at]
        fits = np.flatnonzero(~_contradicts(rows, columns))
        if not len(fits) and int(columns[at]) in PRESSURES:
            continue
        is_coherent = is_coherent and len(fits) > 0
        option = fits[0] if len(fits) else 0
        found[at], row[at] = options[option], rows[option, at]
    return found, is_coherent


def _contradicts(rows: FloatArray, columns: IntArray) -> BoolArray:
    """Shape (n_rows,): whether a rule refuses what a row has of some variables."""
    values = np.full((len(rows), N_COLUMNS), nan)
    values[:, columns] = rows
    is_refused = np.zeros(len(rows), dtype=np.bool_)
    for violation in coherence.scan_hours(Stay(values)):
        if violation.is_refusal:
            is_refused[violation.rows] = True
    return is_refused
