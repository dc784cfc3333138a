"""Features: causality, reproducibility, windows, and missing values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR, N_COLUMNS, VARIABLES
from sepsis_detect.prediction import features
from sepsis_detect.prediction.lookback_windows import WINDOWS_HOURS
from tests.paths import SHARED
from tests.stays import NAN, a_stay

STAYS = SHARED / "data" / "physionet2019"

LOW = np.array([variable.hard_low for variable in VARIABLES])
HIGH = np.array([variable.hard_high for variable in VARIABLES])


@st.composite
def stays(draw: st.DrawFn, max_hours: int = 60) -> Stay:
    """A stay with values anywhere in their ranges, many missing, some hours absent."""
    n_hours = draw(st.integers(1, max_hours))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    values = random.uniform(LOW, HIGH, (n_hours, N_COLUMNS)).round(1)
    values[random.random(values.shape) < draw(st.sampled_from([0.0, 0.6, 0.95]))] = np.nan
    steps = draw(hnp.arrays(np.int64, n_hours, elements=st.sampled_from([1, 1, 1, 2, 7, 30, 200])))
    values[:, ICU_HOUR] = np.cumsum(steps)
    return Stay(values)


def feature(stay: Stay, name: str) -> FloatArray:
    return features.compute(stay)[:, features.NAMES.index(name)].astype(np.float64)


def a_course(challenge: str, values: list[float]) -> Stay:
    """One variable over consecutive hours; potassium as well, so that no hour is empty."""
    return a_stay(len(values), {"Potassium": 4.0, challenge: values})


@settings(deadline=None, max_examples=60)
@given(stays(), st.data())
def test_later_hours_change_no_feature(stay: Stay, data: st.DataObject) -> None:
    until = data.draw(st.integers(1, stay.n_hours))
    whole = features.compute(stay)
    past = features.compute(Stay(stay.values[:until]))
    np.testing.assert_array_equal(past, whole[:until])


@settings(deadline=None, max_examples=40)
@given(st.lists(stays(30), min_size=2, max_size=6))
def test_a_stay_has_the_same_bits_among_others_as_alone(several: list[Stay]) -> None:
    together = features.compute(Stay.end_to_end(several))
    alone = np.concatenate([features.compute(stay) for stay in several])
    np.testing.assert_array_equal(together.view(np.uint32), alone.view(np.uint32))


@settings(deadline=None, max_examples=40)
@given(stays(), st.data())
def test_some_rows_are_the_same_as_all_rows(stay: Stay, data: st.DataObject) -> None:
    rows = np.array(data.draw(st.lists(st.integers(0, stay.n_hours - 1), min_size=1)))
    np.testing.assert_array_equal(features.compute(stay, rows), features.compute(stay)[rows])


@settings(deadline=None, max_examples=40)
@given(stays(20))
def test_an_absent_hour_is_an_hour_without_measurement(stay: Stay) -> None:
    hours = stay.icu_hours.astype(int)
    filled = np.full((hours[-1] - hours[0] + 1, N_COLUMNS), np.nan)
    filled[hours - hours[0]] = stay.values
    filled[:, ICU_HOUR] = np.arange(hours[0], hours[-1] + 1)
    np.testing.assert_array_equal(
        features.compute(Stay(filled))[hours - hours[0]], features.compute(stay)
    )


@settings(deadline=None, max_examples=30)
@given(stays(20))
def test_single_and_double_precision_inputs_give_the_same_features(stay: Stay) -> None:
    single = Stay(stay.values.astype(np.float32).astype(np.float64))
    np.testing.assert_array_equal(features.compute(single), features.compute(stay))


def test_an_hour_without_a_value_has_no_feature_of_it() -> None:
    stay = a_course("Lactate", [NAN, 2.5])
    first = features.compute(stay)[0]
    for name, sources in features.SOURCES.items():
        if sources == ("Lactate",) and "count" not in name:
            assert np.isnan(first[features.NAMES.index(name)]), name


def test_the_last_value_is_carried_with_its_age_and_its_change() -> None:
    stay = a_course("Lactate", [1.5, NAN, 4.0, NAN, NAN])
    np.testing.assert_array_equal(feature(stay, "lactate_last"), [1.5, 1.5, 4.0, 4.0, 4.0])
    np.testing.assert_array_equal(feature(stay, "lactate_hours_since"), [0, 1, 0, 1, 2])
    np.testing.assert_array_equal(feature(stay, "lactate_change"), [NAN, NAN, 2.5, 2.5, 2.5])
    np.testing.assert_array_equal(feature(stay, "lactate_count_36h"), [1, 1, 2, 2, 2])


def test_a_change_starts_at_the_first_value_known_within_the_look_back() -> None:
    stay = a_course("Creatinine", [NAN, 1.0, NAN, 1.5, *[NAN] * 31, 2.5, *[NAN] * 36])
    change = feature(stay, "creatinine_change_36h")
    np.testing.assert_array_equal(change[:4], [NAN, 0, 0, 0.5])
    np.testing.assert_array_equal(change[35:39], [1.5, 1.5, 1.5, 1.0])
    np.testing.assert_array_equal(change[69:72], [1.0, 0, 0])


def test_a_window_holds_the_values_known_at_each_of_its_hours() -> None:
    stay = a_course("HR", [150.0, NAN, 80.0, *[NAN] * 9])
    np.testing.assert_array_equal(
        feature(stay, "heart_rate_mean_6h")[:3], [150, 150, np.float32(380 / 3)]
    )
    highest = feature(stay, "heart_rate_max_6h")
    np.testing.assert_array_equal(highest[[6, 7, 8, 11]], [150, 80, 80, 80])


@pytest.mark.parametrize("hours", WINDOWS_HOURS)
def test_a_window_ends_after_its_hours(hours: int) -> None:
    stay = a_course("HR", [150.0, *[80.0] * hours])
    highest = feature(stay, f"heart_rate_max_{hours}h")
    mean = feature(stay, f"heart_rate_mean_{hours}h")
    assert highest[hours - 1] == 150
    assert highest[hours] == 80
    assert mean[hours - 1] > 80
    assert mean[hours] == 80


def test_a_laboratory_extreme_ends_with_the_look_back() -> None:
    stay = a_course("Lactate", [9.0, 1.0, *[NAN] * 35])
    highest = feature(stay, "lactate_max_36h")
    assert highest[35] == 9
    assert highest[36] == 1


@settings(deadline=None, max_examples=40)
@given(stays(20), st.integers(1, 60))
def test_hours_without_any_measurement_change_no_feature(stay: Stay, n_hours: int) -> None:
    unmeasured = np.full((n_hours, N_COLUMNS), np.nan)
    unmeasured[:, ICU_HOUR] = stay.icu_hours[-1] + np.arange(1, n_hours + 1)
    computed = features.compute(Stay(np.concatenate([stay.values, unmeasured])))
    before = computed[stay.n_hours - 1]
    if not np.isnan(stay.values[:, : features.N]).all():
        np.testing.assert_array_equal(computed[stay.n_hours :], before[None].repeat(n_hours, 0))


def test_no_feature_depends_on_the_length_of_a_long_stay() -> None:
    """Long records of the training data are septic by the record-length artefact."""
    computed = features.compute(a_course("HR", [80.0, *[NAN] * 23] * 14))
    late = np.arange(features.TIME_CAP_HOURS + features.LOOKBACK_HOURS, 24 * 13)
    np.testing.assert_array_equal(computed[late], computed[late + 24])


def test_constant_hours_have_constant_features_from_the_first_cut_on() -> None:
    computed = features.compute(a_course("HR", [80.0] * 336))
    late = computed[features.TIME_CAP_HOURS - 1 :]
    np.testing.assert_array_equal(late, late[:1].repeat(len(late), axis=0))


@pytest.mark.parametrize(
    ("challenge", "name", "sent", "expected"),
    [
        pytest.param("Age", "age", 89.0, 89.0, id="89 stays"),
        pytest.param("Age", "age", 90.0, 100.0, id="90 and over is one group"),
        pytest.param("ICULOS", "icu_hour", 36.0, 36.0, id="a day and a half"),
        pytest.param("ICULOS", "icu_hour", 300.0, 36.0, id="no difference after that"),
        pytest.param("Calcium", "calcium_last", 4.0, 4.0, id="total calcium"),
        pytest.param("Calcium", "calcium_last", 1.15, NAN, id="ionised calcium is another analyte"),
        pytest.param("Unit2", "medical_unit", 1.0, 0.0, id="surgical is not medical"),
    ],
)
def test_a_value_is_coded_as_in_the_training_data(
    challenge: str, name: str, sent: float, expected: float
) -> None:
    np.testing.assert_array_equal(feature(a_stay(1, {challenge: sent}), name), [expected])


def test_every_feature_names_the_variables_it_is_computed_from() -> None:
    """A feature changes if, and only if, one of its source variables is removed."""
    random = np.random.default_rng(2019)
    middle = (np.maximum(LOW, -100) + np.minimum(HIGH, 200)) / 2
    base = np.tile(middle, (30, 1)) + random.normal(0, 1, (30, N_COLUMNS)).round(2)
    base[:, ICU_HOUR] = np.arange(1, 31)
    base[:, BY_CHALLENGE["Unit2"].column] = np.nan
    before = features.compute(Stay(base))[-1]
    for variable in VARIABLES:
        removed = base.copy()
        removed[:, variable.column] = np.nan
        after = features.compute(Stay(removed))[-1]
        is_changed = ~((before == after) | (np.isnan(before) & np.isnan(after)))
        changed = {features.NAMES[at] for at in np.flatnonzero(is_changed)}
        computed = {name for name, of in features.SOURCES.items() if variable.challenge in of}
        assert changed <= computed, variable.challenge
        if variable.challenge not in ("Unit2", "PaCO2", "WBC", "FiO2"):
            assert changed, variable.challenge


@pytest.mark.skipif(not STAYS.exists(), reason="the shared data are not beside the checkout")
def test_a_real_stay_has_the_same_features_alone_and_among_a_thousand() -> None:
    tables = pytest.importorskip("sepsis_detect.batch_scoring.stay_files")
    batch = next(iter(tables.read_stays(STAYS / "setA.parquet")))
    stay = batch.stay
    together = features.compute(stay)
    for at in range(0, stay.n_stays, 40):
        rows = slice(stay.starts[at], stay.last_rows[at] + 1)
        np.testing.assert_array_equal(features.compute(Stay(stay.values[rows])), together[rows])
