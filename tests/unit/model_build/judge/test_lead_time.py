"""Lead time of alerts and scores around onset, against values by hand."""

import numpy as np
import pytest

from model_build.data.labels import hours_since_onset
from model_build.judge.lead_time import (
    CHANCE_DRAWS,
    around_onset,
    highest_in_time,
    lead_times,
    lead_times_by_chance,
    new_alerts,
)
from tests.unit.model_build.judge.two_stays import LABELS, STARTS, P


def test_the_first_alert_leads_onset_by_seven_hours() -> None:
    since = hours_since_onset(LABELS, STARTS)
    assert since[:9].tolist() == [-8, -7, -6, -5, -4, -3, -2, -1, 0]
    assert lead_times(since, P >= 0.5, STARTS).tolist() == [7]
    assert lead_times(since, P >= 0.9, STARTS).tolist() == [0]
    assert np.isnan(lead_times(since, P > 0.9, STARTS)).tolist() == [True]


def test_an_alert_after_onset_has_a_negative_lead() -> None:
    labels = np.array([0, *[1] * 9], dtype=np.int8)
    flags = np.arange(10) == 9
    since = hours_since_onset(labels, np.array([0]))
    assert lead_times(since, flags, np.array([0])).tolist() == [-2]


def test_a_stay_labelled_from_its_first_row_has_no_lead_time() -> None:
    labels = np.array([*[1] * 9, 0, *[1] * 9], dtype=np.int8)
    starts = np.array([0, 9])
    since = hours_since_onset(labels, starts)
    assert lead_times(since, np.ones(19, dtype=bool), starts).tolist() == [7]


def test_chance_gives_a_septic_stay_the_alerts_of_stays_that_are_as_long() -> None:
    labels = np.zeros(34, dtype=np.int8)
    labels[2:12] = 1  # the first stay: 12 hours, onset in row 8
    starts = np.array([0, 12, 14])
    flags = np.zeros(34, dtype=bool)
    flags[12] = True  # a stay of 2 hours: too short to stand for the first one
    flags[14 + 3] = True  # a stay of 20 hours
    by_chance = lead_times_by_chance(hours_since_onset(labels, starts), flags, starts)
    assert by_chance.shape == (CHANCE_DRAWS, 1)
    assert set(by_chance[~np.isnan(by_chance)]) == {5.0}  # row 3, or the first stay's: none
    assert np.isnan(by_chance).any()


def test_chance_equals_the_model_where_all_stays_have_the_same_alerts() -> None:
    labels = np.tile(np.array([0, 0, *[1] * 8], dtype=np.int8), 3)
    starts = np.array([0, 10, 20])
    flags = np.tile(np.arange(10) == 4, 3)
    since = hours_since_onset(labels, starts)
    expected = lead_times(since, flags, starts)
    assert (lead_times_by_chance(since, flags, starts) == expected).all()


def test_an_alert_of_another_stay_after_the_end_of_the_stay_is_none() -> None:
    labels = np.array([0, *[1] * 3, *[0] * 9], dtype=np.int8)
    starts = np.array([0, 4])
    flags = np.arange(13) >= 8  # in the fifth hour of the second stay; the first has four
    since = hours_since_onset(labels, starts)
    assert np.isnan(lead_times_by_chance(since, flags, starts)).all()


def test_a_stay_that_is_judged_only_before_its_label_has_no_lead_time() -> None:
    since = hours_since_onset(LABELS, STARTS)
    before, at_label = since[:2], since[:3]
    assert lead_times(before, np.array([True, True]), np.array([0])).tolist() == []
    assert lead_times(at_label, np.array([False, True, False]), np.array([0])).tolist() == [7]


@pytest.mark.parametrize(
    ("hour", "before_onset", "until_3_hours_after"),
    [(-13, 0.1, 0.1), (-12, 0.9, 0.9), (-1, 0.9, 0.9), (0, 0.1, 0.9), (3, 0.1, 0.9), (4, 0.1, 0.1)],
)
def test_an_alert_is_in_time_only_in_the_12_hours_before_onset(
    hour: int, before_onset: float, until_3_hours_after: float
) -> None:
    since = np.arange(-13.0, 5.0)
    scores, starts = np.where(since == hour, 0.9, 0.1), np.array([0])
    assert highest_in_time(since, scores, starts).tolist() == [before_onset]
    later = highest_in_time(since, scores, starts, latest=3.0)
    assert later.tolist() == [until_3_hours_after]


def test_a_run_of_flagged_hours_is_one_new_alert_within_a_stay() -> None:
    flags = np.array([True, True, False, True, True, False])
    assert new_alerts(flags, np.array([0, 4])).tolist() == [True, False, False, True, True, False]


def test_the_score_around_onset_follows_the_stays_that_have_the_hour() -> None:
    labels = np.array([*[0] * 24, *[1] * 7, 1, 1], dtype=np.int8)
    starts = np.array([0, 31])
    scores = np.concatenate([np.full(31, 0.2), [0.6, 0.6]])
    curve = around_onset(hours_since_onset(labels, starts), scores, starts)
    assert curve.hour[0] == -24
    at = curve.hour.tolist().index(-6)
    assert curve.stays[at - 1 : at + 1].tolist() == [1, 2]
    assert curve.mean[at] == pytest.approx(0.4)
    assert curve.mean_of_long[at] == pytest.approx(0.2)


def test_a_stay_that_leaves_before_onset_does_not_move_the_mean_of_those_that_stay() -> None:
    since = np.array([*range(-24, 1), *range(-24, -11)], dtype=np.float64)
    scores = np.where(np.arange(len(since)) < 25, 0.2, 0.8)
    curve = around_onset(since, scores, np.array([0, 25]))
    assert curve.mean[0] == pytest.approx(0.5)
    np.testing.assert_allclose(curve.mean_of_long, 0.2)
