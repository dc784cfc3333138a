"""JSON in two steps: a strict parse of every body, and a tolerant one of what it refuses.

`parse_strictly` (jiter) is quick and refuses a repeated key, NaN and whatever else is not JSON;
its error names the first fault alone. `parse_tolerantly` (the standard library, by its hooks) then
marks every repeated key and NaN literal in the tree, so that each can be reported with its
location, and words what is not JSON at all. Of what both accept, both read the same.
"""

import codecs
import json
from collections import Counter
from typing import Any

import jiter

from sepsis_detect.problems import Problem, unprocessable

GZIP = b"\x1f\x8b"  # the first bytes of a gzip stream

Hints = tuple[str | None, str | None]
"""In English and French."""


class NotFinite:
    """Mark for a NaN, Infinity or -Infinity of the text."""

    __slots__ = ("literal",)  # a body may hold a million of them

    def __init__(self, literal: str):
        """Keep the literal for the message."""
        self.literal = literal


class Repeated(dict[str, Any]):
    """Mark for an object with repeated keys; it holds the last value of each."""

    __slots__ = ("keys_repeated",)

    def __init__(self, pairs: list[tuple[str, Any]]):
        """Keep the values, and which keys repeat."""
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.keys_repeated = [key for key, count in counts.items() if count > 1]


def parse(body: bytes) -> Any:
    """Parse a body.

    Returns:
        Plain values; `Repeated` for an object with repeated keys, `NotFinite` for NaN literals.
        Numbers too large for a float come as infinity or as a long int.

    Raises:
        RequestError: 422, it is not JSON in UTF-8.
    """
    try:
        return parse_strictly(body)
    except ValueError:
        return parse_tolerantly(body)


def parse_strictly(body: bytes) -> Any:
    """Parse JSON without repeated keys and NaN literals; returns as `parse`, without marks.

    Raises:
        ValueError: `parse_tolerantly` finds out why.
    """
    # Values are kept out of the cache: they are of patients.
    return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(pairs)


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=NotFinite)


def parse_tolerantly(body: bytes) -> Any:
    """Parse a body, with marks for repeated keys and NaN literals; as `parse`."""
    if not body.strip():
        raise _broken("The body is empty.", "Le corps de la requête est vide.")
    try:
        return _decoder.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _broken(
            f"The body is not UTF-8 (byte {error.start}).",
            f"Le corps n'est pas en UTF-8 (octet {error.start}).",
            _encoding_hint(body),
        ) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise _broken(
            f"The body is not valid JSON: {error.msg}, {where}.",
            f"JSON non valide, ligne {error.lineno} colonne {error.colno}.",
        ) from error
    except RecursionError as error:
        raise _broken(
            "The JSON is nested too deeply.", "JSON trop profondément imbriqué."
        ) from error
    except ValueError as error:  # an integer of more than 4,300 digits
        raise _broken("A number has too many digits.", "Un nombre a trop de chiffres.") from error


def _encoding_hint(body: bytes) -> Hints:
    """What the first bytes say about a body that is not UTF-8."""
    if body.startswith(GZIP):
        return (
            "It looks like gzip: send Content-Encoding: gzip with it.",
            "Il semble compressé en gzip : ajoutez Content-Encoding: gzip.",
        )
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "It looks like UTF-16: send UTF-8.", "Il semble être en UTF-16 : envoyez de l'UTF-8."
    return None, None


def _broken(msg: str, msg_fr: str, hints: Hints = (None, None)) -> Exception:
    problem = Problem(
        type="json",
        rule="json.broken",
        loc=("body",),
        msg=msg,
        msg_fr=msg_fr,
        hint=hints[0],
        hint_fr=hints[1],
    )
    return unprocessable([problem])
