"""Patients as JSON: well by default, so that a test states only its changes.

Keys are canonical. A change may use either spelling; it replaces the value under both.
`None` is sent as null, and `without` leaves keys out.
"""

from collections.abc import Iterable
from typing import Any

from sepsis_detect.clinical.variables import VARIABLES

Json = dict[str, Any]

CANONICAL = {variable.challenge: variable.name for variable in VARIABLES}

WELL_ADULT: Json = {
    "age": 60,
    "sex": "male",
    "icu_unit": "medical",
    "hospital_admission_hour": -8.5,
}
WELL_HOUR: Json = {
    "heart_rate": 80,
    "spo2": 97,
    "temperature": 37.0,
    "systolic_bp": 120,
    "mean_arterial_pressure": 85,
    "diastolic_bp": 65,
    "respiratory_rate": 16,
}


def a_patient(*, without: Iterable[str] = (), **changed: Any) -> Json:
    """A well patient in the twelfth hour, flat, as `POST /predict/patient` takes it."""
    return _changed(WELL_ADULT | an_hour(icu_hour=12), changed, without)


def an_hour(*, without: Iterable[str] = (), **changed: Any) -> Json:
    """The first hour of a well patient, as an element of `hours`."""
    return _changed({"icu_hour": 1} | WELL_HOUR, changed, without)


def a_stay(n_hours: int = 10, /, **changed: Any) -> Json:
    """A well patient hour after hour; a list changes each hour, but not where it has `...`.

    The heart rate changes by one beat each hour, so that the vital signs are not frozen.
    """
    varying = {"heart_rate": [80 + hour % 2 for hour in range(n_hours)]}
    by_hour = _changed(varying, changed, ())
    hours = []
    for index in range(n_hours):
        values = {key: _at(value, index) for key, value in by_hour.items()}
        given = {key: value for key, value in values.items() if value is not ...}
        hours.append(_changed({"icu_hour": index + 1} | WELL_HOUR, given, ()))
    return WELL_ADULT | {"hours": hours}


def _at(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) else value


def _changed(well: Json, changed: Json, without: Iterable[str]) -> Json:
    replaced = {CANONICAL.get(key, key) for key in changed} | set(without)
    kept = {key: value for key, value in well.items() if key not in replaced}
    return kept | changed
