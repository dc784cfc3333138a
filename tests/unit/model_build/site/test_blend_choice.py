"""The choice of weight, size and sigmoid: what is worth nothing gets no weight."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_build.learn.calibration import sigmoid
from model_build.site.blend_choice import (
    ChosenBlend,
    LocalMargins,
    chosen_blend,
    recalibrated,
    shifted,
)
from sepsis_detect.clinical.stay import FloatArray

N = 4000
RANDOM = np.random.default_rng(11)
TRUTH = RANDOM.normal(-2.0, 1.5, N)
LABELS = (RANDOM.random(N) < sigmoid(TRUTH)).astype(np.int8)
NOISE = RANDOM.normal(0.0, 1.0, (2, N))
ALL = np.ones(N, dtype=np.bool_)
NO_CHANGE = np.zeros(N)


def chosen(
    given: FloatArray, own: Any, rows: Any = ALL, *, change: FloatArray = NO_CHANGE, **options: Any
) -> ChosenBlend:
    return chosen_blend(given, LocalMargins(change, own), LABELS, rows, **options)


def test_own_trees_that_know_nothing_get_next_to_no_weight() -> None:
    found = chosen(TRUTH, NOISE)
    assert found.blend.weight < 0.1
    assert found.blend.slope == pytest.approx(1.0, abs=0.15)


def test_own_trees_that_say_the_reverse_get_no_weight() -> None:
    assert chosen(NOISE[0], -TRUTH[None]).blend.weight == 0


def test_a_given_model_that_knows_nothing_leaves_all_weight_to_own_trees() -> None:
    found = chosen(NOISE[0], TRUTH[None])
    assert found.blend.weight > 0.9


def test_two_halves_of_the_truth_get_half_the_weight_each() -> None:
    half = NOISE[0]
    found = chosen(TRUTH + half, (TRUTH - half)[None])
    assert found.blend.weight == pytest.approx(0.5, abs=0.06)


def test_the_likelier_size_is_taken() -> None:
    local = np.stack([TRUTH + 2 * NOISE[0], TRUTH + 0.1 * NOISE[1]])
    assert chosen(NOISE[0], local).size == 1
    assert chosen(NOISE[0], local[::-1]).size == 0


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 1.0))
def test_no_weight_passes_its_maximum(maximum: float) -> None:
    found = chosen(NOISE[0], TRUTH[None], max_share=maximum)
    assert found.blend.weight <= maximum + 0.005


def test_other_hours_are_not_looked_at() -> None:
    rows = ALL.copy()
    rows[N // 2 :] = False
    broken = TRUTH.copy()
    broken[~rows] = np.nan
    found = chosen(broken, NOISE, rows)
    assert np.isfinite(found.blend.slope)


def test_a_recalibration_undoes_a_stretched_and_shifted_margin() -> None:
    found = recalibrated(2.0 * TRUTH + 1.0, LABELS, ALL)
    assert found.weight == 0
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.intercept == pytest.approx(-0.5, abs=0.15)


def test_a_shift_moves_the_intercept_alone() -> None:
    found = shifted(TRUTH + 1.0, LABELS, ALL)
    assert found.slope == 1.0
    assert found.intercept == pytest.approx(-1.0, abs=0.15)
    probabilities = found.probabilities(TRUTH + 1.0, TRUTH, TRUTH)
    assert probabilities.mean() == pytest.approx(LABELS.mean(), rel=1e-6)


def test_a_change_of_the_leaves_is_made_as_far_as_it_helps() -> None:
    error = NOISE[0]
    helps = chosen(TRUTH + error, NOISE, change=-error)
    assert helps.blend.refit == 1.0
    half = chosen(TRUTH + error, NOISE, change=-2 * error)
    assert half.blend.refit == 0.5
    harms = chosen(TRUTH, NOISE, change=error)
    assert harms.blend.refit == 0.0


def test_no_share_of_the_leaves_passes_its_maximum() -> None:
    error = NOISE[0]
    assert chosen(TRUTH + error, NOISE, change=-error, max_share=0.6).blend.refit == 0.5
    assert chosen(TRUTH + error, NOISE, change=-error, max_share=0.0).blend.refit == 0.0
