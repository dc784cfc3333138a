"""Fields of the report templates about lead time: the model's alerts, beside chance."""

from model_build.judge.alerts import LEAD_FROM
from model_build.judge.figures import Figures
from model_build.report.formatting import MISSING, number, percent


def lead_time_fields(lead: Figures) -> dict[str, str]:
    """Fields of `report.md` and `validation.md`, from `alerts(...)["lead_time"]`."""
    chance = lead["by_chance"]
    return {
        "timed": f"{sum(lead['patients'].values()):,}",
        "at_first": f"{lead['labelled_from_first_row']:,}",
        "median": _median(lead),
        "before": percent(share_alerted(lead["patients"], hours_before=0.0), 0),
        "chance_median": _median(chance),
        "chance_before": percent(share_alerted(chance["patients"], hours_before=0.0), 0),
    }


def share_alerted(patients: dict[str, int], *, hours_before: float) -> float | None:
    """Share of patients whose first alert comes so many hours before onset, or earlier."""
    total = sum(patients.values())
    alerted = sum(patients[name] for name, begins in LEAD_FROM.items() if begins >= hours_before)
    return alerted / total if total else None


def _median(lead: Figures) -> str:
    quartiles = lead["quartiles_of_alerted"]
    return MISSING if quartiles is None else number(quartiles[1], 0)
