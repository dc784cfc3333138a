"""The text of the data report, in Markdown, from its figures alone."""

from model_build.judge.figures import Figures
from model_build.report.formatting import MISSING, number, percent, table, template, variable_name
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.prediction.drift import NOTABLE

MIN_DROPPED_SHARE = 0.001  # of a variable's values, to be shown
UNITS = {variable.name: variable.unit_label_en for variable in VARIABLES}


def text(figures: Figures) -> str:
    """The whole report."""
    model, sample = figures["model"], figures["sample"]
    filled = template("data.md").format(
        name=model["name"],
        version=model["version"],
        about=f"{figures['about']}\n" if figures["about"] else "",
        warnings=_warnings(figures["warnings"]),
        stays=_stays(figures["stays"]),
        sample_hours=sample["hours"],
        sample_stays=sample["stays"],
        notable=NOTABLE,
        variables=_variables(figures["variables"]),
        unread=_unread(figures["unread"]),
        rules=_rules(figures["rules"]),
    )
    return filled.replace("\n\n\n", "\n\n").rstrip() + "\n"


def _warnings(warnings: list[str]) -> str:
    if not warnings:
        return "Nothing: units, columns and stays look like what they claim."
    return "\n".join(f"- {each}" for each in warnings)


def _stays(stays: Figures) -> str:
    rows = [
        ["stays", f"{stays['stays']:,}"],
        ["hours", f"{stays['hours']:,}"],
        ["hospitals", f"{stays['hospitals']:,}"],
        ["hours of a stay, quartiles", _three(stays["hours_quartiles"], 0)],
        ["age, quartiles", _three(stays["age_quartiles"], 0)],
        ["female", percent(stays["female"])],
        ["stays whose first row is not hour 1", f"{stays['late_first_hour']:,}"],
        ["stays with hours left out", f"{stays['with_gaps']:,}"],
        [
            "stays that the service never answers (age, changing constants)",
            f"{stays['never_answered']:,}",
        ],
        ["stays that begin exactly like another", f"{stays['duplicates']:,}"],
        ["stays of the challenge's data, estimated", percent(stays["share_of_challenge"], 0)],
    ]
    if "septic_stays" in stays:
        rows += [
            ["septic stays", f"{stays['septic_stays']:,}"],
            ["septic hours", percent(stays["septic_hours"] / stays["hours"], 2)],
            ["septic stays labelled from their first row", f"{stays['labelled_from_first_row']:,}"],
        ]
    return table(["", "number"], rows)


def _variables(variables: Figures) -> str:
    header = [
        "variable",
        "hours",
        "stays",
        "recent",
        "training",
        "10 / 50 / 90 %",
        "training",
        "distance",
        "dropped",
    ]
    rows = []
    for name, of in variables.items():
        training = of["training"] or {}
        rows.append(
            [
                f"{variable_name(name)} {UNITS[name]}".strip(),
                percent(of["hours"]),
                percent(of["stays"], 0),
                percent(of["recent"], 0),
                percent(training.get("recent"), 0),
                _three(of["deciles"]),
                _three(training.get("deciles")),
                number(of["distance"], 2),
                percent(of["dropped"]) if of["dropped"] >= MIN_DROPPED_SHARE else "",
            ]
        )
    return table(header, rows)


def _three(values: list[float] | None, decimals: int | None = None) -> str:
    if values is None:
        return MISSING
    shown = (f"{of:.3g}" if decimals is None else f"{of:.{decimals}f}" for of in values)
    return " / ".join(shown)


def _unread(names: list[str]) -> str:
    return f"Columns that are not read: {', '.join(names)}.\n" if names else ""


def _rules(rules: list[Figures]) -> str:
    if not rules:
        return "No rule is broken.\n"
    rows = [
        [
            of["rule"],
            "refused" if of["is_refusal"] else "warning",
            f"{of['stays']:,}",
            f"{of['hours']:,}",
        ]
        for of in rules
    ]
    return table(["rule", "", "stays", "hours"], rows)
