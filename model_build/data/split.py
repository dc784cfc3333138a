"""Patients into folds: every hour of a patient on one side.

The fold depends on the patient's id and the seed alone, so it stays the same whatever other
patients, in whatever order, lie beside.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from sepsis_detect.clinical.stay import IntArray


def folds(patient_ids: Sequence[str], *, n_folds: int, seed: int) -> IntArray:
    """Shape (n_patients,): the fold of each patient, 0 to n_folds - 1."""
    return np.array([rank(i, seed) % n_folds for i in patient_ids], dtype=np.intp)


def rank(patient_id: str, seed: int) -> int:
    """A stable number of 64 bits that looks random."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{patient_id}".encode()).digest()[:8], "big")
