"""The assessment pipeline: results per patient, dropped values, the observer of predictions."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from sepsis_detect.assessment import pipeline
from sepsis_detect.assessment.pipeline import Assessment, Refusal
from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.clinical.variables import BY_CHALLENGE
from sepsis_detect.patient_json import reader
from sepsis_detect.patient_json.reader import JsonPatient
from sepsis_detect.prediction.model import Model
from sepsis_detect.prediction.predictor import Predictions
from tests.builders import a_patient, a_stay

HEART_RATE = BY_CHALLENGE["HR"].column
REJECT, DROP = OnIncoherence.REJECT, OnIncoherence.DROP


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.embedded(loaded_at=datetime.now(UTC))


def read(*sent: Any) -> list[JsonPatient]:
    return [reader.read(each, now=datetime.now(UTC)) for each in sent]


def test_each_patient_has_the_result_that_it_has_alone(model: Model) -> None:
    patients = read(a_stay(5), a_patient(HR=400), {}, None, a_patient(HR=95), a_stay(40))
    for policy in (REJECT, DROP):
        for every_hour in (False, True):
            for patient, found in zip(
                patients,
                pipeline.assess(model, patients, policy, every_hour=every_hour),
                strict=True,
            ):
                (alone,) = pipeline.assess(model, [patient], policy, every_hour=every_hour)
                if isinstance(found, Refusal):
                    assert isinstance(alone, Refusal)
                    assert found.problems() == alone.problems()
                else:
                    assert isinstance(alone, Assessment)
                    np.testing.assert_array_equal(found.probabilities, alone.probabilities)
                    assert found.warnings() == alone.warnings()


def test_a_refused_value_is_missing_only_where_the_policy_drops_it(model: Model) -> None:
    patients = read(a_patient(HR=400))
    (refused,) = pipeline.assess(model, patients, REJECT)
    assert isinstance(refused, Refusal)
    assert [problem.type for problem in refused.problems()] == ["incoherent"]
    (assessed,) = pipeline.assess(model, patients, DROP)
    assert isinstance(assessed, Assessment)
    assert np.isnan(assessed.stay.values[0, HEART_RATE])
    assert assessed.warnings()[0].type == "dropped"
    assert patients[0].stay is not None
    assert patients[0].stay.values[0, HEART_RATE] == 400


def test_the_observer_sees_the_last_hour_of_each_patient_that_is_assessed(model: Model) -> None:
    seen: list[list[float]] = []

    def observe(_: Model, predictions: Predictions, last: Any) -> None:
        seen.append(predictions.icu_hours[last].tolist())

    patients = read(a_stay(3), {}, a_stay(7))
    pipeline.assess(model, patients, REJECT, every_hour=True, observe=observe)
    pipeline.assess(model, patients, REJECT, observe=observe)
    pipeline.assess(model, read({}), REJECT, observe=observe)
    assert seen == [[3, 7], [3, 7]]
