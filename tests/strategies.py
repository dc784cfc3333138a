"""Hypothesis strategies: arbitrary JSON, and JSON similar to that of a patient."""

from hypothesis import strategies as st

from sepsis_detect.patient_json.fields import COLUMNS, HOURS, ICU_UNIT, TIMESTAMP, UNITS

KEYS = [*COLUMNS, HOURS, UNITS, ICU_UNIT, TIMESTAMP, "patients"]
WORDS = ["male", "female", "medical", "umol/L", "[degF]", "nmol/L", "2026-03-28T20:00:00Z", "80"]

numbers = st.floats() | st.integers() | st.sampled_from([0, 1, -1, 80, 37, 1e308, -1e308, 2**63])
leaves = st.none() | st.booleans() | numbers | st.text(max_size=8) | st.sampled_from(WORDS)
keys = st.sampled_from(KEYS) | st.text(max_size=8)
any_json = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=25,
)
hour_like = st.dictionaries(st.sampled_from(KEYS), leaves, max_size=8)
patient_like = st.fixed_dictionaries(
    {},
    optional={
        HOURS: st.lists(hour_like, max_size=5) | any_json,
        UNITS: st.dictionaries(keys, st.sampled_from(WORDS) | leaves, max_size=4) | any_json,
        "age": numbers,
        "sex": leaves,
    },
)
