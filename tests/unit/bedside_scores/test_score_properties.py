"""Properties of the bedside scores: causality, several stays at once, and ranges."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.bedside_scores.definitions import SCORES
from sepsis_detect.bedside_scores.point_bands import BANDS
from sepsis_detect.bedside_scores.scores import at_last_hour, by_hour
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE
from tests.stays import NAN, a_stay_of
from tests.unit.bedside_scores.well_patient import WELL


def values_near_thresholds() -> st.SearchStrategy[float]:
    thresholds = sorted({band.threshold for band in BANDS} | {6.0, 7.2, 97.0, 98.0, 0.3})
    at = st.sampled_from(thresholds)
    return st.builds(lambda threshold, step: threshold + step, at, st.sampled_from([-0.1, 0, 0.1]))


@st.composite
def stays(draw: st.DrawFn) -> Stay:
    """A stay of some hours with gaps, in which most values are missing."""
    values = st.dictionaries(st.sampled_from(sorted(WELL)), values_near_thresholds(), max_size=8)
    gaps = draw(st.lists(st.integers(1, 13), min_size=1, max_size=8))
    icu_hours = np.cumsum(gaps).tolist()
    return a_stay_of(*[draw(values) | {"ICULOS": icu_hour} for icu_hour in icu_hours])


def assert_same(found: Stay, expected: Stay, rows: slice) -> None:
    """Check that some rows of a stay have exactly the scores of all rows of another."""
    for name, ranges in by_hour(found).items():
        other = by_hour(expected)[name]
        np.testing.assert_array_equal(ranges.minimum[rows], other.minimum)
        np.testing.assert_array_equal(ranges.maximum[rows], other.maximum)
        np.testing.assert_array_equal(ranges.available[rows], other.available)


@given(stays(), st.data())
def test_later_hours_change_no_score(stay: Stay, data: st.DataObject) -> None:
    n_hours = data.draw(st.integers(1, stay.n_hours))
    assert_same(stay, Stay(stay.values[:n_hours]), slice(0, n_hours))


@given(st.lists(stays(), min_size=1, max_size=4))
def test_stays_end_to_end_have_the_same_scores_as_each_alone(alone: list[Stay]) -> None:
    together = Stay.end_to_end(alone)
    for stay, start in zip(alone, together.starts.tolist(), strict=True):
        assert_same(together, stay, slice(start, start + stay.n_hours))


@given(stays())
def test_the_last_hour_has_the_scores_of_the_arrays(stay: Stay) -> None:
    ranges = by_hour(stay)
    for result in at_last_hour(stay):
        last = ranges[result.score]
        bounds = [None if np.isnan(at[-1]) else at[-1] for at in (last.minimum, last.maximum)]
        assert [result.minimum, result.maximum] == bounds
        assert result.available == last.available[-1] == result.total - len(result.missing)


@given(stays())
def test_a_score_lies_between_its_minimum_and_its_maximum(stay: Stay) -> None:
    for definition in SCORES:
        ranges = by_hour(stay)[definition.name]
        assert (ranges.minimum >= 0).all()
        assert (ranges.minimum <= ranges.maximum).all()
        assert (ranges.maximum <= definition.max_points).all()
        assert (ranges.available <= len(definition.items)).all()


# Without PaCO2 no item is unknown: it is an alternative to the respiratory rate.
@given(stays(), st.sampled_from(sorted(WELL.keys() - {"PaCO2"})), values_near_thresholds())
def test_one_more_measurement_never_widens_the_range_of_a_score(
    stay: Stay, variable: str, value: float
) -> None:
    column = BY_CHALLENGE[variable].column
    before = stay.values.copy()
    before[:, column] = NAN
    after = before.copy()
    after[-1, column] = value
    for definition in SCORES:
        wide, narrow = by_hour(Stay(before))[definition.name], by_hour(Stay(after))[definition.name]
        assert narrow.minimum[-1] >= wide.minimum[-1]
        assert narrow.maximum[-1] <= wide.maximum[-1]
