"""Plausibility of a hospital's own stays before a model is adapted to them."""

import numpy as np

from model_build.data.cohort import Cohort
from sepsis_detect.clinical.coherence import drop_incoherent
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.errors import BadFileError

MAX_DROPPED_SHARE = 0.5  # of the values of a variable
MIN_VALUES = 20  # of a variable, for its share to mean something


def require_plausible(cohort: Cohort) -> None:
    """Refuse a variable most of whose values no patient can have: another unit, or column.

    Raises:
        BadFileError: Names the variables.
    """
    sent = (~np.isnan(cohort.stay.values)).sum(axis=0)
    kept = (~np.isnan(drop_incoherent(cohort.stay).values)).sum(axis=0)
    share = 1 - kept / np.maximum(sent, 1)
    wrong = [
        f"{v.challenge} ({100 * share[v.column]:.0f} %)"
        for v in VARIABLES
        if sent[v.column] >= MIN_VALUES and share[v.column] > MAX_DROPPED_SHARE
    ]
    if wrong:
        raise BadFileError(
            f"most values are incoherent of {', '.join(wrong)}: is the unit right? "
            "State it with --unit VARIABLE=UNIT"
        )
