"""A well patient, and the bedside scores of a stay as the API shows them."""

import json
from typing import Any

from sepsis_detect.bedside_scores.definitions import RATIOS, SCORES
from sepsis_detect.bedside_scores.scores import at_last_hour
from sepsis_detect.clinical.stay import Stay
from tests.stays import a_stay

# Every item that the data can show has 0 points.
WELL = {
    "Temp": 37.0,
    "HR": 70.0,
    "Resp": 16.0,
    "PaCO2": 40.0,
    "WBC": 8.0,
    "O2Sat": 97.0,
    "FiO2": 0.21,
    "SBP": 120.0,
    "MAP": 85.0,
    "Platelets": 250.0,
    "Bilirubin_total": 0.6,
    "Creatinine": 0.8,
    "Potassium": 4.2,
    "pH": 7.4,
    "HCO3": 24.0,
}
NAMES = [definition.name for definition in (*SCORES, *RATIOS)]


def well(**changed: float) -> Stay:
    """One hour of a well patient with the given values changed."""
    return a_stay(1, WELL | changed)


def score(name: str, stay: Stay) -> dict[str, Any]:
    """One score of the last hour, as JSON."""
    result = next(result for result in at_last_hour(stay) if result.score == name)
    decoded: dict[str, Any] = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    return decoded


def item(name: str, of: str, stay: Stay) -> dict[str, Any]:
    """One item of one score of the last hour."""
    return next(one for one in score(of, stay)["items"] if one["item"] == name)
