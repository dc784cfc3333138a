"""From a parsed body to the body of the answer, for one patient or for many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from math import isnan
from operator import is_
from typing import Any, NamedTuple, Protocol

import numpy as np
from starlette.datastructures import QueryParams

from sepsis_detect.bedside_scores import scores
from sepsis_detect.clinical import coherence, rules
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.findings import Finding, findings
from sepsis_detect.clinical.rules import Severity
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import ICU_HOUR, VARIABLES
from sepsis_detect.patient_json import json_body, reader
from sepsis_detect.patient_json.fields import MAX_NAME_SHOWN
from sepsis_detect.patient_json.json_body import Repeated
from sepsis_detect.prediction import explain, predictor
from sepsis_detect.prediction.model import Model
from sepsis_detect.prediction.predictor import Predictions
from sepsis_detect.problems import (
    MAX_PROBLEMS,
    Location,
    Problem,
    RequestError,
    more,
    unprocessable,
)
from sepsis_detect.telemetry.metrics import Metrics

MAX_PATIENTS = 1_000


class Include(StrEnum):
    """What may accompany a prediction."""

    TREND = "trend"
    CONTRIBUTIONS = "contributions"
    SCORES = "scores"


class OnIncoherence(StrEnum):
    """What becomes of an incoherent value."""

    REJECT = "reject"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Options:
    """The query string of a prediction."""

    include: frozenset[Include] = frozenset()
    on_incoherence: OnIncoherence = OnIncoherence.REJECT


DEFAULT_OPTIONS = Options()
CHOICES: dict[str, type[StrEnum]] = {"include": Include, "on_incoherence": OnIncoherence}


def read_options(query: QueryParams) -> Options:
    """Read the query string.

    Raises:
        RequestError: 422, a parameter or its value is not known.
    """
    problems = []
    for key, value in query.multi_items():
        choices = [choice.value for choice in CHOICES.get(key, ())]
        if not choices:
            problems.append(_query_problem(key, "query.unknown", list(CHOICES)))
        elif value not in choices:
            problems.append(_query_problem(key, f"query.{key}", choices))
    policies = set(query.getlist("on_incoherence"))
    if len(policies) > 1:
        problems.append(
            _query_problem("on_incoherence", "query.on_incoherence", list(OnIncoherence))
        )
    if problems:
        raise unprocessable(problems)
    return Options(
        frozenset(Include(value) for value in query.getlist("include")),
        OnIncoherence(policies.pop() if policies else OnIncoherence.REJECT),
    )


def _query_problem(key: str, rule: str, choices: Sequence[str]) -> Problem:
    key, listed = key[:MAX_NAME_SHOWN], ", ".join(choices)
    what = "is not a parameter" if rule == "query.unknown" else "has a value that is not known"
    what_fr = "n'est pas un paramètre" if rule == "query.unknown" else "a une valeur inconnue"
    return Problem(
        type="query",
        rule=rule,
        loc=("query", key),
        msg=f"`{key}` {what}: use {listed}.",
        msg_fr=f"`{key}` {what_fr} : {listed}.",
        ctx={"accepted": list(choices)},
    )


class Patient(Protocol):
    """One patient as read, whatever it was read from."""

    @property
    def base(self) -> Location:
        """Where the patient stands in what was sent."""

    @property
    def stay(self) -> Stay | None:
        """What could be read; None when there is no hour to speak of."""

    @property
    def problems(self) -> list[Problem]:
        """What could not be read."""

    @property
    def violations(self) -> list[RuleViolation]:
        """Incoherences found on the way."""

    def locate(self, row: int, column: int | None = None) -> Location:
        """Where an hour, or one of its values, stands."""

    def value_sent(self, row: int, column: int) -> float | None:
        """A number as sent, before any conversion."""

    def unit_sent(self, column: int) -> str | None:
        """The unit of a variable as sent."""


class Judged(NamedTuple):
    """A stay fit for the model, and what was noticed on the way."""

    stay: Stay
    warnings: list[Problem]


def judge(
    patient: Patient,
    policy: OnIncoherence,
    most: int = MAX_PROBLEMS,
    scanned: list[RuleViolation] | None = None,
) -> Judged:
    """Apply the coherence rules.

    Args:
        patient: As read.
        policy: What becomes of incoherent values.
        most: Problems that are listed; the rest is counted.
        scanned: What `coherence.scan` found in the stay, if that is known already.

    Raises:
        RequestError: 422, with everything that is wrong.
    """
    stay = patient.stay
    if stay is None:
        raise unprocessable(patient.problems)
    violations = coherence.scan(stay) if scanned is None else scanned
    violations = _with_stated(patient.violations, violations)
    if not (violations or patient.problems):
        return Judged(stay, [])
    refusals = [violation for violation in violations if violation.is_refusal]
    if patient.problems:  # what could not be read was sent all the same
        refusals = [violation for violation in refusals if violation.rule is not rules.ALL_MISSING]
    dropped: list[Problem] = []
    if refusals and policy is OnIncoherence.DROP and not patient.problems:
        dropped = _problems(patient, stay, refusals, "dropped", most)
        stay = coherence.drop(stay, refusals)
        violations = coherence.scan(stay)
        refusals = [violation for violation in violations if violation.is_refusal]
    if refusals or patient.problems:
        refused = _problems(patient, stay, refusals, "incoherent", most)
        raise unprocessable([*patient.problems, *dropped, *refused])
    warnings = [
        violation for violation in violations if violation.rule.severity is Severity.WARNING
    ]
    return Judged(stay, dropped + _problems(patient, stay, warnings, "warning", most))


def _with_stated(stated: list[RuleViolation], found: list[RuleViolation]) -> list[RuleViolation]:
    """Add contradictions of the constants beside `hours`, unless the hours show them already."""
    if not stated:
        return found
    known = {(violation.rule.id, violation.columns) for violation in found}
    return [
        violation for violation in stated if (violation.rule.id, violation.columns) not in known
    ] + found


def _problems(
    patient: Patient, stay: Stay, violations: list[RuleViolation], kind: str, most: int
) -> list[Problem]:
    """Word the violations of the earliest hours, up to about `most`, and count the rest."""
    if not violations:
        return []
    n_violations = sum([len(violation.rows) for violation in violations])
    if n_violations > most:
        until = np.sort(np.concatenate([violation.rows for violation in violations]))[most - 1]
        violations = [violation.up_to(until) for violation in violations]
    found = []
    for finding in findings(stay, violations):
        if finding.is_of_the_stay:
            found.append(_problem_of_the_stay(finding, kind, patient.base))
        else:
            found += [
                _problem(patient, finding, kind, column) for column in _columns(stay, finding, kind)
            ]
    if n_left := n_violations - sum([len(violation.rows) for violation in violations]):
        found.append(more(n_left, kind, patient.base))
    return found


@lru_cache(maxsize=1024)
def _problem_of_the_stay(finding: Finding, kind: str, base: Location) -> Problem:
    """What is said of many patients in the same words, such as that a stay is short."""
    return Problem(
        type=kind,
        rule=finding.rule,
        loc=base,
        msg=finding.en,
        msg_fr=finding.fr,
        ctx=finding.context,
        hint=finding.hint_en or None,
        hint_fr=finding.hint_fr or None,
    )


def _columns(stay: Stay, finding: Finding, kind: str) -> Iterable[int | None]:
    """The values a finding is reported at: each one that is dropped, else the first."""
    if kind == "dropped" and finding.columns:
        return [at for at in finding.columns if not isnan(stay.values[finding.row, at])]
    if finding.columns:
        return finding.columns[:1]
    return [ICU_HOUR if finding.rule.startswith("time.") else None]


def _problem(patient: Patient, finding: Finding, kind: str, column: int | None) -> Problem:
    context = finding.context
    loc = patient.base
    if column is not None:
        loc = patient.locate(finding.row, column)
        if unit := patient.unit_sent(column):
            sent = patient.value_sent(finding.row, column)
            context = {**context, "value_sent": sent, "unit_sent": unit}
        if kind == "dropped":
            context = {**context, "dropped": VARIABLES[column].name}
    return Problem(
        type=kind,
        rule=finding.rule,
        loc=loc,
        msg=finding.en,
        msg_fr=finding.fr,
        ctx=context,
        hint=finding.hint_en or None,
        hint_fr=finding.hint_fr or None,
    )


# --- Answers ------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """One patient to answer for.

    Attributes:
        patient: As read.
        request_id: Of the request that asks.
        most: Problems that are listed; the rest is counted.
    """

    patient: Patient
    request_id: str
    most: int = MAX_PROBLEMS


Answer = dict[str, Any] | RequestError


def answer_each(
    model: Model, options: Options, asked: Sequence[Asked], metrics: Metrics
) -> list[Answer]:
    """Answer several patients at once: of each the prediction, or why it is refused.

    What is wrong with one costs the others nothing, and each is answered as it would be alone.
    """
    stays = [each.patient.stay for each in asked if each.patient.stay is not None]
    together = Stay.end_to_end(stays) if stays else None
    scanned = iter(coherence.scan_each(together) if together else ())
    answers: list[Answer] = []
    fit: list[tuple[int, Judged]] = []
    for each in asked:
        violations = next(scanned) if each.patient.stay is not None else None
        try:
            judged = judge(each.patient, options.on_incoherence, each.most, violations)
        except RequestError as error:
            answers.append(error.alone())
        else:
            fit.append((len(answers), judged))
            answers.append({})
    if not fit:
        return answers
    judged_stays = [judged.stay for _, judged in fit]
    if together is None or not all(map(is_, judged_stays, stays)) or len(fit) < len(stays):
        together = Stay.end_to_end(judged_stays)
    has_trend = Include.TREND in options.include
    predict = predictor.predict_every_hour if has_trend else predictor.predict_last
    predictions = predict(model, together)
    last = together.last_rows if has_trend else slice(None)
    metrics.predicted(model, predictions, last)
    named = {"name": model.metadata.name, "version": model.metadata.version}
    presented = zip(
        fit,
        predictions.icu_hours[last].tolist(),
        predictions.probabilities[last],
        predictions.is_positive[last].tolist(),
        strict=True,
    )
    for (at, judged), icu_hour, probability, is_positive in presented:
        answers[at] = {
            "prediction": _word(is_positive),
            "probability": probability,
            "threshold": model.threshold,
            "icu_hour": _hour(icu_hour),
            "model": named,
            "request_id": asked[at].request_id,
            "warnings": [warning.as_dict() for warning in judged.warnings],
        }
    if options.include:
        _include(options.include, answers, fit, predictions, model)
    return answers


def _include(
    include: frozenset[Include],
    answers: list[Answer],
    fit: list[tuple[int, Judged]],
    predictions: Predictions,
    model: Model,
) -> None:
    """Add what accompanies predictions to their answers."""
    begin = 0
    for at, judged in fit:
        added: dict[str, Any] = {}
        if Include.TREND in include:
            end = begin + judged.stay.n_hours
            added["trend"] = _trend(predictions, slice(begin, end))
            begin = end
        if Include.CONTRIBUTIONS in include:
            added |= _contributions(model, judged.stay)
        if Include.SCORES in include:
            added["scores"] = [result.as_dict() for result in scores.at_last_hour(judged.stay)]
        answer = answers[at]
        assert isinstance(answer, dict)  # noqa: S101 - what is fit is answered
        answer |= added


def _trend(predictions: Predictions, rows: slice) -> list[dict[str, Any]]:
    hours = zip(
        predictions.icu_hours[rows].tolist(),
        predictions.probabilities[rows],
        predictions.is_positive[rows].tolist(),
        strict=True,
    )
    return [
        {"icu_hour": _hour(hour), "probability": probability, "prediction": _word(is_positive)}
        for hour, probability, is_positive in hours
    ]


def answer_bodies(
    model: Model, options: Options, sent: Sequence[tuple[bytes, str]], metrics: Metrics
) -> list[Answer]:
    """Answer several requests of one patient each: bodies with the ids of their requests."""
    now = datetime.now(UTC)
    answers: list[Answer] = []
    places, asked = [], []
    read = reader.read_bodies([body for body, _ in sent], now=now)
    for at, ((_, request_id), found) in enumerate(zip(sent, read, strict=True)):
        if isinstance(found, RequestError):
            answers.append(found)
        else:
            places.append(at)
            asked.append(Asked(found, request_id))
            answers.append({})
    for at, answer in zip(places, answer_each(model, options, asked, metrics), strict=True):
        answers[at] = answer
    return answers


def answer_patients(
    model: Model, options: Options, body: bytes, request_id: str, metrics: Metrics
) -> list[Answer]:
    """Answer many patients in the order sent.

    Raises:
        RequestError: 422, the body is not `{"patients": [...]}` of at most `MAX_PATIENTS`.
    """
    is_quick, sent = json_body.parse_quickly(body)
    listed = _list_of_patients(sent)
    most = max(20, 10 * MAX_PROBLEMS // max(1, len(listed)))
    read = reader.read_listed(
        listed, is_quick=is_quick, now=datetime.now(UTC), base=("body", "patients"), most=most
    )
    asked = [Asked(each, request_id, most) for each in read]
    answers = answer_each(model, options, asked, metrics)
    for answer in answers:
        if isinstance(answer, RequestError):
            metrics.refused(problem.rule for problem in answer.problems)
    return answers


def _contributions(model: Model, stay: Stay) -> dict[str, Any]:
    explained = explain.contributions(model, stay)
    return {
        "typical_probability": explain.typical_probability(model),
        "contributions": [
            {
                "variable": each.variable,
                "value": each.value,
                "unit": each.unit,
                "measured_at_icu_hour": _hour(each.measured_at_icu_hour),
                "effect": each.effect,
            }
            for each in explained
        ],
    }


def _word(is_positive: Any) -> str:
    return "Positive" if is_positive else "Negative"


def _hour(hour: float | None) -> int | None:
    return None if hour is None or isnan(hour) else int(hour)


def _list_of_patients(sent: Any) -> list[Any]:
    listed = sent.get("patients") if isinstance(sent, dict) else None
    if isinstance(sent, Repeated):
        raise _bad_list(
            "json.duplicate",
            "`patients` must stand once.",
            "`patients` doit figurer une seule fois.",
        )
    if not isinstance(listed, list) or len(sent) != 1:
        raise _bad_list(
            "json.type",
            'The body must be {"patients": [...]} and nothing else.',
            'Le corps doit être {"patients": [...]} et rien d\'autre.',
        )
    if len(listed) > MAX_PATIENTS:
        raise _bad_list(
            "json.size",
            f"{len(listed)} patients were sent; at most {MAX_PATIENTS} are accepted.",
            f"{len(listed)} patients envoyés ; {MAX_PATIENTS} au plus sont acceptés.",
        )
    return listed


def _bad_list(rule: str, msg: str, msg_fr: str) -> RequestError:
    return unprocessable(
        [Problem(type="json", rule=rule, loc=("body", "patients"), msg=msg, msg_fr=msg_fr)]
    )
