"""Steadiness: the risk of a patient whose signs do not change has no step.

In the training data the records of stays without sepsis are cut after hour 36. A model can learn
from that how long a record is, and then flags every long stay. Made-up patients whose values never
change, from hour 1 to 336, show it. Every model must pass before it is served; nothing turns this
check off.

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

LAST_HOUR = 336  # icu_hour: two weeks; later hours warn
SETTLED_HOUR = 12  # icu_hour; before it, first values and short windows may move the risk
PLATEAU_HOUR = features.TIME_CAP_HOURS  # no record of the training data is cut before its end
LAST_MEASURED_HOUR = 30  # icu_hour of the stay in which nothing is measured afterwards

# Changes of the risk, as a share of the smaller of two risks.
STEP_AT_MOST = 0.20  # from one hour to the next
RISE_UNMEASURED_AT_MOST = 0.20  # over the last measured hour
PLATEAU_AT_MOST = 0.10  # from the risk at hour 36, vital signs alone
PLATEAU_WITH_LABS_AT_MOST = 0.20  # laboratory values age and are renewed within each day

NEGLIGIBLE_RISK = 1e-6  # smaller risks count as this one: their ratio means nothing
ROUNDING = 1e-3  # percent; risks are single precision

Probabilities = Callable[[Float32Array], Float32Array]
"""Shape (n_rows, n_features), as `features.compute` returns them, to shape (n_rows,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class UnchangedPatient:
    """A made-up patient whose values never change; keys are challenge names, units canonical.

    Attributes:
        name: What a refusal calls the patient.
        background: Age, sex, unit and hospital admission, known in every hour.
        vitals: Measured every hour.
        labs: Measured at hour 1, and then as `labs_every_hours` says.
        labs_every_hours: Hours between two laboratory values; None: hour 1 only.
        plateau_at_most: Accepted change from the risk at hour 36.
    """

    name: str
    background: Mapping[str, float]
    vitals: Mapping[str, float]
    labs: Mapping[str, float] = field(default_factory=dict)
    labs_every_hours: int | None = None
    plateau_at_most: float = PLATEAU_AT_MOST

    def unchanged(self) -> Stay:
        """Every hour from 1 to 336, measured."""
        values = self._without_measurements()
        _put(values, self.vitals)
        _put(values[:: self.labs_every_hours or LAST_HOUR], self.labs)
        return Stay(values)

    def unmeasured(self) -> Stay:
        """Every hour from 1 to 336, measured until hour 30 and never again."""
        values = self._without_measurements()
        values[:LAST_MEASURED_HOUR] = self.unchanged().values[:LAST_MEASURED_HOUR]
        return Stay(values)

    def _without_measurements(self) -> FloatArray:
        values = np.full((LAST_HOUR, N_COLUMNS), np.nan)
        _put(values, self.background)
        values[:, ICU_HOUR] = np.arange(1, LAST_HOUR + 1)
        return values


def _put(values: FloatArray, known: Mapping[str, float]) -> None:
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
    plateau_at_most=PLATEAU_WITH_LABS_AT_MOST,
)
ACCEPTANCE_PATIENTS = (WELL, WELL_WITH_DAILY_LABS)


def breach(
    probabilities: Probabilities, patients: tuple[UnchangedPatient, ...] = ACCEPTANCE_PATIENTS
) -> str | None:
    """The first bound that a model breaks, as a sentence; None when it keeps all of them.

    Args:
        probabilities: The model.
        patients: Made-up patients, one after the other.
    """
    for patient in patients:
        rows, places = _distinct_rows(patient)
        distinct = probabilities(rows)
        if distinct.shape != rows.shape[:1] or not ((distinct >= 0) & (distinct <= 1)).all():
            return f"for hours of {patient.name} it answers what is no probability"
        risks = distinct.astype(np.float64)[places]
        broken = broken_bound(patient, risks[:LAST_HOUR], risks[LAST_HOUR:])
        if broken is not None:
            return broken
    return None


@cache
def _distinct_rows(patient: UnchangedPatient) -> tuple[Float32Array, NDArray[np.intp]]:
    """Features of both stays of a patient: most hours of an unchanged patient are alike.

    Returns:
        Distinct rows, shape (n_distinct, n_features), and where each hour's row stands among
        them: shape (n_hours,), the hours of `unchanged` before those of `unmeasured`.
    """
    stays = (patient.unchanged(), patient.unmeasured())
    X = np.concatenate([features.compute(stay) for stay in stays])
    # As bits, so that NaN equals NaN.
    _, firsts, places = np.unique(X.view(np.uint32), axis=0, return_index=True, return_inverse=True)
    return X[firsts], places.reshape(-1)


def broken_bound(
    patient: UnchangedPatient, unchanged: FloatArray, unmeasured: FloatArray
) -> str | None:
    """The bound that these risks break, as a sentence with the hours; None when they keep all.

    Args:
        patient: Whose risks they are.
        unchanged: Shape (336,), hour 1 to 336 of `patient.unchanged()`.
        unmeasured: The same of `patient.unmeasured()`.
    """
    unchanged = np.maximum(unchanged, NEGLIGIBLE_RISK)
    unmeasured = np.maximum(unmeasured, NEGLIGIBLE_RISK)
    return (
        _step(patient, unchanged)
        or _off_plateau(patient, unchanged)
        or _rise_unmeasured(patient, unmeasured)
    )


def _step(patient: UnchangedPatient, risks: FloatArray) -> str | None:
    ratios = risks[SETTLED_HOUR:] / risks[SETTLED_HOUR - 1 : -1]
    at = _most_changed(ratios)
    hour = SETTLED_HOUR + at
    when = f"from hour {hour} to {hour + 1} though no sign changes"
    return _refusal(patient, ratios[at], STEP_AT_MOST, when)


def _off_plateau(patient: UnchangedPatient, risks: FloatArray) -> str | None:
    ratios = risks[PLATEAU_HOUR - 1 :] / risks[PLATEAU_HOUR - 1]
    at = _most_changed(ratios)
    when = f"from hour {PLATEAU_HOUR} to {PLATEAU_HOUR + at} though no sign changes"
    return _refusal(patient, ratios[at], patient.plateau_at_most, when)


def _rise_unmeasured(patient: UnchangedPatient, risks: FloatArray) -> str | None:
    ratios = risks[LAST_MEASURED_HOUR:] / risks[LAST_MEASURED_HOUR - 1]
    at = int(np.argmax(ratios))
    hour = LAST_MEASURED_HOUR + 1 + at
    when = f"from hour {LAST_MEASURED_HOUR} to {hour} though nothing is measured any more"
    return _refusal(patient, max(ratios[at], 1.0), RISE_UNMEASURED_AT_MOST, when)


def _most_changed(ratios: FloatArray) -> int:
    return int(np.argmax(np.abs(np.log(ratios))))


def _refusal(patient: UnchangedPatient, ratio: float, at_most: float, when: str) -> str | None:
    """The sentence, if the larger risk exceeds the smaller by more than a share of it."""
    if max(ratio, 1 / ratio) <= 1 + at_most:
        return None
    # Rounded away from each other: a change is never printed as its bound.
    if ratio > 1:
        change, bound = f"rises by {ceil(100 * (ratio - 1) - ROUNDING):,} %", at_most
    else:
        change, bound = f"falls by {ceil(100 * (1 - ratio) - ROUNDING)} %", at_most / (1 + at_most)
    return (
        f"the risk of {patient.name} {change} {when}; "
        f"at most {floor(100 * bound + ROUNDING)} % is accepted"
    )
