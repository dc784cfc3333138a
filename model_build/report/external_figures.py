"""Figures of the last external validation, for report, model card and artifact.

Functions of `docs/model/external/validation.json` and of the internal figures (`metrics.json`),
whose "overall" are the first 36 hours of the stays the model was trained on, out of fold.
"""

from model_build.judge.figures import Figures
from model_build.report import validation_tables as tables
from model_build.report.formatting import table

NOT_VALIDATED = (
    "Not validated yet at hospitals it never saw: `python -m model_build validate` does it.\n"
)
HEADER = [
    "",
    "inside: first 36 hours, out of fold",
    "other hospitals: first 36 hours",
    "other hospitals: all hours",
]


def report_section(external: Figures | None, figures: Figures) -> str:
    """Figures inside and at other hospitals side by side, then by day of stay: Markdown.

    Links start from `docs/model`.

    Args:
        external: Those of the validation; None: not validated yet.
        figures: The internal ones.
    """
    if external is None:
        return NOT_VALIDATED
    data = external["data"]
    return tables.filled(
        "external.md",
        about=tables.quoted(data["about"]),
        patients=data["patients"],
        septic=data["septic_patients"],
        hours=data["hours"],
        hospitals=tables.counted_hospitals(data),
        version=_other_version(external, figures),
        table=table(HEADER, side_by_side(external, figures)),
        across=tables.across_hospitals(external),
        by_day=tables.by_day(external["by_day"]),
        unlabelled=tables.unlabelled(external),
    )


def side_by_side(external: Figures | None, figures: Figures) -> list[list[str]]:
    """Table rows under `HEADER`: internal and external figures; none without a validation."""
    if external is None:
        return []
    groups = (figures["overall"], external["first_36_hours"], external["overall"])
    rows = [
        [title, *(tables.cell(group, name, 1) for group in groups)]
        for name, title in tables.OF_HOURS.items()
    ]
    patients = [
        [
            title,
            tables.cell(figures["by_patient"], name, 1),
            "",
            tables.cell(external["by_patient"], name, 1),
        ]
        for name, title in tables.OF_PATIENTS.items()
    ]
    return rows + patients


def sentence(external: Figures | None) -> str:
    """The external figures in a sentence, for a model card or a README."""
    if external is None:
        return NOT_VALIDATED.strip()
    data, overall = external["data"], external["overall"]
    late = external["by_day"].get("after hour 48", {})
    found = (
        f"On {data['patients']:,} stays ({data['septic_patients']:,} septic) of "
        f"{tables.counted_hospitals(data)} it never saw: AUROC {tables.cell(overall, 'auroc')}, "
        f"utility {tables.cell(overall, 'utility')}, "
        f"{tables.cell(overall, 'alerts_per_patient_day')} flagged hours per patient and day"
    )
    if late:
        found += f" ({tables.cell(late, 'alerts_per_patient_day')} after hour 48)"
    return f"{found}."


def summary(external: Figures | None) -> Figures | None:
    """A few aggregate figures for the artifact's metadata, as JSON values."""
    if external is None:
        return None
    data, overall = external["data"], external["overall"]
    kept = ("patients", "septic_patients", "hours", "hospitals", "about", "digest")
    figures = ("auroc", "auprc", "utility", "predicted_over_observed", "alerts_per_patient_day")
    return {
        **{name: data[name] for name in kept},
        "model_version": external["model"]["version"],
        **{name: overall.get(name) for name in figures},
        "alerts_per_patient_day_by_day": {
            day: group["alerts_per_patient_day"] for day, group in external["by_day"].items()
        },
    }


def _other_version(external: Figures, figures: Figures) -> str:
    judged, present = external["model"]["version"], figures["model"]["version"]
    return "" if judged == present else f"**These are figures of version {judged}.**"
