"""Malformed and unusual JSON bodies: each is refused with its problems, none is a 500."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.patient_json.fields import MAX_HOURS
from tests.builders import a_patient, a_stay
from tests.contract.asking import PATIENT, PATIENTS, ask, predicted, probability, refused, rules_of

VALID = json.dumps(a_patient())

BROKEN = [
    pytest.param(b"", id="empty"),
    pytest.param(b" \n\t", id="blank"),
    pytest.param(b"\x00", id="a null byte"),
    pytest.param(VALID.encode() + b"\x00", id="a null byte behind"),
    pytest.param(VALID[:-1].encode(), id="truncated"),
    pytest.param(VALID.encode() * 2, id="two bodies"),
    pytest.param(b'{"HR": 80,}', id="a comma too many"),
    pytest.param(b"{'HR': 80}", id="single quotes"),
    pytest.param(b'{"HR": 080}', id="a leading zero"),
    pytest.param(b'{"HR": +80}', id="a plus sign"),
    pytest.param(b'{"HR": 0x50}', id="hexadecimal"),
    pytest.param(b'{"HR": 80} // well', id="a comment"),
    pytest.param(b'{"HR": 80, "sex": "ma\nle"}', id="a line break in a text"),
    pytest.param(b"heart_rate=80&icu_hour=1", id="a form"),
    pytest.param(b"<patient/>", id="XML"),
    pytest.param(VALID.encode("utf-16"), id="UTF-16"),
    pytest.param(VALID.encode("utf-32"), id="UTF-32"),
    pytest.param(b'{"sex": "m\xe2le"}', id="Latin-1"),
    pytest.param(b"\xff\xff\xff", id="bytes of no encoding"),
    pytest.param(b"[" * 200_000, id="lists without end"),
    pytest.param(b'{"hours":' * 100_000, id="objects without end"),
    pytest.param(b"[" * 50_000 + b"]" * 50_000, id="lists nested deeply"),
    pytest.param(b'{"HR": ' + b"9" * 5_000 + b"}", id="5,000 digits"),
]


@pytest.mark.parametrize("route", [PATIENT, PATIENTS])
@pytest.mark.parametrize("body", BROKEN)
def test_a_body_that_is_not_json_is_refused(client: TestClient, route: str, body: bytes) -> None:
    (problem,) = refused(ask(client, body, route=route))
    assert (problem["type"], problem["rule"], problem["loc"]) == ("json", "json.broken", ["body"])


@pytest.mark.parametrize("body", ["null", "true", "5", '"HR"', "[]", "[1, 2]", "[{}]", "NaN"])
def test_a_patient_is_an_object(client: TestClient, body: str) -> None:
    (problem,) = refused(ask(client, body))
    assert (problem["rule"], problem["loc"]) == ("json.type", ["body"])


def test_a_byte_order_mark_is_ignored(client: TestClient) -> None:
    assert probability(client, b"\xef\xbb\xbf" + VALID.encode()) == probability(client, VALID)


# Text of a value, rule
NOT_NUMBERS = [
    pytest.param("NaN", "json.nan", id="NaN"),
    pytest.param("Infinity", "json.nan", id="Infinity"),
    pytest.param("-Infinity", "json.nan", id="-Infinity"),
    pytest.param("1e999", "json.nan", id="1e999"),
    pytest.param("-1e999", "json.nan", id="-1e999"),
    pytest.param("9" * 400, "json.nan", id="400 digits"),
    pytest.param("-" + "9" * 400, "json.nan", id="minus 400 digits"),
    pytest.param('"80"', "json.string", id="a number as text"),
    pytest.param('"NaN"', "json.string", id="NaN as text"),
    pytest.param('""', "json.string", id="an empty text"),
    pytest.param('"\\ud800"', "json.string", id="half a character"),
    pytest.param("true", "json.type", id="true"),
    pytest.param("false", "json.type", id="false"),
    pytest.param("[80]", "json.type", id="a list"),
    pytest.param("[[[80]]]", "json.type", id="nested lists"),
    pytest.param('{"value": 80}', "json.type", id="an object"),
]


@pytest.mark.parametrize("variable", ["HR", "lactate", "Age", "icu_hour", "Unit1"])
@pytest.mark.parametrize(("text", "rule"), NOT_NUMBERS)
def test_a_measurement_is_a_finite_number(
    client: TestClient, variable: str, text: str, rule: str
) -> None:
    companion = "spo2" if variable == "HR" else "HR"
    flat = f'{{"{companion}": 80, "{variable}": {text}}}'
    (problem,) = refused(ask(client, flat))
    assert (problem["rule"], problem["loc"]) == (rule, ["body", variable])
    hour = f'{{"hours": [{{"{companion}": 80, "{variable}": {text}}}]}}'
    (problem,) = refused(ask(client, hour))
    assert (problem["rule"], problem["loc"]) == (rule, ["body", "hours", 0, variable])


@pytest.mark.parametrize("text", ["1e-400", "0.0", "-0", "0e5"])
def test_a_number_too_small_to_tell_from_zero_is_zero(client: TestClient, text: str) -> None:
    assert rules_of(refused(ask(client, f'{{"HR": {text}}}'))) == ["range:HR"]


@pytest.mark.parametrize("number", ["80", "80.0", "8e1", "800E-1", "80.00000000000000000000"])
def test_a_number_may_be_written_in_any_way_json_knows(client: TestClient, number: str) -> None:
    assert probability(client, f'{{"HR": {number}}}') == probability(client, '{"HR": 80}')


@pytest.mark.parametrize(
    ("key", "words"),
    [("sex", ["female", "male", "F", "m", " Male "]), ("icu_unit", ["medical", "SURGICAL"])],
)
def test_words_are_read_in_any_case(client: TestClient, key: str, words: list[str]) -> None:
    for word in words:
        predicted(ask(client, a_patient(**{key: word})))


@pytest.mark.parametrize("value", ["homme", "", "x" * 5000, True, [], {}])
@pytest.mark.parametrize(
    ("key", "rule"), [("sex", "code.gender"), ("Gender", "code.gender"), ("icu_unit", "json.type")]
)
def test_another_word_is_refused_and_the_accepted_ones_listed(
    client: TestClient, key: str, rule: str, value: Any
) -> None:
    (problem,) = refused(ask(client, a_patient(**{key: value})))
    assert (problem["rule"], problem["loc"]) == (rule, ["body", key])
    assert len(problem["ctx"]["accepted"]) == 2


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        pytest.param("HeartRate", "heart_rate", id="camel case"),
        pytest.param("heart-rate", "heart_rate", id="hyphen"),
        pytest.param("hr", "HR", id="lower case"),
        pytest.param("HR ", "HR", id="a space behind"),
        pytest.param("Lactates", "lactate", id="plural"),
        pytest.param("temprature", "temperature", id="a slip"),
        pytest.param("haemoglobin", "hemoglobin", id="British"),
        pytest.param("hour", "hours", id="hour for hours"),
        pytest.param("unit", "units", id="unit for units"),
    ],
)
def test_an_unknown_field_is_refused_with_what_was_meant(
    client: TestClient, key: str, meant: str
) -> None:
    (problem,) = refused(ask(client, {"spo2": 97, key: 80}))
    assert (problem["rule"], problem["loc"]) == ("json.unknown", ["body", key])
    assert meant in problem["ctx"]["did_you_mean"]
    assert f"`{meant}`" in problem["hint"]
    assert f"`{meant}`" in problem["hint_fr"]


def test_a_second_field_is_suggested_only_if_it_is_alike(client: TestClient) -> None:
    (problem,) = refused(ask(client, {"spo2": 97, "heartrate": 80}))
    assert problem["ctx"]["did_you_mean"] == ["heart_rate"]
    (problem,) = refused(ask(client, {"spo2": 97, "bilirubin": 1}))
    assert problem["ctx"]["did_you_mean"]


@pytest.mark.parametrize("key", ["", "\x00", "\ud800", "é" * 9000, "patient_name", "$sepsis", "😀"])
def test_a_field_similar_to_no_other_is_refused(client: TestClient, key: str) -> None:
    (problem,) = refused(ask(client, {"HR": 80, key: None}))
    assert problem["rule"] == "json.unknown"
    assert len(problem["msg"]) < 200


@pytest.mark.parametrize("key", [v.challenge for v in VARIABLES if v.is_clinical])
def test_a_measurement_beside_the_hours_belongs_inside(client: TestClient, key: str) -> None:
    (problem,) = refused(ask(client, a_stay() | {key: 80}))
    assert (problem["rule"], problem["loc"]) == ("json.unknown", ["body", key])
    assert "inside an hour" in problem["msg"]


@pytest.mark.parametrize("key", ["hours", "units"])
def test_hours_and_units_are_not_allowed_inside_an_hour(client: TestClient, key: str) -> None:
    (problem,) = refused(ask(client, {"hours": [{"HR": 80, key: {}}]}))
    assert (problem["rule"], problem["loc"]) == ("json.unknown", ["body", "hours", 0, key])
    assert "beside" in problem["msg"]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        pytest.param('{"HR": 80, "HR": 90}', ["HR"], id="in a flat hour"),
        pytest.param('{"HR": 80, "HR": 80}', ["HR"], id="even when they agree"),
        pytest.param('{"HR": 80, "H\\u0052": 90}', ["HR"], id="one of them escaped"),
        pytest.param('{"age": 60, "age": 61, "hours": [{"HR": 80}]}', ["age"], id="a constant"),
        pytest.param('{"hours": [{"HR": 80, "HR": 90}]}', ["hours", 0, "HR"], id="in an hour"),
        pytest.param('{"hours": [], "hours": [{"HR": 80}]}', ["hours"], id="the hours"),
        pytest.param('{"HR": 80, "units": {}, "units": {}}', ["units"], id="the units"),
        pytest.param(
            '{"HR": 80, "units": {"Temp": "Cel", "Temp": "[degF]"}}', ["units", "Temp"], id="a unit"
        ),
    ],
)
def test_a_repeated_key_is_refused(client: TestClient, body: str, loc: list[str | int]) -> None:
    (problem,) = refused(ask(client, body))
    assert (problem["rule"], problem["loc"]) == ("json.duplicate", ["body", *loc])


@pytest.mark.parametrize("hours", [[], {}, "all", 5, True])
def test_hours_are_a_list_of_at_least_one(client: TestClient, hours: Any) -> None:
    (problem,) = refused(ask(client, {"hours": hours}))
    assert (problem["rule"], problem["loc"]) == ("json.type", ["body", "hours"])


@pytest.mark.parametrize("hour", [None, 5, "x", True, [], [{"HR": 80}]])
def test_an_hour_is_an_object(client: TestClient, hour: Any) -> None:
    problems = refused(ask(client, {"hours": [hour]}))
    assert (problems[0]["rule"], problems[0]["loc"]) == ("json.type", ["body", "hours", 0])


@pytest.mark.parametrize("hour", [None, 5, "x", [], True])
def test_hours_that_are_no_objects_are_refused_whatever_unit_is_stated(
    client: TestClient, hour: Any
) -> None:
    body = {"hours": [hour, hour], "units": {"icu_hour": "h", "HR": "/min"}}
    rules = {each["rule"] for each in refused(client.post("/predict/patient", json=body))}
    assert "json.type" in rules


def test_more_hours_than_the_maximum_are_refused(client: TestClient) -> None:
    hours = [{"ICULOS": 1 + index, "HR": 80 + index % 2} for index in range(MAX_HOURS + 1)]
    (problem,) = refused(ask(client, {"hours": hours}))
    assert (problem["rule"], problem["loc"]) == ("json.size", ["body", "hours"])
    assert predicted(ask(client, {"hours": hours[:-1]}))["icu_hour"] == MAX_HOURS == 2000


def test_problems_of_the_text_and_incoherent_values_are_reported_together(
    client: TestClient,
) -> None:
    body = '{"HR": NaN, "Temp": "37", "Foo": 1, "O2Sat": 150, "sex": "x", "units": {"SBP": "x"}}'
    assert set(rules_of(refused(ask(client, body)))) == {
        "json.nan",
        "json.string",
        "json.unknown",
        "range:O2Sat",
        "code.gender",
        "unit.unknown",
    }
