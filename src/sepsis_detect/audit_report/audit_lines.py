"""Lines of the log that the report reads: answers, feedback on cards, metrics of a minute."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite, nan
from pathlib import Path
from typing import TypeVar

from sepsis_detect.audit_report import log_events
from sepsis_detect.audit_report.log_events import Fields
from sepsis_detect.telemetry import audit_log
from sepsis_detect.telemetry.shadow_comparison import NEGATIVE, POSITIVE

FEEDBACK, METRICS = "cds_feedback", "metrics"
VERDICTS = (POSITIVE, NEGATIVE)
NO_ANSWER = (audit_log.REFUSED.verdict, audit_log.UNSCORED)

Entry = TypeVar("Entry")


class LineError(ValueError):
    """A line of ours lacks a field or has an impossible one."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """The answer of one model for one patient.

    Attributes:
        model: Name and version.
        is_positive: Whether it was an alert.
        probability: 0 to 1; NaN in lines of a service that did not write it.
    """

    model: str
    is_positive: bool
    probability: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered for one patient of one request.

    Attributes:
        answered_at: With a time zone.
        request_id: Of the request.
        input_hmac: Of its body.
        patient_index: Position of the patient in the request, from 0.
        is_alone: Whether the request has no other patient.
        served: None: refused.
        shadow: None: refused, not scored, or there was no shadow model.
    """

    answered_at: datetime
    request_id: str
    input_hmac: str
    patient_index: int
    is_alone: bool
    served: ModelAnswer | None
    shadow: ModelAnswer | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of one card; the reason is a code, None where none of ours was stated."""

    sent_at: datetime
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Minute:
    """Inputs of one minute against the training data.

    Attributes:
        logged_at: With a time zone.
        n_predictions: In that minute.
        missing_share: Of the inputs, 0 to 1; NaN: unknown, as are the two that follow.
        largest_drift: Population stability index of the input that differs most.
        n_drifted: How many inputs differ notably.
        drifted_most: Name of that input.
    """

    logged_at: datetime
    n_predictions: float
    missing_share: float
    largest_drift: float
    n_drifted: float
    drifted_most: str | None


@dataclass(slots=True)
class Log:
    """What log files hold.

    Attributes:
        answers: In the order of the files.
        feedback: On cards of CDS Hooks.
        minutes: With predictions.
        n_repeated: Lines that were there before, as in exports that overlap.
        unreadable: File and line numbers of lines that cannot be read.
    """

    answers: list[Answer] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    minutes: list[Minute] = field(default_factory=list)
    n_repeated: int = 0
    unreadable: dict[Path, list[int]] = field(default_factory=dict)


def read_logs(paths: Iterable[Path]) -> Log:
    """Read log files.

    Raises:
        BadFileError: A file cannot be read; one sentence.
    """
    log = Log()
    known: set[bytes] = set()
    for path in paths:
        for line in log_events.lines(path):
            are_read = [_add(log, event, known) for event in line.events]
            if not (line.is_readable and all(are_read)):
                log.unreadable.setdefault(path, []).append(line.number)
    return log


def _add(log: Log, event: Fields, known: set[bytes]) -> bool:
    """Add one event, if the report reads it; whether it has the fields it must have."""
    read = _READERS.get(event[log_events.EVENT])
    if read is None:
        return True
    try:
        add_to = read(event)
    except LineError:
        return False
    identity = _identity(event)
    if identity in known:
        log.n_repeated += 1
    else:
        known.add(identity)
        add_to(log)
    return True


def _identity(event: Fields) -> bytes:
    """What two exports of one line have in common."""
    plain = sorted((name, each) for name, each in event.items() if isinstance(each, str | float))
    return hashlib.blake2b(repr(plain).encode(), digest_size=16).digest()


def _read_audit(fields: Fields) -> Callable[[Log], None]:
    served = _model_answers(fields, "")
    shadow = _model_answers(fields, "shadow_") if "shadow_decision" in fields else None
    if shadow is not None and len(shadow) != len(served):
        raise LineError
    answered_at = _time(fields)
    request_id, input_hmac = _text(fields, "request_id"), _text(fields, "input_hmac")
    answers = [
        Answer(
            answered_at=answered_at,
            request_id=request_id,
            input_hmac=input_hmac,
            patient_index=index,
            is_alone=len(served) == 1,
            served=each,
            shadow=None if shadow is None else shadow[index],
        )
        for index, each in enumerate(served)
    ]
    return lambda log: log.answers.extend(answers)


def _model_answers(fields: Fields, prefix: str) -> list[ModelAnswer | None]:
    """Answers of one model, one for each patient; None for those without."""
    verdicts = _text(fields, f"{prefix}decision").split(audit_log.SEPARATOR)
    model = f"{_text(fields, f'{prefix}model_name')} {_text(fields, f'{prefix}model_version')}"
    stated = fields.get(f"{prefix}probability")
    written = [""] * len(verdicts) if stated is None else str(stated).split(audit_log.SEPARATOR)
    if len(written) != len(verdicts) or not set(verdicts) <= {*VERDICTS, *NO_ANSWER}:
        raise LineError
    return [
        ModelAnswer(model, verdict == POSITIVE, _probability(text)) if verdict in VERDICTS else None
        for verdict, text in zip(verdicts, written, strict=True)
    ]


def _probability(text: str) -> float:
    if not text:
        return nan
    found = _as_number(text)
    if not 0 <= found <= 1:
        raise LineError
    return found


def _read_feedback(fields: Fields) -> Callable[[Log], None]:
    reason = fields.get("reason")
    feedback = Feedback(
        sent_at=_time(fields),
        outcome=_text(fields, "decision"),
        reason=None if reason is None else _text(fields, "reason"),
    )
    return lambda log: log.feedback.append(feedback)


def _read_metrics(fields: Fields) -> Callable[[Log], None]:
    most = fields.get("drifted_most")
    minute = Minute(
        logged_at=_time(fields),
        n_predictions=_number(fields, "Predictions", 0.0),
        missing_share=_number(fields, "MissingShare"),
        largest_drift=_number(fields, "LargestDrift"),
        n_drifted=_number(fields, "DriftedInputs"),
        drifted_most=None if most is None else _text(fields, "drifted_most"),
    )
    return lambda log: log.minutes.append(minute) if minute.n_predictions > 0 else None


_READERS: dict[str, Callable[[Fields], Callable[[Log], None]]] = {
    audit_log.EVENT: _read_audit,
    FEEDBACK: _read_feedback,
    METRICS: _read_metrics,
}


def _time(fields: Fields) -> datetime:
    try:
        found = datetime.fromisoformat(_text(fields, log_events.TIME))
    except ValueError as error:
        raise LineError from error
    if found.tzinfo is None or not 2000 <= found.year < 3000:
        raise LineError
    return found


def _text(fields: Fields, name: str) -> str:
    found = fields.get(name)
    if not isinstance(found, str) or not found or not found.isprintable():
        raise LineError
    return found


def _number(fields: Fields, name: str, unknown: float = nan) -> float:
    return unknown if fields.get(name) is None else _as_number(fields[name])


def _as_number(value: object) -> float:
    try:
        found = float(value)  # type: ignore[arg-type]  # a TypeError says so
    except (TypeError, ValueError, OverflowError) as error:
        raise LineError from error
    if not isfinite(found):
        raise LineError
    return found
