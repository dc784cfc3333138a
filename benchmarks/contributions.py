"""`make bench-contributions`: processor time of the service for the contributions of a stay.

A stay of 24 hours is asked with and without `include=contributions`, in interleaved rounds; the
difference is what contributions take. As a ratio to the plain answer it hardly depends on the
machine, or on what else runs there.
"""

import argparse
import itertools
import sys
from statistics import median

from benchmarks.bounds import Bound, report
from benchmarks.local_server import Server, local_server, machine
from benchmarks.request_bodies import stays

PLAIN, WITH_CONTRIBUTIONS = "/predict/patient", "/predict/patient?include=contributions"
MAX_CPU_MS = 3.0
HOURS = 24


def cpu_milliseconds(server: Server, path: str, bodies: "itertools.cycle[bytes]", n: int) -> float:
    """Mean processor time of one of `n` requests.

    Raises:
        RuntimeError: One was not answered with 200.
    """
    before = server.cpu_seconds()
    for body in itertools.islice(bodies, n):
        status, answer = server.ask(path, body)
        if status != 200:
            raise RuntimeError(f"answered {status}: {str(answer)[:500]}")
    return (server.cpu_seconds() - before) / n * 1000


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=100, help="in each round, of either kind")
    options = parser.parse_args()
    print(f"{machine()}; a stay of {HOURS} hours", flush=True)
    bodies = itertools.cycle(stays(HOURS))
    plain, added = [], []
    with local_server() as server:
        for number in range(options.rounds + 1):  # the first is a warm-up
            without, with_them = (
                cpu_milliseconds(server, path, bodies, options.requests)
                for path in (PLAIN, WITH_CONTRIBUTIONS)
            )
            if number:
                plain.append(without)
                added.append(with_them - without)
    print(
        f"plain answer: {median(plain):.2f} ms; contributions add {median(added):.2f} ms; "
        f"ratio {median(added) / median(plain):.2f}"
    )
    return report([Bound("processor time of contributions, ms", median(added), max=MAX_CPU_MS)])


if __name__ == "__main__":
    sys.exit(main())
