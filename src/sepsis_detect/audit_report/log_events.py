"""Events of the service in log files: JSON lines, alone or as log collectors wrap them.

A line may have a time or a name before its JSON (`aws logs tail`, exports to S3, Docker Compose,
kubectl), hold it as a text inside JSON (`aws logs filter-log-events`, subscriptions, Docker,
journald) or in a cell of CSV (Logs Insights). A file may be compressed with gzip. Lines of other
programs are passed over; what begins like JSON and cannot be read is reported by line.
"""

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, cast

from sepsis_detect.errors import BadFileError

Fields = dict[str, Any]

EVENT, TIME = "event", "time"
OURS_ALONE = "input_hmac"  # a line that lost its beginning is known by this field
_GZIP = b"\x1f\x8b"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # a redirection of Windows PowerShell
_QUOTED_EVENT = f'"{EVENT}"'
_DECODER = json.JSONDecoder()


@dataclass(slots=True)
class Line:
    """One line of a log file that has something of JSON.

    Attributes:
        number: From 1; of a file that is one JSON document, the number of the entry.
        events: Events of the service in it.
        is_readable: Whether all of it could be read.
    """

    number: int
    events: list[Fields] = field(default_factory=list)
    is_readable: bool = True


def lines(path: Path) -> Iterator[Line]:
    """Read a log file.

    Raises:
        BadFileError: It cannot be read; one sentence.
    """
    with _readable(path):
        entries = _document(path)
        if entries is not None:
            for number, entry in enumerate(entries, 1):
                line = Line(number)
                _add_value(line, entry)
                yield line
            return
        with _text(path) as file:
            for number, text in enumerate(file, 1):
                if "{" in text or OURS_ALONE in text:
                    line = Line(number)
                    _add_text(line, text)
                    yield line


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BadFileError(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise BadFileError(f"{path} is a folder: name the files in it") from error
    except (EOFError, zlib.error) as error:
        raise BadFileError(f"{path} is compressed with gzip, and damaged or cut off") from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadFileError(f"{path} cannot be read: {reason}") from error


def _text(path: Path) -> TextIO:
    """Open a file as text."""
    with path.open("rb") as file:
        is_compressed = file.read(2) == _GZIP
    opened = gzip.open if is_compressed else open
    with opened(path, "rb") as file:
        encoding = "utf-16" if file.read(2) in _UTF_16 else "utf-8-sig"
    return cast(TextIO, opened(path, "rt", encoding=encoding, errors="replace"))


def _document(path: Path) -> list[Any] | None:
    """The entries of a file that is one JSON document over several lines; None if it is not."""
    with _text(path) as file:
        first = next((line for line in file if line.strip()), "").strip()
        # A line of the service is complete; a document goes on after an opening bracket.
        if first[:1] not in ("{", "[") or _QUOTED_EVENT in first or _is_json(first):
            return None
        content = first + file.read()
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None  # lines, the first of which is not readable
    values = [found] if isinstance(found, list) else found.values()
    lists = [each for each in values if isinstance(each, list)]
    return max(lists, key=len, default=[found])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _add_text(line: Line, text: str) -> None:
    """Add the events of a text with JSON in it, one object or several."""
    if '{""' in text:  # in a cell of CSV, quotation marks are doubled
        text = text[text.index('{""') :].rpartition("}")[0].replace('""', '"') + "}"
    at = text.find("{")
    line.is_readable &= at >= 0
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            line.is_readable = False
            return
        _add_value(line, value)
        at = text.find("{", end)


def _add_value(line: Line, value: Any) -> None:
    """Add the events that stand anywhere in a JSON value, also in its texts."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict) and isinstance(each.get(EVENT), str) and TIME in each:
            line.events.append(each)
        elif isinstance(each, dict):
            waiting += reversed(each.values())
        elif isinstance(each, list):
            waiting += reversed(each)
        elif isinstance(each, str) and _QUOTED_EVENT in each:
            _add_text(line, each)
