"""What FHIR and CDS Hooks are made of: languages, JSON, codes, references."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.clinical.units import conversion
from sepsis_detect.clinical.variables import CLINICAL, VARIABLES
from sepsis_detect.fhir import codes
from sepsis_detect.fhir.languages import preferred
from sepsis_detect.fhir.outcomes import outcome
from sepsis_detect.fhir.resource_reader import Reader, finite
from sepsis_detect.patient_json import json_body
from sepsis_detect.patient_json.json_body import NotFinite, Repeated
from sepsis_detect.problems import Problem, RequestError


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA", "fr"),
        ("FR", "fr"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en,fr;q=0.9", "en"),
        ("en;q=0.5, fr;q=0.9", "fr"),
        ("de, fr;q=0.1", "fr"),
        ("de", "en"),
        ("*", "en"),
        ("fr;q=0", "en"),
        ("fr;q=.", "en"),
        (";;,=" * 1_000, "en"),
    ],
)
def test_french_is_chosen_where_it_is_preferred(header: str | None, language: str) -> None:
    assert preferred(header) == language


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
def test_parsing_quickly_reads_what_parsing_reads(
    value: Any, is_ascii: bool, separators: tuple[str, str]
) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, separators=separators)
    body = text.encode()
    assert json_body.parse_quickly(body)[1] == json_body.parse(body) == value


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
def test_no_repeated_key_is_overlooked_quickly(text: str) -> None:
    def repeats(value: Any) -> bool:
        inner = value.values() if isinstance(value, dict) else value
        return isinstance(value, Repeated) or (
            isinstance(value, dict | list) and any(repeats(each) for each in inner)
        )

    is_quick, found = json_body.parse_quickly(text.encode())
    assert not is_quick
    assert repeats(found)


def test_what_only_the_careful_parser_takes_goes_there() -> None:
    assert isinstance(json_body.parse_quickly(b'{"a": NaN}')[1]["a"], NotFinite)
    assert json_body.parse_quickly(b"\xef\xbb\xbf{}") == (False, {})
    with pytest.raises(RequestError):
        json_body.parse_quickly(b"")


@pytest.mark.parametrize("variable", CLINICAL, ids=lambda each: each.challenge)
def test_every_code_of_the_table_has_one_meaning(variable: Any) -> None:
    for code in (variable.loinc, *variable.loinc_also):
        if code != codes.SATURATION:
            assert codes.MEANINGS[code].column == variable.column
        assert code not in codes.NOT_INTERCHANGEABLE
        assert code not in codes.PANELS


def test_no_code_means_two_variables() -> None:
    listed = [code for each in CLINICAL for code in (each.loinc, *each.loinc_also)]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("code", sorted(codes.MEANINGS))
def test_the_check_digit_of_every_code_is_right(code: str) -> None:
    assert_loinc(code)


@pytest.mark.parametrize("code", sorted({*codes.NOT_INTERCHANGEABLE, *codes.PANELS}))
def test_the_check_digit_of_every_other_code_is_right(code: str) -> None:
    assert_loinc(code)


def assert_loinc(code: str) -> None:
    """LOINC's last digit follows from the others (Luhn, mod 10)."""
    number, _, digit = code.partition("-")
    doubled = "".join(
        str(int(each) * 2) if index % 2 == 0 else each
        for index, each in enumerate(reversed(number))
    )
    assert int(digit) == -sum(int(each) for each in doubled) % 10


def test_every_unit_of_urea_is_one_of_the_table() -> None:
    for meaning in codes.MEANINGS.values():
        if meaning.is_urea:
            for unit in ("mmol/L", "g/L", "mg/dL"):
                assert conversion(VARIABLES[meaning.column], f"{unit} (urea)")


@pytest.mark.parametrize(
    ("value", "found"), [(1, 1.0), (1.5, 1.5), (True, None), ("1", None), (10**400, None)]
)
def test_only_a_number_is_a_number(value: Any, found: float | None) -> None:
    assert finite(value) == found
    assert finite(float("inf")) is None


def test_every_kind_of_problem_has_an_issue_type() -> None:
    rules = [("access", "access.key"), ("load", "load.too_much"), ("internal", "internal.error")]
    problems = [
        Problem(type=kind, rule=rule, loc=("body",), msg="x", msg_fr="y") for kind, rule in rules
    ]
    issues = outcome(problems, "en")["issue"]
    assert [each["code"] for each in issues] == ["login", "throttled", "exception"]
    assert not any("expression" in each for each in issues)


def test_a_reader_takes_any_element() -> None:
    reader = Reader(datetime.now(UTC))
    holder = {"a": 5, "b": [1, {}], "c": {}, "d": "x"}
    assert reader.element(holder, "a", "X") == {}
    assert reader.elements(holder, "a", "X") == []
    assert reader.elements(holder, "b", "X") == [({}, "X.b[1]")]
    assert reader.text(holder, "c", "X") is None
    assert reader.text(holder, "d", "X") == "x"
    assert [each.loc for each in reader.problems] == [("X.a",), ("X.a",), ("X.b[0]",), ("X.c",)]
