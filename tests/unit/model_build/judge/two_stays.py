"""Two short stays counted by hand: one septic with onset at its hour 8, one without sepsis."""

import numpy as np

from model_build.data.labels import utilities
from model_build.judge.group_figures import Hours

SEPTIC = [0, 0, 1, 1, 1, 1, 1, 1, 1]  # the label leads onset by six hours
WELL = [0, 0, 0]
LABELS = np.array([*SEPTIC, *WELL], dtype=np.int8)
STARTS = np.array([0, 9])
P = np.array([0.1, 0.5, 0.2, 0.2, 0.6, 0.7, 0.1, 0.8, 0.9, 0.1, 0.6, 0.3], dtype=np.float32)


def two_stays(threshold: float = 0.5) -> Hours:
    patient = np.repeat([0, 1], [9, 3])
    return Hours(P, LABELS, utilities(LABELS, STARTS), patient, threshold, 2, np.ones(len(P)))
