"""The CDS Hooks routes: discovery, the service, feedback."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sepsis_detect.api import execution
from sepsis_detect.api.json_response import json_response
from sepsis_detect.api.middleware.request_id import REQUEST_ID
from sepsis_detect.api.schema import interop_schemas, request_schemas
from sepsis_detect.api.services import services_of
from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.cds_hooks import cards, service
from sepsis_detect.cds_hooks import request as cds_request
from sepsis_detect.clinical.rules import ALL_MISSING
from sepsis_detect.fhir import strict_json
from sepsis_detect.fhir.assessment import assess
from sepsis_detect.fhir.languages import preferred
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import RequestError
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.audit_log import REFUSED, Decision

router = APIRouter(prefix="/cds-services", tags=["CDS Hooks"])


@router.get(
    "",
    responses=request_schemas.ERRORS_OF_GET,
    openapi_extra=interop_schemas.CDS_DISCOVERY,
    summary="Discovery",
)
async def discovery(request: Request) -> Response:
    """List the hooks of this service, and the data to prefetch."""
    is_silent = services_of(request).settings.silent
    return json_response(service.discovery(is_silent=is_silent))


@router.post(
    f"/{service.ID}",
    responses=interop_schemas.CDS_ERRORS,
    openapi_extra=interop_schemas.CDS_CALL,
    summary="Cards for a patient",
)
async def sepsis_risk(request: Request) -> Response:
    """Answer with a card when the risk is at or above the threshold, else with none.

    Values that are incoherent or cannot be read are left out and named on the card
    (`SEPSIS_CDS_ON_INCOHERENCE=drop`), or make an `info` card that says that nothing was computed
    (`reject`). 412: neither vital signs nor laboratory results were prefetched. In silent mode
    there are no cards at all.
    """
    language = preferred(request.headers.get("accept-language"))
    page = page_address(request)
    services = services_of(request)
    metrics = services.metrics
    policy = OnIncoherence(services.settings.cds_on_incoherence)

    def response(found: list[dict[str, Any]]) -> Response:
        return json_response({"cards": [] if services.settings.silent else found})

    def respond(body: bytes, model: Model) -> execution.Answered:
        observation = services.observe()
        sent = cds_request.read_request(strict_json.parse(body))
        patient = cds_request.read_patient(sent, datetime.now(UTC), policy)
        try:
            assessment = assess(patient, model, policy, observe=observation)
        except RequestError as error:
            if any(problem.type == "json" for problem in error.problems):
                raise  # the request itself is not valid
            metrics.refused(problem.rule for problem in error.problems)
            is_empty = patient.n_observations == 0 and error.problems[0].rule == ALL_MISSING.id
            found = [] if is_empty else [cards.problem_card(error.problems, language, page=page)]
            return execution.Answered(response(found), [REFUSED])
        found = cards.risk_cards(assessment, language, page=page)
        decision = Decision(assessment.verdict, assessment.probability)
        return execution.Answered(response(found), [decision], observation.shadow_scores)

    return await execution.execute(request, respond, is_slow=True)


@router.post(
    f"/{service.ID}/feedback",
    responses=request_schemas.ERRORS,
    openapi_extra=interop_schemas.CDS_FEEDBACK,
    summary="Card feedback",
)
async def feedback(request: Request) -> Response:
    """Log the outcome of cards; comments are not kept."""
    body = await execution.read_body(request)
    outcomes = await execution.run_in_thread_if_large(
        request, lambda: list(service.read_feedback(strict_json.parse(body))), len(body)
    )
    for outcome, reason in outcomes:
        logs.event_at_any_level(
            "cds_feedback",
            request_id=request.scope[REQUEST_ID],
            decision=outcome,
            reason=reason,
        )
    return json_response({})


def page_address(request: Request) -> str:
    """Public URL of the page."""
    settings: Settings = services_of(request).settings
    base = settings.cds_base_url or str(request.base_url)
    return base.rstrip("/") + "/"
