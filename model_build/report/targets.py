"""Targets set before training, each with the figure found."""

from typing import NamedTuple

from model_build.judge.figures import Figures
from model_build.judge.judgement import MAX_ALERTS_PER_PATIENT_DAY
from model_build.judge.transfer import BEFORE
from model_build.report import report_tables as tables
from model_build.report.formatting import MISSING, table


class Target(NamedTuple):
    """Range in which a figure has to be.

    Attributes:
        name: Of the figure.
        title: In the report.
        low, high: Both included.
    """

    name: str
    title: str
    low: float = 0.0
    high: float = float("inf")


OVERALL = (
    Target("auroc", "AUROC at least .79", 0.79),
    Target("auprc", "AUPRC at least .052", 0.052),
    Target("utility", "utility at least .18", 0.18),
    Target("calibration_slope", "calibration slope .9 to 1.1", 0.9, 1.1),
    Target("predicted_over_observed", "mean predicted within 5 % of observed", 0.95, 1.05),
)
IN_EACH_HOSPITAL = (
    Target(
        "alerts_per_patient_day",
        f"at most {MAX_ALERTS_PER_PATIENT_DAY} flagged hours per patient and day",
        high=MAX_ALERTS_PER_PATIENT_DAY,
    ),
    Target("predicted_over_observed", "mean predicted within 15 % of observed", 0.85, 1.15),
)
ACROSS_HOSPITALS = Target("auroc", "AUROC, served minus the recipe before, above 0")


def targets(figures: Figures, comparison: Figures | None) -> str:
    """All targets on the first 36 hours, and whether each is reached."""
    hospitals = figures["subgroups"]["hospital"]
    rows = [_row(one, tables.BOTH, figures["overall"]) for one in OVERALL]
    rows += [_row(one, name, of) for name, of in hospitals.items() for one in IN_EACH_HOSPITAL]
    for row in [] if comparison is None else comparison["across_hospitals"]:
        if row["name"] == BEFORE:
            where = f"from {row['source']} to {row['target']}"
            rows.append(_row(ACROSS_HOSPITALS, where, row["less_than_served"]))
    return table(["asked", "where", "found", "reached"], rows)


def _row(target: Target, where: str, group: Figures) -> list[str]:
    value = group.get(target.name, {}).get("value")
    if value is None:
        return [target.title, where, MISSING, "unknown"]
    reached = "yes" if target.low <= value <= target.high else "**no**"
    return [target.title, where, tables.cell(group, target.name), reached]
