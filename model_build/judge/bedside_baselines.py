"""Baselines of the comparison: bedside scores, and time in the ICU alone."""

import numpy as np

from model_build.data.cohort import Cohort
from model_build.data.dataset import stay_batches
from sepsis_detect.bedside_scores import scores
from sepsis_detect.bedside_scores.definitions import RATIOS, SCORES
from sepsis_detect.clinical.coherence import drop_incoherent
from sepsis_detect.clinical.stay import Float32Array

BEDSIDE = ("sirs", "qsofa", "news2", "sofa2", "shock_index")
TIME = "icu_time"
TIME_LABEL = "Time in ICU alone"


def bedside_scores(cohort: Cohort) -> dict[str, Float32Array]:
    """Score of each hour by each baseline, shape (n_hours,).

    Incoherent values are dropped by the service's own rules, as for the features. A missing item
    adds no points, and an unknown ratio is 0: it cannot raise an alert.
    """
    stay = cohort.stay
    found = {name: np.empty(stay.n_hours, dtype=np.float32) for name in BEDSIDE}
    for rows, part in stay_batches(stay):
        by_name = scores.by_hour(drop_incoherent(part))
        for name, hours in found.items():
            hours[rows] = np.nan_to_num(by_name[name].minimum, nan=0.0)
    return found | {TIME: stay.icu_hours.astype(np.float32)}


def bedside_labels() -> dict[str, str]:
    """Labels of `bedside_scores` in the report."""
    labels = {score.name: score.label_en.partition(" (heart")[0] for score in (*SCORES, *RATIOS)}
    return {name: labels[name] for name in BEDSIDE} | {TIME: TIME_LABEL}
