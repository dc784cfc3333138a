"""The rule that chooses a threshold: its words, its bounds in each hospital."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_build.data.dataset import Dataset
from model_build.judge.judgement import chosen_threshold
from model_build.site.adapt_operating_point import OperatingPointRule
from sepsis_detect.errors import BadFileError, SettingsError

RANDOM = np.random.default_rng(4)


@pytest.fixture(scope="module")
def probabilities(own: Dataset) -> np.ndarray:
    """Higher in septic hours, in some of them far."""
    n = len(own.labels)
    return (0.1 + 0.2 * own.labels + 0.3 * RANDOM.random(n)).astype(np.float32)


NONSENSE = """f1 utility=1 sensitivity sensitivity= sensitivity=0 sensitivity=1.01 sensitivity=nan
alerts_per_day=-1 alerts_per_day=25 alerts_per_day=two alerts_per_day=inf a=b=c"""


@pytest.mark.parametrize("text", ["", *NONSENSE.split()])
def test_a_rule_that_means_nothing_is_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^--operating-point"):
        OperatingPointRule.parsed(text)


def test_a_rule_is_read_from_its_option() -> None:
    assert OperatingPointRule.parsed("utility") == OperatingPointRule()
    assert OperatingPointRule.parsed("sensitivity=.5").value == 0.5
    assert "1.5 flagged hours" in OperatingPointRule.parsed("alerts_per_day=1.5").words


def test_utility_is_the_rule_of_the_training(own: Dataset, probabilities: np.ndarray) -> None:
    rows = own.is_uncut
    found = OperatingPointRule().threshold(own, probabilities, rows)
    assert found == chosen_threshold(own, probabilities, rows)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 24.0))
def test_no_hospital_has_more_alerts_than_asked(
    own: Dataset, probabilities: np.ndarray, most: float
) -> None:
    rule = OperatingPointRule(kind="alerts_per_day", value=most)
    rows = own.is_uncut
    flags = probabilities >= np.float32(rule.threshold(own, probabilities, rows))
    for hospital in ("A", "B"):
        assert 24 * flags[rows & (own.hospitals == hospital)].mean() <= most


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 1.0))
def test_the_highest_threshold_of_a_sensitivity_is_taken(
    own: Dataset, probabilities: np.ndarray, share: float
) -> None:
    rule = OperatingPointRule(kind="sensitivity", value=share)
    rows = own.is_uncut
    threshold = np.float32(rule.threshold(own, probabilities, rows))
    septic = probabilities[rows & (own.labels == 1)]
    assert (septic >= threshold).mean() >= share
    lowest = septic[septic >= threshold].min()
    assert (septic > lowest).mean() < share


def test_where_all_hours_have_one_risk_no_threshold_flags_few(own: Dataset) -> None:
    equal = np.full(len(own.labels), 0.2, dtype=np.float32)
    with pytest.raises(BadFileError, match="no threshold flags at most 1 hours"):
        OperatingPointRule(kind="alerts_per_day", value=1.0).threshold(own, equal, own.is_uncut)
