"""Reads resources as the FHIR operation does, to see hours, times and notes before any model."""

from datetime import UTC, datetime
from typing import Any

from sepsis_detect.clinical.variables import (
    AGE,
    HOSPITAL_ADMISSION_HOUR,
    ICU_HOUR,
    MEDICAL_UNIT,
    SURGICAL_UNIT,
)
from sepsis_detect.fhir import bundle, patient
from sepsis_detect.fhir.patient import FhirPatient
from tests.builders import Json

NOW = datetime(2026, 12, 31, tzinfo=UTC)


def read(sent: Json) -> FhirPatient:
    """The patient of a Bundle, read at the end of 2026."""
    return patient.read(lambda reader: bundle.unpack(sent, reader), base="Bundle", now=NOW)


def hours(found: FhirPatient) -> list[float]:
    """The hours in intensive care that have values; a problem fails the test."""
    assert not found.problems, found.problems
    assert found.stay is not None
    values: list[float] = found.stay.values[:, ICU_HOUR].tolist()
    return values


def hospital_hour(found: FhirPatient) -> float:
    assert found.stay is not None
    return float(found.stay.values[-1, HOSPITAL_ADMISSION_HOUR])


def age(found: FhirPatient) -> float:
    assert found.stay is not None
    return float(found.stay.values[-1, AGE])


def icu_unit(found: FhirPatient) -> str | None:
    """`medical` or `surgical`; None if neither is certain."""
    assert found.stay is not None
    flags: Any = found.stay.values[-1, [MEDICAL_UNIT, SURGICAL_UNIT]].tolist()
    return {(1.0, 0.0): "medical", (0.0, 1.0): "surgical"}.get(tuple(flags))


def noted(found: FhirPatient) -> dict[str, str]:
    """The sentences of the notes, by rule."""
    assert all(each.msg != each.msg_fr for each in found.notes)
    return {each.rule: each.msg for each in found.notes}


def refused(found: FhirPatient) -> list[str]:
    """The rules of the problems."""
    assert all(each.msg != each.msg_fr for each in found.problems)
    return [each.rule for each in found.problems]
