"""Predicting together: the same answers as alone, and nobody pays for another."""

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest

from sepsis_detect import predictor
from sepsis_detect.api.together import Found, Together
from sepsis_detect.features import Float32Array
from sepsis_detect.model import Model
from sepsis_detect.predictor import Predictions
from sepsis_detect.stay import Stay
from sepsis_detect.variables import BY_CHALLENGE, ICU_HOUR, N_COLUMNS

HEART_RATE = BY_CHALLENGE["HR"].column


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.embedded(loaded_at=datetime.now(UTC))


def a_stay(heart_rate: float, n_hours: int = 1) -> Stay:
    values = np.full((n_hours, N_COLUMNS), np.nan)
    values[:, HEART_RATE] = heart_rate + np.arange(n_hours)
    values[:, ICU_HOUR] = np.arange(n_hours) + 1
    return Stay(values)


STAYS = [a_stay(70), a_stay(110, 30), a_stay(95, 3), a_stay(130)]


async def ask(model: Model, stays: list[Stay]) -> list[Predictions | BaseException]:
    together = Together()
    found = await asyncio.gather(
        *(together.predict_last(model, stay) for stay in stays), return_exceptions=True
    )
    return [each if isinstance(each, BaseException) else predicted(each) for each in found]


def predicted(found: Found) -> Predictions:
    assert found.predictions is not None
    return found.predictions


def probability(found: Predictions | BaseException) -> np.float32:
    assert isinstance(found, Predictions)
    assert len(found.probabilities) == len(found.features) == 1
    return np.float32(found.probabilities[0])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many stays each call predicted for; a heart rate of 199 is a bug."""
    n_stays: list[int] = []
    real = predictor.predict_last

    def watched(model: Model, stay: Stay) -> Predictions:
        n_stays.append(stay.n_stays)
        if (stay.values[:, HEART_RATE] == 199).any():
            raise ZeroDivisionError
        return real(model, stay)

    monkeypatch.setattr(predictor, "predict_last", watched)
    return n_stays


def test_what_is_there_at_once_is_predicted_at_once_and_as_alone(
    model: Model, calls: list[int]
) -> None:
    found = asyncio.run(ask(model, STAYS))
    assert calls == [len(STAYS)]
    alone: list[Float32Array] = [predictor.predict_last(model, s).probabilities for s in STAYS]
    assert [probability(each) for each in found] == [each[0] for each in alone]


def test_what_fails_for_one_costs_the_others_nothing(model: Model, calls: list[int]) -> None:
    first, broken, last = asyncio.run(ask(model, [STAYS[0], a_stay(199), STAYS[1]]))
    assert isinstance(broken, ZeroDivisionError)
    assert calls == [3, 1, 1, 1]
    assert 0 < probability(first) < 1
    assert 0 < probability(last) < 1


def test_a_request_that_was_given_up_disturbs_nobody(model: Model) -> None:
    async def give_up() -> np.float32:
        together = Together()
        gone = asyncio.ensure_future(together.predict_last(model, STAYS[0]))
        stays = asyncio.ensure_future(together.predict_last(model, STAYS[1]))
        await asyncio.sleep(0)
        gone.cancel()
        return probability(predicted(await stays))

    assert 0 < asyncio.run(give_up()) < 1


def test_each_is_answered_by_the_model_it_came_with(model: Model) -> None:
    other = Model.embedded(loaded_at=datetime.now(UTC))
    other.threshold = np.float32(0)

    async def swap() -> list[bool]:
        together = Together()
        found = await asyncio.gather(
            together.predict_last(model, STAYS[0]), together.predict_last(other, STAYS[0])
        )
        return [bool(predicted(each).is_positive[0]) for each in found]

    assert asyncio.run(swap()) == [False, True]


def test_what_is_incoherent_is_told_and_not_predicted(model: Model, calls: list[int]) -> None:
    async def ask_both() -> list[Found]:
        together = Together()
        return await asyncio.gather(
            *(together.predict_last(model, stay) for stay in (a_stay(999), STAYS[0]))
        )

    refused, fine = asyncio.run(ask_both())
    assert refused.predictions is None
    assert [hit.rule.id for hit in refused.hits if hit.is_refusal] == ["range:HR"]
    assert 0 < probability(predicted(fine)) < 1
    assert calls == [1]
