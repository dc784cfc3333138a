"""Structured logs: standard `logging` with a formatter that writes one JSON object a line.

The message of a record is the name of an event; its details are fields. Only fields listed in
`FIELDS` are written, whatever the caller passes: none of them can hold a value of a patient.

`python-json-logger` is not used: the allow-list, the treatment of other libraries' messages and of
exceptions would still be a subclass of its formatter, as long as the one here.
"""

import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson

from sepsis_detect.settings import LogLevel
from sepsis_detect.telemetry.embedded_metrics import EmbeddedMetrics

FIELDS = frozenset(
    {
        "caller",
        "decision",
        "drifted_most",
        "duration_ms",
        "error",
        "etag",
        "input_hmac",
        "method",
        "model_name",
        "model_version",
        "n_requests",
        "probability",
        "raised_at",
        "reason",
        "request_id",
        "route",
        "setting",
        "shadow_decision",
        "shadow_model_name",
        "shadow_model_version",
        "shadow_probability",
        "source",
        "status",
        "version_id",
    }
)

logger = logging.getLogger("sepsis_detect")
logger.addHandler(logging.NullHandler())  # the command line prints its own messages

unfiltered = logger.getChild("unfiltered")
unfiltered.setLevel(logging.INFO)


def event(level: int, name: str, *, metrics: EmbeddedMetrics | None = None, **fields: Any) -> None:
    """Log one event.

    Args:
        level: Severity, as in `logging`.
        name: Of the event.
        metrics: CloudWatch metrics that the line carries.
        fields: Details; None and what is not in `FIELDS` are left out.
    """
    if logger.isEnabledFor(level):
        _write(logger, level, name, {"fields": fields, "metrics": metrics})


def event_at_any_level(name: str, *, metrics: EmbeddedMetrics | None = None, **fields: Any) -> None:
    """Log one event whatever `SEPSIS_LOG_LEVEL` is: an audit line, feedback or metrics."""
    _write(unfiltered, logging.INFO, name, {"fields": fields, "metrics": metrics})


def _write(to: logging.Logger, level: int, name: str, extra: dict[str, Any]) -> None:
    # `Logger.log` also looks for the calling line, which is not written: a quarter of the time.
    to.handle(to.makeRecord(to.name, level, "", 0, name, (), None, extra=extra))


def failure(error: BaseException) -> dict[str, Any]:
    """Fields of an exception: its class and place; its message may hold a patient's values."""
    return {"error": type(error).__name__, "raised_at": _place(error.__traceback__)}


def _place(traceback: TracebackType | None) -> str:
    place = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        place = f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} in {code.co_name}"
        traceback = traceback.tb_next
    return place


class JsonFormatter(logging.Formatter):
    """Formats a record of any library as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, event, the allowed fields and the metrics."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "event": _event_of(record),
        }
        fields = getattr(record, "fields", {}).items()
        line |= {name: each for name, each in fields if name in FIELDS and each is not None}
        if record.exc_info and record.exc_info[1]:
            line |= failure(record.exc_info[1])
        if (metrics := getattr(record, "metrics", None)) is not None:
            line |= metrics.as_fields(record.created)
        return orjson.dumps(line, _type_name).decode()


def _event_of(record: logging.LogRecord) -> str:
    """Name of the event; for other libraries the place, as their messages may quote a request."""
    is_own = record.name.partition(".")[0] == logger.name
    return record.getMessage() if is_own else f"{record.name}:{record.funcName}"


def _type_name(value: object) -> str:
    # A value that is not JSON is a defect of ours; its type helps, and cannot hold a patient.
    return type(value).__name__


def configure(level: LogLevel) -> None:
    """Send the logs of the whole process to standard error, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.raiseExceptions = False  # a closed standard error must not disturb a request
    # Not written by the formatter: they cost a tenth of a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined]  # since Python 3.12
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logger.setLevel(level)
