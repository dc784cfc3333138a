"""The ASGI application."""

from collections.abc import Mapping
from typing import cast

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from sepsis_detect import __version__
from sepsis_detect.api import docs, routes
from sepsis_detect.api.edge import Edge
from sepsis_detect.api.problems import Problem, RequestError, problem_response
from sepsis_detect.api.schemas import NOTICE
from sepsis_detect.model_store import ModelStore
from sepsis_detect.settings import Settings, read_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; the model is opened here, so that a bad one stops the start.

    Raises:
        SettingsError: An environment variable is wrong.
        ModelArtifactError: The model is not acceptable.
    """
    settings = settings or read_settings()
    app = FastAPI(
        title="Sepsis Detect",
        version=__version__,
        summary="Early warning of sepsis in adult intensive care",
        description=NOTICE,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.models = ModelStore(settings)
    app.include_router(routes.router)
    docs.mount(app)
    app.add_exception_handler(RequestError, _refused)
    app.add_exception_handler(HTTPException, _no_such_route)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID"],
        )
    # Added last, so outermost: it sees preflights too.
    app.add_middleware(Edge, max_body_bytes=settings.max_body_bytes)
    return app


async def _refused(_: Request, error: Exception) -> Response:
    return problem_response(cast(RequestError, error))


async def _no_such_route(_: Request, raised: Exception) -> Response:
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
    response = problem_response(RequestError(error.status_code, [problem]))
    headers: Mapping[str, str] = error.headers or {}
    response.headers.update(headers)
    return response
