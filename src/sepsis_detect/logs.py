"""Structured logs: one JSON object a line, of fields that cannot hold a patient.

Only the fields in `FIELDS` are ever written, whatever a caller passes; messages are event names.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from sepsis_detect.settings import LogLevel

logger = logging.getLogger("sepsis_detect")

FIELDS = frozenset(
    {
        "duration_ms",
        "error",
        "method",
        "raised_at",
        "request_id",
        "route",
        "setting",
        "status",
    }
)


def event(level: int, name: str, **fields: Any) -> None:
    """Write one event with its fields; a field not in `FIELDS` is left out."""
    if logger.isEnabledFor(level):
        kept = {key: value for key, value in fields.items() if key in FIELDS}
        logger.log(level, name, extra={"fields": kept})


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
        is_ours = record.name == logger.name
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            # Another library's message may quote a request: its name and place must do.
            "event": record.getMessage() if is_ours else f"{record.name}:{record.funcName}",
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            line |= failure(record.exc_info[1])
        # What is no JSON is a slip of ours; its type tells which, and cannot hold a patient.
        return json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__)


def configure(level: LogLevel) -> None:
    """Send every log of the process to standard error, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logger.setLevel(level)
