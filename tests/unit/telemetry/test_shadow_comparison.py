"""Comparison of two models: the metrics of a minute, and both decisions in the audit log."""

import json
import logging
from concurrent.futures import Future

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.prediction.model import Model
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.audit_log import REFUSED, AuditLog, Decision
from sepsis_detect.telemetry.metrics import Metrics
from sepsis_detect.telemetry.shadow_comparison import (
    PendingShadowScores,
    Scores,
    ShadowComparison,
    ShadowScores,
)

NAN = float("nan")
THRESHOLD = 0.5
probabilities = st.floats(0, 1, width=32)
pairs = st.lists(st.tuples(probabilities, st.one_of(probabilities, st.just(NAN))), max_size=30)


def scores_of(*values: float) -> Scores:
    found = np.array(values, dtype=np.float32)
    return Scores(probabilities=found, is_positive=found >= THRESHOLD)


def shadow_of(*values: float) -> ShadowScores:
    return ShadowScores(name="shadow", version="7", scores=scores_of(*values))


@given(pairs, st.integers(0, 30))
def test_the_metrics_are_those_of_all_patients_however_they_came(
    patients: list[tuple[float, float]], cut: int
) -> None:
    comparison = ShadowComparison()
    for part in (patients[:cut], patients[cut:]):
        served = scores_of(*(of_served for of_served, _ in part))
        comparison.add(served, scores_of(*(of_shadow for _, of_shadow in part)))
    scored = [(served, shadow) for served, shadow in patients if shadow == shadow]
    found = comparison.metrics()
    assert found.get("ShadowUnscored", 0) == len(patients) - len(scored)
    assert found.get("ShadowPredictions", 0) == len(scored)
    if not scored:
        return
    n = len(scored)
    positive = [(served >= THRESHOLD, shadow >= THRESHOLD) for served, shadow in scored]
    differences = [shadow - served for served, shadow in scored]
    wanted = {
        "ServedPositiveShare": sum(served for served, _ in positive) / n,
        "ShadowPositiveShare": sum(shadow for _, shadow in positive) / n,
        "ShadowDisagreement": sum(served != shadow for served, shadow in positive) / n,
        "ShadowMeanDifference": sum(differences) / n,
        "ShadowLargestDifference": max(map(abs, differences)),
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-4), name


def written(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    lines = [json.loads(logs.JsonFormatter().format(record)) for record in caplog.records]
    return [line for line in lines if line["event"] == event]


def test_the_minutely_line_has_both_models(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.compared(scores_of(0.1, 0.6, 0.7), scores_of(0.2, 0.4, NAN))
    metrics.not_compared(4)
    metrics.flush()
    (line,) = written(caplog, "metrics")
    assert {key: line[key] for key in line if "Shadow" in key or "Served" in key} == {
        "ShadowPredictions": 2,
        "ShadowUnscored": 5,
        "ServedPositiveShare": 0.5,
        "ShadowPositiveShare": 0.0,
        "ShadowDisagreement": 0.5,
        "ShadowMeanDifference": -0.05,
        "ShadowLargestDifference": 0.2,
    }
    caplog.clear()
    metrics.flush()
    assert not written(caplog, "metrics")


def test_a_minute_without_a_shadow_has_no_metric_of_it(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.requests([(200, 1.0)])
    metrics.flush()
    (line,) = written(caplog, "metrics")
    assert not [key for key in line if "Shadow" in key]


def test_an_audit_line_waits_for_the_decision_of_the_shadow(
    caplog: pytest.LogCaptureFixture, embedded_model: Model
) -> None:
    caplog.set_level(logging.INFO)
    future: Future[ShadowScores] = Future()
    AuditLog("k" * 32).write(
        b"{}",
        [
            Decision("Positive", 0.0625),
            REFUSED,
            Decision("Negative", 0.25),
            Decision("Negative", 0.1),
        ],
        embedded_model,
        request_id="r",
        caller="ward",
        shadow=PendingShadowScores(future, first_row=1),
    )
    assert not written(caplog, "audit")
    future.set_result(shadow_of(0.9, 0.1, 0.8, NAN))
    (line,) = written(caplog, "audit")
    assert line["decision"] == "Positive,Refused,Negative,Negative"
    assert line["probability"] == "0.0625,,0.25,0.1"
    assert line["shadow_decision"] == "Negative,Refused,Positive,None"
    assert line["shadow_probability"] == "0.1,,0.8,"
    assert (line["shadow_model_name"], line["shadow_model_version"]) == ("shadow", "7")
    assert (line["request_id"], line["caller"]) == ("r", "ward")
