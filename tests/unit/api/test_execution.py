"""Work on a body: what is refused holds nothing of what was sent."""

import asyncio
import weakref
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import Request

from sepsis_detect.api import execution
from sepsis_detect.api.middleware.load_shedding import Load
from sepsis_detect.patient_json import json_body
from sepsis_detect.problems import RequestError


class Tree:
    """As large as what a body becomes."""


@pytest.mark.parametrize("n_bytes", [10, 10_000_000])
def test_what_was_made_of_a_refused_body_is_gone_before_the_answer(n_bytes: int) -> None:
    made: list[weakref.ref[Tree]] = []

    def refuse() -> Any:
        tree = Tree()
        made.append(weakref.ref(tree))
        return tree, json_body.parse(b"{")

    async def answer() -> None:
        state = SimpleNamespace(load=Load())
        request = cast(Request, SimpleNamespace(app=SimpleNamespace(state=state)))
        with pytest.raises(RequestError) as raised:
            await execution.done(request, refuse, n_bytes)
        assert raised.value.problems[0].rule == "json.broken"
        assert made[0]() is None

    asyncio.run(answer())
