"""Stays as arrays for tests; keys are challenge names, units canonical."""

from collections.abc import Mapping, Sequence

import numpy as np

from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR, N_COLUMNS

NAN = float("nan")


def a_stay(n_hours: int, values: Mapping[str, float | Sequence[float]]) -> Stay:
    """A stay from hour 1 on; a list has one value for each hour, other variables are missing."""
    rows = np.full((n_hours, N_COLUMNS), NAN)
    rows[:, ICU_HOUR] = np.arange(1, n_hours + 1)
    for challenge, value in values.items():
        rows[:, BY_CHALLENGE[challenge].column] = value
    return Stay(rows)


def a_stay_of(*hours: Mapping[str, float]) -> Stay:
    """A stay of the given hours, numbered from 1 unless they have an `ICULOS`."""
    numbered = [{"ICULOS": number} | dict(hour) for number, hour in enumerate(hours, 1)]
    names = {name for hour in numbered for name in hour}
    return a_stay(len(hours), {name: [hour.get(name, NAN) for hour in numbered] for name in names})
