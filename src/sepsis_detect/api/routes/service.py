"""The routes about the service: health, the served model, the variables."""

from math import isnan
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sepsis_detect.api.json_response import json_response
from sepsis_detect.api.schema import request_schemas, responses
from sepsis_detect.api.services import services_of
from sepsis_detect.clinical import units
from sepsis_detect.clinical.table_words import TABLE_WORDS
from sepsis_detect.clinical.variables import RANGES, VARIABLES, Variable
from sepsis_detect.model_delivery.follower import FollowedModel
from sepsis_detect.model_delivery.shadow import Shadow
from sepsis_detect.notice import LONG_STAYS, NOTICE

router = APIRouter()

SHOWN_METADATA = {
    "name",
    "version",
    "created_at",
    "threshold",
    "features",
    "training",
    "metrics",
    "operating_points",
    "external",
    "parent",
    "site",
    "metrics_threshold",
}
"""The metadata that `GET /model` shows."""


@router.get(
    "/health",
    response_model=responses.Health,
    responses={503: {"model": responses.Unavailable, "description": "It cannot"}},
    summary="Can it predict?",
    tags=["service"],
)
async def health(request: Request) -> Response:
    """Answer 200 when a prediction can be made. This is the load balancer's check.

    503 means that no request should be sent here: before a stop, and until API keys are loaded.
    It stays 200 when a new model is refused or S3 cannot be read: the model at hand answers on.
    `candidate` and `fallback` say so.
    """
    services = services_of(request)
    if services.unavailable is not None:
        return json_response({"status": "Unavailable", "reason": services.unavailable}, 503)
    models = services.models
    return json_response(
        {
            "status": "OK",
            "model": _identity(models.current),
            "candidate": models.candidate,
            "fallback": models.fallback,
            "shadow": _shadow_health(services.shadow),
            "silent": services.settings.silent,
        }
    )


def _shadow_health(shadow: Shadow | None) -> dict[str, Any] | None:
    if shadow is None:
        return None
    models = shadow.models
    return {
        "model": None if models.opened is None else _identity(models.opened),
        "candidate": models.candidate,
        "fallback": models.fallback,
        "failure": shadow.failure,
    }


def _identity(model: FollowedModel) -> dict[str, Any]:
    return {"name": model.metadata.name, "version": model.metadata.version} | _origin(model)


def _origin(model: FollowedModel) -> dict[str, Any]:
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
    services = services_of(request)
    model = services.models.current
    shadow = None if services.shadow is None else services.shadow.models.opened
    shown = {"shadow": None if shadow is None else _described_shadow(shadow)}
    notices = {"intended_use": NOTICE, "long_stays": LONG_STAYS}
    return json_response(
        model.metadata.model_dump(include=SHOWN_METADATA) | _origin(model) | notices | shown
    )


def _described_shadow(model: FollowedModel) -> dict[str, Any]:
    metadata = model.metadata
    return _identity(model) | {"created_at": metadata.created_at, "threshold": metadata.threshold}


@router.get(
    "/variables",
    response_model=responses.Variables,
    responses=request_schemas.ERRORS_OF_GET,
    summary="The variables",
    tags=["service"],
)
async def variables(_: Request) -> Response:
    """List every variable: names, unit and accepted units, codes, labels and ranges."""
    described = [_described(variable) for variable in VARIABLES]
    spellings = [spelling._asdict() for spelling in units.SPELLINGS]
    words = [each._asdict() for each in TABLE_WORDS]
    return json_response(
        {"variables": described, "unit_spellings": spellings, "table_words": words}
    )


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
