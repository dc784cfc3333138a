"""JSON parsing: the strict and the tolerant parser agree, and no repeated key is overlooked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.patient_json import json_body
from sepsis_detect.patient_json.json_body import NotFinite, Repeated
from sepsis_detect.problems import RequestError

keys = st.text(st.sampled_from('a":\\é '), max_size=3)
bodies = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | keys,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(keys, each, max_size=3),
)


@given(
    value=bodies,
    is_ascii=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]),
)
def test_both_parsers_read_the_same(
    value: Any, is_ascii: bool, separators: tuple[str, str]
) -> None:
    body = json.dumps(value, ensure_ascii=is_ascii, separators=separators).encode()
    assert json_body.parse_strictly(body) == json_body.parse_tolerantly(body) == value


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-400, 400))
def test_both_parsers_round_a_number_to_the_same_bits(value: float, exponent: int) -> None:
    for text in (repr(value), f"{abs(value):.25g}", f"{abs(value) % 10:.19f}e{exponent}"):
        assert json_body.parse_strictly(text.encode()) == float(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":1,"a" :2}',
        '{"a" :1,"a":":"}',
        '{"b":{"a":"\\u0022:","a":1}}',
        '{"a":"\\u003a","a":1,"c":"\\u003A"}',
        '[{"x":"\\\\\\":"},{"a":1,"a":2}]',
        '{"a":"::","a":1}',
        '{"a\\"":1,"a\\"":2}',
        '{"a":"\\u0022\\u0022","a":1}',
        '{"a":1,"\\u0061":2}',
    ],
)
def test_no_repeated_key_is_overlooked(text: str) -> None:
    def repeats(value: Any) -> bool:
        inner = value.values() if isinstance(value, dict) else value
        return isinstance(value, Repeated) or (
            isinstance(value, dict | list) and any(repeats(each) for each in inner)
        )

    with pytest.raises(ValueError, match="duplicate key"):
        json_body.parse_strictly(text.encode())
    assert repeats(json_body.parse(text.encode()))


def test_a_body_that_the_strict_parser_refuses_is_parsed_tolerantly() -> None:
    assert isinstance(json_body.parse(b'{"a": NaN}')["a"], NotFinite)
    assert json_body.parse(b"\xef\xbb\xbf{}") == {}
    with pytest.raises(RequestError):
        json_body.parse(b"")
