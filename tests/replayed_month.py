"""A replayed month: stays of a cohort asked hour by hour, the log of it, and the outcomes.

Requests are asked one after the other; the lines of the log get the time at which a hospital
would have asked. The figures to compare with come from the arrays, by the code that judges models.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from model_build.data.cohort import Cohort
from model_build.data.labels import hours_since_onset
from sepsis_detect.clinical.stay import BoolArray, FloatArray
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.telemetry import logs
from tests.contract.asking import PATIENT, PATIENTS, ask
from tests.waiting import until

FIRST_DAY = datetime(2026, 2, 4, 22, 30, tzinfo=UTC)  # a Wednesday
DAYS = 24  # over which admissions are spread
NOBODY = np.zeros(0, np.bool_)


@dataclass
class ReplayedMonth:
    """Stays of a cohort, and what the service answered about them.

    Attributes:
        cohort: Its hours are rows, in the order of all arrays.
        request_ids: Of each row; several rows may share one.
        indices: Position of the row's patient in its request.
        is_answered: Whether the row was not refused.
    """

    cohort: Cohort
    request_ids: list[str]
    indices: list[int]
    is_answered: BoolArray

    @property
    def admitted(self) -> list[datetime]:
        """When each stay began."""
        n = self.cohort.stay.n_stays
        return [FIRST_DAY + timedelta(hours=each * DAYS * 24 // n) for each in range(n)]

    @property
    def asked(self) -> list[datetime]:
        """When a hospital would have asked about each row."""
        return [
            start + timedelta(hours=hour)
            for start, length in zip(self.admitted, self.cohort.lengths.tolist(), strict=True)
            for hour in range(length)
        ]

    @property
    def since_onset(self) -> FloatArray:
        """Shape (n_rows,): hours since sepsis began; -inf where it never does."""
        return hours_since_onset(self.cohort.labels, self.cohort.stay.starts)

    def log(self, caplog: pytest.LogCaptureFixture) -> str:
        """The log, with the times of a hospital."""
        time_of = dict(zip(self.request_ids, self.asked, strict=True))
        written = []
        for record in caplog.records:
            asked = getattr(record, "fields", {}).get("request_id", "")
            moment = time_of.get(asked, FIRST_DAY)
            record.created = moment.timestamp()
            written.append(logs.JsonFormatter().format(record))
        return "".join(f"{line}\n" for line in written)

    def write_outcomes(self, path: Path, hmacs: Mapping[str, str] | None = None) -> None:
        """Write a row for each row of the cohort: when sepsis began in its stay, if it did.

        Args:
            path: The file.
            hmacs: By request id, to name requests by.
        """
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            key = "input_hmac" if hmacs else "request_id"
            writer.writerow([key, "patient_index", "septic_at", "stay_id"])
            for row, stay in enumerate(self.cohort.stay_of_hour.tolist()):
                since = self.since_onset[row]
                septic_at = self.asked[row] - timedelta(hours=float(since)) if since > -1e9 else ""
                name = self.request_ids[row]
                name = hmacs[name] if hmacs else name
                writer.writerow([name, self.indices[row], septic_at, f"stay {stay}"])


def replay(client: TestClient, cohort: Cohort) -> ReplayedMonth:
    """Ask about every hour of every stay, with the hours before it: one request each."""
    request_ids, is_answered = [], []
    for body in _bodies(cohort):
        response = ask(client, {"hours": body}, route=PATIENT)
        assert response.status_code in (200, 422), response.text
        request_ids.append(response.headers["X-Request-ID"])
        is_answered.append(response.status_code == 200)
    return ReplayedMonth(cohort, request_ids, [0] * len(request_ids), np.array(is_answered))


def replay_wards(client: TestClient, cohort: Cohort) -> ReplayedMonth:
    """The same with one request for all patients who are there at a time."""
    month = ReplayedMonth(cohort, [""] * cohort.stay.n_hours, [0] * cohort.stay.n_hours, NOBODY)
    bodies, is_answered = _bodies(cohort), np.zeros(cohort.stay.n_hours, np.bool_)
    rows_at: dict[datetime, list[int]] = {}
    for row, moment in enumerate(month.asked):
        rows_at.setdefault(moment, []).append(row)
    for rows in rows_at.values():
        response = ask(client, {"patients": [{"hours": bodies[r]} for r in rows]}, route=PATIENTS)
        assert response.status_code == 200, response.text
        for index, (row, result) in enumerate(zip(rows, response.json()["results"], strict=True)):
            month.request_ids[row] = response.headers["X-Request-ID"]
            month.indices[row] = index
            is_answered[row] = "prediction" in result
    return replace(month, is_answered=is_answered)


def _bodies(cohort: Cohort) -> list[list[dict[str, float]]]:
    """Hours up to each row of the cohort, as JSON."""
    rows = [
        {
            variable.challenge: value
            for variable, value in zip(VARIABLES, row, strict=True)
            if value == value
        }
        for row in cohort.stay.values.tolist()
    ]
    starts = np.repeat(cohort.stay.starts, cohort.lengths)
    return [rows[start : at + 1] for at, start in enumerate(starts.tolist())]


def until_audited(caplog: pytest.LogCaptureFixture, n: int) -> None:
    """Wait for audit lines, which a shadow model delays by a moment."""
    until(lambda: sum(each.getMessage() == "audit" for each in caplog.records) >= n)
