"""FHIR building blocks: languages, LOINC codes, outcomes, typed access to elements."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sepsis_detect.clinical.units import conversion
from sepsis_detect.clinical.variables import CLINICAL, VARIABLES
from sepsis_detect.fhir import codes
from sepsis_detect.fhir.languages import preferred
from sepsis_detect.fhir.outcomes import outcome
from sepsis_detect.fhir.resource_reader import Reader, finite
from sepsis_detect.problems import Problem


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


def test_an_element_of_any_type_is_read() -> None:
    reader = Reader(datetime.now(UTC))
    holder = {"a": 5, "b": [1, {}], "c": {}, "d": "x"}
    assert reader.element(holder, "a", "X") == {}
    assert reader.elements(holder, "a", "X") == []
    assert reader.elements(holder, "b", "X") == [({}, "X.b[1]")]
    assert reader.text(holder, "c", "X") is None
    assert reader.text(holder, "d", "X") == "x"
    assert [each.loc for each in reader.problems] == [("X.a",), ("X.a",), ("X.b[0]",), ("X.c",)]
