"""Acceptance check of risk continuity: no step in the risk of an unchanged patient.

In the training data the records of stays without sepsis are cut after hour 36. A model can learn
the length of a record from that, and then flags every long stay. The check computes the risk of
synthetic patients whose values do not change from hour 1 to 336. It is part of every acceptance of
a model and has no setting.

The bounds are our own choice: docs/adr/0002-model-artifact.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR, N_COLUMNS
from sepsis_detect.prediction import features
from sepsis_detect.prediction.features import Float32Array

LAST_HOUR = 336  # icu_hour: two weeks; later hours have a warning
SETTLED_HOUR = 12  # icu_hour; before it, first values and short windows may change the risk
PLATEAU_HOUR = features.TIME_CAP_HOURS  # no record of the training data is cut before its end
LAST_MEASURED_HOUR = 30  # icu_hour of the last measurement in the unmeasured stay

# Accepted changes of the risk, as a share of the smaller of two risks.
MAX_STEP = 0.20  # from one hour to the next
MAX_UNMEASURED_RISE = 0.20  # over the last measured hour
MAX_PLATEAU_CHANGE = 0.10  # from the risk at hour 36, vital signs alone
MAX_PLATEAU_CHANGE_WITH_LABS = 0.20  # laboratory values age and are repeated within each day

NEGLIGIBLE_RISK = 1e-6  # lower bound of the risks compared: ratios of smaller ones mean nothing
ROUNDING = 1e-3  # percent; risks are single precision

Probabilities = Callable[[Float32Array], Float32Array]
"""Shape (n_rows, n_features), as `features.compute` returns them, to shape (n_rows,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class UnchangedPatient:
    """A synthetic patient whose values do not change; challenge names, canonical units.

    Attributes:
        name: The patient in the sentence of a refusal.
        background: Age, sex, kind of ICU and hospital admission, known in every hour.
        vitals: Measured every hour.
        labs: Measured at hour 1 and every `labs_every_hours`.
        labs_every_hours: Hours between two laboratory values; None: hour 1 only.
        max_plateau_change: Accepted change from the risk at hour 36.
    """

    name: str
    background: Mapping[str, float]
    vitals: Mapping[str, float]
    labs: Mapping[str, float] = field(default_factory=dict)
    labs_every_hours: int | None = None
    max_plateau_change: float = MAX_PLATEAU_CHANGE

    def unchanged(self) -> Stay:
        """The stay with measurements in every hour from 1 to 336."""
        values = self._without_measurements()
        _set(values, self.vitals)
        _set(values[:: self.labs_every_hours or LAST_HOUR], self.labs)
        return Stay(values)

    def unmeasured(self) -> Stay:
        """The stay with every hour from 1 to 336, and measurements until hour 30."""
        values = self._without_measurements()
        values[:LAST_MEASURED_HOUR] = self.unchanged().values[:LAST_MEASURED_HOUR]
        return Stay(values)

    def _without_measurements(self) -> FloatArray:
        values = np.full((LAST_HOUR, N_COLUMNS), np.nan)
        _set(values, self.background)
        values[:, ICU_HOUR] = np.arange(1, LAST_HOUR + 1)
        return values


def _set(values: FloatArray, known: Mapping[str, float]) -> None:
    for name, value in known.items():
        values[:, BY_CHALLENGE[name].column] = value


WELL_BACKGROUND = {"Age": 50, "Gender": 1, "Unit1": 1, "Unit2": 0, "HospAdmTime": -8}
WELL_VITALS = {
    "HR": 75,
    "O2Sat": 98,
    "Temp": 36.8,
    "SBP": 120,
    "MAP": 85,
    "DBP": 68,
    "Resp": 14,
}
NORMAL_LABS = {
    "HCO3": 25,
    "BUN": 14,
    "Calcium": 9.2,
    "Chloride": 102,
    "Creatinine": 0.9,
    "Glucose": 100,
    "Magnesium": 2.0,
    "Phosphate": 3.5,
    "Potassium": 4.1,
    "Hct": 42,
    "Hgb": 14,
    "WBC": 7.5,
    "Platelets": 250,
}
WELL = UnchangedPatient(name="a well patient", background=WELL_BACKGROUND, vitals=WELL_VITALS)
WELL_WITH_DAILY_LABS = UnchangedPatient(
    name="a well patient with daily laboratory values",
    background=WELL_BACKGROUND,
    vitals=WELL_VITALS,
    labs=NORMAL_LABS,
    labs_every_hours=24,
    max_plateau_change=MAX_PLATEAU_CHANGE_WITH_LABS,
)
ACCEPTANCE_PATIENTS = (WELL, WELL_WITH_DAILY_LABS)


def check(
    probabilities: Probabilities, patients: tuple[UnchangedPatient, ...] = ACCEPTANCE_PATIENTS
) -> str | None:
    """Check a model; returns the first exceeded bound as a sentence, None if accepted.

    Args:
        probabilities: The model.
        patients: Synthetic patients, checked in order.
    """
    for patient in patients:
        rows, row_of_hour = _distinct_rows(patient)
        distinct = probabilities(rows)
        if distinct.shape != rows.shape[:1] or not ((distinct >= 0) & (distinct <= 1)).all():
            return f"for hours of {patient.name} it answers what is no probability"
        risks = distinct.astype(np.float64)[row_of_hour]
        exceeded = exceeded_bound(patient, risks[:LAST_HOUR], risks[LAST_HOUR:])
        if exceeded is not None:
            return exceeded
    return None


@cache
def _distinct_rows(patient: UnchangedPatient) -> tuple[Float32Array, NDArray[np.intp]]:
    """Distinct features of both stays of a patient: most hours have the same.

    Returns:
        Distinct rows, shape (n_distinct, n_features), and the index of the row of each hour, shape
        (n_hours,): the hours of `unchanged`, then those of `unmeasured`.
    """
    stays = (patient.unchanged(), patient.unmeasured())
    X = np.concatenate([features.compute(stay) for stay in stays])
    # Bits are compared, so that NaN equals NaN.
    bits = X.view(np.uint32)
    _, firsts, row_of_hour = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    return X[firsts], row_of_hour.reshape(-1)


def exceeded_bound(
    patient: UnchangedPatient, unchanged: FloatArray, unmeasured: FloatArray
) -> str | None:
    """The first bound that the risks of a patient exceed, as a sentence; None if there is none.

    Args:
        patient: The patient.
        unchanged: Shape (336,), risks at hour 1 to 336 of `patient.unchanged()`.
        unmeasured: Shape (336,), risks of `patient.unmeasured()`.
    """
    unchanged = np.maximum(unchanged, NEGLIGIBLE_RISK)
    unmeasured = np.maximum(unmeasured, NEGLIGIBLE_RISK)
    return (
        _exceeded_step(patient, unchanged)
        or _exceeded_plateau(patient, unchanged)
        or _exceeded_rise(patient, unmeasured)
    )


def _exceeded_step(patient: UnchangedPatient, risks: FloatArray) -> str | None:
    ratios = risks[SETTLED_HOUR:] / risks[SETTLED_HOUR - 1 : -1]
    at = _largest_change(ratios)
    hour = SETTLED_HOUR + at
    when = f"from hour {hour} to {hour + 1} though no sign changes"
    return _refusal(patient, ratios[at], MAX_STEP, when)


def _exceeded_plateau(patient: UnchangedPatient, risks: FloatArray) -> str | None:
    ratios = risks[PLATEAU_HOUR - 1 :] / risks[PLATEAU_HOUR - 1]
    at = _largest_change(ratios)
    when = f"from hour {PLATEAU_HOUR} to {PLATEAU_HOUR + at} though no sign changes"
    return _refusal(patient, ratios[at], patient.max_plateau_change, when)


def _exceeded_rise(patient: UnchangedPatient, risks: FloatArray) -> str | None:
    ratios = risks[LAST_MEASURED_HOUR:] / risks[LAST_MEASURED_HOUR - 1]
    at = int(np.argmax(ratios))
    hour = LAST_MEASURED_HOUR + 1 + at
    when = f"from hour {LAST_MEASURED_HOUR} to {hour} though nothing is measured any more"
    return _refusal(patient, max(ratios[at], 1.0), MAX_UNMEASURED_RISE, when)


def _largest_change(ratios: FloatArray) -> int:
    return int(np.argmax(np.abs(np.log(ratios))))


def _refusal(patient: UnchangedPatient, ratio: float, max_change: float, when: str) -> str | None:
    """The sentence, if the larger risk exceeds the smaller by more than `max_change` of it."""
    if max(ratio, 1 / ratio) <= 1 + max_change:
        return None
    # The change is rounded up and the bound down, so that the two never look equal.
    if ratio > 1:
        change, bound = f"rises by {ceil(100 * (ratio - 1) - ROUNDING):,} %", max_change
    else:
        change = f"falls by {ceil(100 * (1 - ratio) - ROUNDING)} %"
        bound = max_change / (1 + max_change)
    return (
        f"the risk of {patient.name} {change} {when}; "
        f"at most {floor(100 * bound + ROUNDING)} % is accepted"
    )
