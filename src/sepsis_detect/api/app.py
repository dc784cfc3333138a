"""The ASGI application: services, middleware, routes and error handlers."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, cast

from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sepsis_detect.api.error_responses import error_response
from sepsis_detect.api.micro_batcher import MicroBatcher
from sepsis_detect.api.middleware.authentication import Authentication
from sepsis_detect.api.middleware.body_limit import BodyLimit
from sepsis_detect.api.middleware.drain import Drain
from sepsis_detect.api.middleware.in_flight_limit import InFlightLimit
from sepsis_detect.api.middleware.request_decompression import RequestDecompression
from sepsis_detect.api.middleware.request_id import RequestId
from sepsis_detect.api.middleware.request_log import RequestLog
from sepsis_detect.api.middleware.security_headers import SecurityHeaders
from sepsis_detect.api.middleware.unhandled_errors import UnhandledErrors
from sepsis_detect.api.observation import Observation
from sepsis_detect.api.routes import cds_hooks, docs, fhir, page, prediction, service
from sepsis_detect.api.services import Services, services_of
from sepsis_detect.auth.api_keys import ApiKeys
from sepsis_detect.auth.client_tokens import ClientTokens
from sepsis_detect.model_delivery.shadow import Shadow
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.problems import Problem, RequestError
from sepsis_detect.settings import Settings, read_settings
from sepsis_detect.telemetry.audit_log import AuditLog
from sepsis_detect.telemetry.metrics import Metrics

ROUTERS = (prediction.router, service.router, fhir.router, cds_hooks.router)
MAX_EXAMPLE_BYTES = 1024 * 1024  # of a body in the documentation
WhileServing = Callable[[Services], AbstractContextManager[Any]]


def create_app(
    settings: Settings | None = None,
    *,
    may_fall_back: bool = False,
    while_serving: WhileServing = nullcontext,
) -> Starlette:
    """Build the application; the model is opened here, so that a bad one stops the start.

    Args:
        settings: Unset: read from the environment.
        may_fall_back: As `ModelStore` takes it.
        while_serving: A context that is entered at start-up and left at shutdown.

    Raises:
        SettingsError: An environment variable is wrong.
        ModelArtifactError: The model is not acceptable.
    """
    services = _services(settings or read_settings(), may_fall_back=may_fall_back)
    app = Starlette(
        routes=_routes(has_keys=services.keys is not None),
        middleware=_middleware(services),
        exception_handlers={RequestError: _refused, HTTPException: _no_such_route},
        lifespan=partial(_lifespan, services, while_serving),
    )
    app.router.redirect_slashes = False
    app.state.services = services
    return app


def _services(settings: Settings, *, may_fall_back: bool) -> Services:
    metrics = Metrics()
    shadow_uri = settings.shadow_model_uri
    shadow = None if shadow_uri is None else Shadow(shadow_uri, settings, metrics)
    observe = partial(Observation, metrics, shadow)
    audit_key = settings.audit_key
    return Services(
        settings=settings,
        models=ModelStore(settings, may_fall_back=may_fall_back),
        keys=ApiKeys(settings) if settings.asks_for_keys else None,
        metrics=metrics,
        shadow=shadow,
        observe=observe,
        audit_log=AuditLog(audit_key.get_secret_value()) if audit_key is not None else None,
        micro_batcher=MicroBatcher(partial(prediction.respond_each, observe=observe)),
    )


def _middleware(services: Services) -> list[Middleware]:
    """All middleware, the outermost first."""
    settings = services.settings
    return [
        Middleware(RequestId),
        Middleware(RequestLog, metrics=services.metrics),
        Middleware(SecurityHeaders),
        Middleware(InFlightLimit),
        Middleware(Drain, services=services),
        Middleware(UnhandledErrors),
        *_cors(settings),  # outside of authentication: preflight requests have no key
        *_authentication(services),
        Middleware(RequestDecompression, max_body_bytes=settings.max_body_bytes),
        Middleware(BodyLimit, max_body_bytes=settings.max_body_bytes),
    ]


def _cors(settings: Settings) -> list[Middleware]:
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID"],
        )
    ]


def _authentication(services: Services) -> list[Middleware]:
    settings, keys = services.settings, services.keys
    tokens = None
    if settings.cds_issuers and settings.cds_base_url:
        tokens = ClientTokens(settings.key_sets), settings.cds_base_url
    if keys is None and tokens is None:
        return []
    return [Middleware(Authentication, keys=keys, tokens=tokens, is_open=is_open)]


def is_open(path: str) -> bool:
    """Whether a path needs no key: the load balancer's check, and the page, which asks for it."""
    return path == "/health" or page.is_part(path)


def _routes(*, has_keys: bool) -> list[Route]:
    """All routes, as Starlette serves them.

    FastAPI's routers declare and describe those of the API (`openapi`). They are not served by
    FastAPI: its dependency resolution takes longer than a prediction, and no route needs it.
    """
    return [
        *_api_routes(),
        *docs.routes(_declared(), _example_apps, has_keys=has_keys),
        *page.routes(),
    ]


def _declared() -> list[BaseRoute]:
    return [route for router in ROUTERS for route in router.routes]


def _api_routes() -> list[Route]:
    return [
        Route(route.path, route.endpoint, methods=route.methods)
        for route in _declared()
        if isinstance(route, APIRoute)
    ]


def _example_apps(services: Services) -> tuple[Starlette, Starlette]:
    """Applications that answer the examples of the documentation; the second is about to stop.

    They have the served model, and neither keys nor anything that counts, logs or scores.
    """
    apps = []
    for is_draining in (False, True):
        metrics = Metrics()
        observe = partial(Observation, metrics, None)
        app = Starlette(
            routes=_api_routes(),
            middleware=[
                Middleware(RequestId),
                Middleware(BodyLimit, max_body_bytes=MAX_EXAMPLE_BYTES),
            ],
            exception_handlers={RequestError: _refused},
        )
        app.state.services = replace(
            services,
            keys=None,
            metrics=metrics,
            shadow=None,
            observe=observe,
            audit_log=None,
            micro_batcher=MicroBatcher(partial(prediction.respond_each, observe=observe)),
            is_draining=is_draining,
        )
        apps.append(app)
    ready, stopping = apps
    return ready, stopping


@asynccontextmanager
async def _lifespan(
    services: Services, while_serving: WhileServing, app: Starlette
) -> AsyncIterator[None]:
    services.models.start_polling()
    services.metrics.start()
    if services.shadow is not None:
        services.shadow.start()
    if services.keys is not None:
        services.keys.start_refreshing()
    try:
        with while_serving(services):
            yield
    finally:
        if services.keys is not None:
            services.keys.stop()
        await run_in_threadpool(services.models.stop)
        if services.shadow is not None:
            await run_in_threadpool(services.shadow.stop)
        services.metrics.stop()


async def _refused(request: Request, raised: Exception) -> Response:
    error = cast(RequestError, raised)
    if error.status == 422:
        services_of(request).metrics.refused(problem.rule for problem in error.problems)
    return error_response(error, request.scope)


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
