"""How much a process takes on: all that can be met, and in a flood what is soon answered."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sepsis_detect.api.middleware import load_shedding
from sepsis_detect.api.middleware.load_shedding import Load


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is for a `Load`: the test says so."""
    now = [1_000.0]
    monkeypatch.setattr(load_shedding, "monotonic", lambda: now[0])
    return now


class Loop:
    """Turns when the test says so."""

    def __init__(self) -> None:
        self._soon: list[Callable[[], None]] = []

    def soon(self, call: Callable[..., None], *given: Any) -> None:
        """As `call_soon` of an event loop."""
        self._soon.append(partial(call, *given))

    def turn(self) -> None:
        """Call what was to be called soon."""
        soon, self._soon = self._soon, []
        for call in soon:
            call()

    def taken(self, here: Load, n_requests: int) -> int:
        """How many of so many in one turn are taken on."""
        n_taken = sum(here.takes(self.soon) for _ in range(n_requests))
        self.turn()
        return n_taken


def flood(here: Load, clock: list[float], n_turns: int, n_requests: int = 300) -> None:
    """A turn every ten milliseconds, with more than can be met."""
    for _ in range(n_turns):
        clock[0] += 0.01
        Loop().taken(here, n_requests)


def crowded() -> Load:
    """With more connections than requests that may be under way."""
    here = Load()
    here.n_connections = 2 * load_shedding.FEW
    return here


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_the_longer_requests_take_the_fewer_are_taken_on() -> None:
    here, loop, taken_on = Load(), Loop(), []
    for seconds in (0.0, 0.005):
        for _ in range(200):
            loop.taken(here, 1)
            busy(seconds)
        taken_on.append(here.most)
    assert taken_on[0] > taken_on[1] == load_shedding.FEWEST


def test_many_at_once_are_taken_on_turn_by_turn(clock: list[float]) -> None:
    here = crowded()
    assert [Loop().taken(here, load_shedding.FEWEST) for _ in range(3)] == [
        load_shedding.FEWEST
    ] * 3
    assert load_shedding.FEWEST <= Loop().taken(here, 1_000) <= load_shedding.MOST


def test_where_connections_are_few_nobody_is_turned_away(clock: list[float]) -> None:
    here = crowded()
    flood(here, clock, 10)
    here.n_connections = load_shedding.FEW
    assert Loop().taken(here, load_shedding.FEW) == load_shedding.FEW
    here.n_connections += 1
    assert Loop().taken(here, load_shedding.FEW) == load_shedding.MIN_IN_FLOOD


def test_connections_are_few_where_requests_are_soon_answered() -> None:
    here, loop = Load(), Loop()
    here.n_connections = load_shedding.FEW
    for _ in range(200):
        loop.taken(here, 1)
        busy(2 * load_shedding.FEW_SECONDS / load_shedding.FEW)
    assert loop.taken(here, load_shedding.FEW) < load_shedding.FEW


@pytest.mark.parametrize(
    ("turns", "n_connections", "n_taken"),
    [
        ([load_shedding.MANY, 100], 1_000, load_shedding.MAX_IN_FLOOD),
        ([1, 100], 1_000, 100),
        ([100, 80], 1_000, 80),
        ([load_shedding.MANY, 100], load_shedding.FEW, 100),
    ],
    ids=["too fast", "a burst", "what came while a burst was answered", "few connections"],
)
def test_a_queue_that_grows_is_cut_and_a_burst_is_not(
    monkeypatch: pytest.MonkeyPatch, turns: list[int], n_connections: int, n_taken: int
) -> None:
    monkeypatch.setattr(load_shedding, "FEWEST", load_shedding.MOST)  # however fast this machine is
    here, loop = Load(), Loop()
    here.n_connections = n_connections
    assert [loop.taken(here, n_requests) for n_requests in turns][-1] == n_taken


def test_after_a_pause_many_are_a_burst(clock: list[float]) -> None:
    here = crowded()
    Loop().taken(here, load_shedding.MANY)
    clock[0] += 2 * load_shedding.PAUSE_SECONDS
    assert Loop().taken(here, load_shedding.FEWEST) == load_shedding.FEWEST


def test_in_a_flood_what_waited_is_turned_away_for_what_has_not(clock: list[float]) -> None:
    here, taken = crowded(), []
    flood(here, clock, 1)
    for seconds in (
        0.0,
        2 * load_shedding.LATE_SECONDS,
        0.0,
        *[2 * load_shedding.LATE_SECONDS] * 2,
    ):
        clock[0] += seconds
        taken.append(Loop().taken(here, 300))
    some = load_shedding.MIN_IN_FLOOD
    assert taken == [some, 0, some, 0, some], "though never none twice in a row"


def test_in_a_flood_hardly_any_wait(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_shedding, "MOST", load_shedding.FEWEST)  # as if they took long
    here = crowded()
    some_too_many = load_shedding.FEWEST + 20
    flood(here, clock, 2, some_too_many)
    assert Loop().taken(here, some_too_many) == load_shedding.FEWEST, "some too many are no flood"
    flood(here, clock, 15, some_too_many)
    assert Loop().taken(here, some_too_many) == load_shedding.MIN_IN_FLOOD


def test_twice_as_many_at_once_as_are_taken_on_are_a_flood_at_once(clock: list[float]) -> None:
    here = crowded()
    flood(here, clock, 1)
    assert Loop().taken(here, 300) == load_shedding.MIN_IN_FLOOD


def test_in_a_flood_no_more_are_taken_on_than_are_answered(clock: list[float]) -> None:
    here = crowded()
    flood(here, clock, 1)
    with here.at_work, here.at_work:
        assert Loop().taken(here, 300) == load_shedding.MIN_IN_FLOOD - 2
    assert Loop().taken(here, 300) == load_shedding.MIN_IN_FLOOD


def test_nobody_is_told_no_before_those_taken_on_are_answered(clock: list[float]) -> None:
    here, loop = crowded(), Loop()
    told_no: list[int] = []
    flood(here, clock, 1)
    with here.at_work:
        for number in range(3):
            here.refuse(partial(told_no.append, number), loop.soon)
        for _ in range(5):
            loop.turn()
        assert told_no == []
    loop.turn()
    assert told_no == [0, 1, 2]


def test_a_refusal_that_fails_keeps_nobody_waiting(clock: list[float]) -> None:
    here, loop = crowded(), Loop()
    told_no: list[int] = []
    here.refuse(partial(divmod, 1, 0), loop.soon)
    here.refuse(partial(told_no.append, 1), loop.soon)
    with pytest.raises(ZeroDivisionError):
        loop.turn()
    loop.turn()
    assert told_no == [1]


def test_in_a_flood_as_many_are_taken_on_as_are_answered_soon(clock: list[float]) -> None:
    here, most = crowded(), []
    flood(here, clock, 1)
    for seconds in (0.5 * load_shedding.FLOOD_SECONDS, 2 * load_shedding.FLOOD_SECONDS):
        for _ in range(1_000):
            flood(here, clock, 1)
            with here.at_work:
                clock[0] += seconds
        Loop().taken(here, 1)
        most.append(Loop().taken(here, 300))
    assert most == [load_shedding.MAX_IN_FLOOD, load_shedding.MIN_IN_FLOOD]


def test_in_a_flood_some_are_taken_on_though_others_are_still_to_be_told_no(
    clock: list[float],
) -> None:
    here, loop = crowded(), Loop()
    flood(here, clock, 1)
    with here.at_work:
        here.refuse(lambda: None, loop.soon)
        loop.turn()
        assert loop.taken(here, 300) == 0, "first those who came before are told no"
        clock[0] += 2 * load_shedding.PATIENCE_SECONDS
        loop.taken(here, 1)
        assert loop.taken(here, 300) == load_shedding.MIN_IN_FLOOD - 1


@pytest.mark.parametrize("seconds", [0.3, 60.0], ids=["a moment", "a minute"])
def test_after_a_pause_there_is_no_flood(clock: list[float], seconds: float) -> None:
    here = crowded()
    flood(here, clock, 500)
    assert Loop().taken(here, 1_000) == load_shedding.MIN_IN_FLOOD
    clock[0] += seconds
    assert Loop().taken(here, 1_000) >= load_shedding.FEWEST


def test_a_flood_is_over_when_what_comes_can_be_met(clock: list[float]) -> None:
    here = crowded()
    flood(here, clock, 100)
    flood(here, clock, 20, n_requests=1)
    assert Loop().taken(here, 1_000) < load_shedding.FEWEST, "a sender that stalled goes on"
    flood(here, clock, 30, n_requests=1)
    assert Loop().taken(here, 1_000) >= load_shedding.FEWEST


@pytest.mark.parametrize(
    ("n_requests", "times"),
    [
        (load_shedding.MIN_IN_FLOOD * 4, 1),
        (load_shedding.MIN_IN_FLOOD + 2, 8),
        (load_shedding.MIN_IN_FLOOD, 8),
    ],
)
def test_the_fewer_are_refused_in_a_flood_the_more_are_taken_on(
    clock: list[float], n_requests: int, times: int
) -> None:
    here = crowded()
    flood(here, clock, 100)
    flood(here, clock, 20, n_requests)
    assert Loop().taken(here, 300) == times * load_shedding.MIN_IN_FLOOD
    flood(here, clock, 10)
    assert Loop().taken(here, 300) == load_shedding.MIN_IN_FLOOD, "and few again at once"


def test_a_flood_is_over_when_less_comes_though_some_is_turned_away(clock: list[float]) -> None:
    here = crowded()
    flood(here, clock, 100)
    flood(here, clock, 50, n_requests=load_shedding.MIN_IN_FLOOD + 1)
    Loop().taken(here, 1)
    assert Loop().taken(here, load_shedding.FEWEST) == load_shedding.FEWEST
