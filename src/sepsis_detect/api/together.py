"""Requests that are there at the same moment are judged and predicted together.

Rules, features and model take little longer for ten stays than for one, and a stay gives the same
bits alone and among others. Nobody waits for company: what one turn of the event loop has read is
answered in the next.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from sepsis_detect import coherence, predictor
from sepsis_detect.coherence import Hit
from sepsis_detect.model import Model
from sepsis_detect.predictor import Predictions
from sepsis_detect.stay import Stay


class Found(NamedTuple):
    """What was found of one stay.

    Attributes:
        hits: Of every rule.
        predictions: For its last hour; None where a hit refuses it.
    """

    hits: list[Hit]
    predictions: Predictions | None


class _Waiting(NamedTuple):
    model: Model
    stay: Stay
    found: "asyncio.Future[Found]"


class Together:
    """What waits in one event loop."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: list[_Waiting] = []

    async def predict_last(self, model: Model, stay: Stay) -> Found:
        """Judge one stay, and answer for its last hour."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._answer_all)
        waiting = _Waiting(model, stay, loop.create_future())
        self._waiting.append(waiting)
        return await waiting.found

    def _answer_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for model in {id(each.model): each.model for each in waiting}.values():
            self._answer(model, [each for each in waiting if each.model is model])

    def _answer(self, model: Model, waiting: list[_Waiting]) -> None:
        try:
            found = _found(model, [each.stay for each in waiting])
        except Exception as error:
            if len(waiting) > 1:  # what is wrong with one costs the others nothing
                for each in waiting:
                    self._answer(model, [each])
            elif not waiting[0].found.done():
                waiting[0].found.set_exception(error)
            return
        for each, of_it in zip(waiting, found, strict=True):
            if not each.found.done():  # it may have been given up
                each.found.set_result(of_it)


def _found(model: Model, stays: Sequence[Stay]) -> list[Found]:
    hits = coherence.scan_each(_end_to_end(stays))
    is_fit = [not any(hit.is_refusal for hit in each) for each in hits]
    fit = [stay for stay, is_one in zip(stays, is_fit, strict=True) if is_one]
    if not fit:
        return [Found(each, None) for each in hits]
    predictions = predictor.predict_last(model, _end_to_end(fit))
    places = iter(range(len(fit)))
    parts = [predictions.part(at := next(places), at + 1) if each else None for each in is_fit]
    return [Found(each, part) for each, part in zip(hits, parts, strict=True)]


def _end_to_end(stays: Sequence[Stay]) -> Stay:
    return stays[0] if len(stays) == 1 else Stay.end_to_end(stays)
