"""Bedside scores: ranges, missing items, thresholds, ratios, carried values and labels."""

import json

import pytest

from sepsis_detect.bedside_scores.definitions import SCORES
from sepsis_detect.bedside_scores.point_bands import BANDS
from sepsis_detect.bedside_scores.scores import at_last_hour
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE
from tests.stays import NAN, a_stay_of
from tests.unit.bedside_scores.well_patient import NAMES, WELL, item, score, well


@pytest.mark.parametrize(
    ("of", "minimum", "maximum", "missing"),
    [
        pytest.param("sirs", 0, 0, [], id="SIRS"),
        pytest.param("qsofa", 0, 1, ["mental_state"], id="qSOFA: mental state"),
        pytest.param("news2", 0, 3, ["consciousness"], id="NEWS2: consciousness"),
        pytest.param("sofa2", 0, 12, ["brain"], id="SOFA-2: brain, vasopressors, dialysis"),
    ],
)
def test_a_well_patient_can_have_only_points_of_items_that_are_not_in_the_data(
    of: str, minimum: int, maximum: int, missing: list[str]
) -> None:
    found = score(of, well())
    assert (found["value"], found["minimum"], found["maximum"]) == (minimum, minimum, maximum)
    assert found["missing"] == missing


@pytest.mark.parametrize(
    ("of", "max_points"),
    [("sirs", 4), ("qsofa", 3), ("news2", 20), ("sofa2", 24)],
)
def test_a_score_without_measurements_is_unknown_not_zero(of: str, max_points: int) -> None:
    found = score(of, a_stay_of({}))
    assert found["value"] is None
    assert (found["minimum"], found["maximum"], found["out_of"]) == (0, max_points, max_points)
    assert (found["available"], len(found["missing"])) == (0, found["total"])
    assert found["is_reached"] is None


@pytest.mark.parametrize(
    ("of", "name", "variable"),
    sorted({(band.score, band.item, band.variable) for band in BANDS if band.variable != "PaCO2"}),
)
def test_a_missing_sign_is_unknown_not_normal(of: str, name: str, variable: str) -> None:
    definition = next(each for each in SCORES if each.name == of)
    max_points = next(each.max_points for each in definition.items if each.name == name)
    without = well(**{variable: NAN})
    found = item(name, of, without)
    assert (found["points"], found["maximum"]) == (None, max_points)
    assert BY_CHALLENGE[variable].name not in [one["variable"] for one in found["readings"]]
    assert name in score(of, without)["missing"]
    assert score(of, without)["minimum"] == 0


def test_the_worst_values_reach_the_largest_number_of_points() -> None:
    worst = a_stay_of(
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
def test_whether_a_threshold_is_reached_is_unknown_if_missing_items_decide(
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
def test_a_shock_index_needs_both_variables(variable: str) -> None:
    found = score("shock_index", well(**{variable: NAN}))
    assert (found["value"], found["minimum"], found["maximum"]) == (None, None, None)
    assert found["missing"] == [BY_CHALLENGE[variable].name]
    assert (found["available"], found["is_reached"]) == (1, None)


@pytest.mark.parametrize(
    ("variable", "of", "name", "hours_carried"),
    [
        pytest.param("HR", "sirs", "heart_rate", 4, id="vital sign, 4 h"),
        pytest.param("WBC", "sirs", "white_cells", 24, id="laboratory value, 24 h"),
        pytest.param("FiO2", "news2", "oxygen", 4, id="inspired oxygen, 4 h"),
        pytest.param("Potassium", "sofa2", "kidney", 24, id="potassium, 24 h"),
        pytest.param("pH", "sofa2", "kidney", 4, id="pH, 4 h"),
    ],
)
def test_a_value_is_carried_forward_by_hours_not_by_rows(
    variable: str, of: str, name: str, hours_carried: int
) -> None:
    measured = {variable: 100.0, "ICULOS": 10}
    last = a_stay_of(measured, {"ICULOS": 10 + hours_carried})
    expired = a_stay_of(measured, {"ICULOS": 11 + hours_carried})
    (reading,) = item(name, of, last)["readings"]
    assert (reading["measured_at_icu_hour"], reading["age_hours"]) == (10, hours_carried)
    assert item(name, of, expired)["readings"] == []


@pytest.mark.parametrize(("age_hours", "points"), [(4, 1), (5, None)])
def test_a_paco2_older_than_four_hours_gives_no_sirs_point(
    age_hours: int, points: int | None
) -> None:
    found = item(
        "breathing", "sirs", a_stay_of({"PaCO2": 25.0, "ICULOS": 3}, {"ICULOS": 3 + age_hours})
    )
    assert found["points"] == points


@pytest.mark.parametrize(
    ("hours", "points"),
    [
        pytest.param([{"pH": 7.1, "HCO3": 10}], 4, id="one sample"),
        pytest.param([{"pH": 7.1, "HCO3": 10}, {}, {}, {}, {}], 4, id="one sample, 4 h old"),
        pytest.param([{"pH": 7.1, "HCO3": 10}, {}, {}, {}, {}, {}], 1, id="one sample, 5 h old"),
        pytest.param([{"pH": 7.1}, {"HCO3": 10}], 1, id="pH an hour before"),
        pytest.param([{"HCO3": 10}, {"pH": 7.1}], 1, id="bicarbonate an hour before"),
        pytest.param([{"pH": 7.1, "HCO3": 10}, {"pH": 7.35}], 1, id="a later pH alone"),
    ],
)
def test_ph_and_bicarbonate_of_renal_replacement_are_of_one_sample(
    hours: list[dict[str, float]], points: int
) -> None:
    stay = a_stay_of(*[{"Creatinine": 1.3} | hour for hour in hours])
    assert item("kidney", "sofa2", stay)["points"] == points


def test_the_latest_value_is_used_not_the_worst() -> None:
    found = item("heart_rate", "news2", a_stay_of({"HR": 140}, {"HR": 80}, {}))
    assert found["points"] == 0
    assert found["readings"] == [
        {
            "variable": "heart_rate",
            "value": 80.0,
            "unit": "/min",
            "measured_at_icu_hour": 2,
            "age_hours": 1,
        }
    ]


def test_a_single_hour_without_icu_hour_is_scored() -> None:
    found = item("heart_rate", "news2", well(ICULOS=NAN))
    assert found["points"] == 0
    assert found["readings"][0]["measured_at_icu_hour"] is None
    assert found["readings"][0]["age_hours"] == 0


def test_the_answer_is_json_with_the_same_keys_for_every_score() -> None:
    for stay in (well(), a_stay_of({}), a_stay_of({"HR": 90})):
        results = [result.as_dict() for result in at_last_hour(stay)]
        answer = json.loads(json.dumps(results, allow_nan=False))
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


def test_several_stays_have_no_single_last_hour() -> None:
    with pytest.raises(ValueError, match="one stay"):
        at_last_hour(Stay.end_to_end([well(), well()]))
