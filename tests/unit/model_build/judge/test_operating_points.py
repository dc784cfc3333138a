"""The artifact's table of operating points, against counts by hand."""

import json
from itertools import pairwise

import numpy as np
import pytest

from model_build.data.dataset import Dataset, dataset
from model_build.judge.operating_points import (
    ALERTS_PER_PATIENT_DAY,
    SENSITIVITIES,
    operating_points,
)
from sepsis_detect.clinical.stay import Float32Array
from sepsis_detect.prediction.model import OperatingPoint
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

THRESHOLD = float(np.float32(0.53))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(synthetic_cohort(), ("age",))


@pytest.fixture(scope="module")
def probabilities(data: Dataset) -> Float32Array:
    noise = np.random.default_rng(3).random(len(data.labels))
    return ((noise + data.labels * 0.5) / 2).astype(np.float32)


def test_the_served_threshold_comes_first_and_the_others_fall(
    data: Dataset, probabilities: Float32Array
) -> None:
    served, *others = operating_points(probabilities, data, THRESHOLD)
    assert served["threshold"] == THRESHOLD
    thresholds = [point["threshold"] for point in others]
    assert thresholds == sorted(set(thresholds), reverse=True)
    assert len(others) > len(SENSITIVITIES)


def test_each_figure_is_that_of_the_first_36_hours(
    data: Dataset, probabilities: Float32Array
) -> None:
    uncut = data.is_uncut
    assert not uncut.all()
    labels, hours_p = data.labels[uncut], probabilities[uncut]
    stay, since_onset = data.cohort.stay_of_hour[uncut], data.since_onset[uncut]
    useful = (since_onset >= -12) & (since_onset < 0)
    for point in operating_points(probabilities, data, THRESHOLD):
        flags = hours_p >= np.float32(point["threshold"])
        assert point["sensitivity"] == pytest.approx(flags[labels == 1].mean(), abs=1e-6)
        assert point["ppv"] == pytest.approx(labels[flags].mean(), abs=1e-6)
        assert point["alerts_per_patient_day"] == pytest.approx(24 * flags.mean(), abs=1e-6)
        in_time = len(np.unique(stay[useful & flags])) / len(np.unique(stay[useful]))
        assert point["in_time"] == pytest.approx(in_time, abs=1e-6)


def test_the_target_sensitivities_and_alert_burdens_are_met_as_closely_as_possible(
    data: Dataset, probabilities: Float32Array
) -> None:
    _, *points = operating_points(probabilities, data, THRESHOLD)
    labelled = data.labels[data.is_uncut].sum()
    an_hour_a_day = 24 / data.is_uncut.sum()
    for asked in SENSITIVITIES:
        reached = [p["sensitivity"] for p in points if p["sensitivity"] >= asked]
        assert min(reached) < asked + 1.5 / labelled
    for asked in ALERTS_PER_PATIENT_DAY:
        borne = [p["alerts_per_patient_day"] for p in points]
        assert max(alerts for alerts in borne if alerts <= asked) > asked - 1.5 * an_hour_a_day


def test_thresholds_that_flag_the_same_hours_are_listed_once(
    data: Dataset, probabilities: Float32Array
) -> None:
    points = operating_points(probabilities, data, THRESHOLD)
    again = points[4]["threshold"]
    beside = float(np.nextafter(np.float32(again), np.float32(0)))  # no hour lies between
    found = operating_points(probabilities, data, beside)
    assert found[0]["threshold"] == beside
    assert again not in [point["threshold"] for point in found]
    burdens = sorted(point["alerts_per_patient_day"] for point in found)
    assert all(low < high for low, high in pairwise(burdens))


def test_a_threshold_that_flags_nothing_has_no_ppv(
    data: Dataset, probabilities: Float32Array
) -> None:
    served, *_ = operating_points(probabilities, data, 0.99)
    assert (served["sensitivity"], served["ppv"]) == (0, None)


def test_the_service_reads_every_point(data: Dataset, probabilities: Float32Array) -> None:
    for point in json.loads(json.dumps(operating_points(probabilities, data, THRESHOLD))):
        read = OperatingPoint.model_validate(point, strict=True)
        assert read.model_dump(exclude_defaults=True) == point
