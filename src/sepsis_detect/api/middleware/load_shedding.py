"""How much one process takes on: what it can answer soon, and no more.

A request that would wait long is turned away at once, with 503 and `Retry-After`: a queue that
grows makes every answer late, and the load balancer has other machines to ask. Whatever came while
the event loop was busy is there at its next turn, so the queue is what is under way and what a turn
takes on beside it. How many that may be follows from how long they take, so that one number holds
for every kind of request.

Many that come together are taken on, as they are soon done, unless more come in turn after turn
than were in the one before: such a queue only grows. Where many are turned away, in one turn
or window after window, more comes than can ever be done: a queue would stay full and make each
answer late without one answer more, so hardly any is kept until that is over. The fewer have to be
turned away then, the more are.

Each connection has one request at a time. Where there are few, no queue grows long, and nobody is
turned away: who was might ask again at once, and saying no would take all the time.

To say no takes a quarter of what an answer takes, and in a flood it is said far more often. So
those taken on are answered first, and who is turned away waits for that: else every answer would be
late by all the refusals of what comes while it is made.
"""

from collections import deque
from collections.abc import Callable
from time import monotonic, thread_time
from typing import Any, TypeVar

import anyio

from sepsis_detect.problems import Problem, RequestError

QUEUE_SECONDS = 0.015  # of work that is under way
FEWEST, MOST = 64, 128  # requests that may be, however long they take, in a crowd
# Connections, and seconds in which one request of each is answered: more of either is a crowd.
FEW, FEW_SECONDS = 140, 0.25
MANY = 4  # requests in one turn; where the next finds more, they come too fast
FIRST_SECONDS = 0.0005  # that a request takes, as long as none was timed
N_REMEMBERED = 64  # requests: a turn of so many counts as much in the mean as all before it

WINDOW_SECONDS = 0.025  # over which those turned away are counted
# A flood is over after this time in which hardly any are turned away. Longer than senders and the
# loop stall, shorter than `RETRY_SECONDS`: who comes back as asked meets none.
PAUSE_SECONDS = 0.25
FLOOD_SHARE = 0.1  # of requests turned away; above, it is a flood
FLOOD_GOES_ON_SHARE = 0.5  # of requests turned away; below, it will be over
# Requests under way at a time in a flood: as many as are together answered within this time, which
# differs by what is asked and by how fast the processor is at the moment.
FLOOD_SECONDS = 0.0015
MIN_IN_FLOOD, MAX_IN_FLOOD = 4, 32
MORE, LESS = 0.05, 0.2  # after each time that was shorter, or was not
# Where fewer than two are refused for one that is taken on, more at a time answer more of them: the
# first of a batch takes as long as several others. So many times as many, at most.
MAX_EASE = 8.0
# Refusals between two looks at what else came. Until all are made no more is taken on in a flood,
# unless nothing was for so many seconds: answers must not end.
REFUSALS_AT_A_TIME = 16
PATIENCE_SECONDS = 0.01
# In a flood, what a turn finds after so many seconds has waited for most of them. It is turned
# away, as what comes in the next has not: there is enough.
LATE_SECONDS = 2 * FLOOD_SECONDS

THREADS = 2  # more would only take turns
HUGE_BYTES = 1024 * 1024  # of a body: parsed, it takes many times as much, so one at a time
MAX_SLOW, MAX_SLOW_IN_FLOOD = 16, 2  # requests for threads
MAX_BYTES = 64 * 1024 * 1024  # of bodies, in memory at once
RETRY_SECONDS = 1

Answer = TypeVar("Answer")
CallSoon = Callable[..., Any]


class UnderWay:
    """Counts what has begun and not ended, as a context manager.

    Args:
        on_end: Called when all has ended, with the seconds since the first of it began.
    """

    def __init__(self, on_end: Callable[[float], None]):
        """Nothing."""
        self.n = 0
        self._on_end = on_end
        self._began = 0.0

    def __enter__(self) -> None:
        """One more has begun."""
        if not self.n:
            self._began = monotonic()
        self.n += 1

    def __exit__(self, *_: object) -> None:
        """It has ended."""
        self.n -= 1
        if not self.n:
            self._on_end(monotonic() - self._began)


class Load:
    """What one process has under way.

    Attributes:
        at_work: Requests that came whole and are answered in the event loop.
        n_connections: Connections that are open; the protocol of each counts itself.
    """

    def __init__(self) -> None:
        """Nothing."""
        self.at_work = UnderWay(self._answered_within)
        self.n_connections = 0
        self._most_in_flood = float(MIN_IN_FLOOD)
        self._ease = 1.0
        self._mean_seconds = FIRST_SECONDS
        self._threads = anyio.CapacityLimiter(THREADS)
        self._thread_for_huge = anyio.CapacityLimiter(1)
        self._n_slow = 0
        self._n_bytes = 0
        self._n_in_turn = self._n_before = self._n_refused_in_turn = 0
        self._is_turn_begun = False
        self._turn_began = thread_time()
        self._window_began = monotonic()
        self._n_seen = self._n_refused = 0
        self._flood_until = 0.0
        self._is_flood = False
        self._to_refuse: deque[Callable[[], None]] = deque()
        self._is_patient = True
        self._is_late = False
        self._turn_at = self._taken_at = 0.0

    @property
    def most(self) -> int:
        """Requests that may be under way in a crowd, unless there is a flood."""
        return int(min(max(QUEUE_SECONDS / self._mean_seconds, FEWEST), MOST))

    @property
    def _is_crowded(self) -> bool:
        n = self.n_connections
        return n > FEW or n * self._mean_seconds > FEW_SECONDS

    def is_full(self, call_soon: CallSoon) -> bool:
        """Whether no more is taken on in this turn.

        Args:
            call_soon: Of the event loop; has a function called in its next turn.
        """
        if not self._is_turn_begun:
            self._begin_turn(call_soon)
        n_under_way = self._n_in_turn + self.at_work.n
        if self._is_flood:
            is_enough = n_under_way >= min(int(self._most_in_flood * self._ease), MOST)
            is_for_refusals = self._is_patient and bool(self._to_refuse)
            return is_enough or is_for_refusals or self._is_late
        if not self._is_crowded:
            return False
        most = self.most
        if self._n_before >= MANY:
            most = min(max(self._n_before, MAX_IN_FLOOD), most)
        return n_under_way >= most

    def takes(self, call_soon: CallSoon) -> bool:
        """Whether one more request is taken on."""
        is_taken = not self.is_full(call_soon)
        if is_taken:
            self._n_in_turn += 1
            self._taken_at = self._turn_at
        else:
            self._count_refused()
        return is_taken

    def refuse(self, say_no: Callable[[], None], call_soon: CallSoon) -> None:
        """Turn a request away by `say_no`, as soon as those that were taken on are answered."""
        if not self._is_turn_begun:
            self._begin_turn(call_soon)
        self._count_refused()
        if not self._to_refuse:
            call_soon(self._refuse_some, call_soon)
        self._to_refuse.append(say_no)

    def _refuse_some(self, call_soon: CallSoon) -> None:
        try:
            if not (self._is_flood and (self.at_work.n or self._n_in_turn)):
                for _ in range(min(len(self._to_refuse), REFUSALS_AT_A_TIME)):
                    self._to_refuse.popleft()()
        finally:  # one that fails must not keep all others waiting
            if self._to_refuse:
                call_soon(self._refuse_some, call_soon)

    def _count_refused(self) -> None:
        self._n_refused_in_turn += 1
        if not self._is_flood and self._n_refused_in_turn > self._n_in_turn:
            self._flood_until = self._turn_at + PAUSE_SECONDS
            self._is_flood = self._is_crowded

    def _answered_within(self, seconds: float) -> None:
        if self._is_flood and self._ease == 1:
            most = self._most_in_flood + (MORE if seconds < FLOOD_SECONDS else -LESS)
            self._most_in_flood = min(max(most, MIN_IN_FLOOD), MAX_IN_FLOOD)

    def _begin_turn(self, call_soon: CallSoon) -> None:
        self._is_turn_begun = True
        before, self._turn_at = self._turn_at, monotonic()
        waited = self._turn_at - before
        self._is_late = self._ease == 1 and not self._is_late and waited > LATE_SECONDS
        if waited > PAUSE_SECONDS:
            self._n_before = 0
        self._is_patient = self._turn_at - self._taken_at < PATIENCE_SECONDS
        self._roll_window(self._turn_at)
        call_soon(self._end_turn)

    def _end_turn(self) -> None:
        # What was taken on in the turn before has been answered since. Time of the processor, so
        # that one which others use does not look like too much to do.
        now = thread_time()
        if self._n_before:
            seconds = (now - self._turn_began) / self._n_before
            share = self._n_before / (self._n_before + N_REMEMBERED)
            self._mean_seconds += share * (seconds - self._mean_seconds)
        self._n_before, self._turn_began = self._n_in_turn, now
        self._n_seen += self._n_in_turn + self._n_refused_in_turn
        self._n_refused += self._n_refused_in_turn
        self._n_in_turn = self._n_refused_in_turn = 0
        self._is_turn_begun = False

    def _roll_window(self, now: float) -> None:
        elapsed = now - self._window_began
        if elapsed > WINDOW_SECONDS:
            # Who was turned away may ask again at once: fewer refusals must not keep it up.
            began_in_flood = self._window_began < self._flood_until
            share = FLOOD_GOES_ON_SHARE if began_in_flood else FLOOD_SHARE
            if self._n_refused > share * self._n_seen:
                self._flood_until = self._window_began + WINDOW_SECONDS + PAUSE_SECONDS
            taken_per_refused = (self._n_seen - self._n_refused) / max(self._n_refused, 1)
            # Step by step, as senders that stalled soon go on. Back at once.
            most_ease = min(2 * self._ease, MAX_EASE)
            self._ease = min(max(2 * taken_per_refused, 1.0) ** 2, most_ease)
            self._window_began, self._n_seen, self._n_refused = now, 0, 0
        self._is_flood = now < self._flood_until and self._is_crowded

    async def in_thread(self, work: Callable[[], Answer], n_bytes: int) -> Answer:
        """Do `work` on a body of so many bytes where it keeps no other request waiting.

        Raises:
            RequestError: 503, too much of this kind is under way.
        """
        if self._n_slow >= (MAX_SLOW_IN_FLOOD if monotonic() < self._flood_until else MAX_SLOW):
            self._n_refused += 1
            raise overload()
        self._n_slow += 1
        try:
            limiter = self._thread_for_huge if n_bytes > HUGE_BYTES else self._threads
            return await anyio.to_thread.run_sync(work, limiter=limiter)
        finally:
            self._n_slow -= 1

    def take(self, n_bytes: int) -> None:
        """Hold so many more bytes of a body.

        Raises:
            RequestError: 503, too many are held already.
        """
        if self._n_bytes + n_bytes > MAX_BYTES:
            raise overload()
        self._n_bytes += n_bytes

    def give_back(self, n_bytes: int) -> None:
        """Hold them no more."""
        self._n_bytes -= n_bytes


def overload() -> RequestError:
    """503: the same request may be answered a little later, or elsewhere."""
    problem = Problem(
        type="load",
        rule="load.too_much",
        loc=("request",),
        msg="The service has too much to do right now: send the same request again in a second.",
        msg_fr="Le service est trop sollicité : renvoyez la même requête dans une seconde.",
    )
    return RequestError(503, [problem], retry_after=RETRY_SECONDS)
