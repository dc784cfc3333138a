"""Structured logs: one JSON object a line, of fields that cannot hold a patient.

Only the fields in `FIELDS` are ever written, whatever a caller passes; messages are event names.
A metric is such a line too, in CloudWatch's embedded metric format: whoever reads the log needs no
agent and no permission to count it.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO

import orjson

from sepsis_detect.settings import LogLevel

logger = logging.getLogger("sepsis_detect")
logger.addHandler(logging.NullHandler())  # the command line says what it has to say itself

always = logger.getChild("always")
always.setLevel(logging.INFO)

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
        "raised_at",
        "reason",
        "request_id",
        "route",
        "setting",
        "source",
        "status",
        "version_id",
    }
)
NAMESPACE = "SepsisDetect"
UNITS = {"Latency": "Milliseconds", "MissingShare": "None", "LargestDrift": "None"}
REFUSED_CANDIDATES = "RefusedCandidates"


def event(level: int, name: str, **fields: Any) -> None:
    """Write one event with its fields; a field not in `FIELDS` is left out."""
    if logger.isEnabledFor(level):
        _write(logger, level, name, [_kept(fields)])


def events(level: int, name: str, several: Iterable[Mapping[str, Any]]) -> None:
    """Write several events at once, each with its fields as in `event`."""
    if logger.isEnabledFor(level):
        _write(logger, level, name, [_kept(fields) for fields in several])


def measured(
    name: str,
    metrics: Mapping[str, float | list[float]],
    *,
    dimensions: Mapping[str, str] | None = None,
    **fields: Any,
) -> None:
    """Write one event that carries CloudWatch metrics; no log level hides it.

    Args:
        name: Of the event.
        metrics: Values, or up to 100 of them, by name.
        dimensions: What the metrics are told apart by; never anything of a patient.
        fields: As in `event`.
    """
    dimensions = dimensions or {}
    declared = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [list(dimensions)],
                "Metrics": [{"Name": each, "Unit": UNITS.get(each, "Count")} for each in metrics],
            }
        ],
    }
    shown = {**_kept(fields), **dimensions, **metrics, "_aws": declared}
    _write(always, logging.INFO, name, [shown])


def audit(**fields: Any) -> None:
    """Write one line of the audit log; no log level hides it."""
    _write(always, logging.INFO, "audit", [_kept(fields)])


def count(level: int, name: str, metric: str, **fields: Any) -> None:
    """Write one event that also adds 1 to a CloudWatch metric without dimensions."""
    if logger.isEnabledFor(level):
        declared = {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [[]],
                    "Metrics": [{"Name": metric, "Unit": "Count"}],
                }
            ],
        }
        _write(logger, level, name, [_kept(fields) | {metric: 1, "_aws": declared}])


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None and key in FIELDS}


def _write(to: logging.Logger, level: int, name: str, several: list[dict[str, Any]]) -> None:
    if _is_alone():
        _handler.say(level, name, several)
        return
    for fields in several:
        record = to.makeRecord(to.name, level, "", 0, name, (), None, extra={"fields": fields})
        to.handle(record)


def failure(error: BaseException) -> dict[str, Any]:
    """Describe an exception without its message or locals: both may hold a patient's values."""
    return {"error": type(error).__name__, "raised_at": _place(error.__traceback__)}


def _place(traceback: TracebackType | None) -> str:
    place = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        place = f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} in {code.co_name}"
        traceback = traceback.tb_next
    return place


class JsonFormatter(logging.Formatter):
    """One line of JSON for a record, from whatever library it comes."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, event and the allowed fields."""
        is_ours = record.name in (logger.name, always.name)
        # Another library's message may quote a request: its name and place must do.
        event = record.getMessage() if is_ours else f"{record.name}:{record.funcName}"
        fields = getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            fields = {**fields, **failure(record.exc_info[1])}
        return _lines(record.created, record.levelname, event, [fields])


def _lines(created: float, level: str, event: str, several: Iterable[Mapping[str, Any]]) -> str:
    second = int(created)
    at = f"{_clock(second)}.{int((created - second) * 1000):03d}+00:00"
    began = {"time": at, "level": level, "event": event}
    return b"\n".join([orjson.dumps({**began, **each}, _shown_as) for each in several]).decode()


def _shown_as(value: Any) -> str:
    # What is no JSON is a slip of ours; its type tells which, and cannot hold a patient.
    return type(value).__name__


@lru_cache(maxsize=1)
def _clock(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _Handler(logging.StreamHandler[TextIO]):
    """Where every line goes."""

    def say(self, level: int, event: str, several: Iterable[Mapping[str, Any]]) -> None:
        """Write events of ours as `emit` would: records of them would cost three times as much."""
        lines = _lines(time.time(), logging.getLevelName(level), event, several)
        self.acquire()
        try:
            self.stream.write(lines + "\n")
            self.flush()
        except (OSError, ValueError):
            pass  # as for a record: to have nowhere to say it stops nothing
        finally:
            self.release()


_handler = _Handler(sys.stderr)
_handler.setFormatter(JsonFormatter())


def _is_alone() -> bool:
    """Whether nobody but our own handler would be shown a record."""
    return root.handlers == [_handler] and len(logger.handlers) == 1


root = logging.getLogger()


def configure(level: LogLevel) -> None:
    """Send every log of the process to standard error, one JSON object a line."""
    _handler.stream = sys.stderr  # `setStream` would flush the one before, which may be closed
    # Nobody is shown these: looking them up for every line costs more than writing it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined]  # since 3.12
    root.handlers = [_handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logger.setLevel(level)
