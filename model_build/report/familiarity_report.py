"""The section of the training report on familiarity, from `familiarity.json`: Markdown."""

from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.familiarity import AUROC_LESS, AUROC_LESS_AT_SAME_RISK, is_lower
from model_build.judge.figures import Figures
from model_build.report.formatting import (
    percent,
    percent_with_interval,
    table,
    template,
    with_interval,
)

NOT_MEASURED = "Not measured yet: `python -m model_build familiarity` does it.\n"
DEFINITIONS = {"values": "familiar values", "pattern": "familiar pattern"}
AUROC_DIFFERENCES = {
    AUROC_LESS: "that of the others",
    AUROC_LESS_AT_SAME_RISK: "that of others of the same predicted risk",
}
OF_FIFTH = {
    "auroc": "AUROC",
    "predicted_over_observed": "mean predicted / observed",
    "brier_skill": "Brier skill",
    "utility": "utility",
}


def section(found: Figures | None) -> str:
    """Text, plot and tables; what is missing where there is none yet."""
    if found is None:
        return NOT_MEASURED
    return template("familiarity.md").format(
        uncut=UNCUT_HOURS,
        draws=found["draws"],
        members=found["members_across"],
        verdict=_verdict(found),
        differences=_differences(found["settings"]),
        fifths=_fifths(found["settings"]),
    )


def _verdict(found: Figures) -> str:
    met = [name for definition, name in DEFINITIONS.items() if found["qualifies"][definition]]
    if met:
        return (
            f"**It is met by: {', '.join(met)}.** Where it is low the model is less accurate, "
            "across hospitals too."
        )
    missed = (
        f"{name.capitalize()}: {_where_missed(found['settings'], definition)}."
        for definition, name in DEFINITIONS.items()
    )
    return (
        "**Neither definition meets it, so no answer carries a familiarity:** a low one would not "
        f"tell, in every hospital, that the model is less accurate. {' '.join(missed)}"
    )


def _where_missed(settings: list[Figures], definition: str) -> str:
    """In which settings AUROC is not lower, by either comparison."""
    parts = []
    for difference, others in AUROC_DIFFERENCES.items():
        where = [
            setting["name"]
            for setting in settings
            if not is_lower(setting["definitions"][definition][difference])
        ]
        is_missed = f"not lower than {others}: {', '.join(where)}"
        parts.append(is_missed if where else f"lower than {others} everywhere")
    return "; ".join(parts)


def _differences(settings: list[Figures]) -> str:
    header = ["", *(f"AUROC less {others}" for others in AUROC_DIFFERENCES.values())]
    rows = [
        [
            f"{setting['name']}, {title}",
            *(with_interval(setting["definitions"][definition][k]) for k in AUROC_DIFFERENCES),
        ]
        for definition, title in DEFINITIONS.items()
        for setting in settings
    ]
    return table(header, rows)


def _fifths(settings: list[Figures]) -> str:
    header = ["", "mean familiarity", "septic hours", *OF_FIFTH.values()]
    rows = [
        [
            f"{setting['name']}, {title}, fifth {at}",
            percent(fifth["familiarity"], 0),
            percent_with_interval(fifth.get("observed_rate")),
            *(with_interval(fifth.get(name), 2) for name in OF_FIFTH),
        ]
        for definition, title in DEFINITIONS.items()
        for setting in settings
        for at, fifth in enumerate(setting["definitions"][definition]["fifths"], start=1)
    ]
    return table(header, rows)
