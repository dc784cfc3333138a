"""Reader of patients: the vectorised step reads what reading value by value reads."""

import json
from datetime import UTC, datetime
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.patient_json import reader
from sepsis_detect.patient_json.fields import BESIDE_HOURS, COLUMNS, HOURS, ICU_UNIT, ONCE
from sepsis_detect.patient_json.reader import JsonPatient
from tests.strategies import patient_like

NOW = datetime(2026, 3, 28, tzinfo=UTC)

values = (
    st.none()
    | st.floats(-1e9, 1e9)
    | st.integers(-(2**54), 2**54)
    | st.sampled_from(
        ["male", " F ", "surgical", "80", True, 1e300, inf, 2**53, 2**53 - 1, 10**400]
    )
)
hours = st.dictionaries(st.sampled_from([*COLUMNS, ICU_UNIT]), values, max_size=8)
beside = st.dictionaries(st.sampled_from(sorted(BESIDE_HOURS - ONCE)), values, max_size=3)
stays = st.builds(
    lambda listed, constants: {**constants, HOURS: listed},
    st.lists(hours, min_size=1, max_size=4),
    beside,
)


class NotPlain(dict[str, Any]):
    """An object that is read value by value, as it is not a plain `dict`."""


def value_by_value(sent: Any) -> Any:
    """The same patient, of which nothing is read in the vectorised step."""
    if not isinstance(sent, dict):
        return sent
    listed = sent.get(HOURS)
    if isinstance(listed, list):
        listed = [NotPlain(hour) if isinstance(hour, dict) else hour for hour in listed]
        return sent | {HOURS: listed}
    return NotPlain(sent)


@given(hours | stays | patient_like)
def test_a_patient_is_read_the_same_in_one_step_and_value_by_value(sent: Any) -> None:
    sent = json.loads(json.dumps(sent))
    found, expected = reader.read(sent, now=NOW), reader.read(value_by_value(sent), now=NOW)
    assert (found.stay is None) == (expected.stay is None)
    if found.stay is not None and expected.stay is not None:
        np.testing.assert_array_equal(found.stay.values, expected.stay.values)
    assert found.problems == expected.problems
    assert repr(found.violations) == repr(expected.violations)


@given(st.lists(hours | stays | patient_like, min_size=1, max_size=4))
def test_a_body_is_read_the_same_alone_and_among_others(sent: list[Any]) -> None:
    bodies = [json.dumps(each).encode() for each in sent]
    alone = [reader.read_bodies([body], now=NOW)[0] for body in bodies]
    for found, expected in zip(reader.read_bodies(bodies, now=NOW), alone, strict=True):
        assert isinstance(found, JsonPatient)
        assert isinstance(expected, JsonPatient)
        assert found.problems == expected.problems
        assert repr((found.stay, found.violations)) == repr((expected.stay, expected.violations))


@pytest.mark.parametrize(
    "text", ['{"HR":80,"HR":81}', '{"sex":"male","sex":"female"}', '{"HR":80,"\\u0048R":81}']
)
def test_no_repeated_key_is_overlooked(text: str) -> None:
    (read,) = reader.read_bodies([text.encode()], now=NOW)
    assert isinstance(read, JsonPatient)
    assert [problem.rule for problem in read.problems] == ["json.duplicate"]
