"""Micro-batcher: answers requests of one patient that arrive together in one call.

Ten patients cost little more than one: NumPy and ONNX Runtime are called as often. A patient's
answer is the same to the bit alone and among others.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

from sepsis_detect.prediction.model import Model

MAX_WAIT_SECONDS = 0.004

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Answer = TypeVar("Answer")


class MicroBatcher(Generic[Key, Item, Answer]):
    """The batches of one event loop.

    Flush after one event-loop tick, unless that tick brought more items; at most after
    `MAX_WAIT_SECONDS`.

    Args:
        answer_each: Answers several items of one key by one model, in their order.
    """

    def __init__(self, answer_each: Callable[[Model, Key, Sequence[Item]], Sequence[Answer]]):
        """Start without items."""
        self._answer_each = answer_each
        self._batches: dict[tuple[int, Key], _Batch[Key, Item, Answer]] = {}
        self._n_pending = self._n_before = 0
        self._first_at = 0.0
        self._loop: asyncio.AbstractEventLoop

    def submit(self, model: Model, key: Key, item: Item) -> "asyncio.Future[Answer]":
        """Answer one item, together with pending ones of the same model and key."""
        if not self._n_pending:
            self._loop = asyncio.get_running_loop()
            self._n_before, self._first_at = 0, monotonic()
            self._loop.call_soon(self._flush_when_due)
        self._n_pending += 1
        answer: asyncio.Future[Answer] = self._loop.create_future()
        batch = self._batches.get((id(model), key))
        if batch is None:
            batch = self._batches[id(model), key] = _Batch(model, key, [], [])
        batch.items.append(item)
        batch.answers.append(answer)
        return answer

    def _flush_when_due(self) -> None:
        has_grown = self._n_pending > self._n_before
        if has_grown and monotonic() - self._first_at < MAX_WAIT_SECONDS:
            self._n_before = self._n_pending
            self._loop.call_soon(self._flush_when_due)
            return
        batches, self._batches, self._n_pending = self._batches, {}, 0
        for batch in batches.values():
            self._answer(batch)

    def _answer(self, batch: "_Batch[Key, Item, Answer]") -> None:
        model, key, items, futures = batch
        try:
            answers = self._answer_each(model, key, items)
        except Exception as error:
            if len(items) > 1:  # the failure of one item must not fail the others
                for item, future in zip(items, futures, strict=True):
                    self._answer(_Batch(model, key, [item], [future]))
            elif not futures[0].done():
                futures[0].set_exception(error)
            return
        for future, answer in zip(futures, answers, strict=True):
            if not future.done():  # its request may have been cancelled
                future.set_result(answer)


class _Batch(NamedTuple, Generic[Key, Item, Answer]):
    """Items that one call answers, and the futures of their answers."""

    model: Model
    key: Key
    items: list[Item]
    answers: "list[asyncio.Future[Answer]]"
