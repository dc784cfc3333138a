"""FHIR resources of a well patient, so that a test shows only what it changes.

The same patient as in `builders.py`: FHIR and REST must give the same answer.
"""

from datetime import datetime, timedelta
from typing import Any

from tests.builders import WELL_HOUR, Json

ICU_START = datetime.fromisoformat("2026-02-28T22:00:00+01:00")
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
FHIR_JSON = {"Content-Type": "application/fhir+json"}
RISK = "/fhir/$sepsis-risk"

CODES = {
    "heart_rate": ("8867-4", "/min"),
    "spo2": ("59408-5", "%"),
    "temperature": ("8310-5", "Cel"),
    "systolic_bp": ("8480-6", "mm[Hg]"),
    "mean_arterial_pressure": ("8478-0", "mm[Hg]"),
    "diastolic_bp": ("8462-4", "mm[Hg]"),
    "respiratory_rate": ("9279-1", "/min"),
}


def at(icu_hour: float) -> str:
    """The clock time in the middle of an ICU hour."""
    return (ICU_START + timedelta(hours=icu_hour - 0.5)).isoformat()


def codings(*codes: str) -> Json:
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def quantity(value: Any, unit: str | None, **changed: Any) -> Json:
    """A Quantity in UCUM; `None`: without unit."""
    stated = {} if unit is None else {"system": UCUM, "code": unit, "unit": unit}
    return {"value": value, **stated, **changed}


def observation(
    code: str | tuple[str, ...] | Json,
    value: Any,
    unit: str | None,
    *,
    category: str | None = "vital-signs",
    icu_hour: float = 12,
    **changed: Any,
) -> Json:
    """An Observation; `...` leaves an element out."""
    found: Json = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}] if category else ...,
        "code": code if isinstance(code, dict) else codings(*_listed(code)),
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": at(icu_hour),
        "valueQuantity": quantity(value, unit),
        **changed,
    }
    return {key: each for key, each in found.items() if each is not ...}


def _listed(code: str | tuple[str, ...]) -> tuple[str, ...]:
    return (code,) if isinstance(code, str) else code


def without(resource: Json, element: str) -> Json:
    return {key: each for key, each in resource.items() if key != element}


def a_person(**changed: Any) -> Json:
    """A Patient who is sixty years old at the time of the measurements."""
    return {
        "resourceType": "Patient",
        "id": "p1",
        "gender": "male",
        "birthDate": "1966-01-15",
        **changed,
    }


def an_encounter(**changed: Any) -> Json:
    """An Encounter: eight and a half hours in hospital, then medical intensive care."""
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": (ICU_START - timedelta(hours=8.5)).isoformat()},
        "location": [
            {
                "location": {"display": "Réanimation médicale (MICU)"},
                "period": {"start": ICU_START.isoformat()},
            }
        ],
        **changed,
    }


def vital_signs(icu_hour: float = 12, **changed: Any) -> list[Json]:
    """Vital signs of a well patient, in canonical units."""
    return [
        observation(CODES[name][0], value, CODES[name][1], icu_hour=icu_hour)
        for name, value in (WELL_HOUR | changed).items()
    ]


def bundle(*resources: Json, kind: str = "collection") -> Json:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def a_bundle(*more: Json, **changed: Any) -> Json:
    """A well patient in the twelfth hour, with further resources of a test."""
    return bundle(a_person(), an_encounter(), *vital_signs(**changed), *more)


def a_searchset(*observations: Json) -> Json:
    return bundle(*observations, kind="searchset")


def a_hook(**changed: Any) -> Json:
    """A CDS Hooks request for the well patient."""
    prefetch = {
        "patient": a_person(),
        "encounter": an_encounter(),
        "vitals": a_searchset(*vital_signs()),
        "labs": a_searchset(),
    }
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/abc", "patientId": "p1", "encounterId": "e1"},
        "prefetch": prefetch | changed.pop("prefetch", {}),
        **changed,
    }


SICK: Json = {
    "heart_rate": 128,
    "temperature": 39.2,
    "systolic_bp": 92,
    "mean_arterial_pressure": 60,
    "diastolic_bp": 45,
    "respiratory_rate": 32,
    "spo2": 90,
}
"""Vital signs that any model calls positive."""
