"""The prediction routes of the REST API: parse, call, present."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sepsis_detect.api import execution
from sepsis_detect.api.answers import answer_bodies, answer_patients
from sepsis_detect.api.json_response import json_response
from sepsis_detect.api.middleware.request_id import REQUEST_ID
from sepsis_detect.api.observation import NewObservation
from sepsis_detect.api.query_options import DEFAULT_OPTIONS, Include, Options, read_options
from sepsis_detect.api.schema import request_schemas, responses
from sepsis_detect.api.services import services_of
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import RequestError
from sepsis_detect.telemetry.audit_log import REFUSED, Decision

router = APIRouter()

# Bodies of one batch: larger arrays outgrow the processor's cache and take memory, without gain.
MAX_BATCH_BYTES = 512 * 1024

SentPatient = tuple[bytes, str]
"""A body and the id of its request."""


@router.post(
    "/predict/patient",
    response_model=responses.Prediction,
    responses=request_schemas.ERRORS,
    openapi_extra=request_schemas.PATIENT,
    summary="Predict for one patient",
    tags=["prediction"],
)
async def predict_patient(request: Request) -> Response:
    """Will sepsis begin within six hours, or has it begun?

    Send one hour flat, or a stay with its `hours`; the answer is about the last hour.
    """
    options = _options(request)

    def respond(body: bytes, model: Model) -> execution.Answered:
        sent = [(body, request.scope[REQUEST_ID])]
        (answered,) = respond_each(model, options, sent, observe=services_of(request).observe)
        if isinstance(answered, RequestError):
            raise answered
        return answered

    return await execution.execute(
        request,
        respond,
        is_slow=Include.CONTRIBUTIONS in options.include,
        batch_key=None if Include.TREND in options.include else options,
    )


def respond_each(
    model: Model, options: Options, sent: Sequence[SentPatient], *, observe: NewObservation
) -> list[execution.Answered | RequestError]:
    """Respond to requests of one patient each."""
    answered: list[execution.Answered | RequestError] = []
    for batch in _batches(sent):
        observation, n_predicted = observe(), 0
        for answer in answer_bodies(model, options, batch, observation):
            if isinstance(answer, RequestError):
                answered.append(answer)
                continue
            shadow_scores = observation.shadow_scores_from(n_predicted)
            n_predicted += 1
            answered.append(
                execution.Answered(json_response(answer), [_decision(answer)], shadow_scores)
            )
    return answered


def _batches(sent: Sequence[SentPatient]) -> Iterator[Sequence[SentPatient]]:
    begin, n_bytes = 0, 0
    for end, (body, _) in enumerate(sent):
        if n_bytes > MAX_BATCH_BYTES:
            yield sent[begin:end]
            begin, n_bytes = end, 0
        n_bytes += len(body)
    yield sent[begin:]


@router.post(
    "/predict/patients",
    response_model=responses.Results,
    responses=request_schemas.ERRORS,
    openapi_extra=request_schemas.PATIENTS,
    summary="Predict for many patients",
    tags=["prediction"],
)
async def predict_patients(request: Request) -> Response:
    """Predict for up to 1,000 patients, answered in the order sent.

    What is wrong with one patient is told in its place and costs the others nothing.
    """
    options = _options(request)

    def respond(body: bytes, model: Model) -> execution.Answered:
        request_id = request.scope[REQUEST_ID]
        services = services_of(request)
        observation = services.observe()
        results: list[dict[str, Any]] = [
            {"detail": [problem.as_dict() for problem in answer.problems]}
            if isinstance(answer, RequestError)
            else answer
            for answer in answer_patients(
                model, options, body, request_id, services.metrics, observation
            )
        ]
        decisions = [_decision(each) if "prediction" in each else REFUSED for each in results]
        return execution.Answered(
            json_response({"results": results}), decisions, observation.shadow_scores
        )

    return await execution.execute(
        request, respond, is_slow=Include.CONTRIBUTIONS in options.include
    )


def _decision(answer: dict[str, Any]) -> Decision:
    return Decision(answer["prediction"], answer["probability"])


def _options(request: Request) -> Options:
    has_query = bool(request.scope["query_string"])  # parsing an empty one takes time, too
    return read_options(request.query_params) if has_query else DEFAULT_OPTIONS
