"""FHIR conformance resources: CapabilityStatement and OperationDefinition."""

from typing import Any

from sepsis_detect import __version__
from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.fhir import systems
from sepsis_detect.fhir.bundle import BUNDLE_TYPES, MAX_ENTRIES, PARAMETER, POLICY
from sepsis_detect.notice import NOTICE

PUBLISHED_ON = "2026-11-25"
BUNDLE_TEXT = f"Of type {', '.join(BUNDLE_TYPES)}, at most {MAX_ENTRIES} entries."
POLICY_TEXT = (
    f"{' or '.join(OnIncoherence)}: whether incoherent values refuse the request "
    "(the default), or are left out and listed as warnings."
)
RETURN_TEXT = "The answer; `probabilityDecimal` is a percentage."


def _parameter(name: str, use: str, least: int, kind: str, text: str) -> dict[str, Any]:
    fields = {"name": name, "use": use, "min": least, "max": "1"}
    return {**fields, "documentation": text, "type": kind}


CAPABILITY_STATEMENT: dict[str, Any] = {
    "resourceType": "CapabilityStatement",
    "url": systems.CAPABILITIES,
    "version": __version__,
    "name": "SepsisDetect",
    "title": "Sepsis Detect",
    "status": "active",
    "experimental": True,
    "date": PUBLISHED_ON,
    "publisher": systems.PUBLISHER,
    "description": NOTICE,
    "kind": "instance",
    "software": {"name": "Sepsis Detect", "version": __version__},
    "implementation": {"description": "Early warning of sepsis in adult intensive care"},
    "fhirVersion": systems.FHIR_VERSION,
    "format": ["json", systems.MEDIA_TYPE],
    "rest": [
        {
            "mode": "server",
            "documentation": "One operation; nothing is stored.",
            "operation": [
                {
                    "name": "sepsis-risk",
                    "definition": systems.OPERATION,
                    "documentation": "POST [base]/$sepsis-risk",
                }
            ],
        }
    ],
}

OPERATION_DEFINITION: dict[str, Any] = {
    "resourceType": "OperationDefinition",
    "id": "sepsis-risk",
    "url": systems.OPERATION,
    "version": __version__,
    "name": "SepsisRisk",
    "title": "Risk that sepsis begins within 6 hours or has begun",
    "status": "active",
    "kind": "operation",
    "experimental": True,
    "date": PUBLISHED_ON,
    "publisher": systems.PUBLISHER,
    "description": (
        "Estimates the probability that sepsis begins within six hours, or has begun, from the "
        "Patient, Encounters and Observations of one stay in adult intensive care. The Bundle may "
        "be posted as it is, without Parameters. " + NOTICE
    ),
    "affectsState": False,
    "code": "sepsis-risk",
    "system": True,
    "type": False,
    "instance": False,
    "parameter": [
        _parameter(PARAMETER, "in", 1, "Bundle", BUNDLE_TEXT),
        _parameter(POLICY, "in", 0, "code", POLICY_TEXT),
        _parameter("return", "out", 1, "RiskAssessment", RETURN_TEXT),
    ],
}
