"""Request bodies of made-up patients, all coherent and all different.

A body that is repeated would let the processor learn its path through the trees.
"""

import json
import random
from typing import Any

from sepsis_detect.clinical.variables import VARIABLES

N_BODIES = 64
VITAL_SIGNS = ("HR", "O2Sat", "SBP", "MAP", "DBP", "Resp")
LABORATORY = (
    *("BUN", "Creatinine", "Glucose", "Potassium", "Hct", "Hgb", "WBC", "Platelets", "Lactate"),
    *("FiO2", "pH", "PaCO2", "HCO3"),
)
NOT_IN_FLAT = {
    *("EtCO2", "SaO2", "Bilirubin_direct", "TroponinI", "PTT", "Fibrinogen", "BaseExcess", "AST"),
}
FLAT = [v.challenge for v in VARIABLES if v.is_clinical and v.challenge not in NOT_IN_FLAT]
ACID_BASE = {"pH": 7.4, "PaCO2": 40.0, "HCO3": 24.0}  # constant: they must fit together
TYPICAL = {
    v.challenge: (v.reference_low + v.reference_high) / 2 for v in VARIABLES if v.is_clinical
} | {"SBP": 122.0, "MAP": 88.0, "DBP": 66.0, "FiO2": 0.4}


class Patient:
    """A made-up patient: typical values that vary by up to 7 % from hour to hour."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)
        self.demographics: dict[str, Any] = {
            "Age": self._random.randint(40, 85),
            "Gender": self._random.randint(0, 1),
            "HospAdmTime": -round(self._random.uniform(0.5, 200), 1),
        }

    def flat(self) -> dict[str, Any]:
        """Thirty values of one hour."""
        return self._values(FLAT) | self.demographics | {"ICULOS": self._random.randint(1, 100)}

    def stay(self, n_hours: int) -> dict[str, Any]:
        """Vital signs every hour, temperature every 4 hours, laboratory values every 12."""
        hours = []
        for at in range(n_hours):
            names = [*VITAL_SIGNS, *(["Temp"] if at % 4 == 0 else [])]
            names += LABORATORY if at % 12 == 0 else []
            hours.append({"ICULOS": at + 1} | self._values(names))
        return self.demographics | {"hours": hours}

    def _values(self, names: list[str]) -> dict[str, float]:
        factor = self._random.uniform(0.93, 1.07)  # one for all: the pressures keep their order
        values = {name: round(TYPICAL[name] * factor, 2) for name in names}
        values |= {name: ACID_BASE[name] for name in values.keys() & ACID_BASE.keys()}
        return values | {"O2Sat": min(values["O2Sat"], 100.0)}


def flat() -> list[bytes]:
    """Bodies of one hour with thirty values."""
    return [_body(Patient(seed).flat()) for seed in range(N_BODIES)]


def stays(n_hours: int) -> list[bytes]:
    """Bodies of whole stays."""
    return [_body(Patient(seed).stay(n_hours)) for seed in range(N_BODIES)]


def batches(n_patients: int) -> list[bytes]:
    """Bodies of many flat patients each."""
    return [
        _body({"patients": [Patient(seed * 1000 + at).flat() for at in range(n_patients)]})
        for seed in range(8)
    ]


def _body(content: Any) -> bytes:
    return json.dumps(content).encode()
