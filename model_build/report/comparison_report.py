"""The comparison report: `compare.json`, and from it `compare.md` and `compare.svg`."""

import json
from pathlib import Path

from model_build.config import Objective
from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.figures import Figures
from model_build.judge.transfer import SERVED
from model_build.report.plots import style
from model_build.report.plots.comparison import TITLES, comparison

OBJECTIVES: dict[Objective, str] = {
    "label": "the hours labelled septic from the others",
    "utility": "the hours where a flag gains utility from the others, by what is at stake",
}


def write_report(found: Figures, out: Path) -> None:
    """Write figures, table and plot into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, allow_nan=False, ensure_ascii=False)
    (out / "compare.json").write_text(text + "\n", encoding="utf-8")
    (out / "compare.md").write_text(markdown(found), encoding="utf-8")
    style.save_plot(comparison, found, out / "compare.svg")


def markdown(found: Figures) -> str:
    """The report as Markdown; everything in it follows from the figures."""
    protocol = found["protocol"]
    paragraphs = [
        "# Learners and bedside scores compared",
        "Written by `python -m model_build compare`; do not edit.",
        f"{protocol['patients']:,} patients ({protocol['septic_patients']:,} septic), "
        f"{protocol['hours']:,} hours, {protocol['features']} features. Judged on the first "
        f"{UNCUT_HOURS} hours of each stay ({protocol['judged_hours']:,} hours), where no record "
        f"is cut. The same {protocol['folds']} folds by patient for all: every hour is scored by "
        "a fit that never saw its patient, and each fold is judged at the threshold of highest "
        "utility on the other folds. Utility is the challenge's, normalised: 0 is never to alert, "
        f"1 the best possible. In brackets 95 % intervals from {protocol['draws']} draws of "
        "patients.",
        "![Utility, AUROC and AUPRC of learners and bedside scores, with intervals](compare.svg)",
        _table(*_ranking_table(found["candidates"])),
        "Missing items of a bedside score add no points; an unknown shock index raises no alarm. "
        "Time in ICU alone is no score at all: it shows what the hour gives without the patient. "
        "*Served minus this* is the difference in utility on the same draws.",
        "## What they cost",
        _table(*_cost_table(found["candidates"])),
        "Fit: wall clock of one fold, all cores (median of the folds measured). Times in ONNX "
        f"Runtime {protocol['onnxruntime']}: median, one thread. ONNX against scikit-learn: the "
        "largest difference of a score on held-out hours. Every learner tells "
        f"{OBJECTIVES[protocol['objective']]}, unless its name says otherwise; hours not to flag "
        "are subsampled, with the weight of those left out.",
    ]
    if found["across_hospitals"]:
        paragraphs += [
            "## Across hospitals",
            f"Fitted on one hospital, judged on the first {UNCUT_HOURS} hours of every patient of "
            "the other. The source's threshold is chosen by its patients of one fold, left out of "
            "the fit; recalibrated is each fold of the target at the threshold of its other "
            "folds. *The recipe before* sees every variable, and nothing in its fit undoes the "
            "cut of the records. *Served minus this* is the difference in AUROC on the same "
            f"draws. Boosting here: {_boosting_note(found)}.",
            _table(*_transfer_table(found["across_hospitals"])),
        ]
    return "\n\n".join(paragraphs) + "\n"


Rows = tuple[list[str], list[list[str]]]


def _ranking_table(rows: list[Figures]) -> Rows:
    header = ["", *TITLES.values(), "Served minus this"]
    lines = []
    for row in rows:
        cells = [_figure(row[name]) for name in TITLES]
        less = "" if row["kind"] == "served" else _figure(row["less_than_served"]["utility"])
        lines.append([row["label"], *cells, less])
    return header, lines


def _cost_table(rows: list[Figures]) -> Rows:
    header = ["", "Fitted on", "Fit, s", "Size, MB", "1 hour, us", "An hour in 1,000, us"]
    lines = [
        [
            row["label"],
            row["note"],
            "" if row["fit_seconds"] is None else f"{row['fit_seconds']:,.1f}",
            f"{row['artifact_bytes'] / 1e6:.2f}",
            f"{row['one_hour_us']:.0f}",
            f"{row['batch_hour_us']:.1f}",
            f"{row['parity']:.0e} ({row['parity_hours']:,} hours)",
        ]
        for row in rows
        if "note" in row
    ]
    return [*header, "ONNX against scikit-learn"], lines


def _transfer_table(rows: list[Figures]) -> Rows:
    header = ["Hospitals", "", "AUROC", "AUPRC", "Utility, source threshold"]
    names = ("auroc", "auprc", "utility_at_source_threshold", "utility_recalibrated")
    lines = [
        [
            f"{row['source']} to {row['target']}",
            row["label"],
            *(_figure(row[name]) for name in names),
            _figure(row["less_than_served"]["auroc"]) if row["less_than_served"] else "",
        ]
        for row in rows
    ]
    return [*header, "Utility, recalibrated", "Served minus this"], lines


def _boosting_note(found: Figures) -> str:
    notes = [row["note"] for row in found["across_hospitals"] if row["name"] == SERVED]
    return str(notes[0])


def _figure(figure: dict[str, float | None]) -> str:
    value, low, high = (_number(figure[key]) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _number(number: float | None) -> str:
    return "?" if number is None else f"{number:.3f}"


def _table(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
