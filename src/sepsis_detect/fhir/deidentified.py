"""Conventions of de-identified data: shifted dates, and ages above 89 among them.

MIMIC shifts all dates of a patient by one number of days, into the years 2100 to 2299; intervals
stay true. An age above 89 is 300 in MIMIC-III and 91 in MIMIC-IV.

Source: https://mimic.mit.edu/docs/iv/modules/hosp/patients/ (anchor_year, anchor_age).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sepsis_detect.clinical import deidentified_ages
from sepsis_detect.clinical.deidentified_ages import CODES, TAKEN_AS
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.resource_reader import Reader, time_of
from sepsis_detect.patient_json.timestamps import MAX_AHEAD

CENTURIES = ("21", "22")  # the first digits of shifted years


def are_dates_shifted(entries: Iterable[Entry], reader: Reader) -> bool:
    """Whether every time of a request is shifted; if so it is noted, and `now` is the last one."""
    latest, at = None, ""
    for text, path in _times(entries):
        found = time_of(text) if isinstance(text, str) and text[:2] in CENTURIES else None
        if found is None or found.tzinfo is None:
            return False
        at = at or path
        latest = found if latest is None else max(latest, found)
    if latest is None:
        return False
    reader.now, reader.latest = latest, latest + MAX_AHEAD
    reader.note(
        "time.shifted",
        at,
        f"All dates lie far in the future ({latest.year}): taken as shifted dates of de-identified "
        "data. Only the hours between them are used.",
        f"Toutes les dates sont loin dans le futur ({latest.year}) : prises pour des dates "
        "décalées de données désidentifiées. Seules les heures qui les séparent sont utilisées.",
    )
    return True


def age_of(age: float, path: str, reader: Reader, *, is_shifted: bool) -> float:
    """The age to use for one that may stand for any age above 89."""
    is_code = age in CODES
    if is_code or (is_shifted and TAKEN_AS <= age < TAKEN_AS + 2):
        reader.note("age.deidentified", path, *deidentified_ages.sentences(f"{age:.0f}"))
    return TAKEN_AS if is_code else age


def _times(entries: Iterable[Entry]) -> Iterator[tuple[Any, str]]:
    """Times of measurement and starts of Encounters, with their FHIRPaths."""
    for entry in entries:
        for key in ("effectiveDateTime", "effectiveInstant"):
            if key in entry.resource:
                yield entry.resource[key], f"{entry.path}.{key}"
        for key in ("effectivePeriod", "period"):
            period = entry.resource.get(key)
            if isinstance(period, dict) and "start" in period:
                yield period["start"], f"{entry.path}.{key}.start"
