"""Hand-made stays for the label: measurements by hour, and a stay of them."""

from collections.abc import Mapping

import numpy as np

from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR, N_COLUMNS

WELL = {"Creatinine": 0.9, "Platelets": 220.0, "Bilirubin_total": 0.6, "MAP": 85.0}


def a_stay(
    *, last_hour: int, measured: Mapping[int, Mapping[str, float]], first_hour: int = 1
) -> Stay:
    """Every hour from the first to the last, with what was measured in some of them."""
    values = np.full((last_hour - first_hour + 1, N_COLUMNS), np.nan)
    values[:, ICU_HOUR] = np.arange(first_hour, last_hour + 1)
    for hour, found in measured.items():
        for name, value in found.items():
            values[hour - first_hour, BY_CHALLENGE[name].column] = value
    return Stay(values)


def kidney_failure(*, at: int, last_hour: int = 120) -> Stay:
    """Creatinine is normal at hour 1 and 3.0 mg/dL, two points of SOFA, at one hour."""
    return a_stay(last_hour=last_hour, measured={1: WELL, at: {"Creatinine": 3.0}})
