"""The figures on the first screen of README.md and README.fr.md.

They stand between two comments, and `evaluate` writes them; a test compares them with
`metrics.json` and `external/validation.json`.
"""

from pathlib import Path

from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.figures import Figures
from model_build.report.formatting import (
    MISSING,
    number,
    percent,
    template,
    value_of,
    what_changed,
)

BEGIN = "<!-- figures: written by `python -m model_build evaluate` -->\n"
END = "<!-- end of the figures -->\n"
TEMPLATES = {"README.md": "readme.md", "README.fr.md": "readme.fr.md"}
TO = {"README.md": "to", "README.fr.md": "à"}
FLAGGED_HOURS = {
    "README.md": ("flagged hours", "flagged hours"),
    "README.fr.md": ("heure signalée", "heures signalées"),  # the plural begins at two
}
FRENCH = "README.fr.md"
THIN_SPACE = "\u202f"  # between thousands, in French; it does not break
OUTSIDE = "_outside}"  # a line with such a field needs an external validation


def write(figures: Figures, external: Figures | None, folder: Path) -> None:
    """Write the figures into the READMEs of a folder, where there are any."""
    for name in TEMPLATES:
        path = folder / name
        if path.exists():
            before, after = around(path.read_text("utf-8"))
            path.write_text(before + block(name, figures, external) + after, encoding="utf-8")


def around(text: str) -> tuple[str, str]:
    """The text before the figures and the text after them, with the two comments."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"a README has no place for figures: {BEGIN.strip()} ... {END.strip()}")
    return before + begin, end + after


def block(name: str, figures: Figures, external: Figures | None) -> str:
    """The figures in the language of a README.

    Args:
        name: Of the README.
        figures: As in `metrics.json`.
        external: As in `external/validation.json`, its `overall` of the same form; None: not
            validated yet, and no line about it.
    """
    overall = figures["overall"]
    outside = {} if external is None else external["overall"]
    lines = template(TEMPLATES[name]).splitlines(keepends=True)
    shown = [line for line in lines if external is not None or OUTSIDE not in line]
    alerts = value_of(overall, "alerts_per_patient_day")
    text = "".join(shown).format(
        what_changed=what_changed(),
        uncut=UNCUT_HOURS,
        auroc=_with_interval(name, overall.get("auroc")),
        alerts=_in_language(name, number(alerts, 1)),
        flagged_hours=FLAGGED_HOURS[name][alerts is None or round(alerts, 1) >= 2],
        ppv=_in_language(name, percent(value_of(overall, "ppv"))),
        auroc_outside=_with_interval(name, outside.get("auroc")),
        stays_outside=_count(name, outside.get("patients")),
        septic_outside=_count(name, outside.get("septic_patients")),
    )
    return text.rstrip("\n") + "\n"


def _with_interval(name: str, figure: Figures | None) -> str:
    if figure is None or figure["value"] is None:
        return MISSING
    value, low, high = (
        _in_language(name, number(figure[key], 2)) for key in ("value", "low", "high")
    )
    return f"{value} ({low} {TO[name]} {high})"


def _count(name: str, count: float | None) -> str:
    if count is None:
        return MISSING
    text = f"{count:,.0f}"
    return text.replace(",", THIN_SPACE) if name == FRENCH else text


def _in_language(name: str, figure: str) -> str:
    """The figure with a decimal comma in French."""
    return figure.replace(".", ",") if name == FRENCH else figure
