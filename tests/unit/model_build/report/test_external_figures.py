"""External figures in report, model card and artifact."""

import json
import re

import pytest

from model_build.data.cohort import Cohort
from model_build.judge.figures import Figures
from model_build.report import external_figures
from sepsis_detect.clinical.variables import ICU_HOUR


@pytest.fixture
def inside(validation: Figures) -> Figures:
    """What stands in for `metrics.json`."""
    half = {"value": 0.5, "low": 0.4, "high": 0.6}
    return {
        "model": {"version": validation["model"]["version"]},
        "overall": dict.fromkeys(validation["overall"], half),
        "by_patient": dict.fromkeys(validation["by_patient"], half),
    }


def test_without_a_validation_the_report_says_so(inside: Figures) -> None:
    assert "Not validated yet" in external_figures.report_section(None, inside)
    assert "Not validated yet" in external_figures.sentence(None)
    assert external_figures.side_by_side(None, inside) == []
    assert external_figures.summary(None) is None


def test_internal_and_external_figures_are_in_one_table(
    validation: Figures, inside: Figures
) -> None:
    section = external_figures.report_section(validation, inside)
    outside = f"{validation['overall']['auroc']['value']:.3f}"
    assert re.search(rf"\| AUROC \| 0\.500 \(0\.400 to 0\.600\) \| .* \| {outside} ", section)
    assert "by_day.svg" in section
    assert "figures of version" not in section
    assert all(
        len(row) == len(external_figures.HEADER)
        for row in external_figures.side_by_side(validation, inside)
    )
    assert f"AUROC {outside}" in external_figures.sentence(validation)


def test_figures_of_another_version_are_marked(validation: Figures, inside: Figures) -> None:
    newer = inside | {"model": {"version": "newer"}}
    assert "These are figures of version 1." in external_figures.report_section(validation, newer)


def test_the_artifact_holds_aggregates_only(validation: Figures, cohort: Cohort) -> None:
    text = json.dumps(external_figures.summary(validation), allow_nan=False)
    assert len(text) < 2_000
    assert json.loads(text)["auroc"] == validation["overall"]["auroc"]
    assert not any(patient in text for patient in cohort.patient_ids)
    assert cohort.stay.values.shape[1] > ICU_HOUR
