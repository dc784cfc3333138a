"""Alert figures, against counts by hand."""

import pytest

from model_build.data.labels import hours_since_onset
from model_build.judge.alerts import alerts
from model_build.judge.patient_bootstrap import Resampling
from model_build.judge.threshold_sweep import Sweep
from tests.unit.model_build.judge.two_stays import LABELS, STARTS, P, two_stays


def test_the_alerts_of_two_stays_are_those_counted_by_hand() -> None:
    hours = two_stays()
    sweep = Sweep.of(P, LABELS, hours.utilities)
    since = hours_since_onset(LABELS, STARTS)
    found = alerts(hours, sweep, since, STARTS, Resampling.of(2, draws=5))
    served = found["operating_points"][0]
    assert served["sensitivity"] == pytest.approx(4 / 7)
    assert served["specificity"] == pytest.approx(3 / 5)
    assert served["ppv"] == pytest.approx(4 / 6)
    assert served["npv"] == pytest.approx(3 / 6)
    assert served["alerts_per_patient_day"] == pytest.approx(6 / 12 * 24)
    assert served["new_alerts_per_patient_day"] == pytest.approx(4 / 12 * 24)
    assert found["by_patient"]["septic_alerted_in_time"].value == 1
    assert found["by_patient"]["others_ever_alerted"].value == 1
    assert found["lead_time"]["patients"]["6 to 11"] == 1
    assert sum(found["lead_time"]["patients"].values()) == 1
