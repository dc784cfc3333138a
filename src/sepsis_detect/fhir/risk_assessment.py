"""Presents an assessment as a FHIR RiskAssessment.

Source: https://hl7.org/fhir/R4/riskassessment.html
"""

from datetime import timedelta
from typing import Any

from sepsis_detect import __version__
from sepsis_detect.clinical.variables import Language
from sepsis_detect.fhir import systems
from sepsis_detect.fhir.assessment import FhirAssessment, percent
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.languages import sentence
from sepsis_detect.fhir.outcomes import outcome
from sepsis_detect.fhir.systems import concept
from sepsis_detect.notice import NOTICE, NOTICES

HORIZON = timedelta(hours=6)
MAX_NOTES = 20
PERCENT_DECIMALS = 6

RISK_WORDS = {
    "below-threshold": "Below the threshold of the model",
    "above-threshold": "At or above the threshold of the model",
    "far-above-threshold": "Far above the threshold of the model",
}
TITLE = {
    "en": "Risk that sepsis begins within 6 hours or has begun",
    "fr": "Risque qu'un sepsis débute dans les 6 heures ou ait débuté",
}
UNKNOWN_PATIENT = {"en": "The patient of the request", "fr": "Le patient de la requête"}


def risk_assessment(
    assessment: FhirAssessment, language: Language, *, request_id: str, outcome_code: str
) -> dict[str, Any]:
    """Build the resource.

    Args:
        assessment: Of one patient.
        language: Language of the texts.
        request_id: Identifier of the resource.
        outcome_code: `system|code` of sepsis; empty: text only.
    """
    patient, last = assessment.patient, assessment.patient.last
    resource: dict[str, Any] = {
        "resourceType": "RiskAssessment",
        "language": language,
        "identifier": [{"system": systems.PREDICTION_ID, "value": request_id}],
        "status": "preliminary" if assessment.is_preliminary else "final",
        "method": _method(assessment),
        "code": concept(systems.ASSESSMENTS, "sepsis-6h-risk", TITLE["en"], TITLE[language]),
        "subject": {"reference": patient.subject}
        if patient.subject
        else {"display": UNKNOWN_PATIENT[language]},
        "performer": {"reference": "#device"},
        "contained": [_device()],
        "prediction": [_prediction(assessment, language, outcome_code)],
        "note": [{"text": text} for text in _notes(assessment, language)],
    }
    if patient.encounter is not None and (reference := _reference(patient.encounter)):
        resource["encounter"] = reference
    if last is not None:
        resource["occurrenceDateTime"] = last.isoformat()
    if basis := [each for entry in patient.used if (each := _reference(entry))]:
        resource["basis"] = basis
    level = assessment.sufficiency.level
    resource["extension"] = [{"url": systems.DATA_SUFFICIENCY, "valueCode": level}]
    if assessment.warnings:
        resource["contained"].append({**outcome(assessment.warnings, language), "id": "warnings"})
        resource["extension"].append(
            {"url": systems.WARNINGS, "valueReference": {"reference": "#warnings"}}
        )
    return resource


def _method(assessment: FhirAssessment) -> dict[str, Any]:
    metadata = assessment.model.metadata
    coding = {"system": systems.MODELS, "code": metadata.name, "version": metadata.version}
    return {"coding": [coding], "text": f"{metadata.name} {metadata.version}"}


def _device() -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "id": "device",
        "status": "active",
        "deviceName": [{"name": "Sepsis Detect", "type": "user-friendly-name"}],
        "version": [{"value": __version__}],
        "note": [{"text": NOTICE}],
    }


def _reference(entry: Entry) -> dict[str, str] | None:
    return {"reference": entry.key} if entry.key else None


def _prediction(
    assessment: FhirAssessment, language: Language, outcome_code: str
) -> dict[str, Any]:
    system, _, code = outcome_code.partition("|")
    sepsis: dict[str, Any] = {"text": "Sepsis (Sepsis-3)"}
    if code:
        sepsis["coding"] = [{"system": system, "code": code}]
    level = assessment.risk_level
    prediction: dict[str, Any] = {
        "outcome": sepsis,
        # Per cent: "Decimal values are expressed as percentages" (invariant ras-2).
        "probabilityDecimal": round(100 * assessment.probability, PERCENT_DECIMALS),
        "qualitativeRisk": concept(
            systems.RISK_LEVELS, level, RISK_WORDS[level], assessment.verdict
        ),
    }
    if (last := assessment.patient.last) is not None:
        end = last + HORIZON
        prediction["whenPeriod"] = {"start": last.isoformat(), "end": end.isoformat()}
    if rationale := assessment.rationale(language):
        prediction["rationale"] = rationale
    return prediction


def _notes(assessment: FhirAssessment, language: Language) -> list[str]:
    threshold = percent(assessment.threshold, language)
    is_french = language == "fr"
    warnings = [sentence(each, language) for each in assessment.warnings[:MAX_NOTES]]
    n_more = len(assessment.warnings) - len(warnings)
    if n_more:
        warnings.append(f"Et {n_more} autres." if is_french else f"And {n_more} more.")
    return [
        f"Positif à partir de {threshold}." if is_french else f"Positive from {threshold} on.",
        *warnings,
        NOTICES[language],
    ]
