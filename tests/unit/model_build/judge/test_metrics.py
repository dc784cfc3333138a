"""The metrics: the challenge's own scores, the threshold sweep, calibration."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model_build.data.cohort import load
from model_build.data.labels import Utilities, utilities
from model_build.judge.metrics import (
    best_threshold,
    calibration,
    normalised_utility,
    summary,
    total_utility,
)
from model_build.learn.calibration import sigmoid, sigmoid_fit
from sepsis_detect.clinical.variables import BY_CHALLENGE
from tests.paths import SHARED

VECTORS = SHARED / "reference" / "utility_vectors.json"
DATA = SHARED / "data" / "physionet2019"

needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason=f"{VECTORS} is not here")
needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not here")


def vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
    return found


@needs_vectors
def test_each_stay_scores_what_the_code_of_the_challenge_gives() -> None:
    for case in vectors()["patients"]:
        found = utilities(np.array(case["labels"], dtype=np.int8), np.array([0]))
        flags = np.array(case["predictions"]) == 1
        assert total_utility(found, flags) == pytest.approx(case["utility"], abs=1e-9), case["name"]


@needs_vectors
@needs_data
def test_each_cohort_scores_what_the_code_of_the_challenge_gives() -> None:
    cohort = load(DATA)
    found = utilities(cohort.labels, cohort.stay.starts)
    heart_rate, breathing = (
        cohort.stay.values[:, BY_CHALLENGE[name].column] for name in ("HR", "Resp")
    )
    policies = {
        "never": np.zeros(len(cohort.labels), dtype=bool),
        "always": np.ones(len(cohort.labels), dtype=bool),
        "the label itself": cohort.labels == 1,
        "HR > 100 and Resp > 20 in that hour": (heart_rate > 100) & (breathing > 20),
    }
    for name, expected in vectors()["cohorts"].items():
        hours = (cohort.hospitals == name.removeprefix("set"))[cohort.stay_of_hour]
        for policy, utility in expected.items():
            score = normalised_utility(found.of(hours), policies[policy][hours])
            assert score == pytest.approx(utility, abs=1e-9), (name, policy)


def test_without_a_septic_stay_there_is_no_normalised_utility() -> None:
    with pytest.raises(ValueError, match="no septic stay"):
        normalised_utility(utilities(np.zeros(3, dtype=np.int8), np.array([0])), np.ones(3) == 1)


# --- Threshold ----------------------------------------------------------------------------------

gains = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.9, 1.0]), st.integers(-3, 3)), min_size=1
)


@given(gains)
def test_the_swept_threshold_is_as_good_as_any(hours: list[tuple[float, int]]) -> None:
    probabilities = np.array([p for p, _ in hours], dtype=np.float32)
    gain = np.array([float(g) for _, g in hours])
    if not (gain > 0).any():
        return
    found = Utilities(np.maximum(gain, 0.0), np.maximum(-gain, 0.0))
    point = best_threshold(found, probabilities)
    candidates = [*np.unique(probabilities), np.float32(2.0)]
    best = max(normalised_utility(found, probabilities >= cut) for cut in candidates)
    assert point.threshold == np.float32(point.threshold)
    assert normalised_utility(found, probabilities >= np.float32(point.threshold)) == (
        pytest.approx(best)
    )
    assert point.utility == pytest.approx(best)


def test_the_threshold_lies_between_scores_not_on_one() -> None:
    found = Utilities(np.array([1.0, -0.05]), np.array([-2.0, 0.0]))
    probabilities = np.array([0.75, 0.25], dtype=np.float32)
    assert best_threshold(found, probabilities).threshold == 0.5


# --- Calibration --------------------------------------------------------------------------------


def outcomes(probabilities: NDArray[np.float64]) -> NDArray[np.int8]:
    random = np.random.default_rng(7)
    return (random.random(len(probabilities)) < probabilities).astype(np.int8)


def test_true_probabilities_are_calibrated() -> None:
    true = sigmoid(np.random.default_rng(3).normal(-3, 1, 200_000))
    found = calibration(true, outcomes(true))
    assert found.slope == pytest.approx(1, abs=0.03)
    assert found.in_the_large == pytest.approx(0, abs=0.03)
    assert found.predicted_over_observed == pytest.approx(1, abs=0.03)


def test_the_sigmoid_undoes_a_stretch_and_a_shift() -> None:
    logits = np.random.default_rng(3).normal(-3, 1, 200_000)
    slope, intercept = sigmoid_fit(2 * logits + 5, outcomes(sigmoid(logits)))
    assert slope == pytest.approx(0.5, abs=0.02)
    assert intercept == pytest.approx(-2.5, abs=0.05)


def test_separable_labels_are_refused() -> None:
    with pytest.raises((ValueError, np.linalg.LinAlgError)):
        sigmoid_fit(np.array([-1.0, -2.0, 1.0, 2.0]), np.array([0, 0, 1, 1], dtype=np.int8))


def test_extreme_margins_overflow_nowhere() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_the_summary_counts_alerts_per_patient_day() -> None:
    labels = np.array([0] * 18 + [1] * 6, dtype=np.int8)
    probabilities = np.linspace(0.1, 0.5, 24, dtype=np.float32)
    probabilities[[3, 20]] = probabilities[[20, 3]]
    threshold = float(np.float32(0.44))
    figures = summary(probabilities, labels, utilities(labels, np.array([0])), threshold)
    assert figures["alerts_per_patient_day"] == 4
    assert figures["ppv"] == 0.75
    assert figures["sensitivity"] == 0.5
    assert figures["hours"] == 24
