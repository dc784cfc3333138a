"""Subgroups are partitions of the hours."""

from dataclasses import replace

import numpy as np
import pytest

from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset
from model_build.judge.subgroups import AGE_BANDS, subgroups
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import AGE, ICU_HOUR, MEDICAL_UNIT, SEX, SURGICAL_UNIT


def test_every_hour_is_in_exactly_one_group_of_each_dimension(large_data: Dataset) -> None:
    values = large_data.cohort.stay.values.copy()
    values[:500, [SEX, AGE]] = np.nan
    values[:300, [MEDICAL_UNIT, SURGICAL_UNIT]] = np.nan
    values[300:600, [MEDICAL_UNIT, SURGICAL_UNIT]] = (np.nan, 1.0)
    values[-200:, ICU_HOUR] += 55
    cohort = Cohort(
        Stay(values, large_data.cohort.stay.starts),
        large_data.cohort.labels,
        large_data.cohort.patient_ids,
        large_data.cohort.hospitals,
    )
    found = subgroups(replace(large_data, cohort=cohort))
    for groups in found.values():
        assert (np.sum(list(groups.values()), axis=0) == 1).all()
    assert found["unit"]["unknown"].sum() == 300
    assert found["unit"]["surgical"].sum() == 300
    assert found["sex"]["unknown"].sum() == 500


@pytest.mark.parametrize(
    ("age", "band"),
    [(44.0, "under 45"), (45.0, "45 to 64"), (79.0, "65 to 79"), (80.0, "80 and over")],
)
def test_an_age_lies_in_the_band_that_names_it(large_data: Dataset, age: float, band: str) -> None:
    values = large_data.cohort.stay.values.copy()
    values[:, AGE] = age
    stay = Stay(values, large_data.cohort.stay.starts)
    cohort = Cohort(
        stay, large_data.cohort.labels, large_data.cohort.patient_ids, large_data.cohort.hospitals
    )
    assert list(subgroups(replace(large_data, cohort=cohort))["age"]) == [band]
    assert band in AGE_BANDS
