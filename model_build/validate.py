"""Stage `validate`: external validation of a finished artifact on labelled stays it never saw.

`validation.json` holds every figure; report and plots are functions of it alone.
"""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import LATEST_USEFUL, septic_stays
from model_build.data.stay_files import absent_variables
from model_build.judge import limits
from model_build.judge.days_of_stay import across_hospitals, alerts_by_day, figures_by_day, rates
from model_build.judge.evaluation import evaluation_figures
from model_build.judge.figures import Figures, json_values, write_json
from model_build.judge.group_figures import Hours, figures
from model_build.judge.limits import Limit
from model_build.judge.patient_bootstrap import DRAWS, Resampling
from model_build.report import validation_report
from model_build.report.plots import validation as plots
from model_build.report.results_folder import results_folder
from sepsis_detect.clinical.coherence import drop_incoherent
from sepsis_detect.clinical.stay import Float32Array, Stay
from sepsis_detect.clinical.variables import AGE, CLINICAL_COLUMNS, SEX, VARIABLES
from sepsis_detect.errors import BadFileError
from sepsis_detect.prediction.model import Model

log = logging.getLogger(__name__)

FIGURES = "validation.json"
REPORT = "validation.md"
OUTPUT_FILES = (FIGURES, REPORT, *(f"{name}.svg" for name in plots.PLOTS))

QUARTILES = (0.25, 0.5, 0.75)
HOUTPUT_FILES_AT_A_TIME = 5_000


def validate(
    model: Model,
    cohort: Cohort,
    *,
    unlabelled: Cohort | None = None,
    stated: Sequence[Limit] = (),
    about: str = "",
    draws: int = DRAWS,
) -> Figures:
    """Evaluate a model on stays it never saw, over all their hours.

    Args:
        model: The artifact, evaluated at its own threshold.
        cohort: Labelled stays, whole: every hour weighs 1.
        unlabelled: Stays without outcome, to count alerts in only.
        stated: Limits on the figures over all hours.
        about: Description of the stays, for the report.
        draws: Bootstrap draws of patients, for each interval.

    Returns:
        The content of `validation.json`.

    Raises:
        BadFileError: The stays cannot be judged by this model; one sentence.
    """
    data = _dataset(cohort)
    hours = Hours.scored(data, _probabilities(model, data), float(model.threshold))
    if (hours.probabilities == hours.probabilities[0]).all():
        raise BadFileError("the stays cannot be judged: the model gives every hour the same risk")
    resampling = Resampling.of(hours.n_patients, draws=draws)
    try:
        found = _measured(hours, data, resampling, draws)
    except ValueError as error:  # a calibration fit does not converge on few or separable hours
        raise BadFileError(f"the stays cannot be judged: {error}") from error
    found |= {
        "model": _described_model(model),
        "data": {"about": about} | _described(data),
        "unlabelled": None if unlabelled is None else _alerts(model, unlabelled, draws),
    }
    as_json: Figures = json_values(found)
    return as_json | {"limits": limits.results(stated, as_json)}


def write(found: Figures, out: Path) -> None:
    """Write figures, plots and report; the same figures give the same bytes.

    Raises:
        BadFileError: The folder cannot be written; what was there before is left.
    """
    with results_folder(out, OUTPUT_FILES) as folder:
        write_json(found, folder / FIGURES)
        plots.write(found, folder)
        (folder / REPORT).write_text(validation_report.text(found), encoding="utf-8")
    log.info("%s and %s written", out / REPORT, out / FIGURES)


def _measured(hours: Hours, data: Dataset, resampling: Resampling, draws: int) -> Figures:
    found = evaluation_figures(
        hours.probabilities, data, threshold=float(hours.threshold), draws=draws
    )
    found["overall"] = rates(hours, resampling) | found["overall"]
    hospitals = found["subgroups"]["hospital"]
    judged = {name: group for name, group in hospitals.items() if "auroc" in group}
    # Figures of few patients of one hospital mean little, and could identify them.
    found["subgroups"]["hospital"] = judged if len(hospitals) > 1 else {}
    first_hours = hours.of(data.is_uncut)
    return found | {
        "first_36_hours": figures(first_hours, resampling) | rates(first_hours, resampling),
        "by_day": figures_by_day(hours, data, resampling),
        "across_hospitals": across_hospitals(hospitals),
    }


def _alerts(model: Model, cohort: Cohort, draws: int) -> Figures:
    data = _dataset(cohort)
    hours = Hours.scored(data, _probabilities(model, data), float(model.threshold))
    resampling = Resampling.of(hours.n_patients, draws=draws)
    return {
        "digest": cohort.digest,
        "patients": cohort.stay.n_stays,
        "hours": cohort.stay.n_hours,
        "hospitals": len(np.unique(cohort.hospitals)),
        "alerts_per_patient_day": rates(hours, resampling)["alerts_per_patient_day"],
        "by_day": alerts_by_day(hours, data, resampling),
    }


def _dataset(cohort: Cohort) -> Dataset:
    return dataset(cohort, progress=sys.stderr.isatty())


def _probabilities(model: Model, data: Dataset) -> Float32Array:
    """Shape (n_hours,): as served."""
    parts = range(0, len(data.X), HOUTPUT_FILES_AT_A_TIME)
    found = np.concatenate(
        [model.probabilities(data.X[a : a + HOUTPUT_FILES_AT_A_TIME]) for a in parts]
    )
    if not ((found >= 0) & (found <= 1)).all():
        raise BadFileError("the model gives some hours no probability between 0 and 1")
    return found


# --- Model and data -----------------------------------------------------------------------------


def _described_model(model: Model) -> Figures:
    return {
        "name": model.metadata.name,
        "version": model.metadata.version,
        "threshold": float(model.threshold),
        "features": len(model.metadata.features),
        "sha256": model.sha256,
    }


def _described(data: Dataset) -> Figures:
    cohort = data.cohort
    stay, first = cohort.stay, cohort.stay.values[cohort.stay.starts]
    sexes = first[~np.isnan(first[:, SEX]), SEX]
    ages = first[~np.isnan(first[:, AGE]), AGE]
    return {
        "digest": cohort.digest,
        "patients": stay.n_stays,
        "septic_patients": int(septic_stays(cohort.labels, stay.starts).sum()),
        "hours": stay.n_hours,
        "hospitals": len(np.unique(cohort.hospitals)),
        "hours_quartiles": np.quantile(cohort.lengths, QUARTILES),
        "female": np.mean(sexes == 0) if len(sexes) else None,
        "age_quartiles": np.quantile(ages, QUARTILES) if len(ages) else None,
        "missing": np.isnan(stay.values[:, CLINICAL_COLUMNS]).mean(),
        "absent": absent_variables(cohort),
        "dropped": _dropped(stay),
        "labelled_from_first_row": int(cohort.labels[stay.starts].sum()),
        "hours_long_after_onset": int((data.since_onset > LATEST_USEFUL).sum()),
    }


def _dropped(stay: Stay) -> dict[str, float]:
    """Share of incoherent values by variable; variables without any are left out."""
    sent = (~np.isnan(stay.values)).sum(axis=0)
    kept = (~np.isnan(drop_incoherent(stay).values)).sum(axis=0)
    shares = 1 - kept / np.maximum(sent, 1)
    return {
        variable.challenge: float(shares[variable.column])
        for variable in VARIABLES
        if sent[variable.column] > kept[variable.column]
    }
