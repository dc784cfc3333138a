"""The request bodies of the OpenAPI document, derived from the table of variables."""

from math import isnan
from typing import Any

from sepsis_detect.api.query_options import Include
from sepsis_detect.api.schema import responses
from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.clinical import units
from sepsis_detect.clinical.rules import WHOLE_NUMBERS
from sepsis_detect.clinical.variables import ICU_UNITS, SEX, SEX_CODES, VARIABLES, Variable
from sepsis_detect.patient_json.fields import (
    BESIDE_HOURS,
    COLUMNS,
    HOURS,
    ICU_UNIT,
    MAX_HOURS,
    TIMESTAMP,
    UNITS,
)
from sepsis_detect.patient_json.patient_list import MAX_PATIENTS

WORDS = {"sex": list(SEX_CODES), ICU_UNIT: list(ICU_UNITS)}

FLAT: dict[str, Any] = {
    "age": 63,
    "sex": "male",
    "icu_unit": "medical",
    "hospital_admission_hour": -8.5,
    "icu_hour": 12,
    "heart_rate": 118,
    "temperature": 38.6,
    "systolic_bp": 96,
    "mean_arterial_pressure": 64,
    "respiratory_rate": 26,
    "spo2": 93,
    "lactate": 3.1,
    "wbc": 15.2,
    "creatinine": 1.9,
    "platelets": 132,
}
STAY: dict[str, Any] = {
    "age": 63,
    "sex": "male",
    "icu_unit": "medical",
    "hospital_admission_hour": -8.5,
    "units": {"creatinine": "umol/L", "temperature": "[degF]"},
    "hours": [
        {
            "icu_hour": 10,
            "heart_rate": 96,
            "temperature": 99.5,
            "systolic_bp": 118,
            "respiratory_rate": 18,
            "spo2": 96,
            "creatinine": 110,
            "wbc": 12.4,
            "platelets": 168,
        },
        {"icu_hour": 11, "heart_rate": 107, "systolic_bp": 106, "respiratory_rate": 22},
        {
            "icu_hour": 12,
            "heart_rate": 118,
            "temperature": 101.5,
            "systolic_bp": 96,
            "respiratory_rate": 26,
            "spo2": 93,
            "creatinine": 150,
            "lactate": 3.1,
        },
    ],
}
CHALLENGE_ROW = {
    "HR": 88,
    "O2Sat": 96,
    "Temp": 37.2,
    "SBP": 122,
    "MAP": 84,
    "DBP": 64,
    "Resp": 18,
    "Age": 63,
    "Gender": 1,
    "Unit1": 1,
    "Unit2": 0,
    "HospAdmTime": -8.5,
    "ICULOS": 12,
}
EXAMPLES = {
    "flat": {"summary": "One hour", "value": FLAT},
    "stay": {"summary": "A stay, with units", "value": STAY},
    "challenge": {"summary": "A row of the PhysioNet challenge", "value": CHALLENGE_ROW},
}


def _property(variable: Variable) -> dict[str, Any]:
    number: dict[str, Any] = {"type": "number"}
    if len(units.accepted(variable)) == 1:  # else a bound holds in one unit only
        number = {
            "type": "integer" if variable.column in WHOLE_NUMBERS else "number",
            "minimum": variable.hard_low,
            "maximum": variable.hard_high,
        }
    allowed = [number, {"type": "null"}]
    if variable.column == SEX:
        allowed.append({"type": "string", "enum": [*SEX_CODES, "F", "M"]})
    return {"description": _description(variable), "anyOf": allowed}


def _description(variable: Variable) -> str:
    label = f"{variable.label_en}, {variable.unit}" if variable.unit != "1" else variable.label_en
    ranges = f"possible {variable.hard_low:g} to {variable.hard_high:g}"
    if not isnan(variable.reference_low):
        low, high = variable.reference_low, variable.reference_high
        ranges += f", adult reference {low:g} to {high:g}"
    return f"{label} ({ranges})"


def _hour_properties(names: set[str]) -> dict[str, Any]:
    properties = {
        name: _property(VARIABLES[column]) for name, column in COLUMNS.items() if name in names
    }
    properties[ICU_UNIT] = {
        "description": "ICU type",
        "anyOf": [{"type": "string", "enum": list(ICU_UNITS)}, {"type": "null"}],
    }
    return properties


def _hour() -> dict[str, Any]:
    stamp = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
    properties = _hour_properties(set(COLUMNS)) | {TIMESTAMP: stamp}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _units() -> dict[str, Any]:
    properties = {
        name: {"type": "string", "enum": units.accepted(VARIABLES[column])}
        for name, column in COLUMNS.items()
    }
    return {
        "description": "Units of what is sent, where they are not the canonical ones",
        "anyOf": [
            {"type": "object", "properties": properties, "additionalProperties": False},
            {"type": "null"},
        ],
    }


def _patient() -> dict[str, Any]:
    hour = _hour()
    flat = {**hour, "title": "Hour", "properties": hour["properties"] | {UNITS: _units()}}
    hours = {"type": "array", "minItems": 1, "maxItems": MAX_HOURS, "items": hour}
    stay = {
        "title": "Stay",
        "type": "object",
        "properties": _hour_properties(BESIDE_HOURS) | {UNITS: _units(), HOURS: hours},
        "required": [HOURS],
        "additionalProperties": False,
    }
    return {"title": "Patient", "anyOf": [flat, stay]}


def _parameter(name: str, choices: list[str], description: str, *, is_list: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "enum": choices}
    if is_list:
        schema = {"type": "array", "items": schema}
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


PARAMETERS = [
    _parameter("include", [each.value for each in Include], "What else to answer", is_list=True),
    _parameter(
        "on_incoherence",
        [each.value for each in OnIncoherence],
        "`reject` answers 422; `drop` sets values to missing that are incoherent, of another type "
        "or in an unknown unit, and lists them as warnings. An age that cannot be read or is out "
        "of range, constants that change, and faults of the JSON are 422 in either case",
        is_list=False,
    ),
]


def _body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "examples": examples}}
    return {"parameters": PARAMETERS, "requestBody": {"required": True, "content": content}}


PATIENT = _body(_patient(), EXAMPLES)
PATIENTS = _body(
    {
        "type": "object",
        "properties": {
            "patients": {"type": "array", "maxItems": MAX_PATIENTS, "items": _patient()}
        },
        "required": ["patients"],
        "additionalProperties": False,
    },
    {"two": {"summary": "Two patients", "value": {"patients": [FLAT, STAY]}}},
)

ERROR_MEANINGS = {
    401: "No API key, or a wrong one, where one is asked for",
    408: "The request did not come in whole in time",
    413: "The body is larger than the limit",
    415: "The body is not JSON",
    422: "Incoherent or unreadable input: every problem at once",
    429: "Too many wrong API keys are being sent",
    503: "More is asked than can be answered in time: ask again after `Retry-After` seconds",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": responses.Problems, "description": meaning}
    for status, meaning in ERROR_MEANINGS.items()
}
WITHOUT_BODY = (401, 429, 503)  # the errors of every route
ERRORS_OF_GET: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in WITHOUT_BODY}
