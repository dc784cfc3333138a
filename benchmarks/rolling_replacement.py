"""`make bench-roll`: replacement and kill -9 of containers behind a load balancer, under requests.

HAProxy stands for the ALB. A replacement starts a new container, adds it once it is healthy, and
sends SIGTERM to the old one: its `/health` answers 503, so that the checks take it out of rotation
before it stops. No request may fail. After kill -9 of a container as many requests may fail as it
gets in one interval of the checks, and one for each client. Loopback address only.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

from benchmarks.bounds import Bound, report
from benchmarks.haproxy import CHECK_INTERVAL_SECONDS, Balancer, balancer, wait_until
from benchmarks.local_server import free_port
from benchmarks.steady_requests import SteadyRequests
from tools.containers import HARDENED, Container, EngineError, container, docker, is_engine_here

N_CLIENTS = 24
REQUESTS_PER_SECOND = 100.0
FLAGS = (*HARDENED, "--env=SEPSIS_AUTH=off", "--env=WEB_CONCURRENCY=1")


def roll(image: str, n_rolls: int, steady_seconds: float) -> list[Bound]:
    """Replace both containers, `n_rolls` times."""
    n_failed = n_requests = n_bad_exits = 0
    with ExitStack() as stack:
        haproxy = stack.enter_context(balancer())
        in_service = [_added(stack, image, haproxy, slot) for slot in (0, 1)]
        free_slot = 2
        for number in range(1, n_rolls + 1):
            with _requests(haproxy).running() as requests:
                time.sleep(steady_seconds)
                for _ in range(2):
                    in_service.append(_added(stack, image, haproxy, free_slot))
                    free_slot, old = in_service.pop(0)
                    n_bad_exits += _stop(haproxy, free_slot, old) != 0
                time.sleep(steady_seconds)
            print(f"rolling replacement {number}: {requests}", flush=True)
            n_failed += requests.n_failed
            n_requests += requests.n_requests
    return [
        Bound("requests during the replacements", n_requests, min=1),
        Bound("failed requests during the replacements", n_failed, max=0),
        Bound("containers that ended with another exit code than 0", n_bad_exits, max=0),
    ]


def kill(image: str, steady_seconds: float) -> list[Bound]:
    """Kill one of two containers; the engine starts it again."""
    with ExitStack() as stack:
        haproxy = stack.enter_context(balancer())
        _, victim = _added(stack, image, haproxy, 0, restart="on-failure")
        _added(stack, image, haproxy, 1)
        with _requests(haproxy).running() as requests:
            time.sleep(steady_seconds)
            rate = requests.n_requests / steady_seconds
            pid = victim.state()["Pid"]
            # The process itself: the engine would not restart after `docker kill`.
            subprocess.run(["kill", "-9", str(pid)], check=True)
            seconds = wait_until(
                lambda: victim.state()["Pid"] not in (0, pid), "the container is not started again"
            )
            victim.wait_until_healthy()
            # A container that is back before the next check is never found down.
            time.sleep(CHECK_INTERVAL_SECONDS + steady_seconds)
            haproxy.wait_until(0, "UP")
        found = "found down by a check" if haproxy.n_downs(0) else "back before the next check"
        print(f"kill -9 of one of two at {rate:.0f} requests a second: {requests}")
        print(f"  started again after {seconds:.2f} s, {found}")
        if haproxy.n_downs(1):
            print("  the other one failed a check, too: the machine is too busy for this")
    max_failed = round(rate * CHECK_INTERVAL_SECONDS / 2) + N_CLIENTS
    return [Bound("failed requests after kill -9", requests.n_failed, max=max_failed)]


def _requests(haproxy: Balancer) -> SteadyRequests:
    return SteadyRequests(haproxy.port, n_clients=N_CLIENTS, per_second=REQUESTS_PER_SECOND)


def _added(
    stack: ExitStack, image: str, haproxy: Balancer, slot: int, *, restart: str = "no"
) -> tuple[int, Container]:
    # A port of our choice: a container that is started again must keep it.
    flags = (*FLAGS, f"--restart={restart}")
    started = stack.enter_context(container(image, flags=flags, port=free_port()))
    started.wait_until_healthy()
    haproxy.add(slot, started.port)
    return slot, started


def _stop(haproxy: Balancer, slot: int, old: Container) -> int:
    """Stop a container that is in rotation; its exit code."""
    docker("kill", "--signal=TERM", old.name)
    haproxy.wait_until(slot, "DOWN")
    code = old.wait_until_stopped()
    haproxy.remove(slot)
    old.remove()
    return code


def _missing(image: str) -> str | None:
    """What the machine lacks for this measurement."""
    if shutil.which("haproxy") is None:
        return "no haproxy: apt-get install haproxy"
    if not is_engine_here():
        return "no container engine answers `docker info`"
    try:
        docker("image", "inspect", image)
    except EngineError:
        return f"no image {image}: make image"
    return None


def main() -> int:
    """Measure, print, judge; exit code 2 where the measurement cannot run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", default="sepsis-detect")
    parser.add_argument("--runs", type=int, choices=range(1, 21), default=5, metavar="1..20")
    parser.add_argument("--seconds", type=float, default=3.0, help="before and after each event")
    options = parser.parse_args()
    if reason := _missing(options.image):
        print(f"rolling_replacement: {reason}", file=sys.stderr)
        return 2
    # On SIGTERM, too, the containers are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        bounds = roll(options.image, options.runs, options.seconds)
        bounds += kill(options.image, options.seconds)
    except (TimeoutError, EngineError) as error:
        print(f"rolling_replacement: {error}", file=sys.stderr)
        return 1
    return report(bounds)


if __name__ == "__main__":
    sys.exit(main())
