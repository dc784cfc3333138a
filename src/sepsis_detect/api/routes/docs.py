"""`/docs`: Swagger UI of the OpenAPI document, without assets from other hosts."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from sepsis_detect.api.schema.openapi import openapi_document

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


def routes(declared: Sequence[BaseRoute], *, has_keys: bool) -> list[Route]:
    """The routes of the documentation.

    Args:
        declared: FastAPI's routes, which the document describes.
        has_keys: Whether API keys are required.
    """

    @cache
    def document() -> bytes:
        return orjson.dumps(openapi_document(declared, has_keys=has_keys))

    async def openapi(_: Request) -> Response:
        return Response(document(), media_type="application/json")

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
