"""SepsisLabel on hand-made vectors, to the hour."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_build.data.labels import LABEL_LEADS_ONSET_BY
from model_build.site.label import StayOrders, SuspicionRule, labels, onsets, suspicion_hours
from sepsis_detect.clinical.stay import Stay
from tests.unit.model_build.site.hand_made_stays import WELL, a_stay, kidney_failure

NAN = float("nan")
CHALLENGE = SuspicionRule()
WITHOUT_CULTURES = SuspicionRule(needs_culture=False)
DOSES = SuspicionRule(rows_are_doses=True)
DOSES_ALONE = SuspicionRule(needs_culture=False, rows_are_doses=True)

Antibiotics = list[tuple[float, float]]


def orders(antibiotics: Sequence[tuple[float, float]], cultures: Sequence[float]) -> StayOrders:
    return StayOrders(np.array(antibiotics, dtype=float).reshape(-1, 2), np.array(cultures, float))


def onset(stay: Stay, of: StayOrders, rule: SuspicionRule = CHALLENGE) -> float:
    return float(onsets(stay, [of], rule)[0])


# --- Suspicion of infection ---------------------------------------------------------------------

SUSPICION = [
    pytest.param([(20, 100)], [20], [20], id="together"),
    pytest.param([(20, 100)], [44], [20], id="antibiotic first, culture 24 h later"),
    pytest.param([(20, 100)], [45], [], id="antibiotic first, culture 25 h later"),
    pytest.param([(92, 200)], [20], [20], id="culture first, antibiotic 72 h later"),
    pytest.param([(93, 200)], [20], [], id="culture first, antibiotic 73 h later"),
    pytest.param([(20, 92)], [20], [20], id="antibiotics for 72 h"),
    pytest.param([(20, 91)], [20], [], id="antibiotics for 71 h"),
    pytest.param([(20, 60), (50, 92)], [20], [20], id="two orders that overlap"),
    pytest.param([(20, 40), (64, 92)], [20], [20], id="a pause of 24 h"),
    pytest.param([(20, 40), (65, 92)], [20], [], id="a pause of 25 h"),
    pytest.param([(20, 100), (30, 35)], [20], [20], id="a short order within a long one"),
    pytest.param([(20, NAN)], [20], [20], id="an end that is not known"),
    pytest.param([(20, 100)], [], [], id="no culture"),
    pytest.param([], [20], [], id="no antibiotic"),
    pytest.param([], [], [], id="nothing"),
    pytest.param([(-10, 80)], [-12], [-12], id="before admission to intensive care"),
    pytest.param([(20, 200)], [22, 10], [10, 20], id="two cultures"),
]


@pytest.mark.parametrize(("antibiotics", "cultures", "expected"), SUSPICION)
def test_infection_is_suspected_as_the_challenge_defines(
    antibiotics: Antibiotics, cultures: list[float], expected: list[float]
) -> None:
    assert suspicion_hours(orders(antibiotics, cultures), CHALLENGE).tolist() == expected


@pytest.mark.parametrize(
    ("antibiotics", "expected"),
    [
        pytest.param([(20, 92)], [20], id="72 h"),
        pytest.param([(20, 91)], [], id="71 h"),
        pytest.param([(20, 60), (50, 130)], [20], id="an order that goes on is no new suspicion"),
        pytest.param([(20, 100), (130, 210)], [20, 130], id="two courses"),
        pytest.param([(20, NAN), (130, NAN)], [20, 130], id="ends that are not known"),
    ],
)
def test_where_cultures_are_not_recorded_each_course_of_72_hours_counts(
    antibiotics: Antibiotics, expected: list[float]
) -> None:
    assert suspicion_hours(orders(antibiotics, [15]), WITHOUT_CULTURES).tolist() == expected


@pytest.mark.parametrize(
    ("doses", "expected"),
    [
        pytest.param([20], [], id="one dose before an operation"),
        pytest.param([20, 28, 36, 44, 52, 60, 68], [20], id="every 8 hours"),
        pytest.param([20, 44, 68], [20], id="once a day for three days"),
        pytest.param([20, 44], [], id="once a day for two days"),
        pytest.param([20, 45, 69, 93], [45], id="a pause of 25 h"),
    ],
)
def test_doses_make_a_course(doses: list[float], expected: list[float]) -> None:
    without_end = orders([(dose, NAN) for dose in doses], [])
    assert suspicion_hours(without_end, DOSES_ALONE).tolist() == expected
    of_half_an_hour = orders([(dose, dose + 0.5) for dose in doses[:1]], [])
    assert suspicion_hours(of_half_an_hour, DOSES_ALONE).tolist() == []


def test_a_later_dose_is_no_new_order() -> None:
    doses: Antibiotics = [(hour, NAN) for hour in range(10, 110, 8)]
    assert suspicion_hours(orders(doses, [60]), DOSES).tolist() == []
    assert suspicion_hours(orders(doses, [12]), DOSES).tolist() == [10]


# --- Onset --------------------------------------------------------------------------------------

LONG = [(50.0, 150.0)]


@pytest.mark.parametrize(
    ("rise", "expected"),
    [
        pytest.param(25, np.inf, id="SOFA 25 h before suspicion"),
        pytest.param(26, 26, id="SOFA 24 h before suspicion"),
        pytest.param(50, 50, id="together"),
        pytest.param(62, 50, id="SOFA 12 h after suspicion"),
        pytest.param(63, np.inf, id="SOFA 13 h after suspicion"),
    ],
)
def test_onset_is_the_earlier_of_suspicion_and_organ_failure(rise: int, expected: float) -> None:
    assert onset(kidney_failure(at=rise), orders(LONG, [50])) == expected


def test_without_suspicion_or_organ_failure_there_is_no_sepsis() -> None:
    well = a_stay(last_hour=80, measured={1: WELL, 40: WELL})
    assert onset(well, orders(LONG, [50])) == np.inf
    assert onset(kidney_failure(at=50), orders([], [50])) == np.inf


def test_of_several_pairs_the_earliest_onset_counts() -> None:
    """Suspected at 5, without organ failure, and again at 50; SOFA rises at 55 and 100."""
    stay = a_stay(
        last_hour=120, measured={1: WELL, 55: {"Creatinine": 2.5}, 100: {"Platelets": 40}}
    )
    again = orders([(5, 80), (50, 150), (101, 190)], [5, 50, 101])
    assert onset(stay, again) == 50


# --- Label --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "first_label"),
    [
        pytest.param(30.0, 24, id="a whole hour"),
        pytest.param(30.2, 25, id="between two rows"),
        pytest.param(6.0, 1, id="six hours after admission"),
        pytest.param(-20.0, 1, id="before admission"),
        pytest.param(46.0, 40, id="the last row"),
    ],
)
def test_the_label_is_1_from_six_hours_before_onset_to_the_end(at: float, first_label: int) -> None:
    stay = a_stay(last_hour=40, measured={})
    found = labels(stay, np.array([at]))
    assert found.tolist() == [int(hour >= first_label) for hour in range(1, 41)]


@pytest.mark.parametrize("at", [47.0, np.inf])
def test_stays_without_sepsis_in_their_hours_have_label_0(at: float) -> None:
    assert not labels(a_stay(last_hour=40, measured={}), np.array([at])).any()


def test_a_record_that_begins_late_is_labelled_by_its_hours_not_its_rows() -> None:
    stay = a_stay(first_hour=11, last_hour=40, measured={})
    assert labels(stay, np.array([30.0])).tolist() == [0] * 13 + [1] * 17


def test_each_stay_has_its_own_label() -> None:
    stays = Stay.end_to_end([kidney_failure(at=52), kidney_failure(at=90)])
    found = onsets(stays, [orders(LONG, [50]), orders(LONG, [50])], CHALLENGE)
    assert found.tolist() == [50, np.inf]
    assert labels(stays, found).sum() == 120 - (50 - LABEL_LEADS_ONSET_BY) + 1


hours = st.integers(-48, 200)


@settings(deadline=None)
@given(
    st.lists(st.tuples(hours, st.integers(0, 200)), max_size=5),
    st.lists(hours, max_size=4),
    st.integers(2, 120),
    st.integers(-24, 24),
)
def test_the_label_moves_with_the_clock(
    antibiotics: list[tuple[int, int]], cultures: list[int], rise: int, shift: int
) -> None:
    """Orders and SOFA some hours later: onset later by as much."""

    def found(by: int) -> float:
        of = sorted((start + by, start + by + lasts) for start, lasts in antibiotics)
        stay = kidney_failure(at=rise)
        stay.values[:, -1] += by
        return onset(stay, orders(of, [culture + by for culture in cultures]))

    assert found(shift) == found(0) + shift


@given(st.lists(st.tuples(hours, st.integers(0, 200)), max_size=5), st.lists(hours, max_size=4))
def test_a_suspicion_is_the_time_of_an_order(
    antibiotics: list[tuple[int, int]], cultures: list[int]
) -> None:
    of = orders(sorted((start, start + lasts) for start, lasts in antibiotics), cultures)
    assert set(suspicion_hours(of, CHALLENGE)) <= {*of.antibiotics[:, 0], *of.cultures}
    first_only = suspicion_hours(of, WITHOUT_CULTURES)
    assert (np.diff(first_only) > 0).all()
