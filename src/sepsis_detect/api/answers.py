"""From a parsed body to the body of the answer, for one patient or for many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isnan
from typing import Any, Protocol

import numpy as np
from starlette.datastructures import QueryParams

from sepsis_detect import coherence, explain, predictor, rules, scores
from sepsis_detect.api import patients
from sepsis_detect.api.fields import MAX_NAME_SHOWN
from sepsis_detect.api.json_body import Repeated
from sepsis_detect.api.problems import (
    MAX_PROBLEMS,
    Location,
    Problem,
    RequestError,
    more,
    unprocessable,
)
from sepsis_detect.coherence import Hit
from sepsis_detect.findings import Finding, findings
from sepsis_detect.meter import Meter
from sepsis_detect.model import Model
from sepsis_detect.predictor import Predictions
from sepsis_detect.rules import Severity
from sepsis_detect.stay import Stay
from sepsis_detect.variables import ICU_HOUR, VARIABLES

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
    def hits(self) -> list[Hit]:
        """Incoherences found on the way."""

    def locate(self, row: int, column: int | None = None) -> Location:
        """Where an hour, or one of its values, stands."""

    def value_sent(self, row: int, column: int) -> float | None:
        """A number as sent, before any conversion."""

    def unit_sent(self, column: int) -> str | None:
        """The unit of a variable as sent."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A stay fit for the model, and what was noticed on the way."""

    stay: Stay
    warnings: list[Problem]


def judge(
    patient: Patient,
    policy: OnIncoherence,
    most: int = MAX_PROBLEMS,
    scanned: list[Hit] | None = None,
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
    hits = coherence.scan(stay) if scanned is None else scanned
    hits = _with_stated(patient.hits, hits)
    refusals = [hit for hit in hits if hit.is_refusal]
    if patient.problems:  # what could not be read was sent all the same
        refusals = [hit for hit in refusals if hit.rule is not rules.ALL_MISSING]
    dropped: list[Problem] = []
    if refusals and policy is OnIncoherence.DROP and not patient.problems:
        dropped = _problems(patient, stay, refusals, "dropped", most)
        stay = coherence.drop(stay, refusals)
        hits = coherence.scan(stay)
        refusals = [hit for hit in hits if hit.is_refusal]
    if refusals or patient.problems:
        refused = _problems(patient, stay, refusals, "incoherent", most)
        raise unprocessable([*patient.problems, *dropped, *refused])
    warnings = [hit for hit in hits if hit.rule.severity is Severity.WARNING]
    return Judged(stay, dropped + _problems(patient, stay, warnings, "warning", most))


def _with_stated(stated: list[Hit], found: list[Hit]) -> list[Hit]:
    """Add contradictions of the constants beside `hours`, unless the hours show them already."""
    known = {(hit.rule.id, hit.columns) for hit in found}
    return [hit for hit in stated if (hit.rule.id, hit.columns) not in known] + found


def _problems(patient: Patient, stay: Stay, hits: list[Hit], kind: str, most: int) -> list[Problem]:
    """Word the hits of the earliest hours, up to about `most`, and count the rest."""
    n_hits = sum(hit.rows.size for hit in hits)
    if n_hits > most:
        until = np.sort(np.concatenate([hit.rows for hit in hits]))[most - 1]
        hits = [hit.up_to(until) for hit in hits]
    found = [
        _problem(patient, finding, kind, column)
        for finding in findings(stay, hits)
        for column in _columns(stay, finding, kind)
    ]
    if n_more := n_hits - sum(hit.rows.size for hit in hits):
        found.append(more(n_more, kind, patient.base))
    return found


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


def answer_patient(
    sent: Any, model: Model, options: Options, *, request_id: str, now: datetime, meter: Meter
) -> dict[str, Any]:
    """Answer one patient.

    Raises:
        RequestError: 422, with everything that is wrong.
    """
    judged = judge(patients.read(sent, now=now), options.on_incoherence)
    predictions = _predict(model, judged.stay, options)
    return answer_judged(judged, predictions, model, options, request_id=request_id, meter=meter)


def answer_judged(
    judged: Judged,
    predictions: Predictions,
    model: Model,
    options: Options,
    *,
    request_id: str,
    meter: Meter,
) -> dict[str, Any]:
    """Answer one patient who was judged and predicted for."""
    meter.predicted(model, predictions)
    return _answer(judged, predictions, model, options, request_id)


def answer_patients(
    sent: Any, model: Model, options: Options, *, request_id: str, now: datetime, meter: Meter
) -> dict[str, Any]:
    """Answer many patients in the order sent; what is wrong with one costs the others nothing.

    Raises:
        RequestError: 422, the body is not `{"patients": [...]}` of at most `MAX_PATIENTS`.
    """
    results: list[dict[str, Any]] = []
    fit: list[tuple[int, Judged]] = []
    listed = _list_of_patients(sent)
    most = max(20, 10 * MAX_PROBLEMS // max(1, len(listed)))
    read = [
        patients.read(each, now=now, base=("body", "patients", index), most=most)
        for index, each in enumerate(listed)
    ]
    stays = [patient.stay for patient in read if patient.stay is not None]
    scanned = iter(coherence.scan_each(Stay.end_to_end(stays)) if stays else [])
    for index, patient in enumerate(read):
        hits = None if patient.stay is None else next(scanned)
        try:
            judged = judge(patient, options.on_incoherence, most, hits)
        except RequestError as error:
            meter.refused(problem.rule for problem in error.problems)
            results.append({"detail": [problem.as_dict() for problem in error.problems]})
        else:
            fit.append((index, judged))
            results.append({})
    if fit:
        together = Stay.end_to_end([judged.stay for _, judged in fit])
        predictions = _predict(model, together, options)
        for (index, judged), part in zip(
            fit, _per_stay(predictions, together, options), strict=True
        ):
            meter.predicted(model, part)
            results[index] = _answer(judged, part, model, options, request_id)
    return {"results": results}


def _predict(model: Model, stay: Stay, options: Options) -> Predictions:
    if Include.TREND in options.include:
        return predictor.predict_every_hour(model, stay)
    return predictor.predict_last(model, stay)


def _per_stay(predictions: Predictions, stay: Stay, options: Options) -> Iterable[Predictions]:
    ends = stay.last_rows + 1 if Include.TREND in options.include else np.arange(stay.n_stays) + 1
    begin = 0
    for end in ends.tolist():
        yield predictions.part(begin, end)
        begin = end


def _answer(
    judged: Judged, predictions: Predictions, model: Model, options: Options, request_id: str
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "prediction": _word(predictions.is_positive[-1]),
        "probability": predictions.probabilities[-1],
        "threshold": model.threshold,
        "icu_hour": _hour(predictions.icu_hours[-1]),
        "model": {"name": model.card.name, "version": model.card.version},
        "request_id": request_id,
        "warnings": [warning.as_dict() for warning in judged.warnings],
    }
    if Include.TREND in options.include:
        answer["trend"] = [
            {"icu_hour": _hour(hour), "probability": probability, "prediction": _word(is_positive)}
            for hour, probability, is_positive in zip(
                predictions.icu_hours.tolist(),
                predictions.probabilities,
                predictions.is_positive,
                strict=True,
            )
        ]
    if Include.CONTRIBUTIONS in options.include:
        answer |= _contributions(model, judged.stay)
    if Include.SCORES in options.include:
        answer["scores"] = [result.as_dict() for result in scores.at_last_hour(judged.stay)]
    return answer


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
