"""Reader of one patient: from a parsed JSON object to a `Stay`, with every problem of the text.

Two shapes are accepted: one hour flat, or the patient's constants beside a list `hours`. Keys may
be canonical (`heart_rate`) or the challenge's (`HR`). All problems are collected, so that the
caller reads them at once; coherence is judged later, from the same `Stay`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from math import inf, isfinite, nan
from operator import itemgetter
from types import NoneType
from typing import Any

import numpy as np

from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.clinical import deidentified_ages, rules, units
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.stay import FloatArray, Stay
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import (
    AGE,
    MEDICAL_UNIT,
    N_COLUMNS,
    SEX,
    SURGICAL_UNIT,
    VARIABLES,
)
from sepsis_detect.patient_json import fields, json_body, timestamps
from sepsis_detect.patient_json.json_body import NotFinite
from sepsis_detect.patient_json.text_problems import TextProblems
from sepsis_detect.problems import MAX_PROBLEMS, Location, Problem, RequestError, more, shown

BODY: Location = ("body",)
SEND_NUMBERS = (
    'Send 80, not "80"; null when it was not measured.',
    'Envoyez 80 et non "80" ; null si la mesure n\'a pas été faite.',
)
NUMBER = frozenset({float, int})
NUMBER_OR_NULL = NUMBER | {NoneType}

Row = dict[int, float]
"""The numbers of one JSON object by column."""


@dataclass(slots=True)
class JsonPatient:
    """One patient as read.

    Attributes:
        sent: The patient's JSON object.
        base: Location of the patient in the body.
        stay: The hours that could be read; None: no hour.
        problems: Problems of the text.
        violations: Constants beside `hours` that an hour contradicts.
        left_out: Values that could not be read and were left out, as warnings.
    """

    sent: dict[str, Any]
    base: Location
    stay: Stay | None
    problems: list[Problem]
    violations: list[RuleViolation]
    left_out: list[Problem]

    def locate(self, row: int, column: int | None = None) -> Location:
        """Location of an hour, or of one of its values, spelled as the caller spelled it."""
        hour, place = self.sent, self.base
        if self.sent.get(fields.HOURS) is not None:
            hour, place = self.sent[fields.HOURS][row], (*self.base, fields.HOURS, row)
        if column is None:
            return place
        is_flag = column in (MEDICAL_UNIT, SURGICAL_UNIT)
        # Of several spellings, the variable's own before `icu_unit`, then one that is not null.
        found = [
            (key == fields.ICU_UNIT, value is None, (*at, key))
            for holder, at in ((hour, place), (self.sent, self.base))
            if isinstance(holder, dict)
            for key, value in holder.items()
            if fields.COLUMNS.get(key) == column or (is_flag and key == fields.ICU_UNIT)
        ]
        own_name = (*place, VARIABLES[column].name)
        return min(found, key=itemgetter(0, 1))[2] if found else own_name

    def value_sent(self, row: int, column: int) -> float | None:
        """A number as the caller wrote it, before any conversion."""
        found: Any = self.sent
        for part in self.locate(row, column)[len(self.base) :]:
            if isinstance(part, int):
                found = found[part]
            else:  # an hour may be no object at all
                found = found.get(part) if isinstance(found, dict) else None
        if type(found) is int and abs(found) < fields.EXACT_BELOW:
            return found
        number = _as_float(found) if type(found) in (int, float) else inf
        return number if isfinite(number) else None

    def unit_sent(self, column: int) -> str | None:
        """The unit the caller stated for a variable, if any."""
        stated = self.sent.get(fields.UNITS)
        if not isinstance(stated, dict):
            return None
        units_of = [unit for key, unit in stated.items() if fields.COLUMNS.get(key) == column]
        return next((shown(unit) for unit in units_of if isinstance(unit, str)), None)


def read_bodies(
    bodies: Sequence[bytes],
    *,
    now: datetime,
    on_incoherence: OnIncoherence = OnIncoherence.REJECT,
) -> Sequence[JsonPatient | RequestError]:
    """Read a patient from each body, or why there is none; arguments as of `read`."""
    found: list[Any] = []
    for body in bodies:
        try:
            found.append(json_body.parse(body))
        except RequestError as error:
            found.append(error.alone())
    return _flat_patients(found, BODY) or [
        each
        if isinstance(each, RequestError)
        else read(each, now=now, on_incoherence=on_incoherence)
        for each in found
    ]


def read(
    sent: Any,
    *,
    now: datetime,
    base: Location = BODY,
    max_problems: int = MAX_PROBLEMS,
    on_incoherence: OnIncoherence = OnIncoherence.REJECT,
) -> JsonPatient:
    """Read one patient; nothing is raised, every problem is in `problems`.

    Args:
        sent: From `json_body.parse`, or an element of it.
        now: A timestamp after it lies in the future.
        base: Location of the patient in the body.
        max_problems: How many are listed; the rest is counted.
        on_incoherence: Policy for values that cannot be read.
    """
    if flat := _flat_patients([sent], base):
        return flat[0]
    reader = _Reader(base, max_problems, is_dropping=on_incoherence is OnIncoherence.DROP)
    if not isinstance(sent, dict):
        reader.wrong_type(base, "A patient", "Un patient", *OBJECT)
        return JsonPatient({}, base, None, reader.problems, [], [])
    hours = sent.get(fields.HOURS)
    values = reader.flat_values(sent) if hours is None else reader.stay_values(hours, sent)
    conversions = reader.conversions(sent.get(fields.UNITS))
    patient = JsonPatient(sent, base, None, reader.problems, reader.violations, reader.left_out)
    if len(values):
        reader.infinities(values, patient)
        for column, conversion in conversions.items():
            values[:, column] = conversion.to_canonical(values[:, column])
        if reader.without_unit:  # a value in an unknown unit is not judged as if it were canonical
            values[:, reader.without_unit] = nan
        patient.stay = Stay(values)
        if reader.has_timestamps:
            stamps = [
                hour.get(fields.TIMESTAMP) if isinstance(hour, dict) else None
                for hour in hours or [sent]
            ]
            reader.problems += timestamps.check(stamps, patient.stay.icu_hours, now, patient.locate)
    if reader.n_more:
        reader.problems.append(more(reader.n_more, "json", base))
    if reader.n_more_left_out:
        reader.left_out.append(more(reader.n_more_left_out, "dropped", base))
    return patient


OBJECT = ("an object", "un objet")
OBJECT_OF_UNITS = (
    'an object such as {"creatinine": "umol/L"}',
    'un objet tel que {"creatinine": "umol/L"}',
)
HOURS_LIST = ("a list of at least one hour", "une liste d'au moins une heure")
NO_HOURS = np.empty((0, N_COLUMNS))


class _Reader(TextProblems):
    """Reads one patient and collects its problems."""

    def __init__(self, base: Location, max_problems: int, *, is_dropping: bool):
        super().__init__(max_problems, is_dropping=is_dropping)
        self.base = base
        self.without_unit: list[int] = []
        self.violations: list[RuleViolation] = []
        self.has_timestamps = False

    # --- Structure ---

    def flat_values(self, sent: dict[str, Any]) -> FloatArray:
        """Shape (1, 40): a flat hour."""
        values = np.full((1, N_COLUMNS), nan)
        _put(self.row(sent, self.base, fields.IN_A_FLAT_HOUR), values[0])
        return values

    def stay_values(self, hours: Any, sent: dict[str, Any]) -> FloatArray:
        """Shape (n_hours, 40): hours with the constants beside them; (0, 40) if there are none."""
        place = (*self.base, fields.HOURS)
        if not isinstance(hours, list) or not hours:
            self.wrong_type(place, "`hours`", "`hours`", *HOURS_LIST)
            return NO_HOURS
        if len(hours) > fields.MAX_HOURS:
            self.problem(
                "json.size",
                place,
                f"{len(hours)} hours were sent; at most {fields.MAX_HOURS} are accepted.",
                f"{len(hours)} heures envoyées ; {fields.MAX_HOURS} au plus sont acceptées.",
            )
            return NO_HOURS
        beside = self.row(sent, self.base, fields.BESIDE_HOURS)
        values = _plain_values(hours)
        if values is None:
            values = self._hours(hours, place)
        if beside:
            self._spread(beside, values)
        return values

    def _hours(self, hours: list[Any], place: Location) -> FloatArray:
        values = np.full((len(hours), N_COLUMNS), nan)
        for index, hour in enumerate(hours):
            if isinstance(hour, dict):
                _put(self.row(hour, (*place, index), fields.IN_AN_HOUR), values[index])
            else:
                self.wrong_type((*place, index), "An hour", "Une heure", *OBJECT)
        return values

    def _spread(self, beside: Row, values: FloatArray) -> None:
        """Give every hour the constants beside `hours`; an hour that differs is a violation."""
        columns = list(beside)
        constants = np.array(list(beside.values()))
        own = values.take(columns, axis=1)
        is_missing = np.isnan(own)
        if not is_missing.all():
            self._compare(columns, constants, own)
        values[:, columns] = np.where(is_missing, constants, own)

    def _compare(self, columns: list[int], constants: FloatArray, own: FloatArray) -> None:
        tolerances = [fields.CONSTANTS[column] for column in columns]
        with np.errstate(invalid="ignore"):  # two infinities do not differ
            differs = np.abs(own - constants) > tolerances
        for at in np.flatnonzero(differs.any(axis=0)).tolist():
            row = np.flatnonzero(differs[:, at])[:1]
            numbers = {"a": constants[[at]], "b": own[row, at]}
            self.violations.append(RuleViolation(rules.CONSTANT, row, (columns[at],), numbers))

    def conversions(self, stated: Any) -> dict[int, Conversion]:
        if stated is None:
            return {}
        place = (*self.base, fields.UNITS)
        if not isinstance(stated, dict):
            self.wrong_type(place, "`units`", "`units`", *OBJECT_OF_UNITS)
            return {}
        self.repeated(stated, place)
        found: dict[int, Conversion] = {}
        for key, unit in stated.items():
            at = (*place, shown(key))
            column = fields.COLUMNS.get(key)
            if column is None:
                self.unknown(key, at, fields.COLUMNS)
            elif not isinstance(unit, str):
                self.wrong_type(at, "A unit", "Une unité", "a text", "un texte", about=key)
                self.without_unit += [column] if self.may_leave_out(key) else []
            elif conversion := units.conversion(VARIABLES[column], unit):
                if found.setdefault(column, conversion) != conversion:
                    self.contradiction(at, "unit", "l'unité")
            else:
                self.unknown_unit(key, unit, at)
                self.without_unit.append(column)
        return found

    # --- One hour ---

    def row(self, hour: dict[str, Any], place: Location, allowed: set[str]) -> Row:
        """Read one object value by value: numbers, words, and whatever else is sent."""
        row: Row = {}
        for key, value in hour.items():
            if type(value) in NUMBER and key in allowed and abs(value) < fields.EXACT_BELOW:
                column = fields.COLUMNS.get(key)
                if column is not None and column not in row:  # nearly always: no call for it
                    row[column] = value
                    continue
            for column, number in self._numbers(key, value, place, allowed):
                if row.setdefault(column, number) != number:
                    self.contradiction((*place, key), "value", "la valeur")
        self.repeated(hour, place)
        return row

    def _numbers(
        self, key: str, value: Any, holder: Location, allowed: set[str]
    ) -> Iterable[tuple[int, float]]:
        """Columns and numbers of one value; none where it is null, or a problem."""
        if key not in allowed:
            self.unknown(key, (*holder, shown(key)), allowed)
        elif value is None or key in fields.ONCE:
            pass
        elif key == fields.TIMESTAMP:
            self.has_timestamps = True
        elif type(value) in NUMBER and key != fields.ICU_UNIT:
            return ((fields.COLUMNS[key], _as_float(value)),)
        elif isinstance(value, str) and (numbers := fields.numbers_of(key, value)):
            return numbers
        else:
            self._not_a_number(key, value, (*holder, key))
        return ()

    def _not_a_number(self, key: str, value: Any, place: Location) -> None:
        if isinstance(value, NotFinite):
            self.not_finite(key, place, value.literal)
        elif fields.COLUMNS.get(key) == SEX or key == fields.ICU_UNIT:
            self.unknown_word(key, place)
        elif isinstance(value, str):
            is_code = fields.COLUMNS.get(key) == AGE and deidentified_ages.is_above_89(value)
            hint, hint_fr = deidentified_ages.HINT if is_code else SEND_NUMBERS
            self.problem(
                "json.string",
                place,
                f"`{key}` must be a number, not a text.",
                f"`{key}` doit être un nombre, pas un texte.",
                about=key,
                hint=hint,
                hint_fr=hint_fr,
            )
        else:
            self.wrong_type(
                place, f"`{key}`", f"`{key}`", "a number or null", "un nombre ou null", about=key
            )

    def infinities(self, values: FloatArray, patient: JsonPatient) -> None:
        """Refuse numbers too large for a float, such as 1e999."""
        if not np.count_nonzero(np.isinf(values)):
            return
        for row, column in np.argwhere(np.isinf(values)).tolist():
            place = patient.locate(row, column)
            self.not_finite(str(place[-1]), place, "a number of this size")
            values[row, column] = nan


def _flat_patients(sent: list[Any], base: Location) -> list[JsonPatient]:
    """Patients sent as one flat hour of plain values each; empty unless all of them are."""
    values = _plain_values(sent)
    if values is None:
        return []
    return [
        JsonPatient(each, base, Stay(row), [], [], [])
        for each, row in zip(sent, values[:, None], strict=True)
    ]


def _plain_values(hours: list[Any]) -> FloatArray | None:
    """Shape (n_hours, 40): hours of nothing but numbers and nulls, read in one vectorised step.

    None if anything in them needs a closer look: it may be a problem, or only a word.
    """
    if set(map(type, hours)) != {dict}:
        return None
    numbers = list(chain.from_iterable(map(dict.values, hours)))
    if not NUMBER_OR_NULL.issuperset(map(type, numbers)):
        return None
    try:
        columns = map(fields.COLUMNS.__getitem__, chain.from_iterable(hours))
        cells = np.fromiter(columns, np.intp, len(numbers))
        sent = np.fromiter(numbers, np.float64, len(numbers))  # null becomes NaN
    except (KeyError, OverflowError):  # an unknown key; an integer too large for a float
        return None
    if len(hours) > 1:
        cells += np.arange(len(hours)).repeat(list(map(len, hours))) * N_COLUMNS
    values = np.full((len(hours), N_COLUMNS), nan)
    values.put(cells, sent)
    # Fewer where two spellings name one variable, or where a number is too large for a float.
    is_all_kept = np.count_nonzero(np.isfinite(values)) == np.count_nonzero(sent == sent)
    return values if is_all_kept else None


def _put(row: Row, values: FloatArray) -> None:
    values[list(row)] = list(row.values())


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf
