"""Limits of the model beside the answer that they bind: data sufficiency, and late hours."""

from itertools import product
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import WELL_HOUR, a_patient, a_stay
from tests.contract.asking import PATIENTS, ask, predicted, rules_of

LABORATORY: dict[str, Any] = {"wbc": 8.0, "creatinine": 0.9, "platelets": 220, "lactate": 1.1}
SIGNS = ("respiratory_rate", "temperature", "heart_rate", "spo2")
PRESSURES = ("systolic_bp", "mean_arterial_pressure", "diastolic_bp")


def sufficiency(client: TestClient, patient: dict[str, Any]) -> dict[str, Any]:
    answer = predicted(ask(client, patient))
    found: dict[str, Any] = answer["data_sufficiency"]
    is_warned = "data.insufficient" in rules_of(answer["warnings"])
    assert is_warned == (found["level"] == "insufficient")
    assert (found["missing"] == []) == (found["level"] == "sufficient")
    return found


def test_vital_signs_and_a_panel_are_sufficient(client: TestClient) -> None:
    assert sufficiency(client, a_patient(**LABORATORY)) == {"level": "sufficient", "missing": []}


def test_vital_signs_alone_are_limited(client: TestClient) -> None:
    found = sufficiency(client, a_patient())
    assert found == {"level": "limited", "missing": ["wbc", "creatinine", "bun", "lactate"]}


def test_a_heart_rate_alone_is_insufficient(client: TestClient) -> None:
    found = sufficiency(client, {"age": 60, "icu_hour": 12, "heart_rate": 80})
    assert found["level"] == "insufficient"
    assert found["missing"][:4] == ["respiratory_rate", "temperature", "systolic_bp", "spo2"]


def test_laboratory_values_without_vital_signs_are_insufficient(client: TestClient) -> None:
    found = sufficiency(client, a_patient(without=WELL_HOUR, **LABORATORY))
    assert found["level"] == "insufficient"
    assert "wbc" not in found["missing"]


@pytest.mark.parametrize(
    ("n_signs", "n_laboratory"),
    list(product(range(1, len(SIGNS) + 1), range(len(LABORATORY) + 1))),
)
def test_one_more_value_never_lowers_the_level(
    client: TestClient, n_signs: int, n_laboratory: int
) -> None:
    order = ["insufficient", "limited", "sufficient"]
    laboratory = dict(list(LABORATORY.items())[:n_laboratory])
    known = a_patient(without=(*PRESSURES, *SIGNS[n_signs:]), **laboratory)
    level = order.index(sufficiency(client, known)["level"])
    more = a_patient(without=SIGNS[n_signs:], **laboratory)
    assert order.index(sufficiency(client, more)["level"]) >= level


@pytest.mark.parametrize("pressure", ["systolic_bp", "mean_arterial_pressure"])
def test_either_pressure_counts(client: TestClient, pressure: str) -> None:
    others = [name for name in PRESSURES if name != pressure]
    found = sufficiency(client, a_patient(without=[*others, "spo2"], **LABORATORY))
    assert found["level"] == "sufficient"


def test_values_older_than_the_lookback_window_do_not_count(client: TestClient) -> None:
    def measured_at(hour: int) -> dict[str, Any]:
        values: dict[str, list[Any]] = {n: [None] * 48 for n in (*WELL_HOUR, *LABORATORY)}
        for name, value in (WELL_HOUR | LABORATORY).items():
            values[name][hour - 1] = value
        values["heart_rate"] = [80 + hour % 2 for hour in range(48)]
        return a_stay(48, **values)

    assert sufficiency(client, measured_at(13))["level"] == "sufficient"
    assert sufficiency(client, measured_at(12))["level"] == "insufficient"


def test_what_is_dropped_does_not_count(client: TestClient) -> None:
    wrong: dict[str, Any] = dict.fromkeys(("spo2", "temperature", "respiratory_rate"), 500)
    patient = a_patient(**wrong)
    answer = predicted(ask(client, patient, "on_incoherence=drop"))
    assert answer["data_sufficiency"]["level"] == "insufficient"


def test_each_of_many_patients_has_its_own_level(client: TestClient) -> None:
    few = {"age": 60, "icu_hour": 12, "heart_rate": 80}
    body = {"patients": [few, a_patient(**LABORATORY), a_patient()]}
    results = ask(client, body, route=PATIENTS).json()["results"]
    levels = [each["data_sufficiency"]["level"] for each in results]
    assert levels == ["insufficient", "sufficient", "limited"]


@pytest.mark.parametrize(("icu_hour", "is_late"), [(47, False), (48, False), (49, True)])
def test_hours_after_the_second_day_carry_a_warning(
    client: TestClient, icu_hour: int, is_late: bool
) -> None:
    answer = predicted(ask(client, a_patient(icu_hour=icu_hour)))
    assert ("stay.late" in rules_of(answer["warnings"])) == is_late
