"""A patient as JSON, turned into a `Stay`, and every problem with the text itself.

Two shapes are accepted: one hour flat, or the patient's constants beside a list `hours`. Keys may
be canonical (`heart_rate`) or the challenge's (`HR`). Everything the text gets wrong is
collected, so that the caller reads all of it at once; the coherence of what could be read is
judged by `coherence`, from the same `Stay`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from math import inf, isfinite, nan
from operator import itemgetter
from typing import Any

import numpy as np

from sepsis_detect.clinical import rules, units
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import MEDICAL_UNIT, N_COLUMNS, SEX, SURGICAL_UNIT, VARIABLES
from sepsis_detect.patient_json import json_body, plain_patients, timestamps
from sepsis_detect.patient_json.fields import (
    BESIDE_HOURS,
    COLUMNS,
    CONSTANTS,
    EXACT_BELOW,
    HOURS,
    ICU_UNIT,
    IN_A_FLAT_HOUR,
    IN_AN_HOUR,
    MAX_HOURS,
    ONCE,
    TIMESTAMP,
    UNITS,
    numbers_of,
)
from sepsis_detect.patient_json.json_body import NotFinite, Repeated
from sepsis_detect.patient_json.text_problems import TextProblems, shown
from sepsis_detect.problems import MAX_PROBLEMS, Location, Problem, RequestError, more

BODY: Location = ("body",)
EMPTY_ROW = [nan] * N_COLUMNS
column_of = COLUMNS.get

Row = list[float]


@dataclass(slots=True)
class Patient:
    """One patient as read.

    Attributes:
        sent: The patient's JSON object.
        base: Where the patient stands in the body.
        stay: What could be read; None when there is no hour to speak of.
        problems: What the text gets wrong.
        violations: Constants beside `hours` that an hour contradicts.
    """

    sent: dict[str, Any]
    base: Location
    stay: Stay | None
    problems: list[Problem]
    violations: list[RuleViolation]

    def locate(self, row: int, column: int | None = None) -> Location:
        """Where an hour, or one of its values, stands, spelled as the caller spelled it."""
        hour, place = self.sent, self.base
        if self.sent.get(HOURS) is not None:
            hour, place = self.sent[HOURS][row], (*self.base, HOURS, row)
        if column is None:
            return place
        holders = [(hour, place), (self.sent, self.base)]
        sent = [
            (value is None, key, at)
            for holder, at in holders
            if isinstance(holder, dict)
            for key, value in holder.items()
        ]
        # A spelling that is null says nothing: it stands behind.
        keys = [(key, at) for _, key, at in sorted(sent, key=itemgetter(0))]
        is_flag = column in (MEDICAL_UNIT, SURGICAL_UNIT)
        for key, at in keys:
            if COLUMNS.get(key) == column:
                return (*at, key)
        for key, at in keys:
            if is_flag and key == ICU_UNIT:
                return (*at, key)
        return (*place, VARIABLES[column].name)

    def value_sent(self, row: int, column: int) -> float | None:
        """A number as the caller wrote it, before any conversion."""
        found: Any = self.sent
        for part in self.locate(row, column)[len(self.base) :]:
            if isinstance(part, int):
                found = found[part]
            else:  # an hour may be no object at all
                found = found.get(part) if isinstance(found, dict) else None
        if type(found) is int and abs(found) < EXACT_BELOW:
            return found
        number = _as_float(found) if type(found) in (int, float) else inf
        return number if isfinite(number) else None

    def unit_sent(self, column: int) -> str | None:
        """The unit the caller stated for a variable, if any."""
        stated = self.sent.get(UNITS)
        if not isinstance(stated, dict):
            return None
        units_of = [unit for key, unit in stated.items() if COLUMNS.get(key) == column]
        return next((shown(unit) for unit in units_of if isinstance(unit, str)), None)


def read_bodies(bodies: Sequence[bytes], *, now: datetime) -> list[Patient | RequestError]:
    """Read a patient from each body, or why there is none; arguments as of `read`."""
    trees = [json_body.glance(body) for body in bodies]
    found: list[Patient | RequestError] = []
    for at, plain in enumerate(plain_patients.read(trees)):
        tree, body, trees[at] = trees[at], bodies[at], None
        if plain is not None and json_body.has_strings(body, plain.n_strings):
            found.append(Patient(tree, BODY, Stay(plain.values), [], []))
            continue
        del tree  # it may be large, and another one comes beside it
        try:
            found.append(read(json_body.parse_quickly(body)[1], now=now))
        except RequestError as error:
            found.append(error.alone())
    return found


def read_listed(
    listed: Sequence[Any], *, is_quick: bool, now: datetime, base: Location, most: int
) -> list[Patient]:
    """Read the patients of a list.

    Args:
        listed: Part of what `json_body.parse_quickly` returned.
        is_quick: Whether it was quick.
        now: As of `read`.
        base: Where the list stands in the body.
        most: As of `read`, for each patient.
    """
    plain = plain_patients.read(listed) if is_quick else [None] * len(listed)
    return [
        read(sent, now=now, base=(*base, at), most=most)
        if of_plain is None
        else Patient(sent, (*base, at), Stay(of_plain.values), [], [])
        for at, (sent, of_plain) in enumerate(zip(listed, plain, strict=True))
    ]


def read(sent: Any, *, now: datetime, base: Location = BODY, most: int = MAX_PROBLEMS) -> Patient:
    """Read one patient; nothing is raised, everything wrong is in `problems`.

    Args:
        sent: What `json_body.parse` returned, or an element of it.
        now: Against which a timestamp lies in the future.
        base: Where the patient stands in the body.
        most: Problems that are listed; the rest is counted.
    """
    reader = _Reader(base, most)
    if not isinstance(sent, dict):
        reader.wrong_type(base, "A patient", "Un patient", *OBJECT)
        return Patient({}, base, None, reader.problems, [])
    hours = sent.get(HOURS)
    if hours is None:
        rows = [reader.row(sent, base, allowed=IN_A_FLAT_HOUR)]
    else:
        rows = reader.rows_of(hours, sent)
    conversions = reader.conversions(sent.get(UNITS))
    patient = Patient(sent, base, None, reader.problems, reader.violations)
    if rows:
        n_values = len(rows) * N_COLUMNS
        values = np.fromiter(chain.from_iterable(rows), np.float64, n_values)
        values = values.reshape(-1, N_COLUMNS)
        reader.infinities(values, patient)
        for column, conversion in conversions.items():
            values[:, column] = conversion.to_canonical(values[:, column])
        if reader.without_unit:
            # In an unknown unit a value means nothing: it is not judged as if it were canonical.
            values[:, reader.without_unit] = nan
        patient.stay = Stay(values)
        if reader.has_timestamps:
            stamps = [
                hour.get(TIMESTAMP) if isinstance(hour, dict) else None for hour in hours or [sent]
            ]
            reader.problems += timestamps.check(stamps, patient.stay.icu_hours, now, patient.locate)
    if reader.n_more:
        reader.problems.append(more(reader.n_more, "json", base))
    return patient


OBJECT = ("an object", "un objet")
OBJECT_OF_UNITS = (
    'an object such as {"creatinine": "umol/L"}',
    'un objet tel que {"creatinine": "umol/L"}',
)
HOURS_LIST = ("a list of at least one hour", "une liste d'au moins une heure")


class _Reader(TextProblems):
    """Reads one patient, collecting its problems on the way."""

    def __init__(self, base: Location, most: int):
        super().__init__(most)
        self.base = base
        self.without_unit: list[int] = []
        self.violations: list[RuleViolation] = []
        self.has_timestamps = False

    # --- Structure ---

    def rows_of(self, hours: Any, sent: dict[str, Any]) -> list[Row]:
        place = (*self.base, HOURS)
        if not isinstance(hours, list) or not hours:
            self.wrong_type(place, "`hours`", "`hours`", *HOURS_LIST)
            return []
        if len(hours) > MAX_HOURS:
            self.problem(
                "json.size",
                place,
                f"{len(hours)} hours were sent; at most {MAX_HOURS} are accepted.",
                f"{len(hours)} heures envoyées ; {MAX_HOURS} au plus sont acceptées.",
            )
            return []
        beside = self.row(sent, self.base, allowed=BESIDE_HOURS)
        rows = []
        for index, hour in enumerate(hours):
            at = (*place, index)
            if isinstance(hour, dict):
                rows.append(self.row(hour, at))
            else:
                self.wrong_type(at, "An hour", "Une heure", *OBJECT)
                rows.append(EMPTY_ROW.copy())
        self._spread(beside, rows)
        return rows

    def _spread(self, beside: Row, rows: list[Row]) -> None:
        """Give every hour the constants that stand beside `hours`; they must agree."""
        for column, tolerance in CONSTANTS.items():
            constant = beside[column]
            if constant != constant:  # NaN: not stated
                continue
            for index, row in enumerate(rows):
                if row[column] != row[column]:
                    row[column] = constant
                elif abs(row[column] - constant) > tolerance:
                    numbers = {"a": np.array([constant]), "b": np.array([row[column]])}
                    self.violations.append(
                        RuleViolation(rules.CONSTANT, np.array([index]), (column,), numbers)
                    )
                    break

    def conversions(self, stated: Any) -> dict[int, Conversion]:
        if stated is None:
            return {}
        place = (*self.base, UNITS)
        if not isinstance(stated, dict):
            self.wrong_type(place, "`units`", "`units`", *OBJECT_OF_UNITS)
            return {}
        self.repeated(stated, place)
        found: dict[int, Conversion] = {}
        for key, unit in stated.items():
            at = (*place, shown(key))
            column = COLUMNS.get(key)
            if column is None:
                self.unknown(key, at, COLUMNS)
            elif not isinstance(unit, str):
                self.wrong_type(at, "A unit", "Une unité", "a text", "un texte")
            elif conversion := units.conversion(VARIABLES[column], unit):
                if found.setdefault(column, conversion) != conversion:
                    self.contradiction(at, "unit", "l'unité")
            else:
                self.unknown_unit(column, unit, at)
                self.without_unit.append(column)
        return found

    # --- One hour ---

    def row(self, hour: dict[str, Any], place: Location, *, allowed: set[str] = IN_AN_HOUR) -> Row:
        """Read the values of one object; the hot path is a number under a known key."""
        row = EMPTY_ROW.copy()
        is_limited = allowed is BESIDE_HOURS
        for key, value in hour.items():
            column = column_of(key)
            kind = type(value)
            if column is None or is_limited:
                self._other(row, key, value, (*place, key), allowed)
            elif kind is float or (kind is int and -EXACT_BELOW < value < EXACT_BELOW):
                if row[column] == row[column] and row[column] != value:
                    self.contradiction((*place, key), "value", "la valeur")
                row[column] = value
            elif value is not None:
                self._other(row, key, value, (*place, key), allowed)
        if type(hour) is Repeated:
            self.repeated(hour, place)
        return row

    def _other(self, row: Row, key: str, value: Any, place: Location, allowed: set[str]) -> None:
        """Everything but a plain number: words, nulls, wrong types, unknown keys."""
        if key not in allowed:
            self.unknown(key, (*place[:-1], shown(key)), allowed)
        elif key == TIMESTAMP:
            self.has_timestamps = value is not None or self.has_timestamps
        elif value is not None and key not in ONCE:
            for column, number in self._numbers(key, value, place):
                if row[column] == row[column] and row[column] != number:
                    self.contradiction(place, "value", "la valeur")
                row[column] = number

    def _numbers(self, key: str, value: Any, place: Location) -> Iterable[tuple[int, float]]:
        column = COLUMNS.get(key)
        if isinstance(value, str) and (numbers := numbers_of(key, value)):
            return numbers
        if isinstance(value, NotFinite):
            self.not_finite(key, place, value.literal)
        elif isinstance(value, int | float) and not isinstance(value, bool) and column is not None:
            return [(column, _as_float(value))]
        elif column == SEX or key == ICU_UNIT:
            self.unknown_word(key, place)
        elif isinstance(value, str):
            self.problem(
                "json.string",
                place,
                f"`{key}` must be a number, not a text.",
                f"`{key}` doit être un nombre, pas un texte.",
                hint='Send 80, not "80"; null when it was not measured.',
                hint_fr='Envoyez 80 et non "80" ; null si la mesure n\'a pas été faite.',
            )
        else:
            self.wrong_type(place, f"`{key}`", f"`{key}`", "a number or null", "un nombre ou null")
        return []

    def infinities(self, values: FloatArray, patient: Patient) -> None:
        """Refuse numbers too large for a float, such as 1e999."""
        if not np.count_nonzero(np.isinf(values)):
            return
        for row, column in np.argwhere(np.isinf(values)).tolist():
            place = patient.locate(row, column)
            self.not_finite(str(place[-1]), place, "a number of this size")
            values[row, column] = nan


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf
