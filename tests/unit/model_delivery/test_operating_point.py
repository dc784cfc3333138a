"""Another operating point for an artifact: what each request gives, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.errors import ModelArtifactError, SettingsError
from sepsis_detect.model_delivery.operating_point import Wanted, moved, wanted
from sepsis_detect.prediction.model import ModelMetadata, OperatingPoint
from tests.artifacts import CHOSEN, metadata_of


def point(threshold: float, sensitivity: float, alerts: float) -> dict[str, Any]:
    return {
        "threshold": float(np.float32(threshold)),
        "sensitivity": sensitivity,
        "ppv": 0.05,
        "alerts_per_patient_day": alerts,
        "in_time": sensitivity + 0.1,
        "utility": 0.1,
        "noted": "an addition of a later version",
    }


POINTS = [point(0.4, 0.4, 2.0), point(0.6, 0.1, 0.5), point(0.5, 0.3, 1.0), point(0.2, 0.8, 6.0)]
METADATA = metadata_of(CHOSEN) | {
    "version": "7",
    "threshold": POINTS[0]["threshold"],
    "operating_points": POINTS,
}


def move(
    metadata: dict[str, Any], **changed: float
) -> tuple[dict[str, Any], OperatingPoint | None]:
    return moved(metadata, ModelMetadata.model_validate(metadata), Wanted(**changed))


@pytest.mark.parametrize(
    ("request_", "threshold"),
    [
        ({"alerts_per_day": 1.0}, 0.5),
        ({"alerts_per_day": 1.9}, 0.5),
        ({"alerts_per_day": 24.0}, 0.2),
        ({"alerts_per_day": 0.5}, 0.6),
        ({"sensitivity": 0.5}, 0.2),
        ({"sensitivity": 0.3}, 0.5),
        ({"sensitivity": 0.05}, 0.6),
        ({"threshold": 0.5}, 0.5),
    ],
)
def test_the_row_that_keeps_the_request_is_served_first(
    request_: dict[str, float], threshold: float
) -> None:
    found, given_point = move(METADATA, **request_)
    assert found["threshold"] == float(np.float32(threshold))
    first, *others = found["operating_points"]
    assert first["threshold"] == found["threshold"]
    assert given_point is not None
    assert given_point.threshold == found["threshold"]
    falling = [row["threshold"] for row in others]
    assert falling == sorted(falling, reverse=True)
    assert sorted(map(str, found["operating_points"])) == sorted(map(str, POINTS))


def test_everything_else_stays() -> None:
    found, _ = move(METADATA, alerts_per_day=1)
    changed = {"threshold", "version", "operating_points", "metrics_threshold"}
    assert {k: v for k, v in found.items() if k not in changed} == {
        k: v for k, v in METADATA.items() if k not in changed
    }
    assert found["version"] == "7-t0.5"
    assert found["metrics_threshold"] == METADATA["threshold"]


def test_the_suffix_of_a_version_does_not_grow_and_the_metrics_keep_their_threshold() -> None:
    once, _ = move(METADATA, threshold=0.45)
    twice, _ = move(once, threshold=0.5)
    assert twice["version"] == "7-t0.5"
    assert twice["metrics_threshold"] == METADATA["threshold"]
    assert twice["operating_points"] == move(METADATA, threshold=0.5)[0]["operating_points"]


@given(st.floats(0.21, 0.59))
def test_between_two_rows_the_figures_lie_between_theirs(threshold: float) -> None:
    found, given_point = move(METADATA, threshold=threshold) if threshold != 0.4 else (None, None)
    if given_point is None or not given_point.is_interpolated:
        return
    assert found is not None
    assert found["operating_points"][0] == given_point.model_dump()
    rising = sorted(POINTS, key=lambda row: row["threshold"])
    above = next(row for row in rising if row["threshold"] > threshold)
    below = rising[rising.index(above) - 1]
    for name in ("sensitivity", "alerts_per_patient_day", "in_time"):
        assert above[name] <= getattr(given_point, name) <= below[name]


def test_without_operating_points_only_a_threshold_can_be_stated() -> None:
    bare = {k: v for k, v in METADATA.items() if k != "operating_points"}
    found, given_point = move(bare, threshold=0.3)
    assert given_point is None
    assert found["threshold"] == float(np.float32(0.3))
    assert "operating_points" not in found
    with pytest.raises(ModelArtifactError, match="no operating points: state --threshold"):
        move(bare, sensitivity=0.5)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"threshold": 0.1}, "known from 0.2 to 0.6: what 0.1 would give is not known"),
        ({"threshold": 0.7}, "what 0.7 would give is not known"),
        ({"threshold": 0.4}, "its threshold is 0.4 already"),
        ({"alerts_per_day": 2.0}, "its threshold is 0.4 already"),
        ({"alerts_per_day": 0.4}, "at least 0.50 hours per patient and day, not 0.4"),
        ({"sensitivity": 0.9}, "at most 80.0 % of the septic hours, not 90 %"),
    ],
)
def test_a_point_that_the_artifact_does_not_know_is_refused(
    request_: dict[str, float], sentence: str
) -> None:
    with pytest.raises(ModelArtifactError) as error:
        move(METADATA, **request_)
    assert sentence in str(error.value)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "", "1,5", "0x1", "half"])
def test_a_value_that_is_no_number_in_range_is_refused(text: str) -> None:
    for options in ((text, None, None), (None, text, None), (None, None, text)):
        with pytest.raises(SettingsError, match=r"^--.* is not a number above 0 and up to"):
            wanted(*options)
    assert wanted(None, "24", None) == Wanted(alerts_per_day=24.0)
