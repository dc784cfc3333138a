"""Contributions: their sum, their order, and the variables they name."""

import numpy as np
import pytest

from sepsis_detect.batch_scoring import stay_files
from sepsis_detect.batch_scoring.hour_rows import Reading
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE
from sepsis_detect.prediction import explain, features
from sepsis_detect.prediction.model import Model
from tests import stays
from tests.paths import SHARED

STAYS = SHARED / "data" / "physionet2019" / "setB.parquet"

SICK = {"HR": 125.0, "SBP": 85.0, "Temp": 39.2, "Resp": 30.0, "WBC": 18.0, "Age": 70.0}


def a_stay(n_hours: int = 8, **changed: float) -> Stay:
    return stays.a_stay(n_hours, SICK | changed)


def explained(model: Model, stay: Stay) -> list[explain.Contribution]:
    return explain.contributions(model, stay, features.compute(stay, stay.last_rows)[0])


@pytest.mark.parametrize("n_hours", [1, 8, 60])
def test_effects_add_up_to_the_difference_from_the_typical_hour(
    embedded_model: Model, n_hours: int
) -> None:
    row = features.compute(a_stay(n_hours))[-1]
    here = explain.log_odds(embedded_model.probabilities(row[None]))[0]
    typical_probability = explain.typical_probability(embedded_model, n_hours)
    typical = explain.log_odds(np.array([typical_probability]))[0]
    assert explain.effects(embedded_model, row).sum() == pytest.approx(here - typical, abs=1e-9)


@pytest.mark.parametrize("n_hours", [36, 49, 200])
def test_time_in_icu_is_no_reason_once_it_is_capped(embedded_model: Model, n_hours: int) -> None:
    stay = a_stay(n_hours)
    listed = {each.variable for each in explained(embedded_model, stay)}
    assert "icu_hour" not in listed
    assert "heart_rate" in listed


def test_time_in_icu_can_be_a_reason_before(embedded_model: Model) -> None:
    listed = {each.variable for each in explained(embedded_model, a_stay(3))}
    assert "icu_hour" in listed


def test_a_typical_hour_has_no_effects(embedded_model: Model) -> None:
    assert not explain.effects(embedded_model, embedded_model.reference).any()


def test_the_largest_effect_comes_first(embedded_model: Model) -> None:
    effects = [abs(each.effect) for each in explained(embedded_model, a_stay())]
    assert effects == sorted(effects, reverse=True)
    assert effects[-1] > 0


class AskedRows:
    """The embedded model, which keeps the rows that it was asked for."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.reference = model.reference
        self.is_seen = model.is_seen
        self.asked: list[features.Float32Array] = []

    def probabilities(self, rows: features.Float32Array) -> features.Float32Array:
        self.asked.append(rows)
        return self._model.probabilities(rows)


@pytest.mark.parametrize("n_hours", [1, 24, 60])
def test_no_row_is_asked_twice_and_none_differs_in_what_the_model_does_not_see(
    embedded_model: Model, n_hours: int
) -> None:
    model = AskedRows(embedded_model)
    row = features.compute(a_stay(n_hours))[-1]
    explain.effects(model, row)  # type: ignore[arg-type]  # all of a model that it uses
    (rows,) = model.asked
    assert len({each.tobytes() for each in rows}) == len(rows)
    assert np.isnan(rows[:, ~model.is_seen]).all()
    icu_hour = float(row[features.NAMES.index("icu_hour")])
    for end in (row, explain.baseline(embedded_model, icu_hour)):
        seen = end[model.is_seen]
        assert any(np.array_equal(each[model.is_seen], seen, equal_nan=True) for each in rows)


def test_a_variable_that_the_model_does_not_see_changes_no_effect(embedded_model: Model) -> None:
    unseen = {"EtCO2": 35.0, "SaO2": 93.0, "TroponinI": 0.4, "Fibrinogen": 300.0}
    with_them = features.compute(a_stay(8, **unseen))[-1]
    without = features.compute(a_stay(8))[-1]
    assert not np.array_equal(with_them, without, equal_nan=True)
    found, expected = (explain.effects(embedded_model, row) for row in (with_them, without))
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_contribution_has_the_last_value_and_its_hour(embedded_model: Model) -> None:
    stay = a_stay(Gender=1.0, Unit1=0.0, Unit2=1.0)
    stay.values[5:, BY_CHALLENGE["WBC"].column] = np.nan
    found = {each.variable: each for each in explained(embedded_model, stay)}
    assert (found["wbc"].value, found["wbc"].measured_at_icu_hour) == (18.0, 5.0)
    assert found["wbc"].unit == "10*3/uL"
    for name, word in (("sex", "male"), ("icu_unit", "surgical")):
        if name in found:
            assert found[name].value == word


def test_a_variable_never_measured_can_have_an_effect_but_no_value(
    embedded_model: Model,
) -> None:
    for each in explained(embedded_model, a_stay()):
        if each.variable in ("lactate", "spo2", "creatinine"):
            assert each.value is None
            assert each.measured_at_icu_hour is None


def test_interactions_in_pairs_have_their_exact_shapley_values() -> None:
    class Pairwise:
        """log-odds = 2 * heart rate * lactate + respiratory rate, features scaled."""

        reference = np.zeros(len(features.NAMES), dtype=np.float32)
        is_seen = np.ones(len(features.NAMES), dtype=np.bool_)

        def probabilities(self, rows: features.Float32Array) -> features.Float32Array:
            heart, lactate, breath = (
                rows[:, features.NAMES.index(f"{name}_last")].astype(np.float64)
                for name in ("heart_rate", "lactate", "respiratory_rate")
            )
            odds = np.exp(2 * heart * lactate + breath)
            return np.asarray(odds / (1 + odds))

    row = np.zeros(len(features.NAMES), dtype=np.float32)
    for name, value in (("heart_rate", 0.5), ("lactate", 1.0), ("respiratory_rate", -0.3)):
        row[features.NAMES.index(f"{name}_last")] = value
    found = explain.effects(Pairwise(), row)  # type: ignore[arg-type]  # all of a model that it uses
    effects = dict(zip(explain.PLAYERS, found, strict=True))
    assert effects["heart_rate"] == pytest.approx(0.5, abs=1e-9)
    assert effects["lactate"] == pytest.approx(0.5, abs=1e-9)
    assert effects["respiratory_rate"] == pytest.approx(-0.3, abs=1e-6)


@pytest.mark.skipif(not STAYS.exists(), reason="the shared data are not beside the checkout")
def test_more_orders_change_the_effects_little(embedded_model: Model) -> None:
    """The measurement behind `explain.N_ORDERS`, on real stays of 24 hours and more."""
    batch = next(iter(stay_files.read_stays(STAYS, Reading(conversions={})))).stay
    is_long = batch.last_rows - batch.starts >= 24
    rows = features.compute(batch, batch.starts[is_long] + 23)
    differences = [
        np.abs(explain.effects(embedded_model, row) - explain.effects(embedded_model, row, 24))
        for row in rows[:30]
    ]
    assert np.mean(differences) < 0.005
