"""URLs of our own FHIR code systems and definitions.

LOINC has no term for a predicted risk of sepsis, so these codes are our own.
"""

from typing import Any

HOME = "https://sepsis.medtech-detect.example"
MODELS = f"{HOME}/CodeSystem/models"
ASSESSMENTS = f"{HOME}/CodeSystem/assessment-types"
ISSUES = f"{HOME}/CodeSystem/issues"
OVERRIDES = f"{HOME}/CodeSystem/override"
TOPICS = f"{HOME}/CodeSystem/topics"
PREDICTION_ID = f"{HOME}/prediction-id"
WARNINGS = f"{HOME}/StructureDefinition/warnings"
OPERATION = f"{HOME}/OperationDefinition/sepsis-risk"
CAPABILITIES = f"{HOME}/CapabilityStatement/sepsis-detect"
EXTENSION = "example.medtech-detect.sepsis-risk"
"""Extension of CDS Hooks cards: the numbers, for programs."""
DATA_SUFFICIENCY = f"{HOME}/StructureDefinition/data-sufficiency"
RISK_LEVELS = f"{HOME}/CodeSystem/risk-levels"
"""Ours, not HL7's `risk-probability`: there, `high` means more likely than not, `negligible` an
all-clear, and neither holds for a probability beside a threshold of a few per cent."""

PUBLISHER = "MedTech Detect"
FHIR_VERSION = "4.0.1"
MEDIA_TYPE = "application/fhir+json"


def concept(system: str, code: str, display: str, text: str = "") -> dict[str, Any]:
    """A CodeableConcept with one coding."""
    coding = {"system": system, "code": code, "display": display}
    return {"coding": [coding], "text": text or display}
