"""Split of patients into folds: all hours of a patient are in the same fold.

The fold depends on the patient's id and the seed alone, not on other patients or their order.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from sepsis_detect.clinical.stay import IntArray


def folds(patient_ids: Sequence[str], *, n_folds: int, seed: int) -> IntArray:
    """Shape (n_patients,): the fold of each patient, 0 to n_folds - 1."""
    return np.array([rank(i, seed) % n_folds for i in patient_ids], dtype=np.intp)


def rank(patient_id: str, seed: int) -> int:
    """A pseudo-random number of 64 bits, by a hash of seed and id."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{patient_id}".encode()).digest()[:8], "big")
