"""CPU time of one Bundle of 1,000 Observations: `python -m benchmarks.fhir_bundle`.

The application is asked in this process, by ASGI, without a socket or a client of HTTP. The time of
`json.loads` on the same body, in the same rounds, tells what the machine was like meanwhile.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from datetime import datetime, timedelta
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from sepsis_detect.api.app import create_app
from sepsis_detect.clinical.variables import CLINICAL
from sepsis_detect.settings import Auth, Settings

MILLISECONDS = 1_000
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/fhir/$sepsis-risk",
    "raw_path": b"/fhir/$sepsis-risk",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"content-type", b"application/fhir+json"), (b"host", b"localhost")],
    "server": ("localhost", 80),
    "client": ("127.0.0.1", 1),
}


def a_bundle(n_observations: int) -> bytes:
    """A stay whose variables are measured in turn, every few minutes."""
    admitted = datetime.fromisoformat("2026-02-28T22:00:00+01:00")
    entries: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1958-07-02"},
        {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "in-progress",
            "subject": {"reference": "Patient/p1"},
            "period": {"start": (admitted - timedelta(hours=8)).isoformat()},
            "location": [
                {"location": {"display": "MICU"}, "period": {"start": admitted.isoformat()}}
            ],
        },
    ]
    for index in range(n_observations):
        variable = CLINICAL[index % len(CLINICAL)]
        moment = admitted + timedelta(minutes=5 * (index // 4))
        kind = "vital-signs" if variable.kind == "vital" else "laboratory"
        value = round((variable.reference_low + variable.reference_high) / 2, 3)
        entries.append(
            {
                "resourceType": "Observation",
                "id": f"o{index}",
                "status": "final",
                "category": [{"coding": [{"system": "urn:category", "code": kind}]}],
                "code": {"coding": [{"system": "http://loinc.org", "code": variable.loinc}]},
                "subject": {"reference": "Patient/p1"},
                "encounter": {"reference": "Encounter/e1"},
                "effectiveDateTime": moment.isoformat(),
                "valueQuantity": {
                    "value": value,
                    "unit": variable.unit,
                    "system": "http://unitsofmeasure.org",
                    "code": variable.unit,
                },
            }
        )
    listed = [
        {"fullUrl": f"urn:uuid:{at:032x}", "resource": each} for at, each in enumerate(entries)
    ]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": listed}).encode()


async def ask(app: Any, body: bytes, scope: dict[str, Any] = SCOPE) -> tuple[int, bytes]:
    """Status and body of the answer."""
    status, parts = 0, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    await app({**scope, "state": {}}, receive, send)
    return status, b"".join(parts)


async def measure(n_observations: int, n_rounds: int) -> None:
    """Print what one request costs."""
    app = create_app(Settings(auth=Auth.OFF))
    body = a_bundle(n_observations)
    taken: list[float] = []
    reference: list[float] = []
    for _ in range(n_rounds):
        began = time.process_time()
        json.loads(body)
        reference.append(time.process_time() - began)
        began = time.process_time()
        status, answer = await ask(app, body)
        taken.append(time.process_time() - began)
        if status != 200:
            sys.exit(f"answered {status}: {answer[:500]!r}")
    print(f"{n_observations} Observations, {len(body):,} bytes, {n_rounds} rounds")
    for name, each in (("whole request", taken), ("json.loads alone", reference)):
        low, middle = min(each) * MILLISECONDS, statistics.median(each) * MILLISECONDS
        print(f"{name}: {low:.1f} ms of CPU at best, median {middle:.1f} ms")
    print(f"ratio of the medians: {statistics.median(taken) / statistics.median(reference):.2f}")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observations", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.observations, arguments.rounds))


if __name__ == "__main__":
    main()
