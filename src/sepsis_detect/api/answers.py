"""Answers of the prediction routes: read patients, assess them, present each assessment."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isnan
from typing import Any

from sepsis_detect.api.query_options import Include, Options
from sepsis_detect.assessment import pipeline
from sepsis_detect.assessment.pipeline import Assessment, Observer, Refusal
from sepsis_detect.assessment.policy import Patient
from sepsis_detect.bedside_scores import scores
from sepsis_detect.bedside_scores.point_bands import SI_CUT_OFFS, SI_UNIT
from sepsis_detect.clinical.sent_values import stated_conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE
from sepsis_detect.patient_json import patient_list, reader
from sepsis_detect.patient_json.reader import JsonPatient
from sepsis_detect.prediction import explain
from sepsis_detect.prediction.data_sufficiency import DataSufficiency
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import MAX_PROBLEMS, RequestError, unprocessable
from sepsis_detect.telemetry.metrics import Metrics

Answer = dict[str, Any] | RequestError
"""The JSON object of a prediction, or why there is none."""


def answer_bodies(
    model: Model, options: Options, sent: Sequence[tuple[bytes, str]], observe: Observer
) -> list[Answer]:
    """Answer several requests of one patient each: bodies with the ids of their requests."""
    read = reader.read_bodies(
        [body for body, _ in sent], now=datetime.now(UTC), on_incoherence=options.on_incoherence
    )
    patients = [found for found in read if not isinstance(found, RequestError)]
    assessed = iter(_assessed(model, options, patients, observe))
    return [
        found
        if isinstance(found, RequestError)
        else _answer(found, next(assessed), options, request_id, MAX_PROBLEMS)
        for (_, request_id), found in zip(sent, read, strict=True)
    ]


def answer_patients(
    model: Model,
    options: Options,
    body: bytes,
    request_id: str,
    metrics: Metrics,
    observe: Observer,
) -> list[Answer]:
    """Answer many patients in the order sent.

    Raises:
        RequestError: 422, the body is not a list of patients.
    """
    patients = patient_list.read(body, now=datetime.now(UTC), on_incoherence=options.on_incoherence)
    max_problems = patient_list.max_problems_each(len(patients))
    answers = [
        _answer(patient, result, options, request_id, max_problems)
        for patient, result in zip(
            patients, _assessed(model, options, patients, observe), strict=True
        )
    ]
    for answer in answers:
        if isinstance(answer, RequestError):
            metrics.refused(problem.rule for problem in answer.problems)
    return answers


def _assessed(
    model: Model, options: Options, patients: Sequence[Patient], observe: Observer
) -> list[Assessment | Refusal]:
    return pipeline.assess(
        model,
        patients,
        options.on_incoherence,
        every_hour=Include.TREND in options.include,
        observe=observe,
    )


def _answer(
    patient: JsonPatient,
    result: Assessment | Refusal,
    options: Options,
    request_id: str,
    max_problems: int,
) -> Answer:
    if isinstance(result, Refusal):
        return unprocessable([*patient.left_out, *result.problems(max_problems)])
    answer = present_prediction(result, request_id, max_problems)
    if patient.left_out:
        left_out = [problem.as_dict() for problem in patient.left_out]
        answer["warnings"] = [*left_out, *answer["warnings"]]
    if options.include:
        answer |= _included(result, options.include)
    return answer


def present_prediction(
    assessment: Assessment, request_id: str, max_problems: int = MAX_PROBLEMS
) -> dict[str, Any]:
    """The JSON object for the last hour of a patient; NumPy scalars are left for the encoder."""
    model = assessment.model
    return {
        "prediction": _verdict(assessment.is_positive[-1]),
        "probability": assessment.probabilities[-1],
        "threshold": model.threshold,
        "icu_hour": _hour(assessment.icu_hours[-1]),
        "data_sufficiency": _sufficiency(assessment.sufficiency),
        "model": {"name": model.metadata.name, "version": model.metadata.version},
        "request_id": request_id,
        "warnings": [warning.as_dict() for warning in assessment.warnings(max_problems)],
    }


def _sufficiency(found: DataSufficiency) -> dict[str, Any]:
    return {"level": found.level, "missing": found.missing}


def _included(assessment: Assessment, include: frozenset[Include]) -> dict[str, Any]:
    included: dict[str, Any] = {}
    if Include.TREND in include:
        included["trend"] = _trend(assessment)
    if Include.CONTRIBUTIONS in include:
        included |= _contributions(assessment)
    if Include.SCORES in include:
        included["scores"] = _scores(assessment)
    return included


def _scores(assessment: Assessment) -> list[dict[str, Any]]:
    """Bedside scores of the last hour, with the cut-offs of the units that were sent."""
    patient = assessment.judgement.patient
    stated = {name: stated_conversion(patient, BY_CHALLENGE[name].column) for name in SI_CUT_OFFS}
    in_si = [name for name, each in stated.items() if each is not None and each.unit == SI_UNIT]
    return [each.as_dict() for each in scores.at_last_hour(assessment.stay, in_si)]


def _trend(assessment: Assessment) -> list[dict[str, Any]]:
    hours = zip(
        assessment.icu_hours.tolist(),
        assessment.probabilities,
        assessment.is_positive.tolist(),
        strict=True,
    )
    return [
        {"icu_hour": _hour(hour), "probability": probability, "prediction": _verdict(is_positive)}
        for hour, probability, is_positive in hours
    ]


def _contributions(assessment: Assessment) -> dict[str, Any]:
    model, stay = assessment.model, assessment.stay
    return {
        "typical_probability": explain.typical_probability(model, float(stay.icu_hours[-1])),
        "contributions": [
            {
                "variable": each.variable,
                "value": each.value,
                "unit": each.unit,
                "measured_at_icu_hour": _hour(each.measured_at_icu_hour),
                "effect": each.effect,
            }
            for each in explain.contributions(model, stay, assessment.last_features)
        ],
    }


def _verdict(is_positive: Any) -> str:
    return "Positive" if is_positive else "Negative"


def _hour(hour: float | None) -> int | None:
    return None if hour is None or isnan(hour) else int(hour)
