"""The OpenAPI document."""

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from sepsis_detect import __version__
from sepsis_detect.notice import NOTICE

SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key"},
}


def openapi_document(declared: Sequence[BaseRoute], *, has_keys: bool) -> dict[str, Any]:
    """Describe FastAPI's routes.

    Args:
        declared: The routes.
        has_keys: Whether API keys are required; `/health` needs none.
    """
    document = get_openapi(
        title="Sepsis Detect",
        version=__version__,
        summary="Early warning of sepsis in adult intensive care",
        description=NOTICE,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=declared,
    )
    if has_keys:
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        document["security"] = [{name: []} for name in SECURITY_SCHEMES]
        document["paths"]["/health"]["get"]["security"] = []
    return document
