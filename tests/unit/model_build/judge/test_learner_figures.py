"""Figures of a learner: equal to scikit-learn's, intervals by patient, cross-fitted thresholds."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import Utilities
from model_build.judge.learner_figures import EvaluationSet, cross_fitted_flags
from tests.unit.model_build.synthetic_cohort import synthetic_cohort


@pytest.fixture(scope="module")
def fold(data: Dataset) -> Any:
    return data.cohort.stay_of_hour % 2


def a_bench(data: Dataset, fold: Any, *, draws: int = 40) -> EvaluationSet:
    return EvaluationSet.of(data, fold, np.arange(len(fold)), draws=draws, seed=1)


def test_the_threshold_of_a_fold_never_depends_on_the_fold(data: Dataset, fold: Any) -> None:
    random = np.random.default_rng(3)
    scored = random.random(len(fold)).astype(np.float32) + data.labels.astype(np.float32)
    before = cross_fitted_flags(scored, data.utilities, fold)
    own = fold == 0
    flagged, quiet = data.utilities.flagged.copy(), data.utilities.quiet.copy()
    flagged[own], quiet[own] = quiet[own], flagged[own]
    after = cross_fitted_flags(scored, Utilities(flagged, quiet), fold)
    np.testing.assert_array_equal(after[own], before[own])
    assert not np.array_equal(after[~own], before[~own])


@pytest.mark.parametrize("decimals", [1, 6], ids=["many ties", "hardly any tie"])
def test_ranking_is_that_of_scikit_learn_weighted_by_draw(
    data: Dataset, fold: Any, decimals: int
) -> None:
    random = np.random.default_rng(5)
    scored = (data.labels + random.normal(0, 1.5, len(fold))).round(decimals).astype(np.float32)
    evaluation = a_bench(data, fold, draws=5)
    found = evaluation.figures(scored)
    assert found.values["auroc"] == pytest.approx(roc_auc_score(data.labels, scored))
    assert found.values["auprc"] == pytest.approx(average_precision_score(data.labels, scored))
    for draw_, counts in enumerate(evaluation.resampling.counts):
        weights = counts[evaluation.patient]
        of_draw = {name: draws[draw_] for name, draws in found.draws.items()}
        assert of_draw["auroc"] == pytest.approx(
            roc_auc_score(data.labels, scored, sample_weight=weights)
        )
        assert of_draw["auprc"] == pytest.approx(
            average_precision_score(data.labels, scored, sample_weight=weights)
        )


def test_intervals_come_from_patients_not_hours(data: Dataset, fold: Any) -> None:
    """The same hours ten times over add nothing known; hours drawn alone would narrow by 3."""
    scored = data.X[:, data.names.index("icu_hour")]
    once = a_bench(data, fold, draws=200)
    tenfold = np.repeat(np.arange(len(fold)), 10)
    again = EvaluationSet(
        once.hours[tenfold],
        once.labels[tenfold],
        once.utilities.of(tenfold),
        once.fold[tenfold],
        once.patient[tenfold],
        once.resampling,
    )
    assert once.resampling.counts.shape == (200, data.cohort.stay.n_stays)
    assert (once.resampling.counts.sum(axis=1) == data.cohort.stay.n_stays).all()
    for name, figure in once.figures(scored).with_intervals().items():
        assert again.figures(scored[tenfold]).with_intervals()[name] == pytest.approx(figure), name
        assert figure.low < figure.value < figure.high


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Thirty groups of thirty patients; the truth is what all of them together give."""
    pool = dataset(synthetic_cohort(900, seed=11))
    random = np.random.default_rng(7)
    patient = pool.cohort.stay_of_hour
    bias = random.normal(0, 2, pool.cohort.stay.n_stays)[patient]  # hours of one go together
    scored = (2 * pool.labels + bias).astype(np.float32)
    truth = roc_auc_score(pool.labels, scored)
    covered = 0
    for first in range(0, 900, 30):
        hours = np.flatnonzero((patient >= first) & (patient < first + 30))
        evaluation = EvaluationSet.of(pool, patient % 2, hours, draws=200, seed=first)
        figure = evaluation.figures(scored[hours]).with_intervals()["auroc"]
        covered += figure.low <= truth <= figure.high
    assert 25 <= covered <= 30


def test_a_draw_without_a_septic_patient_is_left_out_of_the_intervals(
    data: Dataset, fold: Any
) -> None:
    evaluation = a_bench(data, fold)
    evaluation.resampling.counts[0] = evaluation.resampling.counts[0] * 0
    evaluation.resampling.counts[0, np.argmin(np.bincount(evaluation.patient, data.labels))] = 1
    found = evaluation.figures(data.X[:, data.names.index("icu_hour")])
    for name in ("utility", "auroc"):
        assert np.isnan(found.draws[name][0])
        assert np.isfinite(found.with_intervals()[name]).all()


def test_a_difference_is_taken_draw_by_draw(data: Dataset, fold: Any) -> None:
    evaluation = a_bench(data, fold)
    one = evaluation.figures(data.X[:, data.names.index("icu_hour")])
    itself = one.minus(one)["auroc"]
    assert (itself.value, itself.low, itself.high) == (0.0, 0.0, 0.0)
