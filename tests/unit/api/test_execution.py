"""Execution: an error refers to nothing that was parsed from the body."""

import asyncio
import weakref
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request

from sepsis_detect.api import execution
from sepsis_detect.api.worker_threads import WorkerThreads
from sepsis_detect.patient_json import json_body
from sepsis_detect.problems import RequestError


class Tree:
    """Stands for the parsed body."""


@pytest.mark.parametrize("n_bytes", [10, 10_000_000])
def test_what_was_parsed_from_a_refused_body_is_freed_before_the_response(n_bytes: int) -> None:
    made: list[weakref.ref[Tree]] = []

    def refuse() -> Any:
        tree = Tree()
        made.append(weakref.ref(tree))
        return tree, json_body.parse(b"{")

    async def answer() -> None:
        services = SimpleNamespace(threads=WorkerThreads())
        state = SimpleNamespace(services=services)
        request = cast(Request, SimpleNamespace(app=SimpleNamespace(state=state)))
        with pytest.raises(RequestError) as raised:
            await execution.run_in_thread_if_large(request, refuse, n_bytes)
        assert raised.value.problems[0].rule == "json.broken"
        assert made[0]() is None

    asyncio.run(answer())
