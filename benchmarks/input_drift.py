"""Drift of the inputs of the challenge's hospitals, as they are and with a fault of an interface.

`python -m benchmarks.input_drift --data DIR`: the largest drift over windows of consecutive hours,
each hospital against the training data of both; then the drift of single inputs that are lost, or
a fifth too high. It justifies `max_input_drift` of `infra/settings.py`.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from model_build.data import cohort
from model_build.data.cohort import Cohort
from sepsis_detect.clinical.stay import Float32Array
from sepsis_detect.prediction import drift, features
from sepsis_detect.prediction.model import Model
from sepsis_detect.telemetry.metrics import INPUTS, MAX_ROWS, MIN_ROWS

NAMES = [features.NAMES[column] for column in INPUTS]
FAULTY = ("heart_rate_last", "temperature_last", "glucose_last", "creatinine_last")
N_WINDOWS = 40
MAX_STAYS = 5_000  # of one hospital: their features take a minute
TOO_HIGH = 1.2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the challenge's data")
    patients = cohort.load(parser.parse_args().data)
    model = Model.embedded(loaded_at=datetime.now(UTC))
    for hospital in np.unique(patients.hospitals):
        chosen = np.flatnonzero(patients.hospitals == hospital)[:MAX_STAYS]
        _print_hospital(str(hospital), model, patients.take(chosen))


def _print_hospital(hospital: str, model: Model, patients: Cohort) -> None:
    rows = features.compute(patients.stay, None)[:, INPUTS]
    for n_rows in (MIN_ROWS, MAX_ROWS):
        begins = np.linspace(0, len(rows) - n_rows, N_WINDOWS).astype(int)
        found = [_distances(model, rows[begin : begin + n_rows]) for begin in begins]
        median, highest = np.quantile([max(each.values()) for each in found], (0.5, 1.0))
        print(f"{hospital}  {n_rows:>5} hours   median {median:.1f}  highest {highest:.1f}")
    some = rows[np.random.default_rng(2019).choice(len(rows), MAX_ROWS, replace=False)]
    for name in FAULTY:
        lost, too_high = some.copy(), some.copy()
        lost[:, NAMES.index(name)] = np.nan
        too_high[:, NAMES.index(name)] *= np.float32(TOO_HIGH)
        print(
            f"{hospital}  {name:<20} as it is {_distances(model, some)[name]:.2f}  "
            f"lost {_distances(model, lost)[name]:.1f}  "
            f"a fifth too high {_distances(model, too_high)[name]:.1f}"
        )


def _distances(model: Model, rows: Float32Array) -> dict[str, float]:
    return drift.distances(model.metadata, NAMES, rows)


if __name__ == "__main__":
    main()
