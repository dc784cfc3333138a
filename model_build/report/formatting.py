"""Formatting of figures, names, tables and templates for the reports."""

from importlib.resources import files

from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.figures import Figures
from sepsis_detect.clinical.variables import VARIABLES

_LABELS = {variable.name: variable.label_en for variable in VARIABLES} | {
    "icu_unit": "Kind of ICU",
    "measurement_counts": "How much is measured",
}
MISSING = "–"


def variable_name(name: str) -> str:
    """The English label of a canonical name, as on the page."""
    return _LABELS[name]


def variable_names(names: list[str]) -> str:
    """Several canonical names in one sentence."""
    return ", ".join(variable_name(name) for name in names)


def template(name: str) -> str:
    """The text of a template, by file name; its fields are for `str.format`."""
    return files("model_build.report").joinpath("templates", name).read_text(encoding="utf-8")


def what_changed() -> str:
    """The differences from earlier versions of the model, and their reasons."""
    return template("what_changed.md").format(uncut=UNCUT_HOURS)


def value_of(group: Figures, name: str) -> float | None:
    """The value of a figure without its interval; None where the group has no such figure."""
    figure = group.get(name)
    return None if figure is None else figure["value"]


def number(value: float | None, decimals: int = 3) -> str:
    """A number with so many decimals; a dash where it is unknown."""
    return MISSING if value is None else f"{round(value, decimals) + 0.0:.{decimals}f}"


def percent(value: float | None, decimals: int = 1) -> str:
    """A share, in per cent."""
    return MISSING if value is None else f"{100 * value:.{decimals}f} %"


def with_interval(figure: Figures | None, decimals: int = 3) -> str:
    """A value and its interval: `0.841 (0.834 to 0.849)`."""
    if figure is None or figure["value"] is None:
        return MISSING
    value, low, high = (number(figure[key], decimals) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def percent_with_interval(figure: Figures | None, decimals: int = 1) -> str:
    """A share and its interval: `7.1 % (6.8 to 7.3)`."""
    if figure is None or figure["value"] is None:
        return MISSING
    low, high = (
        number(None if figure[key] is None else 100 * figure[key], decimals)
        for key in ("low", "high")
    )
    return f"{percent(figure['value'], decimals)} ({low} to {high})"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
