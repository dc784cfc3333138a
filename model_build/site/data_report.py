"""The data report: what a hospital's own stays are, beside the training of a model.

`figures` computes everything and `write` makes text and plots of it. Counts, shares and deciles of
at least ten stays only: no value and no identifier of a patient.
"""

from pathlib import Path

import numpy as np

from model_build.data.labels import septic_stays
from model_build.judge.figures import Figures, json_values, write_json
from model_build.report.plots import style
from model_build.site import data_report_plots, data_report_text
from model_build.site.own_data import OwnData, stays_with
from sepsis_detect.assessment.policy import is_droppable
from sepsis_detect.clinical.coherence import drop, drop_incoherent
from sepsis_detect.clinical.stay import Float32Array, Stay
from sepsis_detect.clinical.variables import AGE, SEX, VARIABLES, Variable
from sepsis_detect.prediction import drift, features
from sepsis_detect.prediction.model import ModelMetadata

FIGURES, REPORT = "data.json", "data.md"
FILES = (FIGURES, REPORT, *(f"{name}.svg" for name in data_report_plots.PLOTS))

QUARTILES = (0.25, 0.5, 0.75)
DECILES = (0.1, 0.5, 0.9)
MIN_STAYS = 10  # whose values may be described
SAMPLE_STAYS = 2_000  # whose last values are compared with training: their shares are known to 1 %
SAMPLE_SEED = 7


def figures(own: OwnData, metadata: ModelMetadata, *, about: str = "") -> Figures:
    """Describe stays.

    Args:
        own: The stays.
        metadata: Of the model whose training they are compared with.
        about: Description of the stays, for the report.

    Returns:
        The content of `data.json`.
    """
    stay = own.cohort.stay
    kept = drop(stay, own.violations)
    sample = own.cohort.sample(SAMPLE_STAYS, seed=SAMPLE_SEED)
    last = features.compute(drop_incoherent(sample.stay))
    found = {
        "about": about,
        "model": {"name": metadata.name, "version": metadata.version},
        "stays": _stays(own),
        "sample": {"stays": sample.stay.n_stays, "hours": sample.stay.n_hours},
        "variables": {
            variable.name: _variable(variable, stay, kept, last, metadata)
            for variable in VARIABLES
            if variable.is_clinical
        },
        "rules": _rules(own),
        "unread": [name for name, _ in own.unread],
        "warnings": own.warnings,
    }
    as_json: Figures = json_values(found)
    return as_json


def write(found: Figures, folder: Path) -> None:
    """Write figures, text and plots into a folder that exists."""
    write_json(found, folder / FIGURES)
    (folder / REPORT).write_text(data_report_text.text(found), encoding="utf-8")
    for name, draw in data_report_plots.PLOTS.items():
        style.save_plot(draw, found, folder / f"{name}.svg")


def _stays(own: OwnData) -> Figures:
    cohort = own.cohort
    stay, first = cohort.stay, cohort.stay.values[cohort.stay.starts]
    gaps = np.diff(stay.icu_hours) > 1
    gaps[stay.starts[1:] - 1] = False
    never_answered = [each for each in own.violations if each.is_refusal and not is_droppable(each)]
    ages, sexes = first[:, AGE], first[:, SEX]
    found = {
        "digest": cohort.digest,
        "stays": stay.n_stays,
        "hours": stay.n_hours,
        "hospitals": len(np.unique(cohort.hospitals)),
        "hours_quartiles": np.quantile(cohort.lengths, QUARTILES),
        "age_quartiles": np.nanquantile(ages, QUARTILES) if not np.isnan(ages).all() else None,
        "female": np.nanmean(sexes == 0) if not np.isnan(sexes).all() else None,
        "late_first_hour": int((stay.icu_hours[stay.starts] > 1).sum()),
        "with_gaps": len(np.unique(cohort.stay_of_hour[1:][gaps])),
        "never_answered": int(stays_with(cohort, never_answered).sum()),
        "duplicates": own.n_duplicates,
        "share_of_challenge": own.overlap.share,
    }
    if own.is_labelled:
        is_septic = septic_stays(cohort.labels, stay.starts)
        found |= {
            "septic_stays": int(is_septic.sum()),
            "septic_hours": int(cohort.labels.sum()),
            "labelled_from_first_row": int(cohort.labels[stay.starts].sum()),
        }
    return found


def _variable(
    variable: Variable, stay: Stay, kept: Stay, last: Float32Array, metadata: ModelMetadata
) -> Figures:
    is_known = ~np.isnan(stay.values[:, variable.column])
    n_known = int(is_known.sum())
    n_stays = len(np.unique(stay.first_rows[is_known]))
    n_kept = int((~np.isnan(kept.values[:, variable.column])).sum())
    name = f"{variable.name}_last"
    column = last[:, features.NAMES.index(name)]
    is_shown = n_stays >= MIN_STAYS and not np.isnan(column).all()
    return {
        "hours": n_known / stay.n_hours,
        "stays": n_stays / stay.n_stays,
        "dropped": 1 - n_kept / n_known if n_known else 0.0,
        "recent": float((~np.isnan(column)).mean()),
        "deciles": np.nanquantile(column, DECILES) if is_shown else None,
        "training": _in_training(name, metadata),
        "distance": _distance(name, column, metadata) if is_shown else None,
    }


def _in_training(name: str, metadata: ModelMetadata) -> Figures | None:
    """The same of the hours of training, where the model has the variable."""
    if metadata.drift is None or name not in metadata.features:
        return None
    at = metadata.features.index(name)
    edges = metadata.drift.edges[at]
    if not edges:
        return None
    return {
        "recent": 1 - metadata.drift.missing[at],
        "deciles": [edges[0], edges[len(edges) // 2], edges[-1]],
    }


def _distance(name: str, column: Float32Array, metadata: ModelMetadata) -> float | None:
    if metadata.drift is None:
        return None
    return drift.distances(metadata, [name], column[:, None]).get(name)


def _rules(own: OwnData) -> list[Figures]:
    """Rules by severity and number of stays."""
    by_rule: dict[tuple[bool, str], Figures] = {}
    for each in own.violations:
        key = (not each.is_refusal, each.rule.id)
        found = by_rule.setdefault(
            key, {"rule": each.rule.id, "is_refusal": each.is_refusal, "violations": [], "hours": 0}
        )
        found["violations"].append(each)
        found["hours"] += len(each.rows)
    for found in by_rule.values():
        found["stays"] = int(stays_with(own.cohort, found.pop("violations")).sum())
    return sorted(by_rule.values(), key=lambda of: (not of["is_refusal"], -of["stays"], of["rule"]))
