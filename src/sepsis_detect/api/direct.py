"""Routes that FastAPI describes and need nothing more of it are asked without a detour.

Finding a route among all others, and opening what dependencies, forms and files would need, takes
FastAPI longer than a prediction takes. These routes have none of that: they take the request and
give the response.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sepsis_detect.problems import RequestError

Refused = Callable[[Request, Exception], Awaitable[Response]]


class Direct:
    """Wraps what finds every route.

    Args:
        app: What answers everything else.
        routers: Whose POST routes are asked directly.
        refused: How a `RequestError` is answered.
    """

    def __init__(self, app: ASGIApp, *, routers: Iterable[APIRouter], refused: Refused):
        """Wrap `app`."""
        self._app = app
        self._refused = refused
        self._routes = {
            route.path: route
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute) and route.methods == {"POST"} and _is_plain(route)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_post = scope["type"] == "http" and scope["method"] == "POST" and not scope["root_path"]
        route = self._routes.get(scope["path"]) if is_post else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response = await route.endpoint(request)
        except RequestError as error:
            response = await self._refused(request, error)
        await response(scope, receive, send)


def _is_plain(route: APIRoute) -> bool:
    return list(inspect.signature(route.endpoint).parameters) == ["request"]
