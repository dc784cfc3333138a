"""Made-up patients in the bodies that the benchmarks send: different ones, all coherent."""

import json
import random
from typing import Any

from sepsis_detect.clinical.variables import VARIABLES

N_DIFFERENT = 64
"""Bodies of each kind: the processor must not learn one patient's way through the trees."""
FLAT_SKIPS = {
    "EtCO2",
    "SaO2",
    "Bilirubin_direct",
    "TroponinI",
    "PTT",
    "Fibrinogen",
    "BaseExcess",
    "AST",
    "Unit1",
    "Unit2",
}
"""What a flat patient of thirty values lacks."""
HOURLY = ("HR", "O2Sat", "SBP", "MAP", "DBP", "Resp")
LABS = ("BUN", "Creatinine", "Glucose", "Potassium", "Hct", "Hgb", "WBC", "Platelets", "Lactate")
GASES = ("FiO2", "pH", "PaCO2", "HCO3")


class Patient:
    """One made-up patient: usual values that change a little from hour to hour."""

    def __init__(self, seed: int):
        """Draw the patient."""
        self._random = random.Random(seed)  # noqa: S311
        self._usual = {
            v.challenge: (v.reference_low + v.reference_high) / 2
            for v in VARIABLES
            if v.reference_low == v.reference_low
        } | {"SBP": 122.0, "MAP": 88.0, "DBP": 66.0, "FiO2": 0.4, "HCO3": 24.0, "PaCO2": 40.0}
        self.constants: dict[str, Any] = {
            "Age": self._random.randint(40, 85),
            "Gender": self._random.randint(0, 1),
            "HospAdmTime": -round(self._random.uniform(0.5, 200), 1),
        }

    def values(self, *names: str) -> dict[str, float]:
        """Measure some variables."""
        shift = self._random.uniform(0.93, 1.07)  # one for all: pressures keep their order
        found = {name: round(self._usual[name] * shift, 2) for name in names}
        gases = {"pH": 7.4, "PaCO2": 40.0, "HCO3": 24.0}  # as they belong together
        found |= {name: gases[name] for name in found.keys() & gases.keys()}
        return found | {"O2Sat": min(found["O2Sat"], 100.0)}

    def flat(self) -> dict[str, Any]:
        """Thirty values of one hour."""
        hour = self._random.randint(1, 100)
        names = [v.challenge for v in VARIABLES if v.is_clinical and v.challenge not in FLAT_SKIPS]
        return self.values(*names) | self.constants | {"ICULOS": hour}

    def stay(self, n_hours: int) -> dict[str, Any]:
        """Vital signs every hour, temperature every four, laboratory values every twelve."""
        hours = []
        for at in range(n_hours):
            names = [*HOURLY, *(["Temp"] if at % 4 == 0 else [])]
            names += [*LABS, *GASES] if at % 12 == 0 else []
            hours.append({"ICULOS": at + 1} | self.values(*names))
        return self.constants | {"hours": hours}


def flat() -> list[bytes]:
    """Bodies of one hour of thirty values."""
    return [_body(Patient(seed).flat()) for seed in range(N_DIFFERENT)]


def stays(n_hours: int) -> list[bytes]:
    """Bodies of stays."""
    return [_body(Patient(seed).stay(n_hours)) for seed in range(N_DIFFERENT)]


def many(n_patients: int) -> list[bytes]:
    """Bodies of many flat patients."""
    return [
        _body({"patients": [Patient(seed * 1000 + at).flat() for at in range(n_patients)]})
        for seed in range(8)
    ]


def _body(sent: Any) -> bytes:
    return json.dumps(sent).encode()
