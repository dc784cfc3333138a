"""FHIR hours made of several values: each is judged, and what was measured together stays so."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.builders import Json, a_patient
from tests.contract.asking_fhir import (
    assessed,
    issues,
    probability,
    rule_of,
    rules_refused,
    same,
    send,
    warned,
)
from tests.contract.test_fhir_hostile import shared_client
from tests.resources import (
    CODES,
    a_bundle,
    a_person,
    an_encounter,
    bundle,
    codings,
    observation,
    quantity,
    vital_signs,
)

DROP = "?on_incoherence=drop"
SYSTOLIC, DIASTOLIC, MEAN = "8480-6", "8462-4", "8478-0"
PRESSURES = {SYSTOLIC, DIASTOLIC, MEAN}


def minute(at: float) -> float:
    """The ICU hour of a minute of the twelfth hour, as `observation` takes it."""
    return 11.5 + at / 60


def panel(at: float, *parts: tuple[str, float, str]) -> Json:
    components = [
        {"code": codings(code), "valueQuantity": quantity(value, unit)}
        for code, value, unit in parts
    ]
    return observation(
        "85354-9", 0, None, valueQuantity=..., component=components, icu_hour=minute(at)
    )


def pressures(at: float, systolic: float, diastolic: float, mean: float | None = None) -> Json:
    parts = [(SYSTOLIC, systolic, "mm[Hg]"), (DIASTOLIC, diastolic, "mm[Hg]")]
    if mean is not None:
        parts.append((MEAN, mean, "mm[Hg]"))
    return panel(at, *parts)


def lone(at: float, code: str, value: float, unit: str = "mm[Hg]") -> Json:
    return observation(code, value, unit, icu_hour=minute(at))


def with_pressures(*sent: Json) -> Json:
    """The well patient with other pressures."""
    others = [each for each in vital_signs() if each["code"]["coding"][0]["code"] not in PRESSURES]
    return bundle(a_person(), an_encounter(), *others, *sent)


def expected(systolic: float, diastolic: float, mean: float | None) -> Json:
    return a_patient(systolic_bp=systolic, diastolic_bp=diastolic, mean_arterial_pressure=mean)


# --- Each value is judged ---


@pytest.mark.parametrize(
    ("code", "unit", "good", "bad", "rule", "name"),
    [
        ("2160-0", "mg/dL", 2.4, 0, "range:Creatinine", "creatinine"),
        ("8867-4", "/min", 80, 0, "range:HR", "heart_rate"),
        ("9279-1", "/min", 16, 0, "range:Resp", "respiratory_rate"),
        ("59408-5", "%", 97, 0, "range:O2Sat", "spo2"),
        ("8310-5", "Cel", 37.0, 5, "range:Temp", "temperature"),
        ("2823-3", "mmol/L", 4.0, 99, "range:Potassium", "potassium"),
    ],
)
def test_an_artefact_is_refused_and_never_averaged(
    client: TestClient, code: str, unit: str, good: float, bad: float, rule: str, name: str
) -> None:
    added = [lone(20, code, bad, unit)]
    if code not in {each for each, _ in CODES.values()}:
        added.insert(0, lone(10, code, good, unit))
    body = a_bundle(*added)
    (issue,) = issues(client, body)
    assert rule_of(issue) == rule
    assert issue["expression"] == [f"Bundle.entry[{8 + len(added)}].resource.valueQuantity"]
    note = warned(assessed(client, body, DROP))[rule]
    assert note["details"]["text"].startswith("Not used: ")
    same(client, a_bundle(*added[:-1]), a_patient() | {name: good})
    assert_same_answer(client, body, a_bundle(*added[:-1]))


def assert_same_answer(client: TestClient, body: Json, other: Json) -> None:
    """Check that dropping gives the answer of a body without what was dropped."""
    found, without = assessed(client, body, DROP), assessed(client, other, DROP)
    assert probability(found) == probability(without)


def test_a_panel_that_contradicts_itself_is_refused_beside_a_good_one(client: TestClient) -> None:
    body = with_pressures(pressures(5, 120, 65, 85), pressures(35, 80, 120))
    (issue,) = issues(client, body)
    assert rule_of(issue) == "bp.dbp_ge_sbp"
    assert issue["expression"] == ["Bundle.entry[7].resource.component[1].valueQuantity"]
    assert_same_answer(client, body, with_pressures(pressures(5, 120, 65, 85)))


def test_a_second_value_of_a_minute_is_judged_beside_the_others(client: TestClient) -> None:
    body = a_bundle(observation(DIASTOLIC, 190, "mm[Hg]"))
    assert rules_refused(client, body) == ["bp.dbp_ge_sbp", "bp.map_lt_dbp"]
    found = assessed(client, body, DROP)
    assert {"bp.dbp_ge_sbp", "bp.map_lt_dbp"} <= set(warned(found))


def test_every_artefact_is_told_at_once(client: TestClient) -> None:
    wrong = [lone(at, "8867-4", 0, "/min") for at in range(0, 50, 10)]
    assert rules_refused(client, a_bundle(*wrong)) == ["range:HR"] * 5


def test_a_refused_value_is_no_basis_of_the_answer(client: TestClient) -> None:
    zero = lone(20, "8867-4", 0, "/min") | {"id": "zero"}
    basis = assessed(client, a_bundle(zero), DROP).get("basis", [])
    assert {"reference": "Observation/zero"} not in basis


# --- What was measured together stays together ---


def test_coherent_medians_are_used_as_in_the_training_data(client: TestClient) -> None:
    body = with_pressures(pressures(5, 118, 63, 83), pressures(35, 122, 67, 87))
    same(client, body, a_patient())


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ([pressures(5, 170, 100), pressures(35, 90, 50), lone(36, MEAN, 62)], (90, 50, 62)),
        ([lone(36, MEAN, 62), pressures(35, 90, 50), pressures(5, 170, 100)], (90, 50, 62)),
        ([pressures(5, 170, 100), lone(50, MEAN, 62)], (170, 100, None)),
        (
            [pressures(5, 180, 110, 135), pressures(25, 100, 60), pressures(45, 96, 58)],
            (100, 60, None),
        ),
    ],
)
def test_medians_that_contradict_each_other_give_way_to_a_measured_set(
    client: TestClient, sent: list[Json], left: tuple[float, float, float | None]
) -> None:
    body = with_pressures(*sent)
    assert "value.other_moment" in warned(assessed(client, body))
    same(client, body, expected(*left))


def test_parts_that_come_as_observations_of_their_own_are_a_set(client: TestClient) -> None:
    parts = [(10, 170, 100, 125), (40, 90, 50, 62), (50, 88, 48, 60)]
    lone_parts = [
        lone(at, code, value)
        for at, *values in parts
        for code, value in zip((SYSTOLIC, DIASTOLIC, MEAN), values, strict=True)
    ]
    in_panels = [pressures(at, *values) for at, *values in parts]
    assert_same_answer(client, with_pressures(*lone_parts), with_pressures(*in_panels))


def gas(at: float, ph: float, paco2: float, bicarbonate: float) -> Json:
    return panel(
        at, ("2744-1", ph, "[pH]"), ("2019-8", paco2, "mm[Hg]"), ("1963-8", bicarbonate, "mmol/L")
    )


def test_a_blood_gas_stays_one_sample(client: TestClient) -> None:
    # The medians, pH 7.30 with 60 mmHg and 16.5 mmol/L, contradict Henderson-Hasselbalch.
    first, second = gas(5, 7.10, 20, 6.1), gas(45, 7.50, 100, 77)
    assert send(client, a_bundle(first, gas(45, 7.45, 45, 30.5))).status_code == 200
    assert rules_refused(client, a_bundle(first, second)) == ["range:HCO3"]


def test_laboratory_values_that_contradict_each_other_are_still_refused(
    client: TestClient,
) -> None:
    body = a_bundle(lone(5, "718-7", 10, "g/dL"), lone(50, "4544-3", 70, "%"))
    assert rules_refused(client, body) == ["heme.ratio"]


coherent_panels = st.lists(
    st.tuples(
        st.integers(0, 59),
        st.integers(60, 200),
        st.floats(0.3, 0.9),
        st.floats(0.2, 0.45),
        st.booleans(),
    ).map(lambda each: (each[0], *_coherent(each[1], each[2], each[3], each[4]))),
    min_size=1,
    max_size=6,
)


def _coherent(
    systolic: int, share: float, form: float, has_mean: bool
) -> tuple[float, float, float | None]:
    diastolic = max(15.0, round(systolic * share) - 1.0)
    mean = round(diastolic + form * (systolic - diastolic), 1)
    return float(systolic), diastolic, mean if has_mean else None


@shared_client
@given(panels=coherent_panels)
def test_hours_made_of_coherent_panels_are_coherent(
    client: TestClient, panels: list[tuple[int, float, float, float | None]]
) -> None:
    response = send(client, with_pressures(*(pressures(*each) for each in panels)))
    assert response.status_code == 200, response.text


coherent_gases = st.lists(
    st.tuples(st.integers(0, 59), st.floats(6.9, 7.7), st.floats(15, 90)), min_size=1, max_size=6
)


@shared_client
@given(gases=coherent_gases)
def test_hours_made_of_coherent_blood_gases_are_coherent(
    client: TestClient, gases: list[tuple[int, float, float]]
) -> None:
    sent = []
    for at, ph, paco2 in gases:
        bicarbonate = 0.0307 * paco2 * 10 ** (ph - 6.1)
        if 1 <= bicarbonate <= 70:
            sent.append(gas(at, round(ph, 2), round(paco2, 1), round(bicarbonate, 1)))
    assert send(client, a_bundle(*sent)).status_code == 200


@shared_client
@given(
    values=st.lists(
        st.tuples(st.sampled_from([SYSTOLIC, DIASTOLIC, MEAN]), st.integers(40, 140)),
        min_size=2,
        max_size=8,
    )
)
def test_pressures_of_different_moments_are_never_refused(
    client: TestClient, values: list[tuple[str, int]]
) -> None:
    sent = [lone(7 * index, code, value) for index, (code, value) in enumerate(values)]
    response = send(client, with_pressures(*sent))
    assert response.status_code == 200, response.text


def test_an_hour_with_very_many_values_is_answered(client: TestClient) -> None:
    codes: list[Any] = [SYSTOLIC, DIASTOLIC, MEAN]
    many = [lone(index / 100, codes[index % 3], 60 + (37 * index) % 90) for index in range(4_000)]
    assert send(client, with_pressures(*many)).status_code in (200, 422)
    assert all(one != other for one, other in pairwise(many))
