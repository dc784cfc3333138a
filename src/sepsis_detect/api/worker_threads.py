"""Worker threads for requests that take long, so that the event loop stays free.

Few threads, as they share one interpreter. A parsed body takes many times its size in memory, so
that huge ones are handled one at a time.
"""

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from sepsis_detect.api.error_responses import overload

N_THREADS = 2
HUGE_BYTES = 1024 * 1024
MAX_WAITING = 16  # requests for a thread

Result = TypeVar("Result")


class WorkerThreads:
    """The threads of one process."""

    def __init__(self) -> None:
        """Start none; they start with the first request."""
        self._limiter = CapacityLimiter(N_THREADS)
        self._limiter_of_huge = CapacityLimiter(1)

    async def run(self, function: Callable[[], Result], n_bytes: int) -> Result:
        """Call `function` on a body of so many bytes in a thread.

        Raises:
            RequestError: 503, too many requests wait for a thread.
        """
        limiter = self._limiter_of_huge if n_bytes > HUGE_BYTES else self._limiter
        if limiter.statistics().tasks_waiting >= MAX_WAITING:
            raise overload()
        return await anyio.to_thread.run_sync(function, limiter=limiter)
