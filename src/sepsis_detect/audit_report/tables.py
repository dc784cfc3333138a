"""The report's figures as CSV: one table for figures, calibration, feedback and drift each."""

import csv
import io
from collections.abc import Iterable, Sequence
from math import isnan

from sepsis_detect.audit_report.report import Report

SIGNIFICANT_DIGITS = 10


def csv_files(report: Report) -> dict[str, str]:
    """The content of each CSV file, by name."""
    return {
        "figures.csv": _csv(
            (
                *("period", "role", "model", "answers", "septic_answers", "alerts"),
                *("right_alerts", "ppv", "sensitivity", "patient_hours", "alerts_per_patient_day"),
                *("septic_stays", "septic_stays_alerted_in_time", "answers_with_probability"),
                *("mean_probability", "observed_share", "predicted_over_observed", "brier"),
            ),
            _figure_rows(report),
        ),
        "calibration.csv": _csv(
            ("role", "answers", "mean_probability", "observed_share"),
            (
                (role, each.answers, each.predicted, each.observed)
                for role, bins in report.calibration.items()
                for each in bins
            ),
        ),
        "feedback.csv": _csv(
            ("week", "outcome", "reason", "cards"),
            (
                row
                for each in report.feedback
                for row in [
                    (each.week, "accepted", "", each.n_accepted),
                    *((each.week, "overridden", *cards) for cards in each.overridden.items()),
                ]
            ),
        ),
        "drift.csv": _csv(
            (
                *("week", "predictions", "missing_share", "mean_largest_drift", "largest_drift"),
                *("drifted_inputs", "drifted_most"),
            ),
            (
                (
                    *(each.week, each.n_predictions, each.missing_share, each.mean_drift),
                    *(each.largest_drift, each.n_drifted, each.drifted_most),
                )
                for each in report.drift
            ),
        ),
    }


def _figure_rows(report: Report) -> Iterable[Sequence[object]]:
    for row in (*report.in_all, *report.by_model, *report.by_week):
        each = row.figures
        yield (
            *(row.period, row.role, row.model, each.answers, each.septic, each.alerts),
            *(each.right_alerts, each.ppv, each.sensitivity, each.patient_hours),
            *(each.alerts_per_patient_day, each.septic_stays, each.in_time, each.probabilities),
            *(each.mean_probability, each.observed_share, each.predicted_over_observed),
            each.brier,
        )


def _csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(each) for each in row] for row in rows)
    return written.getvalue()


def _cell(value: object) -> object:
    """A cell; a figure that is not known is empty."""
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:.{SIGNIFICANT_DIGITS}g}"
    return value
