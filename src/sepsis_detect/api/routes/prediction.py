"""The routes of the REST API: parse, call, present."""

from collections.abc import Awaitable, Iterator, Sequence
from math import isnan
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from sepsis_detect.api import execution
from sepsis_detect.api.answers import answer_bodies, answer_patients
from sepsis_detect.api.micro_batcher import MicroBatcher
from sepsis_detect.api.middleware.request_guard import REQUEST_ID
from sepsis_detect.api.query_options import DEFAULT_OPTIONS, Include, Options, read_options
from sepsis_detect.api.schema import request_schemas, responses
from sepsis_detect.api.services import services_of
from sepsis_detect.auth.api_keys import ApiKeys
from sepsis_detect.clinical import units
from sepsis_detect.clinical.variables import RANGES, VARIABLES, Variable
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.notice import LONG_STAYS, NOTICE
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import RequestError
from sepsis_detect.telemetry.audit_log import REFUSED
from sepsis_detect.telemetry.metrics import Metrics

router = APIRouter()

DESCRIBED = {
    "name",
    "version",
    "created_at",
    "threshold",
    "features",
    "training",
    "metrics",
    "operating_points",
    "external",
}
"""What `GET /model` shows of an artifact's description of itself."""


class JsonResponse(Response):
    """What a `Response` sends that has nothing but a body of JSON, made in less time."""

    media_type = "application/json"

    def __init__(self, body: bytes, status: int):
        """Send `body`."""
        self.body, self.status_code, self.background = body, status, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), JSON]


JSON = (b"content-type", b"application/json")
# Of bodies that are answered by the same operations: beyond, arrays outgrow the cache and memory
# grows, for nothing.
MAX_BYTES_AT_ONCE = 512 * 1024


def json_response(content: Any, status: int = 200) -> Response:
    """Present a body; NumPy scalars are written in their shortest form."""
    return JsonResponse(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), status)


def _model(request: Request) -> Model:
    model: Model = services_of(request).models.current
    return model


@router.head("/health", include_in_schema=False)
@router.get(
    "/health",
    response_model=responses.Health,
    responses={503: {"model": responses.Unavailable, "description": "It cannot"}},
    summary="Can it predict?",
    tags=["service"],
)
async def health(request: Request) -> Response:
    """Answer 200 when a prediction can be made. This is the load balancer's check.

    It stays 200 when a new model is refused or S3 cannot be read: the model at hand answers on.
    `candidate` and `fallback` say so.
    """
    models: ModelStore = services_of(request).models
    keys: ApiKeys | None = services_of(request).keys
    if keys is not None and (reason := keys.unready) is not None:
        return json_response({"status": "Unavailable", "reason": reason}, 503)
    model = models.current
    return json_response(
        {
            "status": "OK",
            "model": {"name": model.metadata.name, "version": model.metadata.version}
            | _origin(model),
            "candidate": models.candidate,
            "fallback": models.fallback,
        }
    )


def _origin(model: Model) -> dict[str, Any]:
    return {
        "source": model.source,
        "etag": model.etag,
        "version_id": model.version_id,
        "loaded_at": model.loaded_at,
    }


@router.get(
    "/model",
    response_model=responses.ServedModel,
    responses=request_schemas.ERRORS_OF_GET,
    summary="The served model",
    tags=["service"],
)
async def served_model(request: Request) -> Response:
    """Describe the served model: threshold, features, training data, metrics, other thresholds."""
    model = _model(request)
    notices = {"intended_use": NOTICE, "long_stays": LONG_STAYS}
    return json_response(model.metadata.model_dump(include=DESCRIBED) | _origin(model) | notices)


@router.get(
    "/variables",
    response_model=responses.Variables,
    responses=request_schemas.ERRORS_OF_GET,
    summary="The variables",
    tags=["service"],
)
async def variables() -> Response:
    """List every variable: names, unit and accepted units, codes, labels and ranges."""
    return json_response({"variables": [_described(variable) for variable in VARIABLES]})


def _described(variable: Variable) -> dict[str, Any]:
    ranges = {name: None if isnan(bound := getattr(variable, name)) else bound for name in RANGES}
    return {
        "name": variable.name,
        "challenge_name": variable.challenge,
        "kind": variable.kind,
        "panel": variable.panel,
        "label_en": variable.label_en,
        "label_fr": variable.label_fr,
        "unit": variable.unit,
        "unit_label_en": variable.unit_label_en,
        "unit_label_fr": variable.unit_label_fr,
        "units": units.accepted(variable),
        "conversions": [
            {
                "unit": conversion.unit,
                "scale": "log10" if conversion.is_logarithmic else "linear",
                "factor": conversion.factor,
                "offset": conversion.offset,
            }
            for conversion in units.CONVERSIONS[variable.column].values()
        ],
        "values": request_schemas.WORDS.get(variable.name),
        "loinc": variable.loinc or None,
        "loinc_also": variable.loinc_also,
        **ranges,
    }


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
    sent_with = request.scope[REQUEST_ID]

    def respond(body: bytes, model: Model) -> execution.Answered:
        sent = [(body, sent_with)]
        (found,) = respond_each(model, options, sent, metrics=services_of(request).metrics)
        if isinstance(found, RequestError):
            raise found
        return found

    def respond_together(body: bytes, model: Model) -> Awaitable[execution.Answered | RequestError]:
        micro_batcher: PatientBatcher = services_of(request).micro_batcher
        return micro_batcher.submit(model, options, (body, sent_with))

    is_slow = Include.CONTRIBUTIONS in options.include
    can_join = Include.TREND not in options.include
    return await execution.answered(
        request, respond, is_slow=is_slow, together=respond_together if can_join else None
    )


Sent = tuple[bytes, str]
PatientBatcher = MicroBatcher[Options, Sent, execution.Answered | RequestError]


def respond_each(
    model: Model, options: Options, sent: Sequence[Sent], *, metrics: Metrics
) -> list[execution.Answered | RequestError]:
    """Respond to requests of one patient each: bodies with the ids of their requests."""
    return [
        answer
        if isinstance(answer, RequestError)
        else (json_response(answer), [answer["prediction"]])
        for several in _in_pieces(sent)
        for answer in answer_bodies(model, options, several, metrics)
    ]


def _in_pieces(sent: Sequence[Sent]) -> Iterator[Sequence[Sent]]:
    begin, n_bytes = 0, 0
    for at, (body, _) in enumerate(sent):
        if n_bytes > MAX_BYTES_AT_ONCE:
            yield sent[begin:at]
            begin, n_bytes = at, 0
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
        id_ = request.scope[REQUEST_ID]
        results: list[dict[str, Any]] = [
            {"detail": [problem.as_dict() for problem in answer.problems]}
            if isinstance(answer, RequestError)
            else answer
            for answer in answer_patients(model, options, body, id_, services_of(request).metrics)
        ]
        decisions = [result.get("prediction", REFUSED) for result in results]
        return json_response({"results": results}), decisions

    return await execution.answered(
        request, respond, is_slow=Include.CONTRIBUTIONS in options.include
    )


def _options(request: Request) -> Options:
    # To read an empty query takes longer than to know that it is.
    return read_options(request.query_params) if request.scope["query_string"] else DEFAULT_OPTIONS
