"""The operating point of an adapted model: how its threshold is chosen, `--operating-point`."""

from dataclasses import dataclass
from math import isfinite
from typing import Literal, Self

import numpy as np

from model_build.data.dataset import Dataset
from model_build.judge.judgement import MAX_ALERTS_PER_PATIENT_DAY, chosen_threshold
from model_build.judge.metrics import HOURS_IN_A_DAY, threshold_below
from sepsis_detect.clinical.stay import BoolArray, Float32Array
from sepsis_detect.errors import BadFileError, SettingsError

Kind = Literal["utility", "alerts_per_day", "sensitivity"]
MAXIMA: dict[Kind, float] = {"alerts_per_day": HOURS_IN_A_DAY, "sensitivity": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPointRule:
    """How a threshold is chosen on scored hours.

    Attributes:
        kind: `utility`: highest utility within the alert bound of each hospital;
            `alerts_per_day`: the lowest threshold that flags at most `value` hours per patient
            and day in each hospital; `sensitivity`: the highest that flags a share `value` of the
            septic hours.
        value: None for `utility`.
    """

    kind: Kind = "utility"
    value: float | None = None

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Read `utility`, `alerts_per_day=X` or `sensitivity=Y`.

        Raises:
            SettingsError: It is none of these, or the number is out of range.
        """
        name, _, number = text.partition("=")
        if text == "utility":
            return cls()
        for kind, largest in MAXIMA.items():
            if name == kind:
                return cls(kind=kind, value=_within(text, number, largest))
        raise SettingsError(
            f"--operating-point {text}: it is utility, alerts_per_day=X or sensitivity=Y"
        )

    @property
    def words(self) -> str:
        """The rule as a part of a sentence."""
        if self.kind == "utility":
            return (
                "the highest utility among thresholds that flag at most "
                f"{MAX_ALERTS_PER_PATIENT_DAY:g} hours per patient and day"
            )
        if self.kind == "alerts_per_day":
            return f"at most {self.value:g} flagged hours per patient and day"
        return f"at least {100 * (self.value or 0):g} % of the septic hours flagged"

    def threshold(self, data: Dataset, probabilities: Float32Array, rows: BoolArray) -> float:
        """The threshold, exact in float32.

        Args:
            data: All hours.
            probabilities: Shape (n_hours,).
            rows: Shape (n_hours,), the hours to choose it on.

        Raises:
            BadFileError: No threshold flags so few hours.
        """
        if self.value is None:
            return chosen_threshold(data, probabilities, rows)
        chosen = probabilities[rows]
        if self.kind == "sensitivity":
            septic = np.sort(chosen[data.labels[rows] == 1])[::-1]
            return threshold_below(chosen, septic[int(np.ceil(self.value * len(septic))) - 1])
        hospitals = data.hospitals[rows]
        above = max(
            _first_not_flagged(chosen[hospitals == each], self.value)
            for each in np.unique(hospitals)
        )
        flagged = chosen[chosen > above]
        if not len(flagged):
            raise BadFileError(f"no threshold flags at most {self.value:g} hours a day and any")
        return threshold_below(chosen, flagged.min())


def _first_not_flagged(probabilities: Float32Array, alerts_per_day: float) -> float:
    """The largest probability that is not flagged at so many hours a day; -inf: none."""
    n_flagged = int(alerts_per_day / HOURS_IN_A_DAY * len(probabilities))
    falling = np.sort(probabilities)[::-1]
    return float(falling[n_flagged]) if n_flagged < len(falling) else -np.inf


def _within(text: str, number: str, largest: float) -> float:
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and 0 < value <= largest):
        raise SettingsError(
            f"--operating-point {text}: '{number}' is not a number above 0 and up to {largest:g}"
        )
    return value
