"""The content of the report: figures of both models in all, by week and by model, and the rest.

Weeks begin on Monday, 00:00 UTC, and are named by that date.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path

import numpy as np

from sepsis_detect.audit_report.audit_lines import Feedback, Log, Minute, read_logs
from sepsis_detect.audit_report.figures import CalibrationBin, Figures, calibration, figures
from sepsis_detect.audit_report.joined_answers import JoinedAnswers, ModelAnswers, join
from sepsis_detect.audit_report.outcomes import read_outcomes
from sepsis_detect.clinical.stay import FloatArray, IntArray
from sepsis_detect.errors import BadFileError

SERVED, SHADOW = "served", "shadow"
SERVED_BESIDE_SHADOW = "served, same answers"
ALL = "all"
ACCEPTED = "accepted"
NO_REASON = "no reason of ours"

_FIRST_MONDAY = 4  # days from 1970-01-01, a Thursday
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FigureRow:
    """Figures of one model in one period.

    Attributes:
        period: `ALL`, or the Monday of a week.
        role: Which of the two models; `SERVED_BESIDE_SHADOW` is the served one on the answers that
            the shadow gave too.
        model: Name and version; `ALL` where there are several.
        figures: Of these answers.
    """

    period: str
    role: str
    model: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class FeedbackWeek:
    """Cards of one week that were accepted, and those overridden, by reason."""

    week: str
    n_accepted: int
    overridden: dict[str, int]


@dataclass(frozen=True, slots=True)
class DriftWeek:
    """Inputs of one week against the training data.

    Attributes:
        week: Its Monday.
        n_predictions: All, also those without an outcome.
        missing_share: Of the inputs, 0 to 1.
        mean_drift, largest_drift: Of `LargestDrift` of every minute; NaN: too few patients.
        n_drifted: The most inputs that differed notably at a time.
        drifted_most: The input that differed most in most minutes; empty if none did.
    """

    week: str
    n_predictions: int
    missing_share: float
    mean_drift: float
    largest_drift: float
    n_drifted: int
    drifted_most: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the report says.

    Attributes:
        first, last: Times of the answers with outcome.
        joined: Answers with outcome, and counts of what was left out.
        n_repeated: Log lines that were there before.
        unreadable: File and line numbers.
        in_all: Figures of each role.
        by_model: The same for each model of a role that has several, as after a swap.
        by_week: The same for each week.
        calibration: Bins by role, in all.
        feedback: Weeks with feedback on cards.
        drift: Weeks with metrics.
    """

    first: datetime
    last: datetime
    joined: JoinedAnswers
    n_repeated: int
    unreadable: dict[Path, list[int]]
    in_all: list[FigureRow]
    by_model: list[FigureRow]
    by_week: list[FigureRow]
    calibration: dict[str, list[CalibrationBin]]
    feedback: list[FeedbackWeek]
    drift: list[DriftWeek]


def read_report(logs: Sequence[Path], outcomes_path: Path) -> Report:
    """Read the files and compute the report.

    Raises:
        BadFileError: A file cannot be read, or nothing in them fits together; one sentence.
    """
    outcomes = read_outcomes(outcomes_path)
    log = read_logs(logs)
    if not log.answers:
        raise BadFileError(
            f"there is no audit line in {_named(logs)}{_unreadable_too(log)}: the service writes "
            "them where SEPSIS_AUDIT_KEY is set"
        )
    joined = join(log.answers, outcomes)
    if not len(joined.served):
        raise BadFileError(
            f"no outcome in {outcomes_path} belongs to an answer in the log: are requests named as "
            "in the log?"
        )
    return _report(log, joined)


def _named(paths: Sequence[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"


def _unreadable_too(log: Log) -> str:
    n = sum(map(len, log.unreadable.values()))
    return f" (lines that cannot be read: {n:,})" if n else ""


def _report(log: Log, joined: JoinedAnswers) -> Report:
    by_role = {SERVED: joined.served}
    if len(joined.shadow):
        if len(joined.shadow) < len(joined.served):
            by_role[SERVED_BESIDE_SHADOW] = joined.served_beside_shadow
        by_role[SHADOW] = joined.shadow
    hours = joined.served.hours
    return Report(
        first=_EPOCH + timedelta(hours=float(hours.min())),
        last=_EPOCH + timedelta(hours=float(hours.max())),
        joined=joined,
        n_repeated=log.n_repeated,
        unreadable=log.unreadable,
        in_all=[_row(ALL, role, given) for role, given in by_role.items()],
        by_model=list(_rows_by_model(by_role)),
        by_week=list(_rows_by_week(by_role)),
        calibration={role: calibration(given) for role, given in by_role.items()},
        feedback=list(_feedback_weeks(log.feedback)),
        drift=list(_drift_weeks(log.minutes)),
    )


def _rows_by_model(by_role: dict[str, ModelAnswers]) -> Iterator[FigureRow]:
    for role, given in by_role.items():
        models = sorted(set(given.models))
        if len(models) > 1:
            for model in models:
                yield _row(ALL, role, given.where(given.models == model))


def _rows_by_week(by_role: dict[str, ModelAnswers]) -> Iterator[FigureRow]:
    mondays = {role: _mondays(given) for role, given in by_role.items()}
    for monday in np.unique(np.concatenate(list(mondays.values()))):
        for role, given in by_role.items():
            of_week = given.where(mondays[role] == monday)
            if len(of_week):
                yield _row(_week(_EPOCH + timedelta(days=int(monday))), role, of_week)


def _mondays(given: ModelAnswers) -> IntArray:
    """Shape (n,): the Monday of each answer, in days since 1970."""
    days = np.floor(given.hours / 24).astype(np.intp)
    return days - (days - _FIRST_MONDAY) % 7


def _row(period: str, role: str, given: ModelAnswers) -> FigureRow:
    models = sorted(set(given.models))
    return FigureRow(period, role, models[0] if len(models) == 1 else ALL, figures(given))


def _week(moment: datetime) -> str:
    day = moment.astimezone(UTC).date()
    return (day - timedelta(days=day.weekday())).isoformat()


def _feedback_weeks(feedback: Iterable[Feedback]) -> Iterator[FeedbackWeek]:
    by_week: dict[str, list[Feedback]] = {}
    for each in feedback:
        by_week.setdefault(_week(each.sent_at), []).append(each)
    for week, given in sorted(by_week.items()):
        overridden = [each for each in given if each.outcome != ACCEPTED]
        reasons = Counter(each.reason or NO_REASON for each in overridden)
        yield FeedbackWeek(week, len(given) - len(overridden), dict(reasons))


def _drift_weeks(minutes: Iterable[Minute]) -> Iterator[DriftWeek]:
    by_week: dict[str, list[Minute]] = {}
    for each in minutes:
        by_week.setdefault(_week(each.logged_at), []).append(each)
    for week, given in sorted(by_week.items()):
        n_predictions = np.array([each.n_predictions for each in given])
        missing = np.array([each.missing_share for each in given])
        drifts = np.array([each.largest_drift for each in given])
        drifts = drifts[~np.isnan(drifts)]
        most = Counter(each.drifted_most for each in given if each.drifted_most)
        yield DriftWeek(
            week=week,
            n_predictions=int(n_predictions.sum()),
            missing_share=_mean(missing, n_predictions),
            mean_drift=_mean(drifts, np.ones(len(drifts))),
            largest_drift=float(drifts.max()) if len(drifts) else nan,
            n_drifted=int(np.nan_to_num([each.n_drifted for each in given]).max()),
            drifted_most=most.most_common(1)[0][0] if most else "",
        )


def _mean(values: FloatArray, weights: FloatArray) -> float:
    """Weighted mean of the known values."""
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else nan
