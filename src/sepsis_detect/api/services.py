"""The services of one process: built at its start, used by all routes and middleware."""

from dataclasses import dataclass, field
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from sepsis_detect.api.micro_batcher import MicroBatcher
from sepsis_detect.api.observation import NewObservation
from sepsis_detect.api.worker_threads import WorkerThreads
from sepsis_detect.auth.api_keys import ApiKeys
from sepsis_detect.model_delivery.shadow import Shadow
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry.audit_log import AuditLog
from sepsis_detect.telemetry.metrics import Metrics


@dataclass(slots=True, kw_only=True)
class Services:
    """What routes and middleware work with.

    Attributes:
        settings: As read from the environment.
        models: The served model, and the source of the next one.
        keys: API keys; None: authentication is off.
        metrics: Counts responses and predictions.
        shadow: A second model that scores every request and answers none; None: there is none.
        observe: Makes the observer of one call of the assessment.
        audit_log: None: there is no audit log.
        micro_batcher: Answers requests of one patient that arrive together.
        threads: For requests that take long.
        is_draining: Whether the server is about to stop.
    """

    settings: Settings
    models: ModelStore
    keys: ApiKeys | None
    metrics: Metrics
    shadow: Shadow | None
    observe: NewObservation
    audit_log: AuditLog | None
    micro_batcher: MicroBatcher[Any, Any, Any]
    threads: WorkerThreads = field(default_factory=WorkerThreads)
    is_draining: bool = False

    @property
    def unavailable(self) -> str | None:
        """Why no request should be sent here; None: the service is ready."""
        if self.is_draining:
            return "draining"
        return None if self.keys is None else self.keys.unready


def services_of(request: HTTPConnection) -> Services:
    """The services of the application that serves a request."""
    return services_in(request.app)


def services_in(app: ASGIApp) -> Services:
    """The services of an application made by `create_app`."""
    return cast(Services, cast(Starlette, app).state.services)
