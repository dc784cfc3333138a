"""Patients read all at once are read as one name after the other would have read them."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.patient_json import json_body, plain_patients, reader
from sepsis_detect.patient_json.fields import BESIDE_HOURS, COLUMNS, HOURS, ICU_UNIT, ONCE
from tests.strategies import patient_like

NOW = datetime(2026, 3, 28, tzinfo=UTC)

values = (
    st.none()
    | st.floats(-1e9, 1e9)
    | st.integers(-(2**54), 2**54)
    | st.sampled_from(["male", " F ", "surgical", "80", True, 1e300, 2**53, 2**53 - 1])
)
hours = st.dictionaries(st.sampled_from([*COLUMNS, ICU_UNIT]), values, max_size=8)
beside = st.dictionaries(st.sampled_from(sorted(BESIDE_HOURS - ONCE)), values, max_size=3)
stays = st.builds(
    lambda listed, constants: {**constants, HOURS: listed},
    st.lists(hours, min_size=1, max_size=4),
    beside,
)
nearly_plain = st.lists(hours | stays | patient_like, max_size=5)


def is_same(plain: Any, sent: Any) -> bool:
    slowly = reader.read(sent, now=NOW)
    return (
        not (slowly.problems or slowly.violations)
        and slowly.stay is not None
        and np.array_equal(plain.values, slowly.stay.values, equal_nan=True)
    )


@given(nearly_plain)
def test_a_plain_patient_is_read_as_one_name_after_the_other(sent: list[Any]) -> None:
    listed = [json_body.glance(json.dumps(each).encode()) for each in sent]
    read = plain_patients.read(listed)
    assert len(read) == len(listed)
    assert all(
        plain is None or is_same(plain, each) for plain, each in zip(read, listed, strict=True)
    )


@given(nearly_plain)
def test_a_patient_is_read_among_others_as_alone(sent: list[Any]) -> None:
    bodies = [json.dumps(each).encode() for each in sent]
    together = reader.read_bodies(bodies, now=NOW)
    for body, found in zip(bodies, together, strict=True):
        (alone,) = reader.read_bodies([body], now=NOW)
        assert isinstance(found, reader.Patient)
        assert isinstance(alone, reader.Patient)
        assert (found.stay is None) == (alone.stay is None)
        if found.stay is not None and alone.stay is not None:
            np.testing.assert_array_equal(found.stay.values, alone.stay.values)
        assert (found.problems, repr(found.violations)) == (alone.problems, repr(alone.violations))


@pytest.mark.parametrize(
    "sent",
    [
        {"HR": 80, "Age": 60, "lactate": None},
        {"heart_rate": 80.5, "sex": "Male", "icu_unit": "medical"},
        {"HR": 80, "icu_unit": None},
        {"age": 60, "sex": 1, "hours": [{"HR": 80}, {"HR": 81, "Age": 60}]},
        {"icu_unit": "surgical", "hours": [{"ICULOS": 1}, {"ICULOS": 2, "Temp": 37}]},
    ],
)
def test_what_hospitals_send_is_plain(sent: dict[str, Any]) -> None:
    (plain,) = plain_patients.read([sent])
    assert plain is not None
    assert is_same(plain, sent)
    assert json_body.has_strings(json.dumps(sent).encode(), plain.n_strings)


@pytest.mark.parametrize(
    "sent",
    [
        {"HR": 80, "heart_rate": 81},
        {"HR": None, "heart_rate": 80, "Temp": "37"},
        {"HR": True},
        {"HR": 2**53},
        {"HR": "80"},
        {"HRR": 80},
        {"sex": "unknown"},
        {"sex": "male", "Gender": 0},
        {"Unit1": 0, "icu_unit": "medical"},
        {"HR": 80, "units": {"HR": "/min"}},
        {"HR": 80, "timestamp": "2026-03-28T20:00:00Z"},
        {"HR": 80, "hours": [{"HR": 80}]},
        {"age": 60, "hours": [{"age": 70}]},
        {"hours": []},
        {"hours": [{"HR": 80}, 5]},
        {"hours": [{"units": {}}]},
        [],
        None,
    ],
)
def test_what_needs_a_word_or_a_second_look_is_not(sent: Any) -> None:
    assert plain_patients.read([{"HR": 80}, sent, {"HR": 90}])[1] is None


@pytest.mark.parametrize(
    "text", ['{"HR":80,"HR":81}', '{"sex":"male","sex":"female"}', '{"HR":80,"\\u0048R":81}']
)
def test_no_repeated_key_is_overlooked(text: str) -> None:
    (read,) = reader.read_bodies([text.encode()], now=NOW)
    assert isinstance(read, reader.Patient)
    assert [problem.rule for problem in read.problems] == ["json.duplicate"]
