"""The FHIR R4 routes: one operation, and the resources that describe it.

Every answer under `/fhir` is a FHIR resource, errors included (`error_responses.py`).
"""

from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from sepsis_detect.api import execution
from sepsis_detect.api.middleware.request_id import REQUEST_ID
from sepsis_detect.api.query_options import read_options
from sepsis_detect.api.schema import interop_schemas
from sepsis_detect.api.services import services_of
from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.clinical.variables import Language
from sepsis_detect.fhir import bundle, conformance, patient, strict_json
from sepsis_detect.fhir.assessment import assess
from sepsis_detect.fhir.languages import preferred
from sepsis_detect.fhir.risk_assessment import risk_assessment
from sepsis_detect.fhir.systems import MEDIA_TYPE
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import Problem, RequestError, unprocessable
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry.audit_log import Decision

FORMAT = "_format"
JSON_FORMATS = ("json", "application/json", MEDIA_TYPE, "application/fhir json")

router = APIRouter(prefix="/fhir", tags=["FHIR"])


def resource_response(resource: dict[str, Any], language: Language = "en") -> Response:
    """Present a resource."""
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return Response(orjson.dumps(resource), 200, headers, MEDIA_TYPE)


@router.get(
    "/metadata",
    responses=interop_schemas.FHIR_ERRORS_OF_GET,
    response_class=Response,  # the media type is that of FHIR alone
    openapi_extra=interop_schemas.FHIR_FACTS,
    summary="CapabilityStatement",
)
async def metadata(request: Request) -> Response:
    """Describe the FHIR interface."""
    _check_format(request)
    return resource_response(conformance.CAPABILITY_STATEMENT)


@router.get(
    "/OperationDefinition/sepsis-risk",
    responses=interop_schemas.FHIR_ERRORS_OF_GET,
    response_class=Response,  # the media type is that of FHIR alone
    openapi_extra=interop_schemas.FHIR_FACTS,
    summary="OperationDefinition",
)
async def operation_definition(request: Request) -> Response:
    """Describe the operation `$sepsis-risk`."""
    _check_format(request)
    return resource_response(conformance.OPERATION_DEFINITION)


@router.post(
    "/$sepsis-risk",
    responses=interop_schemas.FHIR_ERRORS,
    response_class=Response,  # the media type is that of FHIR alone
    openapi_extra=interop_schemas.FHIR_RISK,
    summary="Predict from a Bundle",
)
async def sepsis_risk(request: Request) -> Response:
    """Answer a Bundle, or Parameters that hold one, with a RiskAssessment.

    Errors are an OperationOutcome, with the FHIRPath of each element concerned.
    """
    _check_format(request)
    language = preferred(request.headers.get("accept-language"))
    settings: Settings = services_of(request).settings

    def respond(body: bytes, model: Model) -> execution.Answered:
        sent = strict_json.parse(body)
        policy = _policy(request, sent)
        read = patient.read(
            lambda reader: bundle.unpack(sent, reader),
            base=_base(sent),
            now=datetime.now(UTC),
            on_incoherence=policy,
        )
        observation = services_of(request).observe()
        assessment = assess(read, model, policy, observe=observation)
        resource = risk_assessment(
            assessment,
            language,
            request_id=request.scope[REQUEST_ID],
            outcome_code=settings.fhir_outcome,
        )
        decision = Decision(assessment.verdict, assessment.probability)
        return execution.Answered(
            resource_response(resource, language), [decision], observation.shadow_scores
        )

    return await execution.execute(request, respond, is_slow=True)


def _base(sent: Any) -> str:
    kind = sent.get("resourceType") if isinstance(sent, dict) else None
    return "Parameters" if kind == "Parameters" else "Bundle"


def _policy(request: Request, sent: Any) -> OnIncoherence:
    """The policy of the query, or of Parameters."""
    query = request.query_params
    known = type(query)([(key, value) for key, value in query.multi_items() if key[:1] != "_"])
    options = read_options(known)
    if options.include:
        raise unprocessable([_no_include()])
    stated = bundle.policy_of(sent)
    if stated is None:
        return options.on_incoherence
    return read_options(type(query)({bundle.POLICY: stated})).on_incoherence


def _no_include() -> Problem:
    return Problem(
        type="query",
        rule="query.include",
        loc=("query", "include"),
        msg="`include` is not a parameter of this operation.",
        msg_fr="`include` n'est pas un paramètre de cette opération.",
    )


def _check_format(request: Request) -> None:
    """Check that JSON is accepted: no other format is available.

    Raises:
        RequestError: 406, XML or Turtle is asked for.
    """
    stated = request.query_params.get(FORMAT)
    accepted = [part.split(";")[0].strip() for part in request.headers.get("accept", "").split(",")]
    is_json = any(part in ("", "*/*", "application/*", *JSON_FORMATS) for part in accepted)
    if (stated is not None and stated not in JSON_FORMATS) or (stated is None and not is_json):
        problem = Problem(
            type="body",
            rule="fhir.format",
            loc=("header", "accept"),
            msg="Only JSON is answered: ask for application/fhir+json.",
            msg_fr="Seul le JSON est proposé : demandez application/fhir+json.",
        )
        raise RequestError(406, [problem])
