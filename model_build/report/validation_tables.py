"""Tables and sentences of a validation, in Markdown, from the figures of `validation.json`."""

import re
from typing import Any

from model_build.judge.figures import Figures
from model_build.judge.group_figures import MIN_SEPTIC_PATIENTS
from model_build.report import report_tables as tables
from model_build.report.formatting import (
    MISSING,
    number,
    percent,
    percent_with_interval,
    table,
    template,
    with_interval,
)

ALL_HOURS, FIRST_HOURS = "all hours", "first 36 hours"
OF_PATIENTS = {
    "septic_alerted_in_time": "septic patients alerted in time",
    "septic_alerted_until_3_hours_after": "septic patients alerted until 3 hours after onset",
    "septic_alerted_6_hours_before": "septic patients alerted 6 hours before onset or earlier",
    "others_ever_alerted": "other patients ever flagged",
}
OF_HOURS = tables.AREAS | tables.CALIBRATION | tables.ALERTS
SHARES = ("observed_rate", "mean_predicted", "sensitivity", "ppv", *OF_PATIENTS)
MIN_DROPPED_SHARE = 0.1  # of the values of a variable; from here on its unit may be wrong


def filled(name: str, /, **fields: Any) -> str:
    """A template with its fields filled; an empty field leaves no blank lines."""
    return re.sub(r"\n{3,}", "\n\n", template(name).format(**fields)).strip() + "\n"


def cell(figures: Figures, name: str, decimals: int = 2) -> str:
    """A figure with its interval, in per cent where it is a share."""
    if name in SHARES:
        return percent_with_interval(figures.get(name), decimals)
    if name == "alerts_per_patient_day":
        return with_interval(figures.get(name), 2)
    return tables.cell(figures, name)


def headlines(figures: Figures) -> str:
    """All hours beside the first 36; shares of patients over the whole stays."""
    columns = {ALL_HOURS: figures["overall"], FIRST_HOURS: figures["first_36_hours"]}
    rows = [
        [title, *(cell(group, name, 1) for group in columns.values())]
        for name, title in OF_HOURS.items()
    ]
    rows += [
        [title, cell(figures["by_patient"], name, 1), MISSING]
        for name, title in OF_PATIENTS.items()
    ]
    return table(["", *columns], rows)


def by_day(days: Figures) -> str:
    """Alerts and probabilities by day of stay."""
    columns = {
        "observed_rate": "septic hours",
        "mean_predicted": "predicted",
        "predicted_over_observed": "predicted / observed",
        "alerts_per_patient_day": "flagged hours per patient and day",
        "auroc": "AUROC",
    }
    rows = [
        [
            day,
            f"{group['patients']:,.0f}",
            f"{group['septic_patients']:,.0f}",
            f"{group['hours']:,.0f}",
            *(cell(group, name) for name in columns),
        ]
        for day, group in days.items()
    ]
    return table(["", "stays", "septic stays", "hours", *columns.values()], rows)


def unlabelled(figures: Figures) -> str:
    """Alert rate of stays without outcome; empty if there are none."""
    found = figures["unlabelled"]
    if found is None:
        return ""
    rows = [
        [
            day,
            f"{group['patients']:,.0f}",
            f"{group['hours']:,.0f}",
            cell(group, "alerts_per_patient_day"),
        ]
        for day, group in found["by_day"].items()
    ]
    header = ["", "stays", "hours", "flagged hours per patient and day"]
    stays = f"{found['patients']:,} stays without a label, {found['hours']:,} hours:"
    return f"{stays}\n\n{table(header, rows)}"


def limits(figures: Figures) -> str:
    """Stated limits, and whether each is kept."""
    if not figures["limits"]:
        return "None was stated.\n"
    rows = [
        [
            (OF_HOURS | OF_PATIENTS)[limit["figure"]],
            f"{'at least' if limit['bound'] == 'min' else 'at most'} {limit['limit']:g}",
            with_interval(limit["found"]),
            "yes" if limit["is_kept"] else "**no**",
        ]
        for limit in figures["limits"]
    ]
    return table(["figure, over all hours", "limit", "found", "kept"], rows)


def groups(figures: Figures) -> str:
    """Every group with its intervals."""
    known = {name: of for name, of in figures["subgroups"].items() if of}
    return tables.groups(figures | {"subgroups": known})


def across_hospitals(figures: Figures) -> str:
    """Distribution of AUROC over the hospitals, in a sentence; empty for one hospital."""
    found = figures["across_hospitals"]
    if found["hospitals"] < 2:
        return ""
    enough = f"enough septic stays ({MIN_SEPTIC_PATIENTS}) to be judged alone"
    if not found["judged"]:
        return f"None of the {found['hospitals']} hospitals has {enough}.\n"
    low, first, median, third, high = (number(area) for area in found["auroc"])
    return (
        f"Of the {found['hospitals']} hospitals {found['judged']} have {enough}: AUROC {low} to "
        f"{high}, median {median}, middle half {first} to {third}.\n"
    )


def quoted(about: str) -> str:
    """The stated description of the stays, as a quotation; empty if there is none."""
    return f"> {' '.join(about.split())}\n" if about.strip() else ""


def counted_hospitals(data: Figures) -> str:
    """`1 hospital`, `51 hospitals`."""
    return f"{data['hospitals']:,} hospital{'s' if data['hospitals'] > 1 else ''}"


def inputs(data: Figures) -> str:
    """Notes on the data: absent variables, dropped values, late hours."""
    found = [f"{percent(data['missing'], 0)} of the clinical values are missing."]
    if data["absent"]:
        found.append(f"No value at all of {', '.join(data['absent'])}.")
    for name, share in data["dropped"].items():
        if share >= MIN_DROPPED_SHARE:
            found.append(
                f"**{percent(share, 0)} of the values of {name} are incoherent and count as "
                "missing: is the unit right?**"
            )
    if data["labelled_from_first_row"]:
        found.append(
            f"{data['labelled_from_first_row']:,} stays are septic from their first row: they "
            "cannot be warned of early."
        )
    if data["hours_long_after_onset"]:
        found.append(
            f"{data['hours_long_after_onset']:,} hours lie more than 3 hours after onset, where "
            "the records that the model was trained on end: nothing is left to predict there."
        )
    return " ".join(found) + "\n"
