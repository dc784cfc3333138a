"""The ASGI application."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sepsis_detect import __version__
from sepsis_detect.api.direct import Direct
from sepsis_detect.api.error_responses import error_response, internal
from sepsis_detect.api.micro_batcher import MicroBatcher
from sepsis_detect.api.middleware.authentication import Access
from sepsis_detect.api.middleware.load_shedding import Load
from sepsis_detect.api.middleware.request_guard import Edge
from sepsis_detect.api.routes import cds_hooks, docs, fhir, page, prediction
from sepsis_detect.api.schema import request_schemas
from sepsis_detect.api.services import Services, services_in, services_of
from sepsis_detect.api.turning_away import TurningAway
from sepsis_detect.auth.api_keys import ApiKeys
from sepsis_detect.auth.client_tokens import ClientTokens
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.notice import NOTICE
from sepsis_detect.problems import Problem, RequestError
from sepsis_detect.settings import Settings, read_settings
from sepsis_detect.telemetry.audit_log import AuditLog
from sepsis_detect.telemetry.metrics import Metrics

ROUTERS = (prediction.router, fhir.router, cds_hooks.router)


class Application(FastAPI):
    """A FastAPI application with our layers around all of its own.

    What is answered before it gets to FastAPI need not pass through layers that are there for
    FastAPI's own routes.
    """

    _layers: tuple[Callable[[ASGIApp], ASGIApp], ...] = ()

    def surround(self, layer: Callable[[ASGIApp], ASGIApp]) -> None:
        """Wrap all there is in one more layer."""
        self._layers = (*self._layers, layer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan; requests go to our layers without a detour."""
        if scope["type"] == "http" and self.middleware_stack is not None:
            scope["app"] = self
            await self.middleware_stack(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Put what FastAPI builds into our layers."""
        app = super().build_middleware_stack()
        for layer in self._layers:
            app = layer(app)
        return app


def create_app(settings: Settings | None = None, *, may_fall_back: bool = False) -> Application:
    """Build the application; the model is opened here, so that a bad one stops the start.

    Args:
        settings: Unset: read from the environment.
        may_fall_back: As `ModelStore` takes it.

    Raises:
        SettingsError: An environment variable is wrong.
        ModelArtifactError: The model is not acceptable.
    """
    settings = settings or read_settings()
    app = Application(
        title="Sepsis Detect",
        version=__version__,
        summary="Early warning of sepsis in adult intensive care",
        description=NOTICE,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_following,
        # What a request holds stays here. To find out that nobody traces takes as long as a rule.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    metrics = Metrics()
    audit_key = settings.audit_key
    services = Services(
        settings=settings,
        models=ModelStore(settings, may_fall_back=may_fall_back),
        keys=ApiKeys(settings) if settings.asks_for_keys else None,
        metrics=metrics,
        audit_log=AuditLog(audit_key.get_secret_value()) if audit_key is not None else None,
        micro_batcher=MicroBatcher(partial(prediction.respond_each, metrics=metrics)),
        load=Load(),
    )
    app.state.services = services
    for router in ROUTERS:
        app.include_router(router)
    docs.mount(app)
    page.mount(app)
    app.add_exception_handler(RequestError, _refused)
    app.add_exception_handler(HTTPException, _no_such_route)
    app.add_exception_handler(Exception, _failed)
    # Added first, so innermost: keys and limits hold for what it answers.
    app.surround(partial(Direct, routers=ROUTERS, refused=_refused))
    tokens = None
    if settings.cds_issuers and settings.cds_base_url:
        tokens = ClientTokens(settings.key_sets), settings.cds_base_url
    if services.keys is not None:
        request_schemas.describe_access(app)
    if services.keys is not None or tokens is not None:
        app.surround(partial(Access, keys=services.keys, tokens=tokens, is_open=_is_open))
    if settings.cors_origins:
        app.surround(
            partial(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
                expose_headers=["X-Request-ID"],
            )
        )
    # Added last, so outermost: it sees preflights too, which carry no key.
    app.surround(
        partial(Edge, max_body_bytes=settings.max_body_bytes, load=services.load, metrics=metrics)
    )
    return app


@asynccontextmanager
async def _following(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    services = services_in(app)
    models = services.models
    keys = services.keys
    models.start_polling()
    services.metrics.start()
    if keys is not None:
        keys.start_refreshing()
    try:
        # For the connections.
        yield {"load": services.load, "turning_away": TurningAway(services.metrics)}
    finally:
        if keys is not None:
            keys.stop()
        await run_in_threadpool(models.stop)
        services.metrics.stop()


def _is_open(path: str) -> bool:
    """Whether everybody may ask: the load balancer does, and a page to read asks for the key."""
    return path == "/health" or page.is_part(path)


async def _refused(request: Request, raised: Exception) -> Response:
    error = cast(RequestError, raised)
    if error.status == 422:
        services_of(request).metrics.refused(problem.rule for problem in error.problems)
    return error_response(error, request.scope)


async def _failed(request: Request, raised: Exception) -> Response:
    return error_response(internal(), request.scope)  # and `Edge` writes it down


async def _no_such_route(request: Request, raised: Exception) -> Response:
    error = cast(HTTPException, raised)
    is_method = error.status_code == 405
    problem = Problem(
        type="route",
        rule="route.method" if is_method else "route.unknown",
        loc=("path",),
        msg="This route does not take this method." if is_method else "There is no such route.",
        msg_fr="Cette route n'accepte pas cette méthode."
        if is_method
        else "Cette route n'existe pas.",
    )
    response = error_response(RequestError(error.status_code, [problem]), request.scope)
    headers: Mapping[str, str] = error.headers or {}
    response.headers.update(headers)
    return response
