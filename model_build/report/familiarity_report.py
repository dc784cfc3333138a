"""The section of the training report on familiarity, from `familiarity.json`: Markdown."""

from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.familiarity import AUROC_DIFFERENCES
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
        verdict=_verdict(found["qualifies"]),
        differences=_differences(found["settings"]),
        fifths=_fifths(found["settings"]),
    )


def _verdict(qualifies: dict[str, bool]) -> str:
    met = [name for definition, name in DEFINITIONS.items() if qualifies[definition]]
    if not met:
        return (
            "**Neither definition meets it, so no answer carries a familiarity:** a low one would "
            "not tell, in every hospital, that the model is less accurate for this patient."
        )
    return (
        f"**It is met by: {', '.join(met)}.** Where it is low the model is less accurate, across "
        "hospitals too."
    )


def _differences(settings: list[Figures]) -> str:
    header = ["", "less than the others", "less than others of the same predicted risk"]
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
