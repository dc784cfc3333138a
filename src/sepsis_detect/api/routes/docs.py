"""`/docs`: Swagger UI of the OpenAPI document, without assets from other hosts."""

from collections.abc import Callable, Sequence
from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from sepsis_detect.api.schema.examples import add_examples
from sepsis_detect.api.schema.openapi import openapi_document
from sepsis_detect.api.services import Services, services_of

ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sepsis Detect API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<main id="swagger-ui"></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""
# Swagger UI writes styles into its elements.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


ExampleApps = Callable[[Services], tuple[ASGIApp, ASGIApp]]
"""Makes the two applications that answer the examples, the second one before a stop."""


def routes(
    declared: Sequence[BaseRoute], example_apps: ExampleApps, *, has_keys: bool
) -> list[Route]:
    """The routes of the documentation.

    Args:
        declared: FastAPI's routes, which the document describes.
        example_apps: Answer the examples without being counted or logged.
        has_keys: Whether API keys are required.
    """
    documents: dict[str, bytes] = {}  # of the served model, by its digest

    async def openapi(request: Request) -> Response:
        services = services_of(request)
        digest = services.models.current.sha256
        if digest not in documents:
            document = openapi_document(declared, has_keys=has_keys)
            limit = services.settings.max_body_bytes
            await add_examples(document, *example_apps(services), max_body_bytes=limit)
            documents.clear()
            documents[digest] = orjson.dumps(document)
        return Response(documents[digest], media_type="application/json")

    assets = [Route(f"/docs/{name}", _asset) for name in ASSETS]
    return [
        Route("/openapi.json", openapi),
        Route("/docs", _page),
        Route("/docs/start.js", _start),
        *assets,
    ]


async def _page(_: Request) -> Response:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": CSP})


async def _start(_: Request) -> Response:
    return Response(START, media_type="text/javascript")


async def _asset(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    content = files("fastapi_swagger.resources").joinpath(name).read_bytes()
    return Response(content, media_type=ASSETS[name])
