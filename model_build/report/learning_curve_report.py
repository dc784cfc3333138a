"""The section of the training report on adaptation, from `learning_curve.json`: Markdown."""

from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.figures import Figures
from model_build.report.formatting import (
    MISSING,
    number,
    percent_with_interval,
    table,
    template,
    with_interval,
)

NOT_MEASURED = "Not measured yet: `python -m model_build learning-curve` does it.\n"
COLUMNS = {"auroc": "AUROC", "auprc": "AUPRC", "utility": "utility"}
WON_BACK = {"auroc": "AUROC won back", "utility": "utility won back"}
AT_THE_ENDS = ("0", "native", "native, every variable")  # not adapted


def section(found: Figures | None) -> str:
    """Text, plot and table; what is missing where there is none yet."""
    if found is None:
        return NOT_MEASURED
    settings = found["settings"]
    return template("learning_curve.md").format(
        uncut=UNCUT_HOURS,
        members=settings["members"],
        draws=settings["draws"],
        min_members=found["min_septic_stays_for_members"],
        min_septic=found["min_septic_stays"],
        rows=_table(found["rows"]),
    )


def _table(rows: list[Figures]) -> str:
    header = [
        "from, to, own stays",
        "samples",
        "fitted",
        "refit",
        "weight",
        *COLUMNS.values(),
        "flagged hours per patient and day",
        *WON_BACK.values(),
        *(f"{title}, of every variable" for title in WON_BACK.values()),
    ]
    return table(header, [_cells(row) for row in rows])


def _cells(row: Figures) -> list[str]:
    is_end = row["label"] in AT_THE_ENDS
    n_trees = row["samples"] - row["refused"] - row["calibration_only"]
    return [
        f"{row['source']} to {row['target']}, {row['label']}",
        "" if is_end else str(row["samples"]),
        "" if is_end else str(n_trees),
        *(
            MISSING if is_end or row[name] is None else number(row[name], 2)
            for name in ("refit", "weight")
        ),
        *(with_interval(row[name]) for name in COLUMNS),
        with_interval(row["alerts_per_patient_day"], 2),
        *(
            "" if is_end else percent_with_interval(row[of][name], 0)
            for of in ("won_back", "won_back_of_every_variable")
            for name in WON_BACK
        ),
    ]
