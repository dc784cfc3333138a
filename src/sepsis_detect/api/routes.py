"""The routes of the REST API: parse, call, present."""

from datetime import UTC, datetime
from math import isnan
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sepsis_detect import units
from sepsis_detect.api import json_body, openapi, schemas
from sepsis_detect.api.answers import (
    DEFAULT_OPTIONS,
    Include,
    answer_patient,
    answer_patients,
    read_options,
)
from sepsis_detect.api.edge import REQUEST_ID
from sepsis_detect.model import Model
from sepsis_detect.variables import RANGES, VARIABLES, Variable

# Above this size an answer takes long enough to be worth a thread: the loop stays free.
LARGE_BODY_BYTES = 32 * 1024

router = APIRouter()


def json_response(content: Any, status: int = 200) -> Response:
    """Present a body; NumPy scalars are written in their shortest form."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, media_type="application/json")


def _model(request: Request) -> Model:
    model: Model = request.app.state.models.current
    return model


@router.head("/health", include_in_schema=False)
@router.get("/health", response_model=schemas.Health, summary="Can it predict?", tags=["service"])
async def health(request: Request) -> Response:
    """Answer 200 when a prediction can be made. This is the load balancer's check."""
    model = _model(request)
    return json_response(
        {
            "status": "OK",
            "model": {
                "name": model.card.name,
                "version": model.card.version,
                "source": model.source,
                "loaded_at": model.loaded_at,
            },
        }
    )


@router.get(
    "/model", response_model=schemas.ServedModel, summary="The served model", tags=["service"]
)
async def served_model(request: Request) -> Response:
    """Describe the served model: threshold, features, training data and metrics."""
    model = _model(request)
    card = model.card.model_dump(
        include={"name", "version", "created_at", "threshold", "features", "training", "metrics"}
    )
    notice = {"intended_use": schemas.NOTICE}
    return json_response(card | {"source": model.source, "loaded_at": model.loaded_at} | notice)


@router.get(
    "/variables", response_model=schemas.Variables, summary="The variables", tags=["service"]
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
        "values": openapi.WORDS.get(variable.name),
        "loinc": variable.loinc or None,
        "loinc_also": variable.loinc_also,
        **ranges,
    }


@router.post(
    "/predict/patient",
    response_model=schemas.Prediction,
    responses=openapi.ERRORS,
    openapi_extra=openapi.PATIENT,
    summary="Predict for one patient",
    tags=["prediction"],
)
async def predict_patient(request: Request) -> Response:
    """Will sepsis begin within six hours, or has it begun?

    Send one hour flat, or a stay with its `hours`; the answer is about the last hour.
    """
    return await _answered(request, answer_patient)


@router.post(
    "/predict/patients",
    response_model=schemas.Results,
    responses=openapi.ERRORS,
    openapi_extra=openapi.PATIENTS,
    summary="Predict for many patients",
    tags=["prediction"],
)
async def predict_patients(request: Request) -> Response:
    """Predict for up to 1,000 patients, answered in the order sent.

    What is wrong with one patient is told in its place and costs the others nothing.
    """
    return await _answered(request, answer_patients)


async def _answered(request: Request, answer: Any) -> Response:
    options = read_options(request.query_params) if request.url.query else DEFAULT_OPTIONS
    body = await request.body()
    # Taken once: a model that is swapped meanwhile answers the next request.
    model, request_id = _model(request), request.scope[REQUEST_ID]

    def respond() -> Response:
        sent = json_body.parse(body)
        now = datetime.now(UTC)
        return json_response(answer(sent, model, options, request_id=request_id, now=now))

    is_slow = len(body) > LARGE_BODY_BYTES or Include.CONTRIBUTIONS in options.include
    return await run_in_threadpool(respond) if is_slow else respond()
