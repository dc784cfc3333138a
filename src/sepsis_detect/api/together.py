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
from typing import Any, Generic, NamedTuple, TypeVar

from sepsis_detect.model import Model

MOST_SECONDS = 0.001  # that a request waits for those on their way

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Waiting(NamedTuple):
    model: Model
    key: Any
    item: Any
    answer: "asyncio.Future[Any]"


class Together(Generic[Key, Item, Answer]):
    """What waits in one event loop.

    Args:
        answer_each: Answers several items of one key by one model, in their order.
    """

    def __init__(self, answer_each: Callable[[Model, Key, Sequence[Item]], Sequence[Answer]]):
        """Nothing waits."""
        self._answer_each = answer_each
        self._waiting: list[_Waiting] = []
        self._n_before = 0
        self._since = 0.0

    async def ask(self, model: Model, key: Key, item: Item) -> Answer:
        """Answer one item, together with those of the same model and key that wait."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._n_before, self._since = 0, monotonic()
            loop.call_soon(self._answer_all, loop)
        waiting = _Waiting(model, key, item, loop.create_future())
        self._waiting.append(waiting)
        answer: Answer = await waiting.answer
        return answer

    def _answer_all(self, loop: asyncio.AbstractEventLoop) -> None:
        n_waiting = len(self._waiting)
        if n_waiting > self._n_before and monotonic() - self._since < MOST_SECONDS:
            self._n_before = n_waiting
            loop.call_soon(self._answer_all, loop)
            return
        waiting, self._waiting = self._waiting, []
        groups: dict[Any, list[_Waiting]] = {}
        for each in waiting:
            groups.setdefault((id(each.model), each.key), []).append(each)
        for group in groups.values():
            self._answer(group)

    def _answer(self, group: list[_Waiting]) -> None:
        try:
            answers = self._answer_each(group[0].model, group[0].key, [each.item for each in group])
        except Exception as error:
            if len(group) > 1:  # what is wrong with one costs the others nothing
                for each in group:
                    self._answer([each])
            elif not group[0].answer.done():
                group[0].answer.set_exception(error)
            return
        for each, answer in zip(group, answers, strict=True):
            if not each.answer.done():  # it may have been given up
                each.answer.set_result(answer)
