"""Familiarity: its two definitions, accuracy by it, and the criterion."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model_build.data.labels import Utilities
from model_build.judge.familiarity import (
    AUROC_DIFFERENCES,
    PATTERN,
    VALUES,
    Accuracy,
    brier_skill,
    familiarities,
    qualifies,
    same_risk_weights,
)
from model_build.judge.figures import Figures, json_values
from model_build.judge.group_figures import Hours
from model_build.judge.patient_bootstrap import Resampling
from model_build.learn.calibration import log_odds, sigmoid
from model_build.learn.drift_reference import drift_reference

N_PATIENTS, HOURS_EACH = 300, 40


def hours_of(logits: Any, random: np.random.Generator, *, shown: Any = None) -> Hours:
    """Hours whose labels follow `logits`, scored by `shown` or the same."""
    labels = (random.random(len(logits)) < sigmoid(logits)).astype(np.int8)
    gains = Utilities(np.where(labels == 1, 1.0, -0.05), np.zeros(len(labels)))
    scores = sigmoid(logits if shown is None else shown).astype(np.float32)
    patient = np.repeat(np.arange(N_PATIENTS), HOURS_EACH)
    return Hours(scores, labels, gains, patient, 0.2, N_PATIENTS, np.ones(len(labels)))


def measured(hours: Hours, familiarity: Any) -> Figures:
    found: Figures = json_values(
        Accuracy(hours, familiarity, Resampling.of(N_PATIENTS, draws=100)).measured()
    )
    return found


def verdict(*found: Figures) -> bool:
    return qualifies([{"definitions": {VALUES: each}} for each in found], VALUES)


def test_a_value_is_the_less_familiar_the_further_out_it_lies() -> None:
    training = np.random.default_rng(0).normal(size=(5000, 1)).astype(np.float32)
    at = np.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]], dtype=np.float32)
    far_low, low, middle, high, far_high = familiarities(drift_reference(training), at)[VALUES]
    assert far_low == pytest.approx(0.1, abs=0.01)  # the middle of the lowest tenth, both sides
    assert far_high == pytest.approx(0.1, abs=0.01)
    assert far_low < low < middle
    assert far_high < high < middle


def test_the_mean_is_over_known_features_and_0_where_nothing_is_known() -> None:
    training = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)
    rows = np.array([[0.05, np.nan], [0.05, 3.0], [np.nan, np.nan]], dtype=np.float32)
    one, both, none = familiarities(drift_reference(training), rows)[VALUES]
    assert one > both > none == 0.0


def test_a_feature_never_known_in_training_is_unfamiliar_once_it_is_known() -> None:
    training = np.column_stack([np.arange(100.0), np.full(100, np.nan)]).astype(np.float32)
    rows = np.array([[50.0, np.nan], [50.0, 1.0]], dtype=np.float32)
    found = familiarities(drift_reference(training), rows)
    for definition in (VALUES, PATTERN):
        assert found[definition][0] > found[definition][1]


def test_the_pattern_is_the_mean_share_of_hours_known_or_missing_alike() -> None:
    training = np.ones((100, 2), dtype=np.float32)
    training[:70, 1] = np.nan
    rows = np.array([[1.0, np.nan], [1.0, 1.0], [np.nan, 1.0]], dtype=np.float32)
    assert familiarities(drift_reference(training), rows)[PATTERN] == pytest.approx(
        [(1 + 0.7) / 2, (1 + 0.3) / 2, (0 + 0.3) / 2]
    )


def test_a_model_that_is_wrong_for_unfamiliar_hours_meets_the_criterion() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(-2.0, 1.5, N_PATIENTS * HOURS_EACH)
    familiarity = random.random(len(logits))
    noise = random.permutation(logits)
    found = measured(
        hours_of(logits, random, shown=np.where(familiarity < 0.2, noise, logits)), familiarity
    )
    assert verdict(found)
    assert verdict(found, found)
    worst, *others = found["fifths"]
    assert all(worst["auroc"]["value"] < other["auroc"]["value"] - 0.1 for other in others)
    assert worst["brier_skill"]["value"] < 0 < others[0]["brier_skill"]["value"]


def test_unfamiliar_hours_that_are_only_more_alike_in_risk_do_not_meet_it() -> None:
    """A lower AUROC without any loss of accuracy: the weights to the same risk undo it."""
    random = np.random.default_rng(2)
    familiarity = random.random(N_PATIENTS * HOURS_EACH)
    spread = np.where(familiarity < 0.2, 0.5, 1.5)
    found = measured(hours_of(-2.0 + spread * random.normal(size=len(spread)), random), familiarity)
    as_they_are, at_same_risk = (found[name] for name in AUROC_DIFFERENCES)
    assert as_they_are["high"] < 0
    assert at_same_risk["high"] > 0
    assert not verdict(found)


def test_one_setting_that_misses_the_criterion_decides() -> None:
    def setting(high: float) -> Figures:
        return {name: {"value": -0.1, "low": -0.2, "high": high} for name in AUROC_DIFFERENCES}

    assert verdict(setting(-0.01), setting(-0.01))
    assert not verdict(setting(-0.01), setting(0.01))
    assert not verdict(setting(-0.01) | {AUROC_DIFFERENCES[1]: None})


def test_weights_give_others_the_same_distribution_of_risk() -> None:
    random = np.random.default_rng(3)
    risk, others = (random.beta(2, b, 4000).astype(np.float32) for b in (20, 8))
    weights = same_risk_weights(risk, others)
    assert np.average(others, weights=weights) == pytest.approx(risk.mean(), rel=0.05)
    assert not np.isclose(others.mean(), risk.mean(), rtol=0.5)


def test_the_brier_skill_of_the_rate_itself_is_0(hours: Hours) -> None:
    rate = np.full(len(hours.labels), hours.labels.mean(), dtype=np.float32)
    resampling = Resampling.of(hours.n_patients, draws=20)
    assert brier_skill(replace(hours, probabilities=rate), resampling).value == pytest.approx(
        0, abs=1e-6
    )
    better = sigmoid(log_odds(hours.labels.astype(np.float64) * 0.8 + 0.1)).astype(np.float32)
    assert brier_skill(replace(hours, probabilities=better), resampling).low > 0.5


def test_fifths_with_too_few_septic_patients_have_counts_only() -> None:
    random = np.random.default_rng(4)
    logits = np.full(N_PATIENTS * HOURS_EACH, -20.0)
    found = measured(hours_of(logits, random), random.random(len(logits)))
    assert [set(fifth) for fifth in found["fifths"]] == [{"familiarity", "hours"}] * 5
    assert not verdict(found)
