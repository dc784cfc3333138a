"""Signs of shock: thresholds, how long a value is looked at, computed mean pressure."""

from typing import Any

import pytest

from sepsis_detect.bedside_scores import shock
from tests.stays import NAN, a_stay_of


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        pytest.param([{"MAP": 64.9}], True, id="low mean pressure"),
        pytest.param([{"MAP": 65.0}], False, id="mean pressure at the threshold"),
        pytest.param([{"Lactate": 4.1}], True, id="high lactate"),
        pytest.param([{"Lactate": 4.0}], False, id="lactate at the threshold"),
        pytest.param([{"SBP": 80.0, "DBP": 50.0}], True, id="mean pressure computed: 60"),
        pytest.param([{"SBP": 80.0, "DBP": 50.0, "MAP": 66.0}], False, id="the mean sent counts"),
        pytest.param([{"SBP": 80.0}], False, id="no diastolic pressure"),
        pytest.param([{"Lactate": 12.0}, {"MAP": 80.0}], True, id="lactate of the hour before"),
        pytest.param([{"MAP": 50.0}, {"MAP": 80.0}], False, id="the last value counts"),
        pytest.param([{"MAP": 50.0}, *[{"HR": 90.0}] * 4], True, id="4 hours old"),
        pytest.param([{"MAP": 50.0}, *[{"HR": 90.0}] * 5], False, id="5 hours old"),
        pytest.param([{"Lactate": 9.0}, *[{"HR": 90.0}] * 24], True, id="lactate 24 hours old"),
        pytest.param([{"Lactate": 9.0}, *[{"HR": 90.0}] * 25], False, id="lactate 25 hours old"),
        pytest.param([{"MAP": 50.0}, {"ICULOS": 9.0, "HR": 90.0}], False, id="a gap counts"),
        pytest.param([{"MAP": 50.0, "ICULOS": NAN}], True, id="an hour without number"),
        pytest.param([{"HR": 90.0}], False, id="neither measured"),
    ],
)  # fmt: skip
def test_shock_is_seen_in_recent_values(hours: list[dict[str, Any]], expected: bool) -> None:
    assert shock.is_likely(a_stay_of(*hours)) == expected
