"""Lines of a made-up log, and files of outcomes."""

import json
from pathlib import Path
from typing import Any

HOUR = "2026-02-{day:02}T{hour:02}:00:00.123456+00:00"


def an_audit_line(number: int = 0, **changed: Any) -> str:
    """The audit line of request `r<number>`, of that hour; `...` leaves a field out."""
    fields = {
        "time": HOUR.format(day=2 + number // 24, hour=number % 24),
        "level": "INFO",
        "event": "audit",
        "caller": "ward",
        "request_id": f"r{number}",
        "input_hmac": f"{number:064x}",
        "decision": "Positive",
        "probability": "0.25",
        "model_name": "sepsis-hgb",
        "model_version": "1",
        **changed,
    }
    kept = {name: value for name, value in fields.items() if value is not ...}
    return json.dumps(kept, separators=(",", ":"))


def a_request_line(number: int = 0) -> str:
    return json.dumps({"time": HOUR.format(day=2, hour=number), "event": "request", "status": 200})


def a_file(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_text(end.join(lines) + end, encoding="utf-8")
    return path


def outcomes_of(path: Path, *rows: str, header: str = "request_id,septic_at") -> Path:
    return a_file(path, header, *rows)
