"""Items of the bedside scores: points at every threshold, and items with two variables."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from sepsis_detect.bedside_scores.definitions import SCORES
from sepsis_detect.bedside_scores.point_bands import BANDS, PointTable
from sepsis_detect.clinical import units
from sepsis_detect.clinical.variables import BY_CHALLENGE, N_CLINICAL
from tests.stays import NAN
from tests.unit.bedside_scores.well_patient import WELL, item, well

# A score, its item, the variable, and values with their points on both sides of every threshold.
STEPS: list[tuple[str, str, str, list[tuple[float, int]]]] = [
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
    # Temperatures are rounded to tenths, halves up.
    (
        "news2",
        "temperature",
        "Temp",
        [(35.04, 3), (35.05, 1), (36.04, 1), (36.05, 0), (38.04, 0), (38.05, 1), (39.05, 2)],
    ),
    # The other items of its chart are whole numbers, halves up.
    ("news2", "respiratory_rate", "Resp", [(8.4, 3), (8.5, 1), (11.5, 0), (20.4, 0), (20.5, 2)]),
    ("news2", "respiratory_rate", "Resp", [(24.4, 2), (24.5, 3)]),
    ("news2", "spo2", "O2Sat", [(91.4, 3), (91.5, 2), (93.5, 1), (95.4, 1), (95.5, 0)]),
    ("news2", "systolic_bp", "SBP", [(90.4, 3), (90.5, 2), (100.5, 1), (110.5, 0), (219.5, 3)]),
    ("news2", "heart_rate", "HR", [(40.4, 3), (40.5, 1), (50.5, 0), (90.4, 0), (90.5, 1)]),
    ("news2", "heart_rate", "HR", [(110.4, 1), (110.5, 2), (130.4, 2), (130.5, 3)]),
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
        for of, name, variable, steps in STEPS
        for value, points in steps
    ],
)
def test_each_item_scores_exactly_at_its_thresholds(
    of: str, name: str, variable: str, value: float, points: int
) -> None:
    saturation = 90.0 if name == "respiratory" else WELL["O2Sat"]
    stay = well(**{"O2Sat": saturation, variable: value})
    assert item(name, of, stay)["points"] == points


def test_every_point_band_is_tested() -> None:
    tested = {(of, name, variable) for of, name, variable, _ in STEPS}
    assert {(band.score, band.item, band.variable) for band in BANDS} <= tested


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
        pytest.param(97.9, 0.4, 2, 2, id="below 98 % the ratio is used"),
        pytest.param(98.0, 0.4, None, 4, id="from 98 % it is unknown"),
        pytest.param(90.0, 0.449, 2, 2, id="above 200"),
        pytest.param(90.0, 0.45, 2, 3, id="200: three points if supported"),
        pytest.param(90.0, 0.749, 2, 3, id="above 120"),
        pytest.param(90.0, 0.75, 2, 4, id="120: four points if supported"),
        pytest.param(84.0, 0.70, 2, 4, id="120, slightly more as a binary fraction"),
        pytest.param(90.0, NAN, None, 4, id="oxygen unknown"),
        pytest.param(NAN, 0.5, None, 4, id="saturation unknown"),
    ],
)
def test_respiratory_points_above_two_depend_on_unknown_respiratory_support(
    spo2: float, fio2: float, points: int | None, maximum: int
) -> None:
    found = item("respiratory", "sofa2", well(O2Sat=spo2, FiO2=fio2))
    assert (found["points"], found["maximum"]) == (points, maximum)


CREATININE_UMOL = [(110, 0), (111, 1), (170, 1), (171, 2), (300, 2), (301, 3)]
BILIRUBIN_UMOL = [(20.6, 0), (20.7, 1), (51.3, 1), (51.4, 2), (102.6, 2), (102.7, 3), (205, 3)]


@pytest.mark.parametrize(
    ("challenge", "name", "umol", "points"),
    [("Creatinine", "kidney", umol, points) for umol, points in CREATININE_UMOL]
    + [("Bilirubin_total", "liver", umol, points) for umol, points in [*BILIRUBIN_UMOL, (206, 4)]],
)
def test_values_sent_in_umol_have_the_published_cut_offs_in_umol(
    client: TestClient, challenge: str, name: str, umol: float, points: int
) -> None:
    body = {"HR": 80, challenge: umol, "units": {challenge: "µmol/l"}}
    answer = client.post("/predict/patient?include=scores", json=body).json()
    sofa2 = next(score for score in answer["scores"] if score["score"] == "sofa2")
    found = next(each for each in sofa2["items"] if each["item"] == name)
    assert found["points"] == points


def test_values_sent_in_mg_keep_the_cut_offs_in_mg() -> None:
    conversion = units.conversion(BY_CHALLENGE["Creatinine"], "umol/L")
    assert conversion is not None
    stay = well(Creatinine=conversion.converted(108))  # 1.22 mg/dL
    assert item("kidney", "sofa2", stay)["points"] == 1


def test_respiratory_rate_and_paco2_together_give_one_sirs_point() -> None:
    assert item("breathing", "sirs", well(Resp=30, PaCO2=25))["points"] == 1
    assert item("breathing", "sirs", well(Resp=30, PaCO2=NAN))["points"] == 1
    assert item("breathing", "sirs", well(Resp=16, PaCO2=25))["points"] == 1
    assert item("breathing", "sirs", well(Resp=NAN, PaCO2=25))["points"] == 1


def test_a_normal_paco2_does_not_replace_an_unknown_respiratory_rate() -> None:
    found = item("breathing", "sirs", well(Resp=NAN, PaCO2=40))
    assert (found["points"], found["maximum"]) == (None, 1)


@pytest.mark.parametrize(
    ("of", "name", "variable", "value"),
    [
        pytest.param("sofa2", "kidney", "Creatinine", 1.2, id="creatinine 1.2 in float32"),
        pytest.param("news2", "oxygen", "FiO2", 0.21, id="room air in float32"),
        pytest.param("sirs", "temperature", "Temp", 38.0 + 1e-12, id="38.0 from 100.4 degF"),
    ],
)
def test_rounding_errors_do_not_cross_a_threshold(
    of: str, name: str, variable: str, value: float
) -> None:
    stay = well(**{variable: float(np.float32(value)) if value < 2 else value})
    assert item(name, of, stay)["points"] == 0


def test_features_have_the_points_of_the_scores() -> None:
    names = tuple(definition.name for definition in SCORES)
    values = np.vstack([well(Resp=30, PaCO2=20, Temp=38.06, SBP=95).values] * 2)[:, :N_CLINICAL]
    points = PointTable(names, np.float32)(values.astype(np.float32))
    assert points.dtype == np.float32
    assert points[0].tolist() == points[1].tolist() == [2.0, 2.0, 6.0, 0.0]
