"""The challenge's utility, hour by hour around onset."""

import numpy as np
import pytest

from model_build.data.labels import Utilities, hours_since_onset, septic_stays, utilities


def septic_stay(*, n_hours: int, first_labelled: int) -> Utilities:
    """Utilities of one stay whose label turns on at a row and stays on."""
    labels = (np.arange(n_hours) >= first_labelled).astype(np.int8)
    return utilities(labels, np.array([0]))


@pytest.mark.parametrize(
    ("hours_from_onset", "flagged", "quiet"),
    [
        pytest.param(-13, -0.05, 0.0, id="too early: a false alarm"),
        pytest.param(-12, 0.0, 0.0, id="earliest useful hour"),
        pytest.param(-9, 0.5, 0.0, id="half way up"),
        pytest.param(-6, 1.0, 0.0, id="best hour"),
        pytest.param(-5, 8 / 9, -2 / 9, id="silence begins to cost"),
        pytest.param(0, 1 / 3, -4 / 3, id="onset"),
        pytest.param(3, 0.0, -2.0, id="latest useful hour"),
        pytest.param(4, 0.0, 0.0, id="too late to matter"),
    ],
)
def test_each_hour_around_onset_has_the_utility_of_the_challenge(
    hours_from_onset: int, flagged: float, quiet: float
) -> None:
    found = septic_stay(n_hours=40, first_labelled=20)
    row = 20 + 6 + hours_from_onset
    assert found.flagged[row] == pytest.approx(flagged)
    assert found.quiet[row] == pytest.approx(quiet)
    assert found.gain[row] == pytest.approx(flagged - quiet)


def test_flagging_a_patient_without_sepsis_costs_a_twentieth_each_hour() -> None:
    found = utilities(np.zeros(5, dtype=np.int8), np.array([0]))
    assert found.flagged.tolist() == [-0.05] * 5
    assert found.quiet.tolist() == [0.0] * 5


def test_stays_end_to_end_are_counted_each_from_its_own_start() -> None:
    labels = np.array([0, 0, 0, 1, 1, 0, 0, 0, 1], dtype=np.int8)
    starts = np.array([0, 3, 5, 8])
    together = utilities(labels, starts)
    for begin, end in ((0, 3), (3, 5), (5, 8), (8, 9)):
        alone = utilities(labels[begin:end], np.array([0]))
        np.testing.assert_array_equal(together.flagged[begin:end], alone.flagged)
        np.testing.assert_array_equal(together.quiet[begin:end], alone.quiet)
    assert septic_stays(labels, starts).tolist() == [False, True, False, True]


def test_a_label_from_the_first_row_puts_onset_six_rows_later() -> None:
    since = hours_since_onset(np.ones(8, dtype=np.int8), np.array([0]))
    assert since.tolist() == [-6, -5, -4, -3, -2, -1, 0, 1]
