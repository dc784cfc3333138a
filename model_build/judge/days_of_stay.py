"""Figures by day of stay, also of stays without a label.

A day with few septic patients has no ranking figures, but an alert rate and a mean probability.
"""

from typing import Any

import numpy as np

from model_build.data.dataset import Dataset
from model_build.judge.figures import Figure
from model_build.judge.group_figures import Hours, figures
from model_build.judge.metrics import HOURS_IN_A_DAY
from model_build.judge.patient_bootstrap import Resampling
from model_build.judge.subgroups import Groups, by_day
from sepsis_detect.clinical.stay import FloatArray

AFTER_HOUR = 48.0  # icu_hour
AFTER = f"after hour {AFTER_HOUR:.0f}"
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def figures_by_day(hours: Hours, data: Dataset, resampling: Resampling) -> dict[str, Any]:
    """Figures of each day of stay, and of all hours after hour 48; empty days are left out.

    Args:
        hours: All hours of `data`.
        data: Whole stays.
        resampling: Of their patients.
    """
    return {
        name: figures(part, resampling) | rates(part, resampling)
        for name, part in _parts(hours, data).items()
    }


def alerts_by_day(hours: Hours, data: Dataset, resampling: Resampling) -> dict[str, Any]:
    """Alert rate by day of stay, for stays without outcome."""
    return {
        name: {
            "patients": float(len(np.unique(part.patient))),
            "hours": float(len(part.labels)),
            "alerts_per_patient_day": rates(part, resampling)["alerts_per_patient_day"],
        }
        for name, part in _parts(hours, data).items()
    }


def rates(hours: Hours, resampling: Resampling) -> dict[str, Figure]:
    """Rates that are known however few hours are septic."""
    n_hours = hours.by_patient(np.ones(len(hours.labels)))
    labelled = hours.by_patient(hours.labels)
    predicted = hours.by_patient(hours.probabilities.astype(np.float64))
    flagged = hours.by_patient(hours.flags)
    return {
        "observed_rate": _ratio(labelled, n_hours, resampling),
        "mean_predicted": _ratio(predicted, n_hours, resampling),
        "predicted_over_observed": _ratio(predicted, labelled, resampling),
        "alerts_per_patient_day": _ratio(flagged * HOURS_IN_A_DAY, n_hours, resampling),
    }


def across_hospitals(hospitals: dict[str, Any]) -> dict[str, Any]:
    """Distribution of AUROC over the hospitals that have enough septic patients.

    Args:
        hospitals: Figures of each hospital, from `group_figures.figures`.

    Returns:
        `hospitals` and `judged`: how many there are and how many have an AUROC; `auroc`: lowest,
        quartiles and highest, None where none has.
    """
    areas = [group["auroc"].value for group in hospitals.values() if "auroc" in group]
    return {
        "hospitals": len(hospitals),
        "judged": len(areas),
        "auroc": np.quantile(areas, QUANTILES) if areas else None,
    }


def _parts(hours: Hours, data: Dataset) -> dict[str, Hours]:
    groups: Groups = by_day(data) | {AFTER: data.cohort.stay.icu_hours > AFTER_HOUR}
    return {name: hours.of(rows) for name, rows in groups.items() if rows.any()}


def _ratio(above: FloatArray, below: FloatArray, resampling: Resampling) -> Figure:
    """The ratio of two sums by patient, infinite where the second is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(above.sum() / below.sum())
    return Figure(value, *resampling.ratio(above, below))
