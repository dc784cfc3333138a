"""A silent month through the service: the figures of the audit report are the offline ones."""

import csv
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from model_build.data import cohort as cohorts
from model_build.data.cohort import Cohort
from model_build.data.labels import utilities
from model_build.judge import calibration_curve, metrics
from model_build.judge.lead_time import highest_in_time
from sepsis_detect.__main__ import main
from sepsis_detect.api.app import create_app
from sepsis_detect.api.services import services_in
from sepsis_detect.prediction import predictor
from sepsis_detect.prediction.model import Model
from sepsis_detect.settings import Settings
from tests.artifacts import a_model, opened
from tests.contract.test_cds_hooks import FEEDBACK, an_outcome
from tests.paths import SHARED
from tests.replayed_month import ReplayedMonth, replay, replay_wards, until_audited
from tests.unit.model_build.synthetic_cohort import synthetic_cohort
from tests.waiting import until

AUDIT_KEY = "k" * 32
SET_B = SHARED / "data" / "physionet2019" / "setB.parquet"
EQUAL = 1e-6
ALL = "all"
pytestmark = pytest.mark.timeout(600)


@contextmanager
def audited(shadow: Path | None = None) -> Iterator[TestClient]:
    """A service with an audit log, and a shadow model that scores."""
    settings = Settings(audit_key=SecretStr(AUDIT_KEY), shadow_model_uri=shadow and str(shadow))
    with TestClient(create_app(settings)) as client:
        if shadow is not None:
            until(lambda: client.get("/health").json()["shadow"]["model"])
        yield client


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def figures_of(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    return {(each["period"], each["role"]): each for each in rows_of(folder / "figures.csv")}


def report(folder: Path, log: str, outcomes: Path) -> Path:
    """The folder with the report of a log."""
    path = folder / "service.log"
    path.write_text(log, encoding="utf-8")
    output = folder / "report"
    arguments = ["audit", "report", "--log", str(path), "--outcomes", str(outcomes)]
    assert main([*arguments, "-o", str(output)]) == 0
    return output


def check_equal(found: dict[str, str], month: ReplayedMonth, model: Model, rows: Any) -> None:
    """Compare a row of the report with the figures of `model_build.judge`."""
    cohort = month.cohort
    scored = predictor.predict_every_hour(model, cohort.stay)
    starts, labels = cohort.stay.starts, cohort.labels
    wanted = metrics.summary(
        scored.probabilities[rows],
        labels[rows],
        utilities(labels, starts).of(rows),
        float(model.threshold),
    )
    assert int(found["answers"]) == np.count_nonzero(rows)
    for name, of_judge in (
        ("ppv", "ppv"),
        ("sensitivity", "sensitivity"),
        ("alerts_per_patient_day", "alerts_per_patient_day"),
        ("observed_share", "observed_rate"),
        ("predicted_over_observed", "predicted_over_observed"),
    ):
        assert float(found[name] or "nan") == pytest.approx(
            wanted[of_judge], abs=EQUAL, nan_ok=True
        ), name
    errors = scored.probabilities[rows].astype(np.float64) - labels[rows]
    assert float(found["brier"]) == pytest.approx(np.mean(errors**2), abs=EQUAL)
    known = np.where(rows, scored.probabilities.astype(np.float64), -np.inf)
    highest = highest_in_time(month.since_onset, known, starts)
    reachable = highest[np.isfinite(highest)]
    in_time = np.mean(reachable >= np.float32(model.threshold))
    assert int(found["septic_stays"]) == len(reachable)
    assert float(found["septic_stays_alerted_in_time"]) == pytest.approx(in_time, abs=EQUAL)


def check_calibration(folder: Path, role: str, month: ReplayedMonth, model: Model) -> None:
    scored = predictor.predict_every_hour(model, month.cohort.stay)
    probabilities = scored.probabilities[month.is_answered].astype(np.float64)
    labels = month.cohort.labels[month.is_answered]
    bins = calibration_curve.bins_of(probabilities)
    found = [each for each in rows_of(folder / "calibration.csv") if each["role"] == role]
    assert len(found) == bins.max() + 1
    for number, each in enumerate(found):
        of_bin = bins == number
        assert int(each["answers"]) == np.count_nonzero(of_bin)
        assert float(each["mean_probability"]) == pytest.approx(
            probabilities[of_bin].mean(), abs=EQUAL
        )
        assert float(each["observed_share"]) == pytest.approx(labels[of_bin].mean(), abs=EQUAL)


def weeks_of(month: ReplayedMonth) -> dict[str, Any]:
    """Rows of each week, by its Monday."""
    days = [each.astimezone(UTC).date() for each in month.asked]
    mondays = np.array([str(day - timedelta(days=day.weekday())) for day in days])
    return {str(each): month.is_answered & (mondays == each) for each in np.unique(mondays)}


def test_figures_of_both_models_equal_the_offline_ones_in_all_and_by_week(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, embedded_model: Model
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "shadow.onnx").write_bytes(a_model("shadow-1", names=["lactate_last"]))
    with audited(tmp_path / "shadow.onnx") as client:
        month = replay(client, synthetic_cohort(30))
        for reason in ("bad-data", "already-treated", "bad-data"):
            sent = an_outcome(overrideReason={"reason": {"code": reason}})
            assert client.post(FEEDBACK, json=sent).status_code == 200
        until_audited(caplog, len(month.request_ids))
        services_in(client.app).metrics.flush()
    month.write_outcomes(tmp_path / "outcomes.csv")
    folder = report(tmp_path, month.log(caplog), tmp_path / "outcomes.csv")
    found = figures_of(folder)
    rows = month.is_answered
    assert rows.mean() > 0.9
    models = {
        "served": embedded_model,
        "shadow": opened(a_model("shadow-1", names=["lactate_last"])),
    }
    for role, model in models.items():
        check_equal(found[ALL, role], month, model, rows)
        check_calibration(folder, role, month, model)
    weeks = weeks_of(month)
    assert len(weeks) == 4
    assert {period for period, _ in found} == {ALL, *weeks}
    for week, of_week in weeks.items():
        scored = predictor.predict_every_hour(embedded_model, month.cohort.stay)
        alerts = scored.is_positive & of_week
        row = found[week, "served"]
        assert int(row["answers"]) == np.count_nonzero(of_week)
        assert int(row["alerts"]) == np.count_nonzero(alerts)
        assert int(row["right_alerts"]) == np.count_nonzero(alerts & (month.cohort.labels == 1))
    overridden = {
        each["reason"]: int(each["cards"])
        for each in rows_of(folder / "feedback.csv")
        if each["outcome"] == "overridden"
    }
    assert overridden == {"bad-data": 2, "already-treated": 1}
    (drift,) = rows_of(folder / "drift.csv")
    # Other services of the test process log their metrics too, every minute.
    assert int(drift["predictions"]) >= np.count_nonzero(rows)
    assert float(drift["largest_drift"]) > 0.2
    assert drift["drifted_most"]
    for name in ("weeks.svg", "calibration.svg"):
        assert "<polyline" in (folder / name).read_text("utf-8")


def test_requests_of_many_patients_and_outcomes_by_hmac_give_the_same_figures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, embedded_model: Model
) -> None:
    caplog.set_level(logging.INFO)
    with audited() as client:
        month = replay_wards(client, synthetic_cohort(40, seed=2))
    log = month.log(caplog)
    lines = [each for each in map(json.loads, log.splitlines()) if each["event"] == "audit"]
    assert max(line["decision"].count(",") for line in lines) == 2
    hmacs = {line["request_id"]: line["input_hmac"] for line in lines}
    month.write_outcomes(tmp_path / "outcomes.csv", hmacs)
    found = figures_of(report(tmp_path, log, tmp_path / "outcomes.csv"))
    check_equal(found[ALL, "served"], month, embedded_model, month.is_answered)


def some_of_set_b(folder: Path, n_septic: int, n_others: int) -> Cohort:
    """The first stays of setB, copied to a temporary folder."""
    table = pa.parquet.read_table(SET_B, columns=["patient_id", "SepsisLabel"])
    by_stay = table.group_by("patient_id").aggregate([("SepsisLabel", "max")]).sort_by("patient_id")
    is_septic = pc.equal(by_stay["SepsisLabel_max"], 1)
    septic, others = by_stay.filter(is_septic), by_stay.filter(pc.invert(is_septic))
    ids = [
        *septic["patient_id"].to_pylist()[:n_septic],
        *others["patient_id"].to_pylist()[:n_others],
    ]
    chosen = pa.parquet.read_table(SET_B, filters=[("patient_id", "in", ids)])
    pa.parquet.write_table(chosen, folder / "setB.parquet")
    return cohorts.load(folder)


@pytest.mark.skipif(not SET_B.exists(), reason="setB of the challenge is not here")
def test_replayed_stays_of_set_b_give_the_offline_figures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, embedded_model: Model
) -> None:
    caplog.set_level(logging.INFO)
    with audited() as client:
        month = replay(client, some_of_set_b(tmp_path, n_septic=8, n_others=16))
    month.write_outcomes(tmp_path / "outcomes.csv")
    folder = report(tmp_path, month.log(caplog), tmp_path / "outcomes.csv")
    assert month.is_answered.mean() > 0.8
    found = figures_of(folder)
    check_equal(found[ALL, "served"], month, embedded_model, month.is_answered)
    check_calibration(folder, "served", month, embedded_model)


def test_nothing_of_a_single_patient_is_in_the_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with audited() as client:
        month = replay(client, synthetic_cohort(4))
    outcomes = tmp_path / "outcomes.csv"
    month.write_outcomes(outcomes)
    folder = report(tmp_path, month.log(caplog), outcomes)
    written = "".join(each.read_text("utf-8") for each in folder.iterdir())
    hmacs = {json.loads(line).get("input_hmac") for line in month.log(caplog).splitlines()}
    septic_at = {each["septic_at"] for each in rows_of(outcomes)}
    for secret in {*month.request_ids, *hmacs, *septic_at, "stay 1"} - {"", None}:
        assert secret not in written
