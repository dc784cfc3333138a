"""Figures at every threshold, against scikit-learn and values by hand."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from model_build.data.labels import utilities
from model_build.judge.group_figures import Hours
from model_build.judge.threshold_sweep import Sweep, net_benefit_of_always
from tests.unit.model_build.judge.two_stays import LABELS, STARTS, P


def test_the_curves_are_those_of_scikit_learn(hours: Hours) -> None:
    sweep = Sweep.of(hours.probabilities, hours.labels, hours.utilities)
    rates, sensitivity, thresholds = roc_curve(
        hours.labels, hours.probabilities, drop_intermediate=False
    )
    np.testing.assert_allclose(sweep.thresholds, thresholds[1:])
    np.testing.assert_allclose(sweep.false_alarm_rate, rates[1:])
    np.testing.assert_allclose(sweep.sensitivity, sensitivity[1:])
    precision, _, at = precision_recall_curve(hours.labels, hours.probabilities)
    np.testing.assert_allclose(sweep.at(at.astype(np.float64)).ppv, precision[:-1])


def test_a_threshold_above_every_probability_flags_nothing(hours: Hours) -> None:
    above = Sweep.of(hours.probabilities, hours.labels, hours.utilities).at(np.array([0.999]))
    assert (above.flagged[0], above.true_positives[0], above.utility[0]) == (0, 0, 0.0)
    assert np.isnan(above.ppv[0])


def test_net_benefit_is_true_alerts_less_false_ones_at_the_odds_of_the_threshold() -> None:
    # At 1 in 5 a true alert is worth four false ones: (4 - 2/4) of 12 hours.
    sweep = Sweep.of(P, LABELS, utilities(LABELS, STARTS)).at(np.array([0.5, 0.2]))
    assert sweep.net_benefit[0] == pytest.approx((4 - 2 * 1) / 12)
    assert sweep.net_benefit[1] == pytest.approx((6 - 3 / 4) / 12)
    assert net_benefit_of_always(np.array([0.2]), 7 / 12)[0] == pytest.approx((7 - 5 / 4) / 12)
