"""Figures of a group of hours and their bootstrap intervals, against values by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from model_build.judge.figures import Figure, json_values
from model_build.judge.group_figures import Hours, figures
from model_build.judge.metrics import calibration
from model_build.judge.patient_bootstrap import Resampling, interval


def test_the_intervals_are_those_of_figures_computed_anew_in_each_draw(hours: Hours) -> None:
    resampling = Resampling.of(hours.n_patients, draws=30)
    found = figures(hours, resampling)
    rows = [
        np.repeat(np.arange(900), count[hours.patient].astype(int)) for count in resampling.counts
    ]
    drawn = [(hours.labels[r], hours.probabilities[r]) for r in rows]
    anew = {
        "auroc": [roc_auc_score(y, p) for y, p in drawn],
        "auprc": [average_precision_score(y, p) for y, p in drawn],
        "ppv": [y[p >= np.float32(0.25)].mean() for y, p in drawn],
        "predicted_over_observed": [p.astype(np.float64).mean() / y.mean() for y, p in drawn],
    }
    for name, values in anew.items():
        figure = found[name]
        assert isinstance(figure, Figure)
        assert (figure.low, figure.high) == pytest.approx(interval(np.array(values)), abs=1e-6)
        assert figure.low < figure.value < figure.high


def test_one_newton_step_gives_the_calibration_of_a_draw(hours: Hours) -> None:
    resampling = Resampling.of(hours.n_patients, draws=30)
    found = figures(hours, resampling)
    rows = [
        np.repeat(np.arange(900), count[hours.patient].astype(int)) for count in resampling.counts
    ]
    anew = [calibration(hours.probabilities[r].astype(np.float64), hours.labels[r]) for r in rows]
    for name, values in (
        ("calibration_slope", [of.slope for of in anew]),
        ("calibration_in_the_large", [of.in_the_large for of in anew]),
    ):
        figure = found[name]
        assert isinstance(figure, Figure)
        assert (figure.low, figure.high) == pytest.approx(interval(np.array(values)), abs=0.05)


def test_a_group_with_nine_septic_patients_has_counts_only(hours: Hours) -> None:
    few = hours.of(np.isin(hours.patient, np.unique(hours.patient[hours.labels == 1])[:9]))
    assert figures(few, Resampling.of(40, draws=5)).keys() == {
        "patients",
        "septic_patients",
        "hours",
    }


def test_figures_for_json_have_six_digits_and_null_for_unknown() -> None:
    given = {
        "z": -1e-12,
        "a": np.float64(1 / 3),
        "b": [float("nan")],
        "c": Figure(1.0, 0.5, np.inf),
        "d": 7,
    }
    assert json_values(given) == {
        "z": 0.0,
        "a": 0.333333,
        "b": [None],
        "c": {"value": 1.0, "low": 0.5, "high": None},
        "d": 7,
    }
