"""What the out-of-fold scores are worth: threshold, figures by group of hours, a table to read."""

from typing import Any, NamedTuple

import numpy as np

from model_build.dataset import Dataset
from model_build.group_figures import Figure, Hours, figures
from model_build.metrics import best_threshold, normalised_utility, summary
from model_build.out_of_fold import OutOfFold
from model_build.resampling import DRAWS, LEVEL, Resampling
from sepsis_detect.stay import BoolArray

ARTEFACT_FREE_HOURS = 60  # longer records are almost all septic, by how they were cut
DIGITS = 6


class Judgement(NamedTuple):
    """The chosen threshold, exact in float32, and the figures at it, ready for JSON."""

    threshold: float
    metrics: dict[str, Any]


def judge(scores: OutOfFold, data: Dataset) -> Judgement:
    """Choose the threshold of highest utility and measure everything at it."""
    threshold = best_threshold(data.utilities, scores.probabilities).threshold
    metrics: dict[str, Any] = {}
    for name, hours in groups(data).items():
        utilities, labels = data.utilities.of(hours), data.labels[hours]
        found = summary(scores.probabilities[hours], labels, utilities, threshold)
        metrics[name] = {key: _rounded(value) for key, value in found.items()}
    metrics["intervals"] = _intervals(scores, data, threshold)
    metrics["protocol"] = {
        "split": "by patient",
        "folds": int(scores.fold.max()) + 1,
        "utility_by_fold": [_rounded(u) for u in cross_fitted_utilities(scores, data)],
        "onnx_parity": scores.parity,
    }
    return Judgement(threshold, metrics)


def _intervals(scores: OutOfFold, data: Dataset, threshold: float) -> dict[str, Any]:
    """Of the headline figures over all hours, by drawing patients."""
    n_patients = data.cohort.stay.n_stays
    hours = Hours(
        scores.probabilities,
        data.labels,
        data.utilities,
        data.cohort.stay_of_hour,
        threshold,
        n_patients,
    )
    found = figures(hours, Resampling.of(n_patients))
    return {
        "level": LEVEL,
        "draws_of_patients": DRAWS,
        "overall": {
            name: [_rounded(figure.low), _rounded(figure.high)]
            for name, figure in found.items()
            if isinstance(figure, Figure)
        },
    }


def groups(data: Dataset) -> dict[str, BoolArray]:
    """Groups of hours that are judged apart: shape (n_hours,) each."""
    parts = {
        "overall": np.ones(len(data.X), dtype=np.bool_),
        "first_60_hours": data.cohort.stay.icu_hours <= ARTEFACT_FREE_HOURS,
    }
    for hospital in np.unique(data.cohort.hospitals).tolist():
        parts[f"hospital_{hospital}"] = data.hospitals == hospital
    return parts


def cross_fitted_utilities(scores: OutOfFold, data: Dataset) -> list[float]:
    """Utility of each fold at the threshold that the other folds choose."""
    found = []
    for k in range(int(scores.fold.max()) + 1):
        own = scores.fold == k
        chosen = best_threshold(data.utilities.of(~own), scores.probabilities[~own]).threshold
        flags = scores.probabilities[own] >= np.float32(chosen)
        found.append(normalised_utility(data.utilities.of(own), flags))
    return found


COLUMNS = {
    "utility": "utility",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "calibration_slope": "slope",
    "predicted_over_observed": "pred/obs",
    "alerts_per_patient_day": "alerts/day",
    "ppv": "PPV",
    "sensitivity": "sens.",
}


def table(judgement: Judgement) -> str:
    """The figures for people."""
    metrics = judgement.metrics
    lines = [" " * 16 + "".join(f"{title:>11}" for title in COLUMNS.values())]
    for name, group in metrics.items():
        if "utility" in group:
            lines.append(f"{name:16}" + "".join(f"{group[key] or 0:11.4f}" for key in COLUMNS))
    by_fold = metrics["protocol"]["utility_by_fold"]
    lines.append(
        f"threshold {judgement.threshold:.6f}; utility of each fold at the others' threshold "
        f"{np.mean(by_fold):.4f} +- {np.std(by_fold, ddof=1):.4f}"
    )
    return "\n".join(lines)


def _rounded(figure: float) -> float | None:
    return None if np.isnan(figure) else round(figure, DIGITS)
