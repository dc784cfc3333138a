"""SepsisLabel by Sepsis-3, as the PhysioNet/CinC Challenge 2019 defines it.

- Suspicion of infection: the earlier of a culture and an intravenous antibiotic. Antibiotic first:
  the culture follows within 24 h; culture first: the antibiotic follows within 72 h. Antibiotics
  then go on for 72 h at least.
- Organ failure: SOFA rises by two points within 24 h (`label_sofa`).
- Onset: the earlier of both, if SOFA rises from 24 h before suspicion to 12 h after it. Of several
  pairs the one with the earliest onset counts. The label is 1 from six hours before onset on.

Hours are those of `ICULOS`: a row of hour 12 is known 12 hours after admission to intensive care.

Our readings where the challenge is silent (docs/adr/0023-sepsis-label.md): antibiotics go on while
no pause is longer than 24 h; an order without an end lasts 72 h.

Source: Reyna et al., Crit Care Med 2020;48(2):210-217, doi:10.1097/CCM.0000000000004145.
    ricu has the same windows of suspicion (`susp_inf`), and another window around it (`sep3`: SOFA
    rises from 48 h before to 24 h after, onset at the rise; no 72 h of antibiotics): Bennett et
    al., GigaScience 2023, doi:10.1093/gigascience/giad041.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_build.data.labels import LABEL_LEADS_ONSET_BY, Labels
from model_build.site.label_sofa import rises
from sepsis_detect.clinical.stay import FloatArray, Stay

CULTURE_WITHIN_HOURS = 24  # after the antibiotic
ANTIBIOTIC_WITHIN_HOURS = 72  # after the culture
MIN_ANTIBIOTIC_HOURS = 72
MAX_PAUSE_HOURS = 24  # as in Moor et al., eClinicalMedicine 2023;62:102124
SOFA_HOURS_BEFORE = 24  # suspicion
SOFA_HOURS_AFTER = 12
TIME_DECIMALS = 6  # of an hour; removes errors of timestamps in binary fractions


@dataclass(frozen=True, slots=True)
class StayOrders:
    """Intravenous antibiotics and cultures of one stay, in hours since admission to the ICU.

    Attributes:
        antibiotics: Shape (n, 2), start and end, in order of start; the end is NaN where it is
            not known.
        cultures: Shape (n,).
    """

    antibiotics: FloatArray
    cultures: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspicionRule:
    """What counts as suspicion of infection.

    Attributes:
        needs_culture: Whether a culture is needed; without, antibiotics for 72 h alone count from
            their beginning, for hospitals that do not record cultures.
        rows_are_doses: Whether an antibiotic row is one dose instead of an order: the order is
            then the first dose, and each dose lasts until the longest pause is over.
    """

    needs_culture: bool = True
    rows_are_doses: bool = False


def labels(stay: Stay, onsets: FloatArray) -> Labels:
    """Shape (n_hours,): SepsisLabel; `onsets` has shape (n_stays,), infinite without sepsis."""
    lengths = np.diff(stay.starts, append=stay.n_hours)
    first_hour = np.round(onsets - LABEL_LEADS_ONSET_BY, TIME_DECIMALS)
    return (stay.icu_hours >= np.repeat(first_hour, lengths)).astype(np.int8)


def onsets(stay: Stay, orders: Sequence[StayOrders], rule: SuspicionRule) -> FloatArray:
    """Shape (n_stays,): the hour at which sepsis begins, infinite where it does not.

    Args:
        stay: Hours of all stays, end to end.
        orders: One for each stay.
        rule: What counts as suspicion.
    """
    has_suspicion = [suspicion_hours(of, rule) for of in orders]
    rise = rises(stay)
    ends = np.append(stay.starts[1:], stay.n_hours)
    found = [
        _onset(suspicions, stay.icu_hours[begin:end][rise[begin:end]])
        for suspicions, begin, end in zip(has_suspicion, stay.starts, ends, strict=True)
    ]
    return np.array(found)


def suspicion_hours(orders: StayOrders, rule: SuspicionRule) -> FloatArray:
    """Shape (n,): the hours at which infection is suspected."""
    starts, first_of_course, stops = _courses(orders.antibiotics, rule)
    counts_alone = starts == first_of_course
    goes_on = np.round(stops - starts, TIME_DECIMALS) >= MIN_ANTIBIOTIC_HOURS
    if not rule.needs_culture:
        return np.unique(starts[goes_on & counts_alone])
    kept = starts[goes_on & counts_alone] if rule.rows_are_doses else starts[goes_on]
    # Positive where the culture is first.
    wait = np.round(kept[:, None] - orders.cultures[None, :], TIME_DECIMALS)
    is_pair = (wait <= ANTIBIOTIC_WITHIN_HOURS) & (wait >= -CULTURE_WITHIN_HOURS)
    earlier = np.minimum(kept[:, None], orders.cultures[None, :])
    suspicions: FloatArray = np.unique(earlier[is_pair])
    return suspicions


def _courses(
    antibiotics: FloatArray, rule: SuspicionRule
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For each row its start, the first start of its course, and the end of its course."""
    starts, ends = antibiotics[:, 0], antibiotics[:, 1]
    if rule.rows_are_doses:
        ends = np.fmax(starts, ends) + MAX_PAUSE_HOURS
    else:
        ends = np.where(np.isnan(ends), starts + MIN_ANTIBIOTIC_HOURS, ends)
    pause = 0.0 if rule.rows_are_doses else MAX_PAUSE_HOURS
    reached = np.maximum.accumulate(ends)
    is_new = np.append(True, np.round(starts[1:] - reached[:-1], TIME_DECIMALS) > pause)
    course = np.cumsum(is_new[: len(starts)]) - 1
    first = starts[is_new[: len(starts)]][course]
    stops = np.full(int(course.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(stops, course, ends)
    return starts, first, stops[course]


def _onset(suspicions: FloatArray, rises_at: FloatArray) -> float:
    """The earliest onset of a suspicion and a rise that belong together; infinite without one."""
    lag = np.round(rises_at[None, :] - suspicions[:, None], TIME_DECIMALS)
    belongs = (lag >= -SOFA_HOURS_BEFORE) & (lag <= SOFA_HOURS_AFTER)
    both = np.minimum(rises_at[None, :], suspicions[:, None])
    return float(both[belongs].min(initial=np.inf))
