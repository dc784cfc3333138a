"""FHIR and CDS Hooks in the OpenAPI document.

Resources are described by FHIR itself, so only what carries them is here. What holds between two
elements is left to the answers: 422 names it.
"""

from typing import Any

from sepsis_detect.api.schema import responses
from sepsis_detect.api.schema.request_schemas import (
    ERROR_MEANINGS,
    ERRORS,
    PARAMETERS,
    WITHOUT_BODY,
)
from sepsis_detect.cds_hooks import service
from sepsis_detect.cds_hooks.request import REQUIRED_CONTEXT, SEARCHES, SINGLE
from sepsis_detect.fhir.bundle import BUNDLE_TYPES, MAX_ENTRIES, PARAMETER, POLICY
from sepsis_detect.fhir.systems import MEDIA_TYPE

Schema = dict[str, Any]


def _object(*required: str, **properties: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _words(*allowed: str) -> Schema:
    return {"type": "string", "enum": list(allowed)}


TEXT: Schema = {"type": "string"}
WORD: Schema = {"type": "string", "pattern": r"\S"}
TIME: Schema = {"type": "string", "format": "date-time"}

# --- FHIR ---


def _resource(*kinds: str) -> Schema:
    return _object("resourceType", resourceType=_words(*kinds))


def _listed(items: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": items, **bounds}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_entry = _object(resource=_or_null(_object("resourceType", resourceType=WORD)))
_bundle = _object(
    "resourceType",
    "type",
    resourceType=_words("Bundle"),
    type=_words(*BUNDLE_TYPES),
    entry=_or_null(_listed(_entry, maxItems=MAX_ENTRIES)),
)
_parameters = _object(
    "resourceType",
    "parameter",
    resourceType=_words("Parameters"),
    parameter={
        **_listed(
            {
                "anyOf": [
                    _object("name", "resource", name=_words(PARAMETER), resource=_bundle),
                    _object(
                        "name",
                        "valueCode",
                        name=_words(POLICY),
                        valueCode=PARAMETERS[1]["schema"],
                    ),
                ]
            },
            minItems=1,
        ),
        "contains": _object("name", name=_words(PARAMETER)),
        "minContains": 1,
        "maxContains": 1,
    },
)


def _fhir_content(schema: Schema, **more: Any) -> dict[str, Any]:
    return {"content": {MEDIA_TYPE: {"schema": schema, **more}}}


LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
SUBJECT = {"reference": "Patient/p1"}
FHIR_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "gender": "male",
    "birthDate": "1962-07-02",
}
FHIR_ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "in-progress",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "subject": SUBJECT,
    "period": {"start": "2026-02-28T13:40:00+01:00"},
    "location": [
        {
            "location": {"display": "Medical ICU"},
            "period": {"start": "2026-02-28T22:10:00+01:00"},
        }
    ],
}


def _observations(*measured: tuple[str, float, str]) -> list[dict[str, Any]]:
    """Observations of one moment, given by LOINC code, value and UCUM unit."""
    return [
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": LOINC, "code": code}]},
                "subject": SUBJECT,
                "effectiveDateTime": "2026-03-01T10:00:00+01:00",
                "valueQuantity": {"value": value, "system": UCUM, "code": unit},
            }
        }
        for code, value, unit in measured
    ]


_VITAL_SIGNS = _observations(
    ("8867-4", 118, "/min"),
    ("9279-1", 26, "/min"),
    ("8310-5", 38.6, "Cel"),
    ("8480-6", 96, "mm[Hg]"),
    ("8478-0", 64, "mm[Hg]"),
    ("59408-5", 93, "%"),
)
_LABORATORY = _observations(
    ("6690-2", 15.2, "10*3/uL"),
    ("2160-0", 168, "umol/L"),
    ("777-3", 132, "10*3/uL"),
    ("2524-7", 3.1, "mmol/L"),
)
FHIR_BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": FHIR_PATIENT},
        {"resource": FHIR_ENCOUNTER},
        *_VITAL_SIGNS,
        *_LABORATORY,
    ],
}
FHIR_FACTS = {
    "responses": {"200": {"description": "As it says", **_fhir_content({"type": "object"})}}
}
FHIR_RISK = {
    "parameters": [PARAMETERS[1]],
    "requestBody": {
        "required": True,
        **_fhir_content(
            {"anyOf": [_bundle, _parameters]},
            examples={"bundle": {"summary": "An hour of a patient", "value": FHIR_BUNDLE}},
        ),
    },
    "responses": {
        "200": {"description": "The answer", **_fhir_content(_resource("RiskAssessment"))}
    },
}
FHIR_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, **_fhir_content(_resource("OperationOutcome"))}
    for status, meaning in {**ERROR_MEANINGS, 406: "Another format than JSON is asked for"}.items()
}
FHIR_ERRORS_OF_GET: dict[int | str, dict[str, Any]] = {
    status: FHIR_ERRORS[status] for status in (*WITHOUT_BODY, 406)
}

# --- CDS Hooks ---

_card = _object(
    "summary",
    "indicator",
    "source",
    summary={"type": "string", "maxLength": 139},
    indicator=_words("info", "warning", "critical"),
    source=_object("label", label=TEXT),
)
_discovered = _object("hook", "description", "id", hook=TEXT, description=TEXT, id=TEXT)


def _searchset(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


CDS_REQUEST: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {"userId": "Practitioner/abc", "patientId": "p1"},
    "prefetch": {
        "patient": FHIR_PATIENT,
        "encounter": FHIR_ENCOUNTER,
        "vitals": _searchset(_VITAL_SIGNS),
        "labs": _searchset(_LABORATORY),
    },
}


def _call(hook: str) -> Schema:
    context = dict.fromkeys(REQUIRED_CONTEXT[hook], WORD)
    found = _object(
        "hook",
        "hookInstance",
        "context",
        "prefetch",
        hook=_words(hook),
        hookInstance=WORD,
        context=_object(*context, **context),
        prefetch={**_prefetch, "anyOf": [{"required": [key]} for key in SEARCHES]},
        fhirServer={},  # neither is used
        fhirAuthorization={},
    )
    named = _object("fhirServer", fhirServer=WORD)  # invariant cds-r-1
    return {**found, "title": hook, "dependentSchemas": {"fhirAuthorization": named}}


def _prefetched(kind: Schema) -> Schema:
    return {"anyOf": [kind, _resource("OperationOutcome"), {"type": "null"}]}


_prefetch = _object(
    **{key: _prefetched(_resource(kind)) for key, kind in SINGLE.items()},
    **{key: _prefetched(_bundle) for key in SEARCHES},
)
CDS_FEEDBACK_BODY: dict[str, Any] = {
    "feedback": [
        {
            "card": "9d1c3f3e-1f7c-4b7e-9a3e-0d6d9b2c5a10",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-03-01T09:25:00Z",
        }
    ]
}


def _of_card(outcome: str, *required: str, **others: Schema) -> Schema:
    return _object(
        "card",
        "outcome",
        "outcomeTimestamp",
        *required,
        **others,
        card={"type": "string", "minLength": 1},
        outcome=_words(outcome),
        outcomeTimestamp=TIME,
        overrideReason={
            "anyOf": [
                {"type": "null"},
                _object("reason", reason={"type": "object", "minProperties": 1}),
                _object("userComment", userComment={"type": "string", "minLength": 1}),
            ]
        },
    )


_accepted, _overridden = service.OUTCOMES
_suggestions = _listed(_object("id", id=TEXT), minItems=1)
_feedback = _object(
    "feedback",
    feedback=_listed(
        {
            "anyOf": [
                _of_card(_accepted, "acceptedSuggestions", acceptedSuggestions=_suggestions),
                _of_card(_overridden),  # whatever it says was accepted is not looked at
            ]
        },
        minItems=1,
        maxItems=service.MAX_FEEDBACK,
    ),
)


def _cds(answer: Any, body: Any = None, example: Any = None) -> dict[str, Any]:
    content = {"application/json": {"schema": answer}}
    described: dict[str, Any] = {
        "responses": {"200": {"description": "The answer", "content": content}}
    }
    if body is not None:
        examples = {"example": {"summary": "As a client sends it", "value": example}}
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body, "examples": examples}},
        }
    return described


CDS_DISCOVERY = _cds(_object("services", services=_listed(_discovered)))
CDS_CALL = _cds(
    _object("cards", cards=_listed(_card)),
    {"anyOf": [_call(hook) for hook in REQUIRED_CONTEXT]},
    CDS_REQUEST,
)
CDS_FEEDBACK = _cds({"type": "object"}, _feedback, CDS_FEEDBACK_BODY)
CDS_ERRORS = ERRORS | {
    412: {"model": responses.Problems, "description": "The data needed were not prefetched"}
}
