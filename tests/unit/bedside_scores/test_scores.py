"""The bedside scores: thresholds, what is missing, how long a value counts, and causality."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.bedside_scores.definitions import RATIOS, SCORES
from sepsis_detect.bedside_scores.point_bands import BANDS, PointTable
from sepsis_detect.bedside_scores.scores import at_last_hour, by_hour
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR, N_CLINICAL, N_COLUMNS

# Scores 0 everywhere it can be told from the data.
WELL = {
    "Temp": 37.0,
    "HR": 70.0,
    "Resp": 16.0,
    "PaCO2": 40.0,
    "WBC": 8.0,
    "O2Sat": 97.0,
    "FiO2": 0.21,
    "SBP": 120.0,
    "MAP": 85.0,
    "Platelets": 250.0,
    "Bilirubin_total": 0.6,
    "Creatinine": 0.8,
    "Potassium": 4.2,
    "pH": 7.4,
    "HCO3": 24.0,
}
NAN = float("nan")
NAMES = [card.name for card in (*SCORES, *RATIOS)]


def hours(*rows: dict[str, float]) -> Stay:
    """Make a stay; what a row does not name was not measured, `ICULOS` counts from 1."""
    values = np.full((len(rows), N_COLUMNS), NAN)
    for number, row in enumerate(rows):
        values[number, ICU_HOUR] = number + 1
        for challenge, value in row.items():
            values[number, BY_CHALLENGE[challenge].column] = value
    return Stay(values)


def well(**changed: float) -> Stay:
    """One hour of a well patient with the given values changed."""
    return hours(WELL | changed)


def score(name: str, stay: Stay) -> dict[str, Any]:
    """One score of the last hour, as the API shows it."""
    return next(result.as_dict() for result in at_last_hour(stay) if result.score == name)


def item(name: str, of: str, stay: Stay) -> dict[str, Any]:
    """One item of one score of the last hour."""
    return next(one for one in score(of, stay)["items"] if one["item"] == name)


# Each row: a score, its item, the variable, and values with their points, walking over every
# threshold: the last value before it and the first inside.
WALKS: list[tuple[str, str, str, list[tuple[float, int]]]] = [
    ("sirs", "temperature", "Temp", [(36.0, 0), (35.9, 1), (38.0, 0), (38.1, 1)]),
    ("sirs", "heart_rate", "HR", [(90, 0), (90.5, 1)]),
    ("sirs", "breathing", "Resp", [(20, 0), (20.5, 1)]),
    ("sirs", "breathing", "PaCO2", [(32, 0), (31.9, 1)]),
    ("sirs", "white_cells", "WBC", [(4.0, 0), (3.9, 1), (12.0, 0), (12.1, 1)]),
    ("qsofa", "respiratory_rate", "Resp", [(21.9, 0), (22, 1)]),
    ("qsofa", "systolic_bp", "SBP", [(100.1, 0), (100, 1)]),
    (
        "news2",
        "respiratory_rate",
        "Resp",
        [(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)],
    ),
    ("news2", "spo2", "O2Sat", [(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0)]),
    ("news2", "oxygen", "FiO2", [(0.21, 0), (0.22, 2)]),
    (
        "news2",
        "systolic_bp",
        "SBP",
        [(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)],
    ),
    (
        "news2",
        "heart_rate",
        "HR",
        [
            *[(40, 3), (41, 1), (50, 1), (51, 0), (90, 0)],
            *[(91, 1), (110, 1), (111, 2), (130, 2), (131, 3)],
        ],
    ),
    (
        "news2",
        "temperature",
        "Temp",
        [(35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)],
    ),
    # Between two marks of the chart a temperature goes to the nearer one, halves up.
    (
        "news2",
        "temperature",
        "Temp",
        [(35.04, 3), (35.05, 1), (36.04, 1), (36.05, 0), (38.04, 0), (38.05, 1), (39.05, 2)],
    ),
    ("sofa2", "cardiovascular", "MAP", [(70, 0), (69.9, 1)]),
    (
        "sofa2",
        "coagulation",
        "Platelets",
        [(151, 0), (150, 1), (101, 1), (100, 2), (81, 2), (80, 3), (51, 3), (50, 4)],
    ),
    (
        "sofa2",
        "liver",
        "Bilirubin_total",
        [(1.2, 0), (1.3, 1), (3.0, 1), (3.1, 2), (6.0, 2), (6.1, 3), (12.0, 3), (12.1, 4)],
    ),
    (
        "sofa2",
        "kidney",
        "Creatinine",
        [(1.2, 0), (1.3, 1), (2.0, 1), (2.1, 2), (3.5, 2), (3.6, 3), (9.0, 3)],
    ),
    # SpO2 90 %: 90 / 0.30 = 300, 90 / 0.36 = 250.
    (
        "sofa2",
        "respiratory",
        "FiO2",
        [(0.299, 0), (0.30, 1), (0.359, 1), (0.36, 2), (0.45, 2), (1.0, 2)],
    ),
]


@pytest.mark.parametrize(
    ("of", "name", "variable", "value", "points"),
    [
        pytest.param(of, name, variable, value, points, id=f"{of} {name}: {variable} {value}")
        for of, name, variable, steps in WALKS
        for value, points in steps
    ],
)
def test_each_item_scores_exactly_at_its_thresholds(
    of: str, name: str, variable: str, value: float, points: int
) -> None:
    saturation = 90.0 if name == "respiratory" else WELL["O2Sat"]
    stay = well(**{"O2Sat": saturation, variable: value})
    assert item(name, of, stay)["points"] == points


def test_every_threshold_of_the_table_is_walked_over() -> None:
    walked = {(of, name, variable) for of, name, variable, _ in WALKS}
    assert {(band.score, band.item, band.variable) for band in BANDS} <= walked


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        pytest.param({"Creatinine": 1.3, "Potassium": 5.9}, 1, id="potassium below 6.0"),
        pytest.param({"Creatinine": 1.3, "Potassium": 6.0}, 4, id="potassium 6.0"),
        pytest.param({"Creatinine": 1.2, "Potassium": 7.0}, 0, id="creatinine not raised"),
        pytest.param({"Creatinine": 1.3, "pH": 7.20, "HCO3": 12}, 4, id="metabolic acidosis"),
        pytest.param({"Creatinine": 1.3, "pH": 7.21, "HCO3": 12}, 1, id="pH above 7.20"),
        pytest.param({"Creatinine": 1.3, "pH": 7.20, "HCO3": 12.1}, 1, id="bicarbonate above 12"),
        pytest.param({"Creatinine": 1.3, "pH": 7.1, "HCO3": NAN}, 1, id="bicarbonate unknown"),
        pytest.param({"Creatinine": NAN, "Potassium": 7.0}, None, id="creatinine unknown"),
    ],
)
def test_criteria_for_renal_replacement_make_four_kidney_points(
    changed: dict[str, float], points: int | None
) -> None:
    assert item("kidney", "sofa2", well(**changed))["points"] == points


@pytest.mark.parametrize(
    ("spo2", "fio2", "points", "maximum"),
    [
        pytest.param(97.9, 0.4, 2, 2, id="below 98 % the ratio counts"),
        pytest.param(98.0, 0.4, None, 4, id="from 98 % it says nothing"),
        pytest.param(90.0, 0.449, 2, 2, id="above 200"),
        pytest.param(90.0, 0.45, 2, 3, id="200: three points if supported"),
        pytest.param(90.0, 0.749, 2, 3, id="above 120"),
        pytest.param(90.0, 0.75, 2, 4, id="120: four points if supported"),
        pytest.param(84.0, 0.70, 2, 4, id="120, of which binary division makes a little more"),
        pytest.param(90.0, NAN, None, 4, id="oxygen unknown"),
        pytest.param(NAN, 0.5, None, 4, id="saturation unknown"),
    ],
)
def test_respiratory_points_above_two_need_a_support_that_is_unknown(
    spo2: float, fio2: float, points: int | None, maximum: int
) -> None:
    found = item("respiratory", "sofa2", well(O2Sat=spo2, FiO2=fio2))
    assert (found["points"], found["maximum"]) == (points, maximum)


def test_breathing_gives_one_point_however_it_is_shown() -> None:
    assert item("breathing", "sirs", well(Resp=30, PaCO2=25))["points"] == 1
    assert item("breathing", "sirs", well(Resp=30, PaCO2=NAN))["points"] == 1
    assert item("breathing", "sirs", well(Resp=16, PaCO2=25))["points"] == 1
    assert item("breathing", "sirs", well(Resp=NAN, PaCO2=25))["points"] == 1


def test_a_normal_pco2_does_not_stand_in_for_an_unknown_respiratory_rate() -> None:
    found = item("breathing", "sirs", well(Resp=NAN, PaCO2=40))
    assert (found["points"], found["maximum"]) == (None, 1)


@pytest.mark.parametrize(
    ("of", "minimum", "maximum", "missing"),
    [
        pytest.param("sirs", 0, 0, [], id="SIRS"),
        pytest.param("qsofa", 0, 1, ["mental_state"], id="qSOFA: mental state"),
        pytest.param("news2", 0, 3, ["consciousness"], id="NEWS2: consciousness"),
        pytest.param("sofa2", 0, 12, ["brain"], id="SOFA-2: brain, vasopressors, dialysis"),
    ],
)
def test_a_well_patient_may_score_only_what_is_not_in_the_data(
    of: str, minimum: int, maximum: int, missing: list[str]
) -> None:
    found = score(of, well())
    assert (found["value"], found["minimum"], found["maximum"]) == (minimum, minimum, maximum)
    assert found["missing"] == missing


@pytest.mark.parametrize(
    ("of", "most"),
    [("sirs", 4), ("qsofa", 3), ("news2", 20), ("sofa2", 24)],
)
def test_nothing_measured_is_no_score_not_a_zero(of: str, most: int) -> None:
    found = score(of, hours({}))
    assert found["value"] is None
    assert (found["minimum"], found["maximum"], found["out_of"]) == (0, most, most)
    assert (found["available"], len(found["missing"])) == (0, found["total"])
    assert found["is_reached"] is None


@pytest.mark.parametrize(
    ("of", "name", "variable"),
    sorted({(band.score, band.item, band.variable) for band in BANDS if band.variable != "PaCO2"}),
)
def test_a_missing_sign_is_unknown_not_normal(of: str, name: str, variable: str) -> None:
    card = next(card for card in SCORES if card.name == of)
    most = next(one.max_points for one in card.items if one.name == name)
    without = well(**{variable: NAN})
    found = item(name, of, without)
    assert (found["points"], found["maximum"]) == (None, most)
    assert BY_CHALLENGE[variable].name not in [one["variable"] for one in found["readings"]]
    assert name in score(of, without)["missing"]
    assert score(of, without)["minimum"] == 0


def test_the_worst_patient_scores_no_more_than_the_score_can_be() -> None:
    worst = hours(
        WELL
        | {"Temp": 34, "HR": 140, "Resp": 30, "PaCO2": 20, "WBC": 30, "O2Sat": 80, "FiO2": 1.0}
        | {"SBP": 60, "MAP": 40, "Platelets": 10, "Bilirubin_total": 20, "Creatinine": 6}
        | {"Potassium": 7}
    )
    bounds = {of: (score(of, worst)["minimum"], score(of, worst)["maximum"]) for of in NAMES[:4]}
    assert bounds == {"sirs": (4, 4), "qsofa": (2, 3), "news2": (17, 20), "sofa2": (15, 24)}


@pytest.mark.parametrize(
    ("changed", "is_reached"),
    [
        pytest.param({}, False, id="no, whatever the mental state"),
        pytest.param({"Resp": 22}, None, id="only if the mental state is altered"),
        pytest.param({"Resp": 22, "SBP": 100}, True, id="yes, whatever the mental state"),
    ],
)
def test_a_threshold_is_reached_or_not_only_when_the_missing_cannot_change_it(
    changed: dict[str, float], is_reached: bool | None
) -> None:
    assert score("qsofa", well(**changed))["is_reached"] is is_reached


@pytest.mark.parametrize(
    ("name", "changed", "value", "is_reached"),
    [
        pytest.param("shock_index", {"HR": 119, "SBP": 120}, 119 / 120, False, id="below 1.0"),
        pytest.param("shock_index", {"HR": 120, "SBP": 120}, 1.0, True, id="1.0"),
        pytest.param("modified_shock_index", {"HR": 130, "MAP": 100}, 1.3, False, id="1.3"),
        pytest.param("modified_shock_index", {"HR": 131, "MAP": 100}, 1.31, True, id="above 1.3"),
    ],
)
def test_shock_indexes_are_heart_rate_over_pressure(
    name: str, changed: dict[str, float], value: float, is_reached: bool
) -> None:
    found = score(name, well(**changed))
    assert (found["value"], found["minimum"], found["maximum"]) == (value, value, value)
    assert found["is_reached"] is is_reached


@pytest.mark.parametrize("variable", ["HR", "SBP"])
def test_a_shock_index_without_both_signs_is_unknown(variable: str) -> None:
    found = score("shock_index", well(**{variable: NAN}))
    assert (found["value"], found["minimum"], found["maximum"]) == (None, None, None)
    assert found["missing"] == [BY_CHALLENGE[variable].name]
    assert (found["available"], found["is_reached"]) == (1, None)


@pytest.mark.parametrize(
    ("variable", "of", "name", "hours_carried"),
    [
        pytest.param("HR", "sirs", "heart_rate", 4, id="a vital sign counts 4 h"),
        pytest.param("WBC", "sirs", "white_cells", 24, id="a laboratory value counts 24 h"),
        pytest.param("FiO2", "news2", "oxygen", 24, id="so does inspired oxygen"),
    ],
)
def test_a_value_counts_for_hours_not_for_rows(
    variable: str, of: str, name: str, hours_carried: int
) -> None:
    measured = {variable: 100.0, "ICULOS": 10}
    last = hours(measured, {"ICULOS": 10 + hours_carried})
    stale = hours(measured, {"ICULOS": 11 + hours_carried})
    assert item(name, of, last)["readings"][0]["measured_at_icu_hour"] == 10
    assert item(name, of, last)["points"] is not None
    assert item(name, of, stale)["points"] is None
    assert item(name, of, stale)["readings"] == []


def test_the_newest_value_counts_not_the_worst() -> None:
    found = item("heart_rate", "news2", hours({"HR": 140}, {"HR": 80}, {}))
    assert found["points"] == 0
    assert found["readings"] == [
        {"variable": "heart_rate", "value": 80.0, "unit": "/min", "measured_at_icu_hour": 2}
    ]


def test_a_lone_hour_without_a_number_is_scored() -> None:
    found = item("heart_rate", "news2", well(ICULOS=NAN))
    assert found["points"] == 0
    assert found["readings"][0]["measured_at_icu_hour"] is None


@pytest.mark.parametrize(
    ("of", "name", "variable", "value"),
    [
        pytest.param("sofa2", "kidney", "Creatinine", 1.2, id="creatinine 1.2 in float32"),
        pytest.param("news2", "oxygen", "FiO2", 0.21, id="room air in float32"),
        pytest.param("sirs", "temperature", "Temp", 38.0 + 1e-12, id="38.0 from 100.4 degF"),
    ],
)
def test_the_noise_of_number_formats_does_not_cross_a_threshold(
    of: str, name: str, variable: str, value: float
) -> None:
    noisy = well(**{variable: float(np.float32(value)) if value < 2 else value})
    assert item(name, of, noisy)["points"] == 0


def test_the_answer_is_json_with_the_same_keys_for_every_score() -> None:
    for stay in (well(), hours({}), hours({"HR": 90})):
        answer = [result.as_dict() for result in at_last_hour(stay)]
        assert json.loads(json.dumps(answer, allow_nan=False)) == answer
        assert [one["score"] for one in answer] == NAMES
        assert len({tuple(one) for one in answer}) == 1
        assert len({tuple(one) for result in answer for one in result["items"]}) == 1


def test_every_label_and_note_is_given_in_both_languages() -> None:
    for result in at_last_hour(well()):
        assert all(one.label_en and one.label_fr for one in result.items)
        assert result.label_en
        assert result.label_fr
        assert result.note_en
        assert result.note_fr


def test_the_last_hour_of_several_stays_is_refused() -> None:
    with pytest.raises(ValueError, match="one stay"):
        at_last_hour(Stay.end_to_end([well(), well()]))


def test_the_points_of_the_features_are_the_same_points() -> None:
    names = tuple(card.name for card in SCORES)
    values = np.vstack([well(Resp=30, PaCO2=20, Temp=38.06, SBP=95).values] * 2)[:, :N_CLINICAL]
    points = PointTable(names, np.float32)(values.astype(np.float32))
    assert points.dtype == np.float32
    assert points[0].tolist() == points[1].tolist() == [2.0, 2.0, 6.0, 0.0]


def values_near_thresholds() -> st.SearchStrategy[float]:
    thresholds = sorted({band.threshold for band in BANDS} | {6.0, 7.2, 97.0, 98.0, 0.3})
    at = st.sampled_from(thresholds)
    return st.builds(lambda threshold, step: threshold + step, at, st.sampled_from([-0.1, 0, 0.1]))


@st.composite
def stays(draw: st.DrawFn) -> Stay:
    """A stay of some hours with gaps, each value missing more often than not."""
    values = st.dictionaries(st.sampled_from(sorted(WELL)), values_near_thresholds(), max_size=8)
    gaps = draw(st.lists(st.integers(1, 13), min_size=1, max_size=8))
    icu_hours = np.cumsum(gaps).tolist()
    return hours(*[draw(values) | {"ICULOS": icu_hour} for icu_hour in icu_hours])


def assert_same(found: Stay, expected: Stay, rows: slice) -> None:
    """Compare the scores of some rows of one stay with all rows of another, to the bit."""
    for name, ranges in by_hour(found).items():
        other = by_hour(expected)[name]
        np.testing.assert_array_equal(ranges.minimum[rows], other.minimum)
        np.testing.assert_array_equal(ranges.maximum[rows], other.maximum)
        np.testing.assert_array_equal(ranges.available[rows], other.available)


@given(stays(), st.data())
def test_an_hour_does_not_know_its_future(stay: Stay, data: st.DataObject) -> None:
    n_hours = data.draw(st.integers(1, stay.n_hours))
    assert_same(stay, Stay(stay.values[:n_hours]), slice(0, n_hours))


@given(st.lists(stays(), min_size=1, max_size=4))
def test_stays_end_to_end_score_as_each_alone(alone: list[Stay]) -> None:
    together = Stay.end_to_end(alone)
    for stay, start in zip(alone, together.starts.tolist(), strict=True):
        assert_same(together, stay, slice(start, start + stay.n_hours))


@given(stays())
def test_the_last_hour_as_shown_is_the_last_hour_of_the_arrays(stay: Stay) -> None:
    ranges = by_hour(stay)
    for shown in at_last_hour(stay):
        last = ranges[shown.score]
        bounds = [None if np.isnan(at[-1]) else at[-1] for at in (last.minimum, last.maximum)]
        assert [shown.minimum, shown.maximum] == bounds
        assert shown.available == last.available[-1] == shown.total - len(shown.missing)


@given(stays())
def test_a_score_lies_between_its_minimum_and_its_maximum(stay: Stay) -> None:
    for card in SCORES:
        ranges = by_hour(stay)[card.name]
        assert (ranges.minimum >= 0).all()
        assert (ranges.minimum <= ranges.maximum).all()
        assert (ranges.maximum <= card.max_points).all()
        assert (ranges.available <= len(card.items)).all()


# PaCO2 is an alternative to the respiratory rate: its absence leaves no item unknown.
@given(stays(), st.sampled_from(sorted(WELL.keys() - {"PaCO2"})), values_near_thresholds())
def test_measuring_one_more_thing_never_widens_a_score(
    stay: Stay, variable: str, value: float
) -> None:
    column = BY_CHALLENGE[variable].column
    before = stay.values.copy()
    before[:, column] = NAN
    after = before.copy()
    after[-1, column] = value
    for card in SCORES:
        wide, narrow = by_hour(Stay(before))[card.name], by_hour(Stay(after))[card.name]
        assert narrow.minimum[-1] >= wide.minimum[-1]
        assert narrow.maximum[-1] <= wide.maximum[-1]
