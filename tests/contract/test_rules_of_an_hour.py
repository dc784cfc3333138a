"""Rules of one hour: the last values within each tolerance and the first beyond it."""

from math import log10
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import a_patient
from tests.contract.asking import ask, fired, predicted, refused, rules_of

Values = dict[str, Any]

WELL_EXCESS = 0.93 * (0.0307 * 40 * 10 ** (7.4 - 6.1) - 24.4)  # at pH 7.4 and PaCO2 40

# rule, values that still fit, values that no longer do
REFUSED = [
    pytest.param(
        "bp.dbp_ge_sbp", {"SBP": 90, "DBP": 89.99}, {"SBP": 90, "DBP": 90}, id="no pulse at all"
    ),
    pytest.param(
        "bp.map_gt_sbp", {"SBP": 120, "MAP": 125}, {"SBP": 120, "MAP": 125.01}, id="mean too high"
    ),
    pytest.param(
        "bp.map_lt_dbp", {"DBP": 65, "MAP": 60}, {"DBP": 65, "MAP": 59.99}, id="mean too low"
    ),
    pytest.param(
        "bili.direct_gt_total",
        {"Bilirubin_direct": 1.4, "Bilirubin_total": 1},
        {"Bilirubin_direct": 1.41, "Bilirubin_total": 1},
        id="direct bilirubin beyond the total and its margin",
    ),
    pytest.param(
        "bili.direct_gt_total",
        {"Bilirubin_direct": 11.3, "Bilirubin_total": 10},
        {"Bilirubin_direct": 11.31, "Bilirubin_total": 10},
        id="jaundice: the margin grows with the total",
    ),
    pytest.param(
        "bp.map_form",
        {"SBP": 200, "DBP": 100, "MAP": 190},
        {"SBP": 200, "DBP": 100, "MAP": 190.1},
        id="the mean of no pulse",
    ),
    pytest.param(
        "bp.map_form",
        {"SBP": 200, "DBP": 100.1, "MAP": 199},
        {"SBP": 200, "DBP": 100, "MAP": 199},
        id="the mean of no pulse, wide enough",
    ),
    pytest.param(
        "abg.be",
        {"pH": 7.4, "PaCO2": 40, "BaseExcess": 25 + WELL_EXCESS},
        {"pH": 7.4, "PaCO2": 40, "BaseExcess": 25.01 + WELL_EXCESS},
        id="base excess of another sample",
    ),
    pytest.param(
        "abg.ph_be",
        {"pH": 7.0, "BaseExcess": 30},
        {"pH": 6.8, "BaseExcess": 30},
        id="base excess 30 at pH 6.8: PaCO2 would be 426",
    ),
    pytest.param(
        "abg.ph_hco3", {"pH": 6.9, "HCO3": 70}, {"pH": 6.8, "HCO3": 70}, id="PaCO2 would be 455"
    ),
    pytest.param(
        "abg.ph_hco3", {"pH": 7.9, "HCO3": 5}, {"pH": 7.9, "HCO3": 4}, id="PaCO2 would be 2"
    ),
    pytest.param(
        "abg.ph_paco2",
        {"pH": 7.7, "PaCO2": 80},
        {"pH": 7.8, "PaCO2": 80},
        id="bicarbonate would be 123",
    ),
    pytest.param(
        "abg.hco3_paco2",
        {"HCO3": 60, "PaCO2": 20},
        {"HCO3": 60, "PaCO2": 19},
        id="pH would be 8.11",
    ),
    pytest.param("heme.ratio", {"Hct": 50, "Hgb": 10}, {"Hct": 50.1, "Hgb": 10}, id="Hct too high"),
    pytest.param("heme.ratio", {"Hct": 15, "Hgb": 10}, {"Hct": 14.9, "Hgb": 10}, id="Hct too low"),
]
WARNED = [
    pytest.param(
        "bp.map_edge", {"SBP": 120, "MAP": 120}, {"SBP": 120, "MAP": 120.1}, id="mean over systolic"
    ),
    pytest.param(
        "bp.map_edge", {"DBP": 65, "MAP": 65}, {"DBP": 65, "MAP": 64.9}, id="mean under diastolic"
    ),
    pytest.param(
        "bp.map_edge", {"SBP": 120, "MAP": 120}, {"SBP": 120, "MAP": 125}, id="mean 5 over systolic"
    ),
    pytest.param(
        "bp.map_form_w",
        {"SBP": 120, "DBP": 60, "MAP": 114},
        {"SBP": 120, "DBP": 60, "MAP": 114.1},
        id="a mean near the systolic pressure",
    ),
    pytest.param(
        "bp.map_form_w",
        {"SBP": 200, "DBP": 40, "MAP": 48},
        {"SBP": 200, "DBP": 40, "MAP": 47.9},
        id="a mean near the diastolic pressure",
    ),
    pytest.param(
        "bp.map_form_w",
        {"SBP": 119.9, "DBP": 60, "MAP": 119},
        {"SBP": 120, "DBP": 60, "MAP": 119},
        id="only in a wide pulse pressure",
    ),
    pytest.param(
        "bp.pp_narrow", {"SBP": 90, "DBP": 80}, {"SBP": 90, "DBP": 80.1}, id="damped line"
    ),
    pytest.param(
        "bp.pp_wide", {"SBP": 210, "DBP": 60}, {"SBP": 210.1, "DBP": 60}, id="resonating line"
    ),
    pytest.param(
        "bili.direct_gt_total_w",
        {"Bilirubin_direct": 1.05, "Bilirubin_total": 1},
        {"Bilirubin_direct": 1.06, "Bilirubin_total": 1},
        id="two assays of bilirubin",
    ),
    pytest.param("heme.ratio_w", {"Hct": 37, "Hgb": 10}, {"Hct": 37.1, "Hgb": 10}, id="Hct high"),
    pytest.param("heme.ratio_w", {"Hct": 24, "Hgb": 10}, {"Hct": 23.9, "Hgb": 10}, id="Hct low"),
    pytest.param(
        "gas.etco2_gt_paco2",
        {"EtCO2": 50, "PaCO2": 40},
        {"EtCO2": 50.1, "PaCO2": 40},
        id="end-tidal above arterial",
    ),
    pytest.param(
        "sat.spo2_sao2", {"O2Sat": 95, "SaO2": 80}, {"O2Sat": 95, "SaO2": 79.9}, id="venous sample"
    ),
    pytest.param(
        "sat.spo2_sao2", {"O2Sat": 80, "SaO2": 95}, {"O2Sat": 79.9, "SaO2": 95}, id="cold finger"
    ),
    pytest.param(
        "renal.ratio",
        {"BUN": 100, "Creatinine": 1},
        {"BUN": 100.1, "Creatinine": 1},
        id="creatinine too low for this urea",
    ),
    pytest.param(
        "renal.ratio",
        {"BUN": 15, "Creatinine": 10},
        {"BUN": 14.9, "Creatinine": 10},
        id="urea in mmol/L beside creatinine in mg/dL",
    ),
    pytest.param(
        "abg.be_sign",
        {"BaseExcess": -8, "pH": 7.55, "PaCO2": 42},
        {"BaseExcess": -8.1, "pH": 7.55, "PaCO2": 42},
        id="base deficit sent as excess",
    ),
    pytest.param(
        "abg.be_sign",
        {"BaseExcess": -9, "pH": 7.5, "PaCO2": 42},
        {"BaseExcess": -9, "pH": 7.51, "PaCO2": 42},
        id="base deficit in alkalosis",
    ),
    pytest.param(
        "abg.be_sign",
        {"BaseExcess": -9, "pH": 7.55, "PaCO2": 40},
        {"BaseExcess": -9, "pH": 7.55, "PaCO2": 40.1},
        id="base deficit without respiratory cause",
    ),
    pytest.param(
        "abg.be_sign",
        {"BaseExcess": 8, "pH": 7.2, "PaCO2": 38},
        {"BaseExcess": 8.1, "pH": 7.2, "PaCO2": 38},
        id="base excess in acidosis",
    ),
]


def only(values: Values) -> dict[str, Any]:
    """These values and a respiratory rate; nothing else to contradict."""
    return {"Age": 60, "ICULOS": 12, "Resp": 16} | values


@pytest.mark.parametrize(("rule", "fitting", "contradicting"), REFUSED)
def test_a_contradiction_is_refused_exactly_beyond_its_tolerance(
    client: TestClient, rule: str, fitting: Values, contradicting: Values
) -> None:
    predicted(ask(client, only(fitting)))
    (problem,) = refused(ask(client, only(contradicting)))
    assert (problem["type"], problem["rule"]) == ("incoherent", rule)
    assert problem["loc"][-1] in contradicting
    assert set(contradicting.values()) <= set(problem["ctx"].values())


@pytest.mark.parametrize(("rule", "fitting", "unusual"), WARNED)
def test_a_doubtful_pair_warns_exactly_beyond_its_tolerance(
    client: TestClient, rule: str, fitting: Values, unusual: Values
) -> None:
    assert rule not in fired(client, only(fitting))
    warnings = predicted(ask(client, only(unusual)))["warnings"]
    (warning,) = [each for each in warnings if each["rule"] == rule]
    assert warning["type"] == "warning"


@pytest.mark.parametrize(("rule", "fitting", "contradicting"), REFUSED + WARNED)
def test_a_rule_does_not_fire_when_one_of_its_values_is_missing(
    client: TestClient, rule: str, fitting: Values, contradicting: Values
) -> None:
    for missing in contradicting:
        assert rule not in fired(client, only(contradicting | {missing: None}))


def ph_off_by(gap: float, *, bicarbonate: float = 24, paco2: float = 40) -> Values:
    """A blood gas whose pH is `gap` away from Henderson-Hasselbalch."""
    implied = 6.1 + log10(bicarbonate / (0.0307 * paco2))
    return {"pH": implied + gap, "HCO3": bicarbonate, "PaCO2": paco2}


@pytest.mark.parametrize("sign", [1, -1], ids=["alkaline", "acid"])
@pytest.mark.parametrize("gas", [(24, 40), (12, 60), (40, 45)], ids=["well", "mixed", "alkalosis"])
def test_a_blood_gas_must_fit_itself(
    client: TestClient, sign: int, gas: tuple[float, float]
) -> None:
    def off_by(gap: float) -> set[str]:
        values = ph_off_by(sign * gap, bicarbonate=gas[0], paco2=gas[1])
        return fired(client, only(values)) & {"abg.hh", "abg.hh_w"}

    assert [off_by(gap) for gap in (0, 0.15, 0.151, 0.3, 0.301)] == [
        set(),
        set(),
        {"abg.hh_w"},
        {"abg.hh_w"},
        {"abg.hh"},
    ]


def test_the_hint_of_a_blood_gas_names_another_sample_first(client: TestClient) -> None:
    (problem,) = refused(ask(client, only(ph_off_by(0.4))))
    assert problem["hint"].startswith("The bicarbonate may be of another sample")
    assert "prélèvement" in problem["hint_fr"]


@pytest.mark.parametrize("pressure", [45, 62.5, 80])
def test_equal_pressures_without_a_pulse_warn(client: TestClient, pressure: float) -> None:
    flat = only({"SBP": pressure, "MAP": pressure, "DBP": pressure, "HR": 80})
    answer = predicted(ask(client, flat))
    (warning,) = [each for each in answer["warnings"] if each["rule"].startswith("bp.")]
    assert warning["rule"] == "bp.no_pulse"
    assert "ECMO" in warning["hint"]
    assert warning["ctx"]["mean_arterial_pressure"] == pressure


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"SBP": 60, "DBP": 60}, id="no mean"),
        pytest.param({"SBP": 60, "DBP": 60, "MAP": 58}, id="another mean"),
        pytest.param({"SBP": 60, "DBP": 61, "MAP": 60}, id="diastolic above"),
    ],
)
def test_other_pressures_without_a_pulse_are_refused(client: TestClient, values: Values) -> None:
    assert rules_of(refused(ask(client, only(values)))) == ["bp.dbp_ge_sbp"]


def test_a_base_deficit_of_a_deep_acidosis_sent_as_excess_is_refused(client: TestClient) -> None:
    assert fired(client, only({"pH": 7.0, "PaCO2": 35, "BaseExcess": 22})) == {"abg.be"}


def test_the_mean_of_200_over_40_is_not_199(client: TestClient) -> None:
    (problem,) = refused(ask(client, only({"SBP": 200, "DBP": 40, "MAP": 199})))
    assert problem["rule"] == "bp.map_form"
    assert "199 mmHg" in problem["msg"]


@pytest.mark.parametrize("sign", [1, -1], ids=["too high", "too low"])
def test_base_excess_must_follow_from_the_gas(client: TestClient, sign: int) -> None:
    implied = 0.93 * (0.0307 * 40 * 10 ** (7.4 - 6.1) - 24.4)

    def with_excess(value: float) -> set[str]:
        return fired(client, only({"pH": 7.4, "PaCO2": 40, "BaseExcess": value}))

    assert "abg.be_w" not in with_excess(implied + sign * 5)
    assert "abg.be_w" in with_excess(implied + sign * 5.01)


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        pytest.param({"Unit1": 1, "Unit2": 1}, "unit.both", id="in both units"),
        pytest.param({"Unit1": 0, "Unit2": 0}, "unit.none", id="in neither unit"),
    ],
)
def test_a_patient_is_in_one_icu_unit(client: TestClient, flags: Values, rule: str) -> None:
    assert rules_of(refused(ask(client, a_patient(**flags)))) == [rule]


@pytest.mark.parametrize(
    ("half", "whole"),
    [
        pytest.param({"Unit1": 1}, "medical", id="medical"),
        pytest.param({"Unit2": 1}, "surgical", id="surgical"),
        pytest.param({"Unit1": 0, "Unit2": None}, "surgical", id="not medical"),
        pytest.param({"Unit2": 0, "Unit1": None}, "medical", id="not surgical"),
    ],
)
def test_a_single_flag_of_the_icu_unit_warns(
    client: TestClient, half: dict[str, Any], whole: str
) -> None:
    completed = predicted(ask(client, a_patient(**half)))
    assert "unit.half" in rules_of(completed["warnings"])
    told = predicted(ask(client, a_patient(icu_unit=whole)))
    assert completed["probability"] == told["probability"]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"pH": 6.7}, id="profound acidosis"),
        pytest.param({"Temp": 31.0}, id="hypothermia"),
        pytest.param({"Platelets": 2}, id="no platelets"),
        pytest.param({"Lactate": 20}, id="shock"),
        pytest.param({"BUN": 250}, id="uraemia"),
        pytest.param({"O2Sat": 95, "SaO2": 40}, id="two oximeters disagree"),
        pytest.param({"EtCO2": 80, "PaCO2": 30}, id="capnograph and gas disagree"),
        pytest.param({"Calcium": 1.1}, id="calcium as if ionised"),
        pytest.param({"ICULOS": 2000}, id="three months in intensive care"),
        pytest.param({"Age": 95}, id="very old"),
        pytest.param({"pH": 6.6, "HCO3": 36}, id="survived hypercapnia, PaCO2 375 not sent"),
        pytest.param({"pH": 7.709, "PaCO2": 66.5, "BaseExcess": 40}, id="survived alkalosis"),
        pytest.param({"pH": 6.6, "BaseExcess": -38}, id="deepest acidosis"),
    ],
)
def test_a_possible_patient_is_never_refused(client: TestClient, values: Values) -> None:
    predicted(ask(client, only(values)))


def test_a_refusal_stands_alone_without_its_milder_rule(client: TestClient) -> None:
    assert fired(client, only({"Hct": 60, "Hgb": 7})) == {"heme.ratio"}
    assert fired(client, only({"Bilirubin_direct": 5, "Bilirubin_total": 1})) == {
        "bili.direct_gt_total"
    }


def test_contradictions_of_different_kinds_are_reported_together(client: TestClient) -> None:
    broken = a_patient(DBP=130, Hct=60, Hgb=7, Temp=98.6, **ph_off_by(0.4))
    assert set(rules_of(refused(ask(client, broken)))) == {
        "bp.dbp_ge_sbp",
        "bp.map_lt_dbp",
        "heme.ratio",
        "range:Temp",
        "abg.hh",
    }


def test_both_values_of_a_contradiction_are_written_in_both_languages(client: TestClient) -> None:
    (problem,) = refused(ask(client, only({"SBP": 80.5, "DBP": 120.5})))
    assert problem["msg"].count("mmHg") == problem["msg_fr"].count("mmHg") == 2
    assert "120.5 mmHg" in problem["msg"]
    assert "80,5 mmHg" in problem["msg_fr"]
    assert problem["hint"].startswith("Are the two values swapped?")
    assert "balloon pump" in problem["hint"]
    assert "ballon" in problem["hint_fr"]
