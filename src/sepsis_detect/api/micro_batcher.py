"""Requests that are there at the same moment are answered together.

Reading, rules, features and model take little longer for ten patients than for one: NumPy is called
as often, and what the processor has learnt of the code serves all of them. A patient's answer is
the same to the bit alone and among others.

Nobody waits for company that is not on its way: what one turn of the event loop has read is
answered in the next, unless that turn brought more.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

from sepsis_detect.prediction.model import Model

MAX_SECONDS = 0.004  # that a request waits for those on their way

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Answer = TypeVar("Answer")


class MicroBatcher(Generic[Key, Item, Answer]):
    """What waits in one event loop.

    Args:
        answer_each: Answers several items of one key by one model, in their order.
    """

    def __init__(self, answer_each: Callable[[Model, Key, Sequence[Item]], Sequence[Answer]]):
        """Nothing waits."""
        self._answer_each = answer_each
        self._groups: dict[tuple[int, Key], _Group[Key, Item, Answer]] = {}
        self._n_waiting = self._n_before = 0
        self._since = 0.0

    def submit(self, model: Model, key: Key, item: Item) -> "asyncio.Future[Answer]":
        """Answer one item, together with those of the same model and key that wait."""
        loop = asyncio.get_running_loop()
        if not self._n_waiting:
            self._n_before, self._since = 0, monotonic()
            loop.call_soon(self._answer_all, loop)
        self._n_waiting += 1
        answer: asyncio.Future[Answer] = loop.create_future()
        group = self._groups.get((id(model), key))
        if group is None:
            group = self._groups[id(model), key] = _Group(model, key, [], [])
        group.items.append(item)
        group.answers.append(answer)
        return answer

    def _answer_all(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._n_waiting > self._n_before and monotonic() - self._since < MAX_SECONDS:
            self._n_before = self._n_waiting
            loop.call_soon(self._answer_all, loop)
            return
        groups, self._groups, self._n_waiting = self._groups, {}, 0
        for group in groups.values():
            self._answer(group)

    def _answer(self, group: "_Group[Key, Item, Answer]") -> None:
        model, key, items, waiting = group
        try:
            answers = self._answer_each(model, key, items)
        except Exception as error:
            if len(items) > 1:  # what is wrong with one costs the others nothing
                for item, answer in zip(items, waiting, strict=True):
                    self._answer(_Group(model, key, [item], [answer]))
            elif not waiting[0].done():
                waiting[0].set_exception(error)
            return
        for future, found in zip(waiting, answers, strict=True):
            if not future.done():  # it may have been given up
                future.set_result(found)


class _Group(NamedTuple, Generic[Key, Item, Answer]):
    """Items that one call answers, and what awaits the answers."""

    model: Model
    key: Key
    items: list[Item]
    answers: "list[asyncio.Future[Answer]]"
