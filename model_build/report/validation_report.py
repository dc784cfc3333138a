"""The validation report `validation.md`: its template filled with the figures."""

from model_build.judge.alerts import NEVER
from model_build.judge.figures import Figures
from model_build.judge.group_figures import MIN_SEPTIC_PATIENTS
from model_build.report import report_tables
from model_build.report import validation_tables as tables
from model_build.report.formatting import number, percent, percent_with_interval
from model_build.report.lead_time_fields import lead_time_fields


def text(figures: Figures) -> str:
    """The whole report."""
    model, data = figures["model"], figures["data"]
    return tables.filled(
        "validation.md",
        name=model["name"],
        version=model["version"],
        threshold=percent(model["threshold"], 2),
        about=tables.quoted(data["about"]),
        patients=data["patients"],
        septic=data["septic_patients"],
        hours=data["hours"],
        hospitals=tables.counted_hospitals(data),
        rate=percent(figures["overall"]["observed_rate"]["value"], 2),
        draws=figures["draws"],
        input=tables.inputs(data),
        headlines=tables.headlines(figures),
        across=tables.across_hospitals(figures),
        limits=tables.limits(figures),
        by_day=tables.by_day(figures["by_day"]),
        unlabelled=tables.unlabelled(figures),
        accuracy=_accuracy(figures),
        **_alerts(figures),
        groups=tables.groups(figures),
    )


def _accuracy(figures: Figures) -> str:
    """Ranking, calibration and net benefit, where there are enough septic stays."""
    overall = figures["overall"]
    if "auroc" not in overall:
        return (
            f"Ranking, calibration and net benefit: {figures['data']['septic_patients']} septic "
            f"stays are too few, {MIN_SEPTIC_PATIENTS} are needed.\n"
        )
    return tables.filled(
        "validation_accuracy.md",
        auroc=percent(overall["auroc"]["value"], 0),
        calibration=_calibration(overall),
    )


def _calibration(overall: Figures) -> str:
    cells = (
        f"{title} {tables.cell(overall, name)}" for name, title in report_tables.CALIBRATION.items()
    )
    return f"{'; '.join(cells).capitalize()}.\n"


def _alerts(figures: Figures) -> dict[str, str]:
    by_patient, served = figures["by_patient"], figures["operating_points"][0]
    lead = figures["lead_time"]
    alerted = sum(lead["patients"].values()) - lead["patients"][NEVER]
    return {
        "alerts": number(served["alerts_per_patient_day"], 1),
        "new_alerts": number(served["new_alerts_per_patient_day"], 1),
        "ppv": percent(served["ppv"]),
        "in_time": percent_with_interval(by_patient["septic_alerted_in_time"], 0),
        "until_after": percent_with_interval(by_patient["septic_alerted_until_3_hours_after"], 0),
        "others": percent_with_interval(by_patient["others_ever_alerted"], 0),
        "points": report_tables.operating_points(figures["operating_points"]),
        "alerted": f"{alerted:,}",
        **lead_time_fields(lead),
    }
