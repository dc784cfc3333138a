"""A periodic task: one action repeated at an interval, in a background thread or on request.

On request (`run_if_due`) is for AWS Lambda, which suspends threads between two invocations.
"""

import logging
import random
import threading
import time
from collections.abc import Callable

JITTER = 0.15  # of the interval: the processes of a fleet do not act at the same moment

# A generator of its own: the one of the module belongs to the program around it.
_random = random.Random()  # noqa: S311 - not for security

logger = logging.getLogger(__name__)


class PeriodicTask:
    """Runs an action every interval; an action that raises is logged and run again.

    The first run is due one interval after construction. Two runs never overlap.

    Args:
        action: What is run, with the keyword arguments of `run_if_due`, or none in the thread.
        interval_seconds: Gives the time until the next run, asked after each one; the actual
            time is up to `JITTER` shorter.
        name: Of the thread; a failure is logged as the event `{name}_failed`.
    """

    def __init__(
        self, action: Callable[..., None], interval_seconds: Callable[[], float], *, name: str
    ):
        self._action = action
        self._interval_seconds = interval_seconds
        self._name = name
        self._lock = threading.Lock()
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._schedule_next()

    def start(self) -> None:
        """Start the background thread."""
        self._thread = threading.Thread(target=self._repeat, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, *, join_seconds: float = 0.0) -> None:
        """End the thread after the present run; wait for that at most `join_seconds`."""
        self._is_stopped.set()
        if self._thread is not None:
            self._thread.join(join_seconds)

    def run_if_due(self, **arguments: object) -> None:
        """Run the action in the calling thread, if it is due and not running already."""
        if time.monotonic() < self.due_at_seconds or not self._lock.acquire(blocking=False):
            return
        try:
            self._run(**arguments)
        finally:
            self._lock.release()

    def _repeat(self) -> None:
        while not self._is_stopped.wait(max(0.0, self.due_at_seconds - time.monotonic())):
            with self._lock:
                self._run()

    def _run(self, **arguments: object) -> None:
        try:
            self._action(**arguments)
        except Exception:  # a defect must not end the task: it is logged, and an alarm counts it
            if not self._is_stopped.is_set():
                logger.exception("%s_failed", self._name)
        self._schedule_next()

    def _schedule_next(self) -> None:
        jitter = 1 - JITTER * _random.random()
        self.due_at_seconds = time.monotonic() + self._interval_seconds() * jitter
