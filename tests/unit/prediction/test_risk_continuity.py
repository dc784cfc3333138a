"""Acceptance check of risk continuity: bounds, and models that exceed them."""

from dataclasses import replace

import numpy as np
import pytest

from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.clinical.variables import BY_CHALLENGE, ICU_HOUR
from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction import features
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import Model
from sepsis_detect.prediction.risk_continuity import (
    ACCEPTANCE_PATIENTS,
    LAST_HOUR,
    LAST_MEASURED_HOUR,
    WELL,
    WELL_WITH_DAILY_LABS,
    UnchangedPatient,
    check,
    exceeded_bound,
)
from tests.artifacts import a_model, a_stepped_model, opened

ILL = replace(
    WELL_WITH_DAILY_LABS,
    name="an ill but stable patient with daily laboratory values",
    background={"Age": 78, "Gender": 0, "Unit1": 0, "Unit2": 1, "HospAdmTime": -60},
    vitals={
        "HR": 98,
        "O2Sat": 94,
        "Temp": 37.4,
        "SBP": 104,
        "MAP": 68,
        "DBP": 52,
        "Resp": 22,
    },
    labs={
        "FiO2": 0.4,
        "pH": 7.36,
        "PaCO2": 44,
        "HCO3": 21,
        "BUN": 38,
        "Creatinine": 1.9,
        "Glucose": 160,
        "Lactate": 1.8,
        "Potassium": 4.6,
        "Hgb": 9.5,
        "WBC": 13,
        "Platelets": 140,
    },
)
STABLE = [
    *ACCEPTANCE_PATIENTS,
    replace(
        WELL_WITH_DAILY_LABS,
        name="a well patient with laboratory values at admission",
        labs_every_hours=None,
    ),
    replace(
        ILL,
        name="an ill but stable patient with laboratory values at admission",
        labs_every_hours=None,
    ),
    replace(
        ILL,
        name="an ill but stable patient with laboratory values every hour",
        labs_every_hours=1,
    ),
]
# A limit stated in the model card: when a daily blood gas and panel are repeated, the risk of an
# ill patient rises for some hours although no value changed (+107 % in version 2026.11.28).
MAX_RISE_AT_BLOOD_DRAW = 1.25

NO_RISE = np.full(LAST_HOUR, 0.01)


def constant_except(**risks: float) -> FloatArray:
    """Risks of hours 1 to 336: .01, and other risks from the given hours (`h48`) on."""
    hours = np.full(LAST_HOUR, 0.01)
    for name, risk in risks.items():
        hours[int(name.removeprefix("h")) - 1 :] = risk
    return hours


def unmeasured_except(hours_later: int, risk: float) -> FloatArray:
    """Risks of the unmeasured stay: .01, and another one at an hour after the last measured."""
    risks = NO_RISE.copy()
    risks[LAST_MEASURED_HOUR - 1 + hours_later] = risk
    return risks


# --- The patients -------------------------------------------------------------------------------


def test_an_unchanged_patient_has_vital_signs_every_hour_and_laboratory_values_daily() -> None:
    values = WELL_WITH_DAILY_LABS.unchanged().values
    assert values[:, ICU_HOUR].tolist() == list(range(1, 337))
    assert (values[:, BY_CHALLENGE["HR"].column] == 75).all()
    creatinine = values[:, BY_CHALLENGE["Creatinine"].column]
    assert (np.flatnonzero(~np.isnan(creatinine)) + 1).tolist() == list(range(1, 337, 24))
    once = replace(WELL_WITH_DAILY_LABS, labs_every_hours=None).unchanged().values
    assert np.flatnonzero(~np.isnan(once[:, BY_CHALLENGE["Creatinine"].column])).tolist() == [0]


def test_an_unmeasured_patient_has_no_value_after_hour_30() -> None:
    values = WELL.unmeasured().values
    assert values[:, ICU_HOUR].tolist() == list(range(1, 337))
    heart_rate = values[:, BY_CHALLENGE["HR"].column]
    assert np.flatnonzero(~np.isnan(heart_rate)).tolist() == list(range(30))
    assert (values[:, BY_CHALLENGE["Age"].column] == 50).all()


# --- The bounds ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unchanged", "unmeasured"),
    [
        pytest.param(constant_except(), NO_RISE, id="constant"),
        pytest.param(
            constant_except(h1=0.05, h12=0.01), NO_RISE, id="falling steeply until hour 12"
        ),
        pytest.param(constant_except(h13=0.012), NO_RISE, id="a fifth from hour 12 to 13"),
        pytest.param(constant_except(h30=0.00834), NO_RISE, id="a sixth less"),
        pytest.param(constant_except(h37=0.01099), NO_RISE, id="a tenth above hour 36"),
        pytest.param(
            constant_except(), unmeasured_except(48, 0.01199), id="a fifth when unmeasured"
        ),
        pytest.param(constant_except(), unmeasured_except(48, 0.001), id="falling when unmeasured"),
        pytest.param(np.full(LAST_HOUR, 1e-9), NO_RISE * 1e-8, id="negligible"),
        pytest.param(np.zeros(LAST_HOUR), NO_RISE * 0, id="zero"),
    ],
)
def test_risks_within_the_bounds_are_accepted(
    unchanged: FloatArray, unmeasured: FloatArray
) -> None:
    assert exceeded_bound(WELL, unchanged, unmeasured) is None


@pytest.mark.parametrize(
    ("unchanged", "unmeasured", "reason"),
    [
        pytest.param(
            constant_except(h48=0.0198),
            NO_RISE,
            "rises by 98 % from hour 47 to 48 though no sign changes; at most 20 % is accepted",
            id="a step",
        ),
        pytest.param(
            constant_except(h13=0.01201),
            NO_RISE,
            "rises by 21 % from hour 12 to 13 though no sign changes; at most 20 % is accepted",
            id="just above a fifth",
        ),
        pytest.param(
            constant_except(h20=0.0083),
            NO_RISE,
            "falls by 17 % from hour 19 to 20 though no sign changes; at most 16 % is accepted",
            id="a step down",
        ),
        pytest.param(
            constant_except(h60=0.0105, h100=0.0115, h101=0.0105),
            NO_RISE,
            "rises by 15 % from hour 36 to 100 though no sign changes; at most 10 % is accepted",
            id="above the plateau in small steps",
        ),
        pytest.param(
            constant_except(h60=0.009),
            NO_RISE,
            "falls by 10 % from hour 36 to 60 though no sign changes; at most 9 % is accepted",
            id="below the plateau",
        ),
        pytest.param(
            constant_except(),
            unmeasured_except(7, 0.0131),
            "rises by 31 % from hour 30 to 37 though nothing is measured any more; "
            "at most 20 % is accepted",
            id="a rise when nothing is measured",
        ),
        pytest.param(
            constant_except(),
            unmeasured_except(306, 0.02),
            "rises by 100 % from hour 30 to 336 though",
            id="a rise after days",
        ),
        pytest.param(
            constant_except(h1=0.0, h50=0.01),
            NO_RISE,
            "rises by 999,900 % from hour 49 to 50 though",
            id="from zero",
        ),
    ],
)
def test_an_exceeded_bound_is_refused_with_change_and_hours(
    unchanged: FloatArray, unmeasured: FloatArray, reason: str
) -> None:
    sentence = exceeded_bound(WELL, unchanged, unmeasured)
    assert sentence is not None
    assert sentence.startswith(f"the risk of a well patient {reason}")


def test_daily_laboratory_values_may_change_the_plateau_by_a_fifth() -> None:
    risks = constant_except(h60=0.0105, h61=0.0115, h62=0.0119)
    assert exceeded_bound(WELL, risks, NO_RISE) is not None
    assert exceeded_bound(WELL_WITH_DAILY_LABS, risks, NO_RISE) is None
    sentence = exceeded_bound(
        WELL_WITH_DAILY_LABS, constant_except(h60=0.0115, h61=0.0122), NO_RISE
    )
    assert sentence is not None
    assert "a well patient with daily laboratory values rises by 22 % from hour 36" in sentence


@pytest.mark.parametrize("answer", [np.nan, 1.5, -0.1])
def test_an_answer_that_is_no_probability_is_refused(answer: float) -> None:
    def model(rows: Float32Array) -> Float32Array:
        return np.full(len(rows), answer, dtype=np.float32)

    sentence = check(model)
    assert sentence == "for hours of a well patient it answers what is no probability"


def test_a_wrong_number_of_answers_is_refused() -> None:
    assert check(lambda rows: np.zeros(len(rows) + 1, dtype=np.float32)) is not None


# --- Models -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            a_stepped_model("1", "icu_hour", above=30, rise=0.98),
            "the risk of a well patient rises by 98 % from hour 30 to 31 though no sign changes; "
            "at most 20 % is accepted",
            id="time in intensive care",
        ),
        pytest.param(
            a_stepped_model("1", "icu_hour", above=30, rise=-0.5),
            "falls by 50 % from hour 30 to 31 though no sign changes",
            id="down with time in intensive care",
        ),
        pytest.param(
            a_stepped_model("1", "creatinine_hours_since", above=6, rise=0.35),
            "the risk of a well patient with daily laboratory values falls by 26 % from hour 24 "
            "to 25 though no sign changes; at most 16 % is accepted",
            id="age of a laboratory value",
        ),
    ],
)
def test_a_model_with_a_step_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ModelArtifactError) as refusal:
        opened(content)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(a_model("1", names=["heart_rate_last"]), id="of the last value"),
        pytest.param(a_model("1", names=["age"]), id="of a constant"),
        pytest.param(
            a_stepped_model("1", "icu_hour", above=11, rise=0.98), id="a step before hour 12"
        ),
        pytest.param(a_stepped_model("1", "icu_hour", above=30, rise=0.19), id="a small step"),
        pytest.param(
            a_stepped_model("1", "heart_rate_hours_since", above=5, rise=0.98),
            id="hours without measurement, which have the features of the last measured hour",
        ),
    ],
)
def test_a_model_without_a_step_is_accepted(content: bytes) -> None:
    assert opened(content).metadata.version == "1"


@pytest.mark.parametrize("patient", STABLE, ids=lambda patient: patient.name)
def test_the_embedded_model_has_no_step_for(
    embedded_model: Model, patient: UnchangedPatient
) -> None:
    assert check(embedded_model.probabilities, (patient,)) is None


def test_a_blood_draw_changes_the_risk_of_an_ill_patient_by_no_more_than_stated(
    embedded_model: Model,
) -> None:
    risks = embedded_model.probabilities(features.compute(ILL.unchanged()))
    steps = risks[12:] / risks[11:-1]
    assert steps.max() <= 1 + MAX_RISE_AT_BLOOD_DRAW
    assert risks[12:].max() / risks[11:].min() < 3
