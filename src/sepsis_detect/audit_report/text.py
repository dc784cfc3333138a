"""The report as text for a terminal: what was joined, figures, weeks, calibration, feedback."""

from collections.abc import Iterable, Iterator, Sequence
from math import isnan

from sepsis_detect.audit_report.figures import MAX_HOURS_IN_TIME
from sepsis_detect.audit_report.joined_answers import MAX_DISTANCE_DAYS
from sepsis_detect.audit_report.report import FigureRow, Report

MAX_LINES_NAMED = 10  # of one log file
UNKNOWN = "-"

DEFINITIONS = f"""\
An alert is a positive answer; it is right when sepsis begins within six hours, or has begun.
PPV: right alerts among alerts. Sensitivity: right alerts among septic answers.
Alerts per patient-day: flagged hours in 24 hours of patients with an answer.
In time: stays with an alert in the {MAX_HOURS_IN_TIME:.0f} hours before onset, of those with
an answer then.
Weeks begin on Monday, 00:00 UTC. Answers of one stay are not independent:
figures of few stays may be chance."""


def text(report: Report) -> str:
    """The whole report."""
    parts = [
        [f"Alerts and outcomes, {report.first:%Y-%m-%d %H:%M} to {report.last:%Y-%m-%d %H:%M} UTC"],
        _joined(report),
        _figures(report),
        _by_model(report),
        _weeks(report),
        _calibration(report),
        _feedback(report),
        _drift(report),
        [DEFINITIONS],
    ]
    return "\n\n".join("\n".join(each) for each in map(list, parts) if each) + "\n"


def _joined(report: Report) -> Iterator[str]:
    joined = report.joined
    counts = [
        (len(joined.served), "answers with an outcome"),
        (joined.n_without_outcome, "answers without an outcome, left out"),
        (
            joined.n_without_index,
            "of these in requests with several patients: the outcome has no patient_index",
        ),
        (joined.n_refused, "patients whose data were refused: no answer"),
        (joined.n_outcomes_without_request, "outcomes whose request is not in the log"),
        (joined.n_shared, "outcomes of several answers: a request id or a body that is repeated"),
        (
            joined.n_far,
            f"answers more than {MAX_DISTANCE_DAYS:g} days from their sepsis: are the dates right?",
        ),
        (report.n_repeated, "log lines that are there twice, counted once"),
    ]
    yield from (f"{n:>10,}  {what}" for n, what in counts if n)
    for path, numbers in report.unreadable.items():
        named = ", ".join(map(str, numbers[:MAX_LINES_NAMED]))
        more = ", ..." if len(numbers) > MAX_LINES_NAMED else ""
        yield f"{len(numbers):>10,}  lines that cannot be read, {path}: {named}{more}"


def _figures(report: Report) -> Iterator[str]:
    columns = report.in_all
    names = ["", *(each.role for each in columns)]
    lines = [["model", *(each.model for each in columns)]]
    each_figures = [each.figures for each in columns]
    lines += [
        ["answers", *(f"{each.answers:,}" for each in each_figures)],
        ["septic answers", *(f"{each.septic:,}" for each in each_figures)],
        ["alerts", *(f"{each.alerts:,}" for each in each_figures)],
        ["right alerts", *(f"{each.right_alerts:,}" for each in each_figures)],
        ["PPV", *(_share(each.ppv) for each in each_figures)],
        ["sensitivity", *(_share(each.sensitivity) for each in each_figures)],
        ["alerts per patient-day", *(_fixed(each.alerts_per_patient_day) for each in each_figures)],
    ]
    if report.joined.has_stays:
        lines += [
            ["septic stays", *(f"{each.septic_stays:,}" for each in each_figures)],
            ["alerted in time", *(_share(each.in_time) for each in each_figures)],
        ]
    lines += [
        ["mean probability", *(_share(each.mean_probability) for each in each_figures)],
        ["observed share", *(_share(each.observed_share) for each in each_figures)],
        ["predicted / observed", *(_fixed(each.predicted_over_observed) for each in each_figures)],
        ["Brier score", *(_share(each.brier) for each in each_figures)],
    ]
    yield from _table([names, *lines])
    if not report.joined.has_stays:
        yield "The outcomes name no stays: each answer counts as one hour of a patient."
    n_without = sum(each.answers - each.probabilities for each in each_figures[:1])
    if n_without:
        yield f"Answers without a probability in the log: {n_without:,}; not in the calibration."


def _by_model(report: Report) -> Iterator[str]:
    if report.by_model:
        yield "By model"
        yield from _table(
            [["model", *_SHORT], *(_short(row, row.model) for row in report.by_model)]
        )


def _weeks(report: Report) -> Iterator[str]:
    yield "By week"
    yield from _table([["week of", *_SHORT], *(_short(row, row.period) for row in report.by_week)])


_SHORT = (
    *("", "answers", "septic", "alerts", "PPV", "sensitivity", "alerts per patient-day"),
    "predicted / observed",
)


def _short(row: FigureRow, name: str) -> list[str]:
    each = row.figures
    return [
        name,
        row.role,
        f"{each.answers:,}",
        f"{each.septic:,}",
        f"{each.alerts:,}",
        _share(each.ppv),
        _share(each.sensitivity),
        _fixed(each.alerts_per_patient_day),
        _fixed(each.predicted_over_observed),
    ]


def _calibration(report: Report) -> Iterator[str]:
    lines = [
        [role, f"{each.answers:,}", _share(each.predicted), _share(each.observed)]
        for role, bins in report.calibration.items()
        for each in bins
    ]
    if lines:
        yield "Calibration, tenths of the answers"
        yield from _table([["", "answers", "mean probability", "observed share"], *lines])


def _feedback(report: Report) -> Iterator[str]:
    if not report.feedback:
        yield "No feedback on cards (CDS Hooks) in the log."
        return
    reasons = sorted({reason for each in report.feedback for reason in each.overridden})
    yield "Feedback on cards"
    yield from _table(
        [
            ["week of", "accepted", "overridden", *reasons],
            *(
                [
                    each.week,
                    f"{each.n_accepted:,}",
                    f"{sum(each.overridden.values()):,}",
                    *(f"{each.overridden.get(reason, 0):,}" for reason in reasons),
                ]
                for each in report.feedback
            ),
        ]
    )


def _drift(report: Report) -> Iterator[str]:
    if not report.drift:
        yield "No metrics of inputs in the log."
        return
    yield "Inputs against training: stability index of the input that differs most"
    yield from _table(
        [
            ["week of", "predictions", "missing", "mean drift", "largest", "inputs", "most often"],
            *(
                [
                    each.week,
                    f"{each.n_predictions:,}",
                    _share(each.missing_share),
                    _fixed(each.mean_drift),
                    _fixed(each.largest_drift),
                    f"{each.n_drifted:,}",
                    each.drifted_most or UNKNOWN,
                ]
                for each in report.drift
            ),
        ]
    )


def _table(lines: Sequence[Sequence[str]]) -> Iterable[str]:
    """Lines of text; names at the left, the rest aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _share(value: float) -> str:
    return UNKNOWN if isnan(value) else f"{value:.4f}"


def _fixed(value: float) -> str:
    return UNKNOWN if isnan(value) else f"{value:.2f}"
