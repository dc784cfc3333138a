"""Sample weights that undo the cut of the records in the training data (record-length artefact).

In the challenge's data the records of stays that never become septic end, almost all, between
hour 37 and hour 60; those of septic stays do not. After hour 36 the share of septic hours is
therefore far higher than at a bedside: an artefact of how the data were made.

Remedy: inverse-probability-of-censoring weights. From hour 13 to 36 the ratio of hours of septic
stays to hours of other stays is constant in each hospital; after hour 36 it rises because the
others are cut. The share of other stays that survives the cut is the plateau's ratio over the
ratio found. Weighing the others by its inverse would give few hours enormous weights, so the
weights are stabilised: others weigh 1, hours of septic stays weigh the share that survives.
Derivation and figures: docs/adr/0017-record-cut.md.
"""

import numpy as np

from model_build.data.cohort import Cohort
from model_build.data.labels import septic_stays
from sepsis_detect.clinical.stay import FloatArray, IntArray
from sepsis_detect.prediction.features import TIME_CAP_HOURS

UNCUT_HOURS = TIME_CAP_HOURS  # icu_hour; in both hospitals the cuts begin right after it
FIRST_CUT_HOUR = UNCUT_HOURS + 1
PLATEAU_FROM_HOUR = 13
LAST_CUT_HOUR = 60  # afterwards almost no other stay is left: one bin
BIN_HOURS = 2
# Of the other stays that reach hour 37: beyond hour 60 are under 3 % in both hospitals of the
# training data, and about half where nothing is cut.
MAX_SHARE_BEYOND_CUT = 0.1

_EDGES = np.arange(FIRST_CUT_HOUR, LAST_CUT_HOUR + 2, BIN_HOURS)


def cut_weights(cohort: Cohort, rows: IntArray | None = None) -> FloatArray:
    """Weights with which the share of septic stays does not depend on the record's length.

    Args:
        cohort: Whole stays.
        rows: Hours from which the weights are estimated, such as those of the training folds;
            None: all.

    Returns:
        Shape (n_hours,): 1, or less for hours of septic stays after hour 36. Hours of a
        hospital that is not among `rows` weigh 1.
    """
    hours = cohort.stay.icu_hours
    stays = cohort.stay_of_hour
    of_septic_stay = septic_stays(cohort.labels, cohort.stay.starts)[stays]
    known = np.ones(len(hours), dtype=np.bool_)
    if rows is not None:
        known[:] = False
        known[rows] = True
    bins = np.digitize(hours, _EDGES)  # 0: before the cut; the last: after it
    on_plateau = (hours >= PLATEAU_FROM_HOUR) & (hours <= UNCUT_HOURS)
    weights = np.ones(len(hours))
    for hospital in np.unique(cohort.hospitals):
        own = (cohort.hospitals == hospital)[stays]
        used = own & known
        plateau = _ratio(used & on_plateau & of_septic_stay, used & on_plateau & ~of_septic_stay)
        if not plateau > 0:
            continue
        n_bins = len(_EDGES) + 1
        septic = np.bincount(bins[used & of_septic_stay], minlength=n_bins)
        others = np.bincount(bins[used & ~of_septic_stay], minlength=n_bins)
        surviving = np.minimum(1.0, plateau * others / np.maximum(septic, 1))
        surviving[0] = 1.0
        weighed = own & of_septic_stay
        weights[weighed] = surviving[bins[weighed]]
    return weights


def is_cut(cohort: Cohort) -> bool:
    """Whether the records of stays without sepsis end early, as in the challenge's data.

    Almost none of those that reach hour 37 go beyond hour 60 then.

    Args:
        cohort: Whole stays.
    """
    stay = cohort.stay
    last_hours = stay.icu_hours[stay.last_rows]
    others = last_hours[~septic_stays(cohort.labels, stay.starts)]
    n_reaching = np.count_nonzero(others >= FIRST_CUT_HOUR)
    n_beyond = np.count_nonzero(others > LAST_CUT_HOUR)
    return bool(n_reaching > 0 and n_beyond < MAX_SHARE_BEYOND_CUT * n_reaching)


def _ratio(above: np.ndarray, below: np.ndarray) -> float:
    n_below = np.count_nonzero(below)
    return np.count_nonzero(above) / n_below if n_below else 0.0
