"""Micro-batcher: a batch gives the answers that its items get alone."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import orjson
import pytest

from sepsis_detect.api.answers import Answer, answer_bodies
from sepsis_detect.api.micro_batcher import MicroBatcher
from sepsis_detect.api.observation import Observation
from sepsis_detect.api.query_options import DEFAULT_OPTIONS, Options
from sepsis_detect.api.routes import prediction
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE
from sepsis_detect.prediction import predictor
from sepsis_detect.prediction.model import Model
from sepsis_detect.prediction.predictor import Predictions
from sepsis_detect.problems import RequestError
from sepsis_detect.telemetry.metrics import Metrics

HEART_RATE = BY_CHALLENGE["HR"].column
Sent = tuple[bytes, str]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.embedded(loaded_at=datetime.now(UTC))


def a_stay(heart_rate: float, n_hours: int = 1) -> bytes:
    return orjson.dumps({"hours": [{"ICULOS": h + 1, "HR": heart_rate} for h in range(n_hours)]})


STAYS = [a_stay(70), a_stay(110, 30), a_stay(95, 3), a_stay(130)]


def batcher() -> MicroBatcher[Options, Sent, Answer]:
    return MicroBatcher(partial(answer_bodies, observe=Metrics().predicted))


async def ask(
    micro_batcher: MicroBatcher[Options, Sent, Answer], model: Model, *bodies: bytes
) -> Sequence[Any]:
    return await asyncio.gather(
        *(micro_batcher.submit(model, DEFAULT_OPTIONS, (body, "")) for body in bodies),
        return_exceptions=True,
    )


def asked(model: Model, *bodies: bytes) -> Sequence[Any]:
    return asyncio.run(ask(batcher(), model, *bodies))


async def submit_tick_by_tick(model: Model) -> None:
    batch = batcher()
    submitted = []
    for body in STAYS:
        submitted.append(asyncio.ensure_future(ask(batch, model, body)))
        await asyncio.sleep(0)
    await asyncio.gather(*submitted)


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


def test_items_of_one_tick_are_answered_in_one_call_and_as_alone(
    model: Model, calls: list[int]
) -> None:
    found = asked(model, *STAYS)
    assert calls == [len(STAYS)]
    assert found == [asked(model, body)[0] for body in STAYS]
    assert len({answer["probability"] for answer in found}) == len(STAYS)


def test_the_failure_of_one_item_does_not_fail_the_others(model: Model, calls: list[int]) -> None:
    first, broken, last = asked(model, STAYS[0], a_stay(199), STAYS[1])
    assert isinstance(broken, ZeroDivisionError)
    assert calls == [3, 1, 1, 1]
    assert 0 < first["probability"] < 1
    assert 0 < last["probability"] < 1


def test_a_cancelled_request_does_not_disturb_the_others(model: Model) -> None:
    async def give_up() -> Any:
        batch = batcher()
        gone, stays = (asyncio.ensure_future(ask(batch, model, body)) for body in STAYS[:2])
        await asyncio.sleep(0)
        gone.cancel()
        return (await stays)[0]["probability"]

    assert 0 < asyncio.run(give_up()) < 1


def test_items_of_the_following_ticks_join_the_batch(model: Model, calls: list[int]) -> None:
    asyncio.run(submit_tick_by_tick(model))
    assert calls == [len(STAYS)]


def test_a_batch_is_flushed_after_its_maximum_wait(
    model: Model, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(100))
    monkeypatch.setattr("sepsis_detect.api.micro_batcher.monotonic", lambda: next(times))

    asyncio.run(submit_tick_by_tick(model))
    assert len(calls) > 1


def test_each_item_is_answered_by_its_own_model(model: Model) -> None:
    other = Model.embedded(loaded_at=datetime.now(UTC))
    other.threshold = np.float32(0)

    async def swap() -> list[str]:
        batch = batcher()
        found = await asyncio.gather(ask(batch, model, STAYS[0]), ask(batch, other, STAYS[0]))
        return [each[0]["prediction"] for each in found]

    assert asyncio.run(swap()) == ["Negative", "Positive"]


def test_an_incoherent_item_is_refused_and_not_predicted(model: Model, calls: list[int]) -> None:
    refused, broken, fine = asked(model, a_stay(999), b"{", STAYS[0])
    assert isinstance(refused, RequestError)
    assert [problem.rule for problem in refused.problems] == ["range:HR"]
    assert isinstance(broken, RequestError)
    assert 0 < fine["probability"] < 1
    assert calls == [1]


def test_a_large_batch_is_split_and_answered_in_order(
    model: Model, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [(body, str(number)) for number, body in enumerate(STAYS)]

    def bodies() -> list[bytes]:
        told = prediction.respond_each(
            model, DEFAULT_OPTIONS, sent, observe=partial(Observation, Metrics(), None)
        )
        return [bytes(answered[0].body) for answered in told if isinstance(answered, tuple)]

    in_one = bodies()
    monkeypatch.setattr(prediction, "MAX_BATCH_BYTES", len(STAYS[0]))
    assert bodies() == in_one
    assert calls == [len(STAYS), 2, 1, 1]
