"""Acceptance limits on the figures of a validation, as stated by `--min auroc=.75`."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from model_build.judge.figures import Figures
from sepsis_detect.errors import SettingsError

Bound = Literal["min", "max"]

OF_HOURS = (
    "auroc",
    "auprc",
    "utility",
    "calibration_slope",
    "calibration_in_the_large",
    "predicted_over_observed",
    "sensitivity",
    "ppv",
    "alerts_per_patient_day",
)
OF_PATIENTS = (
    "septic_alerted_in_time",
    "septic_alerted_until_3_hours_after",
    "septic_alerted_6_hours_before",
    "others_ever_alerted",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Minimum or maximum of a figure over all hours or over all patients."""

    name: str
    bound: Bound
    value: float

    def is_kept_by(self, found: float | None) -> bool:
        """Whether a figure is within the limit; an unknown figure is not."""
        if found is None:
            return False
        return found >= self.value if self.bound == "min" else found <= self.value


def parsed(minima: Sequence[str], maxima: Sequence[str]) -> list[Limit]:
    """Read `figure=value` texts.

    Raises:
        SettingsError: There is no such figure, or the value is no number.
    """
    stated: list[tuple[Bound, str]] = [("min", text) for text in minima]
    stated += [("max", text) for text in maxima]
    return [_limit(bound, text) for bound, text in stated]


def _limit(bound: Bound, text: str) -> Limit:
    name, _, value = text.partition("=")
    if name not in (*OF_HOURS, *OF_PATIENTS):
        known = ", ".join((*OF_HOURS, *OF_PATIENTS))
        raise SettingsError(f"--{bound} {text}: the figures are {known}")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise SettingsError(f"--{bound} {text}: '{value}' is not a number")
    return Limit(name=name, bound=bound, value=number)


def results(limits: Sequence[Limit], figures: Figures) -> list[Figures]:
    """Each limit with the figure found and whether it is kept, as JSON values.

    Args:
        limits: Those stated.
        figures: Of a validation, as JSON values.
    """
    found = {name: figures["overall"].get(name) for name in OF_HOURS}
    found |= {name: figures["by_patient"].get(name) for name in OF_PATIENTS}
    return [
        {
            "figure": limit.name,
            "bound": limit.bound,
            "limit": limit.value,
            "found": found[limit.name],
            "is_kept": limit.is_kept_by((found[limit.name] or {}).get("value")),
        }
        for limit in limits
    ]
