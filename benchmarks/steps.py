"""What the steps of a prediction cost, in this process: `python -m benchmarks.steps`.

The application is asked by ASGI, without a socket, one request at a time and sixteen at once, and
each step is done alone for sixteen patients who differ from round to round; what surrounds them is
what is left when every answer is known before. Microseconds of processor time a request, at best,
since whatever else runs only ever adds.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from benchmarks import bodies
from benchmarks.fhir_bundle import SCOPE, ask
from sepsis_detect.api.answers import present_prediction
from sepsis_detect.api.app import Application, create_app
from sepsis_detect.api.execution import Answered
from sepsis_detect.api.micro_batcher import MicroBatcher
from sepsis_detect.api.query_options import DEFAULT_OPTIONS, Options
from sepsis_detect.api.routes.prediction import Sent, json_response
from sepsis_detect.api.services import services_in
from sepsis_detect.assessment import pipeline, policy, wording
from sepsis_detect.assessment.pipeline import Assessment
from sepsis_detect.clinical import coherence
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.patient_json import json_body, reader
from sepsis_detect.prediction import features
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import RequestError
from sepsis_detect.settings import Auth, LogLevel, Settings
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.metrics import Metrics

AT_ONCE = 16
PATH = "/predict/patient"
MICROSECONDS = 1e6


def best(do: Callable[[Sequence[bytes]], object], sent: Sequence[bytes], n: int, k: int) -> float:
    """Microseconds a request, of the best of `k` rounds of `n` requests each."""
    bodies_ = cycle(sent)
    taken = []
    for _ in range(k):
        batch = list(islice(bodies_, n))
        began = time.process_time()
        do(batch)
        taken.append(time.process_time() - began)
    return min(taken) / n * MICROSECONDS


def steps(sent: Sequence[bytes], n_rounds: int) -> dict[str, float]:
    """Each step alone, for `AT_ONCE` patients."""
    model, metrics = Model.embedded(loaded_at=datetime.now(UTC)), Metrics()
    now = datetime.now(UTC)

    found: dict[str, list[float]] = {}

    def timed(name: str, do: Callable[[], Any]) -> Any:
        began = time.process_time()
        result = do()
        found.setdefault(name, []).append(time.process_time() - began)
        return result

    def one_round(batch: Sequence[bytes]) -> None:
        timed("JSON alone", lambda: [json_body.parse(body) for body in batch])
        patients_read = timed("JSON and its values", lambda: reader.read_bodies(batch, now=now))
        read = [each for each in patients_read if isinstance(each, reader.JsonPatient)]
        stays = [each.stay for each in read if each.stay is not None]
        together = Stay.end_to_end(stays)
        violations = timed("rules", lambda: coherence.scan_each(together))
        judged = [policy.judge(*pair) for pair in zip(read, violations, strict=True)]
        timed("wording", lambda: [wording.warnings_of(each) for each in judged])
        X = timed("features", lambda: features.compute(together, together.last_rows))
        timed("trees", lambda: model.probabilities(X))
        on_incoherence = DEFAULT_OPTIONS.on_incoherence
        results = pipeline.assess(model, read, on_incoherence, observe=metrics.predicted)
        answered = [
            present_prediction(each, "") for each in results if isinstance(each, Assessment)
        ]
        timed("answer as JSON", lambda: [json_response(each) for each in answered])

    best(one_round, sent, AT_ONCE, n_rounds)
    return {name: min(times) / AT_ONCE * MICROSECONDS for name, times in found.items()}


def whole(app: Application, sent: Sequence[bytes], n: int, n_rounds: int) -> float:
    """All of it, `n` requests at once."""
    scope = SCOPE | {"path": PATH, "raw_path": PATH.encode()}
    loop = asyncio.new_event_loop()

    async def at_once(batch: Sequence[bytes]) -> None:
        for status, answer in await asyncio.gather(*(ask(app, body, scope) for body in batch)):
            assert status == 200, answer  # noqa: S101 - a benchmark

    try:
        return best(lambda batch: loop.run_until_complete(at_once(batch)), sent, n, n_rounds)
    finally:
        loop.close()


def surroundings(app: Application, sent: Sequence[bytes], n_rounds: int) -> float:
    """The same, where every answer is known before."""

    def known(_: Model, __: Options, asked: Sequence[Sent]) -> list[Answered | RequestError]:
        return [(json_response({"prediction": "Negative"}), ["Negative"]) for _ in asked]

    usual = services_in(app).micro_batcher
    services_in(app).micro_batcher = MicroBatcher(known)
    try:
        return whole(app, sent, AT_ONCE, n_rounds)
    finally:
        services_in(app).micro_batcher = usual


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=400)
    n_rounds = parser.parse_args().rounds
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        with redirect_stderr(nowhere):
            logs.configure(LogLevel.INFO)
        app = create_app(Settings(auth=Auth.OFF))
        for name, sent in (("one hour", bodies.flat()), ("24 hours", bodies.stays(24))):
            print(f"{name}: us of processor time a request")
            for n in (1, AT_ONCE):
                print(f"  {whole(app, sent, n, n_rounds):7.1f}  all of it, {n} at once")
            print(f"  {surroundings(app, sent, n_rounds):7.1f}  what surrounds the steps")
            for step, microseconds in steps(sent, n_rounds).items():
                print(f"  {microseconds:7.1f}  {step}")


if __name__ == "__main__":
    main()
