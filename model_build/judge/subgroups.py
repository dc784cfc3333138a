"""Subgroups of hours, by dimension; each dimension is a complete partition."""

import numpy as np

from model_build.data.dataset import Dataset
from sepsis_detect.clinical.stay import BoolArray, FloatArray
from sepsis_detect.clinical.variables import AGE, MEDICAL_UNIT, SEX, SEX_CODES, SURGICAL_UNIT
from sepsis_detect.prediction.data_sufficiency import AGES, Level, known, levels

AGE_BANDS = {"under 45": 45.0, "45 to 64": 65.0, "65 to 79": 80.0, "80 and over": np.inf}  # years
DAYS = {"day 1": 24.0, "day 2": 48.0, "days 3 and 4": 96.0, "later": np.inf}  # icu_hour
PHASES = {"hours 1 to 9": 9.0, "hours 10 to 36": 36.0, "later": np.inf}  # icu_hour
UNKNOWN = "unknown"

Groups = dict[str, BoolArray]


def subgroups(data: Dataset) -> dict[str, Groups]:
    """By dimension and group: shape (n_hours,) each; empty groups are left out."""
    stay = data.cohort.stay
    values = stay.values
    partitions = {
        "hospital": {
            f"hospital {hospital}": data.hospitals == hospital
            for hospital in np.unique(data.cohort.hospitals).tolist()
        },
        "sex": with_unknown({name: values[:, SEX] == code for name, code in SEX_CODES.items()}),
        "age": with_unknown(_bands(values[:, AGE], AGE_BANDS, includes_end=False)),
        "unit": with_unknown(_icu_units(values[:, MEDICAL_UNIT], values[:, SURGICAL_UNIT])),
        "phase of stay": _bands(stay.icu_hours, PHASES, includes_end=True),
        "data sufficiency": data_sufficiency(data),
    }
    return {
        dimension: {name: hours for name, hours in groups.items() if hours.any()}
        for dimension, groups in partitions.items()
    }


def by_day(data: Dataset) -> Groups:
    """Shape (n_hours,) each: hours by day in intensive care."""
    return _bands(data.cohort.stay.icu_hours, DAYS, includes_end=True)


def data_sufficiency(data: Dataset) -> Groups:
    """Shape (n_hours,) each: hours by `Level`; empty where the model sees too few variables."""
    if not set(AGES) <= set(data.names):
        return {}
    signs, laboratory = known(data.X[:, [data.names.index(name) for name in AGES]])
    is_sufficient, is_insufficient = levels(
        np.count_nonzero(signs, axis=1), np.count_nonzero(laboratory, axis=1)
    )
    return {
        Level.SUFFICIENT.value: is_sufficient,
        Level.LIMITED.value: ~is_sufficient & ~is_insufficient,
        Level.INSUFFICIENT.value: is_insufficient,
    }


def with_unknown(groups: Groups) -> Groups:
    """Add the hours that are in no group."""
    return groups | {UNKNOWN: ~np.logical_or.reduce(list(groups.values()))}


def _bands(values: FloatArray, ends: dict[str, float], *, includes_end: bool) -> Groups:
    """Bands between rising ends; NaN is in none of them."""
    number = np.searchsorted(
        np.array(list(ends.values())), values, side="left" if includes_end else "right"
    )
    number[np.isnan(values)] = len(ends)
    return {name: number == k for k, name in enumerate(ends)}


def _icu_units(medical: FloatArray, surgical: FloatArray) -> Groups:
    """The ICU's kind by either flag, as in the features."""
    is_medical = (medical == 1) | (np.isnan(medical) & (surgical == 0))
    is_surgical = (medical == 0) | (np.isnan(medical) & (surgical == 1))
    return {"medical": is_medical, "surgical": is_surgical}
