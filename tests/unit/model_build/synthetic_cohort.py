"""A synthetic cohort whose septic hours differ enough for a small model to learn."""

import numpy as np

from model_build.data.cohort import Cohort
from model_build.data.labels import Labels
from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.variables import (
    AGE,
    BY_CHALLENGE,
    HOSPITAL_ADMISSION_HOUR,
    ICU_HOUR,
    MEDICAL_UNIT,
    N_COLUMNS,
    SEX,
    SURGICAL_UNIT,
)

VITALS = {"HR": (85, 12), "O2Sat": (96, 2), "Resp": (18, 3), "Temp": (37, 0.6), "SBP": (120, 15)}
LABS = {"WBC": (9, 3), "Lactate": (1.6, 0.5), "Creatinine": (1.0, 0.3)}
FEVER = {"HR": 25, "Temp": 1.5, "Resp": 7, "Lactate": 2, "WBC": 6}


def synthetic_cohort(n_patients: int = 60, *, seed: int = 1) -> Cohort:
    """Stays of 8 to 40 hours in hospitals A and B; one in three becomes septic."""
    random = np.random.default_rng(seed)
    stays, labels = [], []
    for _ in range(n_patients):
        n_hours = int(random.integers(8, 41))
        label = np.zeros(n_hours, dtype=np.int8)
        if random.random() < 1 / 3:
            label[max(0, n_hours - 10) :] = 1
        stays.append(Stay(_hours(random, label)))
        labels.append(label)
    numbers = np.arange(1, n_patients + 1)
    in_b = numbers > n_patients // 2
    return Cohort(
        Stay.end_to_end(stays),
        np.concatenate(labels),
        np.array([f"p{n + 100_000 * b:06d}" for n, b in zip(numbers, in_b, strict=True)]),
        np.where(in_b, "B", "A"),
    )


def _hours(random: np.random.Generator, label: Labels) -> FloatArray:
    values = np.full((len(label), N_COLUMNS), np.nan)
    for measured, known in ((VITALS, 0.8), (LABS, 0.15)):
        for name, (mean, spread) in measured.items():
            shift = FEVER.get(name, 0.0) * label.astype(np.float64)
            drawn = np.round(
                np.maximum(random.normal(mean, spread, len(label)) + shift, mean / 4), 1
            )
            drawn[random.random(len(label)) > known] = np.nan
            values[:, BY_CHALLENGE[name].column] = drawn
    values[:, BY_CHALLENGE["O2Sat"].column] = np.minimum(
        values[:, BY_CHALLENGE["O2Sat"].column], 100
    )
    values[:, AGE] = int(random.integers(18, 89))
    values[:, SEX] = int(random.integers(2))
    values[:, MEDICAL_UNIT] = 1.0
    values[:, SURGICAL_UNIT] = 0.0
    values[:, HOSPITAL_ADMISSION_HOUR] = -np.round(random.uniform(0, 99), 2)
    values[:, ICU_HOUR] = np.arange(1, len(label) + 1)
    return values
