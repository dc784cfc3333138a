"""The services of one process: built at its start, used by all routes and middleware."""

from dataclasses import dataclass
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from sepsis_detect.api.micro_batcher import MicroBatcher
from sepsis_detect.api.middleware.load_shedding import Load
from sepsis_detect.auth.api_keys import ApiKeys
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry.audit_log import AuditLog
from sepsis_detect.telemetry.metrics import Metrics


@dataclass(slots=True, kw_only=True)
class Services:
    """What routes and middleware work with.

    Attributes:
        settings: As read from the environment.
        models: The served model, and where the next one comes from.
        keys: API keys; None: no key is asked for.
        metrics: Counts answers and predictions.
        audit_log: None: nothing is written to it.
        micro_batcher: Answers requests of one patient that arrive together.
        load: What the process has under way.
    """

    settings: Settings
    models: ModelStore
    keys: ApiKeys | None
    metrics: Metrics
    audit_log: AuditLog | None
    micro_batcher: MicroBatcher[Any, Any, Any]
    load: Load


def services_of(request: HTTPConnection) -> Services:
    """The services of the application that serves a request."""
    return services_in(request.app)


def services_in(app: ASGIApp) -> Services:
    """The services of an application made by `create_app`."""
    return cast(Services, cast(Starlette, app).state.services)
