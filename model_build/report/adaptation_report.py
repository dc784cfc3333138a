"""The report of an adaptation: `adaptation.md`, `adaptation.json` and plots, from its figures."""

import logging
from pathlib import Path

from model_build.judge.figures import Figures, write_json
from model_build.report import report_tables as tables
from model_build.report.formatting import number, percent, table, with_interval
from model_build.report.plots import adaptation as plots
from model_build.report.results_folder import results_folder
from model_build.report.validation_tables import cell, filled

log = logging.getLogger(__name__)

FIGURES = "adaptation.json"
REPORT = "adaptation.md"
OUTPUT_FILES = (FIGURES, REPORT, *(f"{name}.svg" for name in plots.PLOTS))

MODELS = {"given": "given", "recalibrated": "recalibrated", "adapted": "adapted"}
ROWS = {
    **tables.AREAS,
    **tables.CALIBRATION,
    **tables.ALERTS,
    "in_time": "septic patients alerted in time",
}
VERDICTS = {
    "better": "On these stays the adapted model is better than the given one",
    "unproven": "These stays do not show that the adapted model is better than the given one",
    "mixed": "On these stays the adapted model is better in one respect and worse in another",
    "worse": "On these stays the adapted model is worse than the given one, so do not publish it",
}


def write(found: Figures, out: Path) -> None:
    """Write figures, plots and report; the same figures give the same bytes.

    Raises:
        BadFileError: The folder cannot be written; what was there before is left.
    """
    with results_folder(out, OUTPUT_FILES) as folder:
        write_json(found, folder / FIGURES)
        plots.write(found, folder)
        (folder / REPORT).write_text(text(found), encoding="utf-8")
    log.info("%s and %s written", out / REPORT, out / FIGURES)


def summary(found: Figures) -> str:
    """Verdict and main figures, for the terminal."""
    rows = [
        [title, *(_figure(found["models"][name], key) for name in MODELS)]
        for key, title in ROWS.items()
    ]
    widths = [max(len(row[k]) for row in [["", *MODELS], *rows]) for k in range(len(MODELS) + 1)]
    lines = [
        "  ".join(f"{each:<{width}}" for each, width in zip(row, widths, strict=True)).rstrip()
        for row in [["", *MODELS], *rows]
    ]
    return "\n".join([verdict(found), done(found), *lines]) + "\n"


def verdict(found: Figures) -> str:
    """The honest sentence: whether the adapted model is better, with the two differences."""
    less = found["adapted_minus_given"]
    differences = ", ".join(f"{ROWS[name]} {_signed(less[name])}" for name in found["decisive"])
    aside = "" if "utility" in found["decisive"] else UTILITY_ASIDE
    return f"{VERDICTS[found['verdict']]}: {differences}.{aside}"


def done(found: Figures) -> str:
    """What was made of the given model."""
    blend, n_septic = found["blend"], found["data"]["septic_patients"]
    if blend["is_calibration_only"]:
        return (
            f"{n_septic} septic stays are too few for trees of their own "
            f"({blend['min_septic_stays']} are needed): only calibration and threshold moved."
        )
    parts = []
    if blend["refit"]:
        parts.append(
            f"the leaves of the given trees moved by {percent(blend['refit'], 0)} of what these "
            "stays teach"
        )
    if blend["weight"]:
        parts.append(
            f"{blend['local_members']} x {blend['trees_a_member']} trees of these stays have the "
            f"weight {blend['weight']:.2f}, the given ones {1 - blend['weight']:.2f}"
        )
    if not parts:
        return "These stays add nothing to the given trees: only calibration and threshold moved."
    words = " and ".join(parts)
    return f"{words[0].upper()}{words[1:]}.{LOWERED if blend['max_share'] < 1 else ''}"


UTILITY_ASIDE = (
    " Utility is not compared: the two thresholds serve different aims, or the given model flags "
    "more than the alert bound allows."
)
LOWERED = (
    " Their shares were lowered until the risk of a patient whose signs do not change had no step."
)


def text(found: Figures) -> str:
    """The whole report."""
    data, model, parent = found["data"], found["model"], found["parent"]
    return filled(
        "adaptation.md",
        name=model["name"],
        site=found["site"]["name"],
        verdict=verdict(found),
        patients=data["patients"],
        septic=data["septic_patients"],
        septic_early=data["septic_early"],
        uncut=data["uncut"],
        hours=data["hours"],
        judged=data["judged_hours"],
        folds=found["blend"]["folds"],
        draws=found["draws"],
        cut=_cut(data),
        done=done(found),
        threshold=percent(model["threshold"], 2),
        given_threshold=percent(model["given_threshold"], 2),
        rule=found["operating_point"],
        figures=_figures(found),
        differences=_differences(found),
        points=_points(found["operating_points"]),
        version=model["version"],
        parent=f"{parent['name']} {parent['version']}",
        parent_sha256=parent["sha256"],
        digest=data["digest"],
    )


def _cut(data: Figures) -> str:
    if data["is_cut"]:
        return (
            "The records of stays without sepsis end early in these data: hours of septic stays "
            f"after hour {data['uncut']} weigh less in the fit, as in the training of the model."
        )
    return "No record-length cut was found in these data: all hours weigh alike in the fit."


def _figures(found: Figures) -> str:
    rows = [
        [title, *(_figure(found["models"][name], key) for name in MODELS)]
        for key, title in ROWS.items()
    ]
    return table(["", *MODELS.values()], rows)


def _figure(group: Figures, name: str) -> str:
    if name == "in_time":
        return cell({"septic_alerted_in_time": group[name]}, "septic_alerted_in_time", 1)
    return cell(group, name, 1)


def _differences(found: Figures) -> str:
    columns = {
        "adapted minus given": found["adapted_minus_given"],
        "adapted minus recalibrated": found["adapted_minus_recalibrated"],
    }
    names = found["adapted_minus_given"]
    rows = [[ROWS[name], *(with_interval(of[name]) for of in columns.values())] for name in names]
    return table(["", *columns], rows)


def _points(points: list[Figures]) -> str:
    named = [point | {"septic_patients_alerted_in_time": point["in_time"]} for point in points]
    return tables.operating_points(named)


def _signed(figure: Figures) -> str:
    """A difference with its interval: `+0.041 (+0.020 to +0.062)`."""
    value, low, high = (
        number(figure[key]) if figure[key] is None else f"{figure[key]:+.3f}"
        for key in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"
