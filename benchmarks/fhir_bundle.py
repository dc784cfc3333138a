"""`make bench-fhir`: processor time of the service for a FHIR Bundle of 1,000 Observations.

The time of `json.loads` on the same body, in this process, shows how fast the machine is.
"""

import argparse
import json
import sys
import time

from benchmarks.bounds import Bound, report
from benchmarks.local_server import Server, local_server, machine
from sepsis_detect.clinical.variables import CLINICAL
from tests.resources import FHIR_JSON, RISK, a_bundle, observation

MAX_CPU_MS = 25.0
OBSERVATIONS_AN_HOUR = 48


def bundle(n_observations: int) -> bytes:
    """A stay in which the variables are measured in turn."""
    observations = []
    for index in range(n_observations):
        variable = CLINICAL[index % len(CLINICAL)]
        value = round((variable.reference_low + variable.reference_high) / 2, 3)
        category = "vital-signs" if variable.kind == "vital" else "laboratory"
        observations.append(
            observation(
                variable.loinc,
                value,
                variable.unit,
                category=category,
                icu_hour=1 + index / OBSERVATIONS_AN_HOUR,
            )
        )
    return json.dumps(a_bundle(*observations)).encode()


def cpu_milliseconds(server: Server, body: bytes, n_rounds: int) -> float:
    """Mean processor time of one request.

    Raises:
        RuntimeError: One was not answered with 200.
    """
    before = server.cpu_seconds()
    for _ in range(n_rounds):
        status, answer = server.ask(RISK, body, FHIR_JSON)
        if status != 200:
            raise RuntimeError(f"answered {status}: {str(answer)[:500]}")
    return (server.cpu_seconds() - before) / n_rounds * 1000


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--observations", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    body = bundle(options.observations)
    print(f"{machine()}; {options.observations:,} Observations, {len(body):,} bytes", flush=True)
    with local_server() as server:
        cpu_milliseconds(server, body, 5)  # a warm-up
        milliseconds = cpu_milliseconds(server, body, options.rounds)
    began = time.process_time()
    for _ in range(options.rounds):
        json.loads(body)
    parsing = (time.process_time() - began) / options.rounds * 1000
    print(f"json.loads alone: {parsing:.1f} ms; ratio {milliseconds / parsing:.2f}")
    return report([Bound("processor time of a request, ms", milliseconds, max=MAX_CPU_MS)])


if __name__ == "__main__":
    sys.exit(main())
