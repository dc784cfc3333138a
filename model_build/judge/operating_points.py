"""Operating points of the artifact: figures at other thresholds, out of fold.

Measured on the first 36 hours of stays, like the headline figures. The keys are a contract with
`sepsis_detect.prediction.model.OperatingPoint`.
"""

import numpy as np

from model_build.data.dataset import Dataset
from model_build.judge.alerts import operating_point
from model_build.judge.figures import Figures, rounded
from model_build.judge.group_figures import Hours
from model_build.judge.lead_time import highest_in_time
from model_build.judge.threshold_sweep import Sweep
from sepsis_detect.clinical.stay import Float32Array

SENSITIVITIES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # of septic hours
ALERTS_PER_PATIENT_DAY = (0.5, 1.0, 1.5, 2.0, 2.5, 4.0)  # flagged hours
DIGITS = 6  # of all but the threshold, which stays exact in float32
NAMES = {
    # In the artifact, and in the report.
    "sensitivity": "sensitivity",
    "ppv": "ppv",
    "alerts_per_patient_day": "alerts_per_patient_day",
    "in_time": "septic_patients_alerted_in_time",
    "utility": "utility",
}


def operating_points(probabilities: Float32Array, data: Dataset, threshold: float) -> list[Figures]:
    """The served threshold, then others, falling; `ppv` is None where nothing is flagged.

    Args:
        probabilities: Shape (n_hours,), by a model that never saw the patients.
        data: The same hours, whole stays.
        threshold: The served one: flagged is `probability >= threshold`.
    """
    headline = data.of(data.is_uncut)
    hours = Hours.scored(headline, probabilities[data.is_uncut], threshold)
    sweep = Sweep.of(hours.probabilities, hours.labels, hours.utilities)
    starts = headline.cohort.stay.starts
    highest = highest_in_time(headline.since_onset, hours.probabilities.astype(np.float64), starts)
    found: list[Figures] = []
    for each in [threshold, *others(sweep, threshold)]:
        measured = operating_point(hours, sweep, highest, starts, each)
        figures = {name: rounded(measured[of], DIGITS) for name, of in NAMES.items()}
        found.append({"threshold": each, **figures})
    return found


def others(sweep: Sweep, threshold: float) -> list[float]:
    """Falling thresholds that flag other hours than `threshold`.

    The highest that reach each of `SENSITIVITIES`, and the lowest that flag at most each of
    `ALERTS_PER_PATIENT_DAY`.
    """
    reach = [int(np.argmax(sweep.sensitivity >= asked)) for asked in SENSITIVITIES]
    within = [
        int(np.count_nonzero(sweep.alerts_per_patient_day <= asked)) - 1
        for asked in ALERTS_PER_PATIENT_DAY
    ]
    n_flagged = sweep.at(np.array([threshold])).flagged[0]
    chosen = sorted(at for at in {*reach, *within} if at >= 0 and sweep.flagged[at] != n_flagged)
    thresholds: list[float] = sweep.thresholds[chosen].tolist()
    return thresholds
